from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_m2n2.segmentation import corrections

MASK = np.zeros((20, 30), bool)
MASK[5:15, 5:15] = True


def most_pixels(mask, pixel, label, *rest):
    """The bound of a click at a pixel."""
    return corrections.most_pixels(mask, corrections.depth_of(mask, pixel, label), label, *rest)


@given(
    hnp.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))),
    st.integers(0, 80),
    st.booleans(),
    st.integers(1, 20),
)
def test_the_bound_is_that_of_every_pixel_looked_at(mask, place, label, clicks):
    pixel = tuple(int(k) for k in np.unravel_index(place % mask.size, mask.shape))
    right = np.argwhere(mask == label)
    expected = None
    if mask[pixel] == label:
        expected = len(right)
    elif len(right):
        disc = math.pi * max(((right - pixel) ** 2).sum(axis=1).min(), 1.5**2)
        expected = round(min(2 * disc, max(4 * mask.sum() / clicks, disc)))
    assert most_pixels(mask, pixel, label, 2.0, clicks) == expected


@pytest.mark.parametrize("depth", [5, 31, 32, 33, 100, 128, 129, 290])
def test_a_deep_mistake_is_measured_too(depth):
    mask = np.zeros((3, 300), bool)
    mask[:, :depth] = True
    looked = 6 * math.pi * depth**2
    share = 4 * mask.sum() / 2
    found = most_pixels(mask, (1, 0), False, 6.0, 2)
    assert found == round(min(looked, max(share, math.pi * depth**2)))


@pytest.mark.parametrize(
    ("pixel", "label", "depth"),
    [((10, 19), True, 5.0), ((10, 10), False, 5.0), ((17, 17), True, math.hypot(3, 3))],
)
def test_a_mistake_has_a_depth(pixel, label, depth):
    assert most_pixels(MASK, pixel, label, 2.0, 2) == round(2 * math.pi * depth**2)


def test_beside_the_outline_a_few_pixels_are_left():
    assert most_pixels(MASK, (10, 15), True, 2.0, 2) == round(2 * math.pi * 1.5**2)


def test_the_more_clicks_the_less_one_of_them_changes():
    limits = [most_pixels(MASK, (10, 25), True, 6.0, clicks) for clicks in (2, 3, 10, 1000)]
    disc = math.pi * 11**2
    assert limits == [round(value) for value in (disc, disc, disc, disc)]
    far = [most_pixels(MASK, (10, 19), True, 6.0, clicks) for clicks in (1, 2, 3, 4, 1000)]
    assert far == [400, 200, 133, 100, round(math.pi * 5**2)]


def test_agreement_may_take_what_it_agrees_with():
    assert most_pixels(MASK, (10, 10), True, 2.0, 5) == 100
    assert most_pixels(MASK, (0, 0), False, 2.0, 5) == 500


def test_where_nothing_is_right_there_is_no_limit():
    assert most_pixels(np.zeros((4, 4), bool), (1, 1), True, 2.0, 2) is None


def test_without_a_share_of_the_area_only_the_depth_bounds_it():
    small = np.zeros((20, 30), bool)
    small[10, 5] = True
    disc = math.pi * 15**2
    assert most_pixels(small, (10, 20), True, 6.0, 9) == round(disc)
    assert most_pixels(small, (10, 20), True, 6.0, 9, math.inf) == round(6 * disc)
