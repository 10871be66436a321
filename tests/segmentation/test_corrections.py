from __future__ import annotations

import math

import numpy as np
import pytest

from napari_m2n2.segmentation.corrections import Corrections, most_pixels
from napari_m2n2.segmentation.seeds import Seed

MASK = np.zeros((20, 30), bool)
MASK[5:15, 5:15] = True


@pytest.mark.parametrize(
    ("pixel", "label", "depth"),
    [((10, 19), True, 5.0), ((10, 10), False, 5.0), ((17, 17), True, math.hypot(3, 3))],
)
def test_a_mistake_has_a_depth(pixel, label, depth):
    assert most_pixels(MASK, pixel, label, 2.0) == round(2 * math.pi * depth**2)


def test_beside_the_outline_a_few_pixels_are_left():
    assert most_pixels(MASK, (10, 15), True, 2.0) == round(2 * math.pi * 1.5**2)


def test_agreement_may_take_what_it_agrees_with():
    assert most_pixels(MASK, (10, 10), True, 2.0) == 100
    assert most_pixels(MASK, (0, 0), False, 2.0) == 500


def test_where_nothing_is_right_there_is_no_limit():
    assert most_pixels(np.zeros((4, 4), bool), (1, 1), True, 2.0) is None


class Masks:
    """Gives one mask and remembers what it was asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, places, limits):
        self.asked.append((tuple(places), tuple(limits)))
        return MASK


def clicks(*pixels):
    return [Seed(pixel, label, click=True) for *pixel, label in pixels for pixel in [tuple(pixel)]]


def test_the_first_click_is_free_and_others_build_on_those_before():
    masks = Masks()
    found = Corrections(1.0).limits(clicks((10, 10, 1), (10, 18, 1), (10, 12, 0)), masks)
    second = round(math.pi * 4**2)
    assert found == [None, second, round(math.pi * 3**2)]
    assert masks.asked == [((0,), (None,)), ((0, 1), (None, second))]


def test_what_was_found_is_kept():
    masks, corrections = Masks(), Corrections(1.0)
    three = clicks((10, 10, 1), (10, 18, 1), (10, 12, 0))
    first = corrections.limits(three, masks)
    assert corrections.limits(three[:2], masks) == first[:2]
    assert corrections.limits(three, masks) == first
    assert len(masks.asked) == 2
    flipped = corrections.limits(clicks((10, 10, 1), (10, 18, 0), (10, 12, 0)), masks)
    assert flipped != first
    assert len(masks.asked) == 4


def test_a_box_was_there_before_every_click():
    masks, corrections = Masks(), Corrections(1.0)
    box = Seed((2, 2), True, region=MASK)
    found = corrections.limits([*clicks((10, 18, 1)), box], masks)
    assert found == [round(math.pi * 4**2), None]
    assert masks.asked == [((1,), (None,))]
    # without the box the click is the first
    assert corrections.limits(clicks((10, 18, 1)), masks) == [None]


def test_without_strength_nothing_is_asked():
    masks = Masks()
    assert Corrections(0.0).limits(clicks((1, 1, 1), (2, 2, 0)), masks) == [None, None]
    assert masks.asked == []


def test_a_threshold_chosen_by_hand_is_part_of_what_a_click_was_placed_on():
    masks = Masks()
    corrections = Corrections(2.0)
    free = Seed((2, 2), True, click=True)
    chosen = Seed((2, 2), True, click=True, threshold=0.3)
    later = Seed((10, 19), True, click=True)
    assert free.key == chosen.key
    corrections.limits([free, later], masks)
    corrections.limits([free, later], masks)
    assert len(masks.asked) == 1
    corrections.limits([chosen, later], masks)
    assert len(masks.asked) == 2
