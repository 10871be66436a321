from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from napari_m2n2.segmentation import edit as module
from napari_m2n2.segmentation.corrections import depth_of
from napari_m2n2.segmentation.edit import accepted, edited
from napari_m2n2.segmentation.parts import part_around
from napari_m2n2.segmentation.peel import Peel
from napari_m2n2.segmentation.proposals import WholeProposal
from napari_m2n2.segmentation.window import box_of

SHAPE = (9, 11)
MASKS = hnp.arrays(bool, SHAPE)
PIXELS = st.tuples(st.integers(0, SHAPE[0] - 1), st.integers(0, SHAPE[1] - 1))
WHOLE = (slice(0, SHAPE[0]), slice(0, SHAPE[1]))
LIMITS = st.sampled_from([math.nan, 0, 3, 9, 1000])


def proposal(proposed, segment):
    return WholeProposal(proposed, np.where(segment, 0, 1).astype(np.float32), np.array([0.5]), 0)


def after(before, proposed, segment, pixel, label, limit, *, clicks=2):
    """The mask after a click, and whether the proposal was believed."""
    peel = peel_of(before, pixel, label, clicks)
    change, believed = edited(before, proposal(proposed, segment), pixel, label, limit, peel)
    mask = before.copy()
    mask[change.window] ^= change.pixels
    return mask, believed


def peel_of(before, pixel, label, clicks):
    if before[pixel] == label:
        return None
    return Peel(before, pixel, label, depth_of(before, pixel, label), clicks)


def plain(before, proposed, segment, pixel, label, limit):
    """The same with all of the plane looked at."""
    wanted = proposed if label else ~proposed
    there = before if label else ~before
    peel, believed, change = peel_of(before, pixel, label, 2), False, np.zeros(SHAPE, bool)
    if peel is not None:
        change = part_with(wanted & ~there & peel.allows(WHOLE), pixel)
        believed = bool(change.any())
    if not believed:
        change = part_with(segment & wanted, pixel)
        if np.count_nonzero(change) > limit:
            disc = np.zeros(change.shape, np.uint8)
            radius = round(math.sqrt(limit / math.pi))
            cv2.circle(disc, pixel[::-1], radius, 1, cv2.FILLED)
            change = part_with(change & disc.view(bool), pixel)
    mask = before | change if label else before & ~change
    mask[pixel] = label
    return mask, believed


def part_with(mask, pixel):
    """The connected part that holds a pixel, on the whole plane."""
    found = np.zeros(mask.shape, bool)
    part = part_around(mask, pixel)
    if part is not None:
        found[part[0]] = part[1]
        assert box_of(found) == part[0]
    return found


@given(MASKS, PIXELS)
def test_a_part_is_that_of_scipy(mask, pixel):
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    expected = (labels == labels[pixel]) & mask[pixel]
    np.testing.assert_array_equal(part_with(mask, pixel), expected)


@given(
    *(MASKS, MASKS, MASKS, PIXELS, st.booleans(), LIMITS),
    st.sampled_from([0, 1, 3, 40]),
    st.sampled_from([0, 30, 1000]),
)
def test_a_window_that_grows_finds_what_the_whole_plane_shows(
    before, proposed, segment, pixel, label, limit, reach, alone
):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_FEW", alone)
        patch.setattr(module, "_MANY", alone)
        patch.setattr(module, "_FIRST_REACH", reach)
        patch.setattr(module, "_MARGIN", min(reach, 1))
        found, believed = after(before, proposed, segment, pixel, label, limit)
    mask, expected = plain(before, proposed, segment, pixel, label, limit)
    np.testing.assert_array_equal(found, mask)
    assert believed == expected


@given(MASKS, MASKS, MASKS, PIXELS, st.booleans(), LIMITS)
def test_a_click_only_does_what_it_says(before, proposed, segment, pixel, label, limit):
    mask, _ = after(before, proposed, segment, pixel, label, limit)
    assert mask[pixel] == label
    changed = mask != before
    # foreground adds only, background takes away only
    assert (mask[changed] == label).all()
    # in one place
    around = changed.copy()
    around[pixel] = True
    far = changed & ~part_with(around | (segment & (proposed == label)), pixel)
    assert not far.any()
    # where it agrees no more than it may, but for the disc's rim and its own pixel
    if limit >= 3 and before[pixel] == label:
        assert changed.sum() <= math.pi * (round(math.sqrt(limit / math.pi)) + 1) ** 2


def test_only_a_window_is_looked_at():
    rng = np.random.default_rng(0)
    before = rng.random((600, 800)) < 0.5
    seen = []

    class Watched(WholeProposal):
        def mask(self, window):
            seen.append((window[0].stop - window[0].start) * (window[1].stop - window[1].start))
            return super().mask(window)

    proposed = before.copy()
    proposed[300:304, 400:403] = True
    told = Watched(proposed, np.ones(before.shape, np.float32), np.array([0.5]), 0)
    before[300:304, 400:403] = False
    peel = peel_of(before, (301, 401), True, 2)
    change, believed = edited(before, told, (301, 401), True, 50, peel)
    assert believed
    assert change.pixels.all()
    assert change.window == (slice(300, 304), slice(400, 403))
    assert sum(seen) < 0.02 * before.size


def square(top, left, bottom, right):
    mask = np.zeros((30, 30), bool)
    mask[top:bottom, left:right] = True
    return mask


def test_a_proposal_is_believed():
    before, proposed = square(5, 5, 15, 15), square(5, 5, 15, 20)
    mask, believed = after(before, proposed, square(8, 16, 12, 20), (10, 17), True, 60)
    np.testing.assert_array_equal(mask, proposed)
    assert believed


def test_of_a_deep_one_the_rim_that_the_click_lies_in():
    before = np.zeros((90, 90), bool)
    before[30:50, 30:50] = True
    nothing, proposed = np.zeros_like(before), np.ones_like(before)
    mask, believed = after(before, proposed, nothing, (40, 52), True, 60, clicks=4)
    assert believed
    added = np.argwhere(mask & ~before)
    assert 3 < added[:, 1].max() - 49 < 15
    assert added[:, 1].min() > 20


def test_where_the_clicks_do_not_propose_it_only_the_pixel_itself():
    before = square(5, 5, 15, 15)
    mask, _ = after(before, before, square(8, 14, 12, 20), (10, 17), True, 60)
    assert np.argwhere(mask & ~before).tolist() == [[10, 17]]


def test_of_a_large_segment_the_disc_around_the_click():
    before, proposed = square(5, 5, 15, 15), np.ones((30, 30), bool)
    mask, _ = after(before, proposed, np.ones((30, 30), bool), (10, 14), True, 12.6)
    rows, columns = np.nonzero(mask & ~before)
    assert 2 <= len(rows) <= 7
    assert np.hypot(rows - 10, columns - 14).max() <= 2


def test_where_nothing_was_right_all_is_believed():
    everything = np.ones((30, 30), bool)
    mask, _ = after(everything, ~everything, square(0, 0, 2, 2), (10, 10), False, math.nan)
    assert not mask.any()


def test_a_click_that_agrees_may_still_add_its_segment():
    before = square(5, 5, 15, 15)
    own = square(8, 8, 12, 20)
    mask, _ = after(before, before | own, own, (10, 10), True, 100)
    np.testing.assert_array_equal(mask, before | own)


@pytest.mark.parametrize("side", [0, 1])
def test_an_outline_moves_only_where_the_click_has_changed_it(side):
    before = square(10, 10, 20, 20)
    edit = before | square(13, 20, 17, 24)
    fitted = edit | square(13, 24, 17, 25)  # beside the edit: wanted
    fitted |= square(10, 8, 20, 10)  # the other side: not
    expected = edit | square(13, 24, 17, 25)
    given_ = (one.T.copy() if side else one for one in (fitted, before, edit != before))
    found = before ^ (accepted(*given_).T if side else accepted(*given_))
    np.testing.assert_array_equal(found, expected)


def test_nothing_moved():
    before = square(10, 10, 20, 20)
    nothing = np.zeros_like(before)
    assert not accepted(before, before, nothing).any()
    # an edit that the fit took back
    assert not accepted(before, before, square(13, 20, 17, 24)).any()
