from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_m2n2.segmentation.corrections import Corrections, most_pixels
from napari_m2n2.segmentation.seeds import Seed

MASK = np.zeros((20, 30), bool)
MASK[5:15, 5:15] = True


def bound(mask, pixel, label, strength):
    return most_pixels(mask.__getitem__, mask.shape, pixel, label, strength)


@given(
    hnp.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))),
    st.integers(0, 80),
    st.booleans(),
)
def test_the_bound_is_that_of_every_pixel_looked_at(mask, place, label):
    pixel = tuple(int(k) for k in np.unravel_index(place % mask.size, mask.shape))
    right = np.argwhere(mask == label)
    expected = None
    if mask[pixel] == label:
        expected = len(right)
    elif len(right):
        expected = round(2 * math.pi * max(((right - pixel) ** 2).sum(axis=1).min(), 1.5**2))
    assert bound(mask, pixel, label, 2.0) == expected


@pytest.mark.parametrize("depth", [5, 31, 32, 33, 100, 128, 129, 290])
def test_a_deep_mistake_is_measured_too(depth):
    mask = np.zeros((3, 300), bool)
    mask[:, depth:] = True
    looked = []

    def mask_of(window):
        looked.append(mask[window].size)
        return mask[window]

    found = most_pixels(mask_of, mask.shape, (1, 0), True, 2.0)
    assert found == round(2 * math.pi * depth**2)
    assert (max(looked) < 200) == (depth <= 32)


@pytest.mark.parametrize(
    ("pixel", "label", "depth"),
    [((10, 19), True, 5.0), ((10, 10), False, 5.0), ((17, 17), True, math.hypot(3, 3))],
)
def test_a_mistake_has_a_depth(pixel, label, depth):
    assert bound(MASK, pixel, label, 2.0) == round(2 * math.pi * depth**2)


def test_beside_the_outline_a_few_pixels_are_left():
    assert bound(MASK, (10, 15), True, 2.0) == round(2 * math.pi * 1.5**2)


def test_agreement_may_take_what_it_agrees_with():
    assert bound(MASK, (10, 10), True, 2.0) == 100
    assert bound(MASK, (0, 0), False, 2.0) == 500


def test_where_nothing_is_right_there_is_no_limit():
    assert bound(np.zeros((4, 4), bool), (1, 1), True, 2.0) is None


class Masks:
    """Gives one mask and remembers what it was asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, places, limits):
        self.asked.append((tuple(places), tuple(limits)))
        return MASK.__getitem__


def clicks(*pixels):
    return [Seed(pixel, label, click=True) for *pixel, label in pixels for pixel in [tuple(pixel)]]


def test_the_first_click_is_free_and_others_build_on_those_before():
    masks = Masks()
    found = Corrections(1.0, MASK.shape).limits(
        clicks((10, 10, 1), (10, 18, 1), (10, 12, 0)), masks
    )
    second = round(math.pi * 4**2)
    assert found == [None, second, round(math.pi * 3**2)]
    assert masks.asked == [((0,), (None,)), ((0, 1), (None, second))]


def test_what_was_found_is_kept():
    masks, corrections = Masks(), Corrections(1.0, MASK.shape)
    three = clicks((10, 10, 1), (10, 18, 1), (10, 12, 0))
    first = corrections.limits(three, masks)
    assert corrections.limits(three[:2], masks) == first[:2]
    assert corrections.limits(three, masks) == first
    assert len(masks.asked) == 2
    other = clicks((10, 10, 1), (10, 18, 0), (10, 12, 0))
    flipped = corrections.limits(other, masks)
    assert flipped != first
    assert len(masks.asked) == 4
    # there and back
    assert corrections.limits(three, masks) == first
    assert corrections.limits(other, masks) == flipped
    assert len(masks.asked) == 4


def test_a_box_was_there_before_every_click():
    masks, corrections = Masks(), Corrections(1.0, MASK.shape)
    box = Seed((2, 2), True, region=MASK)
    found = corrections.limits([*clicks((10, 18, 1)), box], masks)
    assert found == [round(math.pi * 4**2), None]
    assert masks.asked == [((1,), (None,))]
    # without the box the click is the first
    assert corrections.limits(clicks((10, 18, 1)), masks) == [None]


def test_without_strength_nothing_is_asked():
    masks = Masks()
    assert Corrections(0.0, MASK.shape).limits(clicks((1, 1, 1), (2, 2, 0)), masks) == [None, None]
    assert masks.asked == []


def test_a_threshold_chosen_by_hand_is_part_of_what_a_click_was_placed_on():
    masks = Masks()
    corrections = Corrections(2.0, MASK.shape)
    free = Seed((2, 2), True, click=True)
    chosen = Seed((2, 2), True, click=True, threshold=0.3)
    later = Seed((10, 19), True, click=True)
    assert free.key == chosen.key
    corrections.limits([free, later], masks)
    corrections.limits([free, later], masks)
    assert len(masks.asked) == 1
    corrections.limits([chosen, later], masks)
    assert len(masks.asked) == 2
