from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from napari_m2n2.segmentation.edit import accepted, edited, part_with

SHAPE = (9, 11)
MASKS = hnp.arrays(bool, SHAPE)
PIXELS = st.tuples(st.integers(0, SHAPE[0] - 1), st.integers(0, SHAPE[1] - 1))


@given(MASKS, PIXELS)
def test_a_part_is_that_of_scipy(mask, pixel):
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    expected = (labels == labels[pixel]) & mask[pixel]
    np.testing.assert_array_equal(part_with(mask, pixel), expected)


@given(MASKS, MASKS, MASKS, PIXELS, st.booleans(), st.sampled_from([math.nan, 0, 3, 9, 1000]))
def test_a_click_only_does_what_it_says(before, proposed, segment, pixel, label, limit):
    after = edited(before, proposed, segment, pixel, label, limit).mask
    assert after[pixel] == label
    changed = after != before
    # foreground adds only, background takes away only
    assert (after[changed] == label).all()
    # in one place
    around = changed.copy()
    around[pixel] = True
    far = changed & ~part_with(around | (segment & (proposed == label)), pixel)
    assert not far.any()
    # and no more than it may, but for the disc's rim and its own pixel
    if limit >= 3:
        assert changed.sum() <= math.pi * (round(math.sqrt(limit / math.pi)) + 1) ** 2


def square(top, left, bottom, right):
    mask = np.zeros((30, 30), bool)
    mask[top:bottom, left:right] = True
    return mask


def test_a_small_proposal_is_believed():
    before, proposed = square(5, 5, 15, 15), square(5, 5, 15, 20)
    after, believed = edited(before, proposed, square(8, 16, 12, 20), (10, 17), True, 60)
    np.testing.assert_array_equal(after, proposed)
    assert believed


def test_of_a_large_one_only_the_clicks_own_segment():
    before, proposed = square(5, 5, 15, 15), square(5, 0, 30, 30)
    own = square(8, 14, 12, 20)
    after, believed = edited(before, proposed, own, (10, 17), True, 60)
    np.testing.assert_array_equal(after, before | own)
    assert not believed


def test_of_a_large_segment_the_disc_around_the_click():
    before, proposed = square(5, 5, 15, 15), np.zeros((30, 30), bool)
    after = edited(before, proposed, np.ones((30, 30), bool), (10, 14), False, 12.6).mask
    rows, columns = np.nonzero(before & ~after)
    assert 8 <= len(rows) <= 13
    assert np.hypot(rows - 10, columns - 14).max() <= 2


def test_without_a_limit_all_is_believed():
    before = square(5, 5, 15, 15)
    after = edited(before, ~before, square(0, 0, 2, 2), (10, 10), False, math.nan).mask
    assert not after.any()


def test_a_click_that_agrees_may_still_add_its_segment():
    before = square(5, 5, 15, 15)
    own = square(8, 8, 12, 20)
    after = edited(before, before | own, own, (10, 10), True, 100).mask
    np.testing.assert_array_equal(after, before | own)


@pytest.mark.parametrize("side", [0, 1])
def test_an_outline_moves_only_where_the_click_has_changed_it(side):
    before = square(10, 10, 20, 20)
    edit = before | square(13, 20, 17, 24)
    fitted = edit | square(13, 24, 17, 25)  # beside the edit: wanted
    fitted |= square(10, 8, 20, 10)  # the other side: not
    expected = edit | square(13, 24, 17, 25)
    found = accepted(*(one.T.copy() if side else one for one in (before, edit, fitted)))
    np.testing.assert_array_equal(found, expected.T if side else expected)


def test_nothing_moved():
    before = square(10, 10, 20, 20)
    np.testing.assert_array_equal(accepted(before, before, before), before)
    # an edit that the fit took back
    edit = before | square(13, 20, 17, 24)
    np.testing.assert_array_equal(accepted(before, edit, before), before)
