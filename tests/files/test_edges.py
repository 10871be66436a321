"""Outlines along the edges of pixels, and run lengths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from napari_m2n2.evaluation.datasets.segmentation import decode_runs, fill_polygons
from napari_m2n2.files.edges import outlines, run_lengths, signed_area

masks = arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def test_a_pixel_is_a_square_and_goes_clockwise():
    mask = np.zeros((3, 3), bool)
    mask[1, 1] = True
    (ring,) = outlines(mask)
    assert ring.tolist() == [[1, 1], [1, 2], [2, 2], [2, 1]]
    assert signed_area(ring) == 1


def test_pixels_that_touch_at_a_corner_are_two():
    assert len(outlines(np.eye(2, dtype=bool))) == 2


def test_a_ring_has_a_hole():
    mask = np.ones((3, 4), bool)
    mask[1, 1:3] = False
    assert sorted(signed_area(ring) for ring in outlines(mask)) == [-2, 12]


@settings(max_examples=200, deadline=None)
@given(masks)
def test_areas_add_up_and_holes_are_those_of_scipy(mask):
    areas = [signed_area(ring) for ring in outlines(mask)]
    assert sum(areas) == mask.sum()
    assert len([area for area in areas if area > 0]) == ndimage.label(mask)[1]
    around = np.pad(~mask, 1, constant_values=True)
    assert (
        len([area for area in areas if area < 0]) == ndimage.label(around, np.ones((3, 3)))[1] - 1
    )


@settings(max_examples=200, deadline=None)
@given(masks)
def test_filled_they_give_the_mask_again(mask):
    rings = outlines(mask)
    whole = np.zeros(mask.shape, bool)
    for ring in rings:  # inside of an odd number of outlines
        whole ^= fill_polygons([ring[:, ::-1].ravel().tolist()], mask.shape)
    np.testing.assert_array_equal(whole, mask)


@settings(max_examples=200, deadline=None)
@given(masks)
def test_run_lengths_give_the_mask_again(mask):
    runs = run_lengths(mask)
    np.testing.assert_array_equal(decode_runs(runs, mask.shape), mask)
    assert all(run > 0 for run in runs[1:])


@pytest.mark.parametrize("mask", [np.zeros((2, 3), bool), np.ones((2, 3), bool)])
def test_nothing_and_everything(mask):
    assert run_lengths(mask) == ([6] if not mask.any() else [0, 6])
    assert len(outlines(mask)) == int(mask.any())
