from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.integrate import trapezoid
from scipy.ndimage import binary_erosion, distance_transform_edt

from napari_m2n2.errors import InputError
from napari_m2n2.evaluation.metrics import (
    area_under,
    boundary_f,
    clicks_to,
    dice,
    harmful,
    iou,
    never_reached,
    surface_distance,
)

OUTLINES = pytest.mark.parametrize("metric", [boundary_f, surface_distance])
EVERY = pytest.mark.parametrize("metric", [iou, dice, boundary_f, surface_distance])


def square(side=10, row=10, column=10, shape=(40, 50)):
    mask = np.zeros(shape, bool)
    mask[row : row + side, column : column + side] = True
    return mask


# ---------------------------------------------------------------- overlap
@pytest.mark.parametrize(
    ("mask", "truth", "jaccard", "coefficient"),
    [
        ([1, 1, 0, 0], [0, 1, 1, 0], 1 / 3, 1 / 2),
        ([1, 1, 1, 0], [0, 1, 1, 0], 2 / 3, 4 / 5),
        ([0, 0, 0, 0], [0, 0, 0, 0], 1, 1),
        ([1, 0, 0, 0], [0, 0, 0, 0], 0, 0),
        ([1, 0, 0, 1], [0, 1, 1, 0], 0, 0),
    ],
)
def test_overlap(mask, truth, jaccard, coefficient):
    mask, truth = np.array([mask], bool), np.array([truth], bool)
    assert iou(mask, truth) == jaccard
    assert dice(mask, truth) == coefficient


@given(arrays(bool, (3, 4, 5)))
def test_dice_follows_from_the_iou_and_unknown_pixels_do_not_count(masks):
    mask, truth, valid = masks
    jaccard = iou(mask, truth, valid)
    assert dice(mask, truth, valid) == pytest.approx(2 * jaccard / (1 + jaccard))
    both, either = mask[valid] & truth[valid], mask[valid] | truth[valid]
    assert jaccard == (both.sum() / either.sum() if either.any() else 1)


@EVERY
def test_an_unknown_band_is_neither_right_nor_wrong(metric):
    band = square(14) & ~square(10, 12, 12)
    truth, valid = square(14), ~band
    # anything inside the band is as good as anything else
    for mask in (square(14), square(12, 11, 11), square(10, 12, 12), truth ^ (band & square(9))):
        assert metric(mask, truth, valid) == 1
    assert metric(square(26, 4, 4), truth, valid) < 1


@EVERY
@given(masks=arrays(bool, (2, 7, 8)))
def test_scores_are_shares_and_the_truth_has_all(metric, masks):
    assert 0 <= metric(*masks) <= 1
    assert metric(masks[0], masks[0]) == 1
    assert metric(*masks) == pytest.approx(metric(masks[1], masks[0]))


@EVERY
def test_empty_masks(metric):
    empty = np.zeros((40, 50), bool)
    assert metric(empty, empty) == 1
    assert metric(empty, square()) == 0
    assert metric(square(), empty) == 0
    assert metric(empty, square(), ~square()) == 1


@EVERY
def test_arrays_of_different_shape_are_refused(metric):
    with pytest.raises(InputError, match=r"\(40, 49\), \(40, 50\)"):
        metric(square()[:, :-1], square())
    with pytest.raises(InputError, match="one shape"):
        metric(square(), square(), square()[:1])
    with pytest.raises(InputError, match="rows, columns"):
        metric(square()[0], square()[0])


# ---------------------------------------------------------------- outlines
# The outline of a square of 10 has 36 pixels. Moved by 3 columns, the outlines share 7 pixels of
# each of the two long sides. Within a distance of t < 3 there are t more of each, and t at either
# end of the upright side that lies inside the other square.
@OUTLINES
def test_a_moved_square_by_counting(metric):
    moved = square(column=13)
    for tolerance, pixels in [(0, 14), (1, 18), (2, 22), (3, 36)]:
        expected = count_near(square(), moved, (1, 1), tolerance)
        assert expected == pixels
        assert metric(moved, square(), tolerance=tolerance) == pytest.approx(pixels / 36)


def count_near(mask, other, spacing, tolerance):
    """Pixels of one outline that are near the other one, pair by pair."""
    sides = []
    for one in (mask, other):
        outline = one & ~binary_erosion(one)
        sides.append(np.argwhere(outline) * np.array(spacing))
    apart = np.hypot(*(sides[0][:, None] - sides[1][None]).transpose(2, 0, 1))
    return int((apart.min(axis=1) <= tolerance).sum())


@OUTLINES
@pytest.mark.parametrize("spacing", [(1.0, 2.5), (2.5, 1.0), (0.3, 0.1)])
def test_spacing_stretches_the_distances(metric, spacing):
    rows, columns = square(row=13), square(column=13)
    step = 3 * spacing[0]
    assert metric(rows, square(), spacing=spacing, tolerance=step) == 1
    assert metric(rows, square(), spacing=spacing, tolerance=step * 0.99) < 1
    step = 3 * spacing[1]
    assert metric(columns, square(), spacing=spacing, tolerance=step) == 1
    assert metric(columns, square(), spacing=spacing, tolerance=step * 0.99) < 1


@OUTLINES
def test_a_unit_of_length_makes_no_difference(metric):
    mask, truth = square(11, 9, 12), square()
    assert metric(mask, truth) == metric(mask, truth, spacing=(1e-6, 1e-6))
    assert metric(mask, truth, spacing=(2, 3), tolerance=2.5) == pytest.approx(
        metric(mask, truth, spacing=(2e3, 3e3), tolerance=2.5e3)
    )


def test_a_smaller_square_has_other_shares_of_both_outlines():
    # 10 x 10 around 8 x 8, 1 pixel apart but for the 4 corners, which are 2 ** 0.5 away
    outer, inner = square(10), square(8, 11, 11)
    assert boundary_f(inner, outer, tolerance=0.5) == 0
    precision, recall = 1.0, 32 / 36
    expected = 2 * precision * recall / (precision + recall)
    assert boundary_f(inner, outer, tolerance=1) == pytest.approx(expected)
    assert surface_distance(inner, outer, tolerance=1) == pytest.approx((28 + 32) / (28 + 36))
    assert boundary_f(inner, outer, tolerance=1.5) == 1
    assert surface_distance(inner, outer, tolerance=1.5) == 1


def test_a_far_piece_costs_precision_only():
    mask = square() | square(10, 10, 35)
    assert boundary_f(mask, square()) == pytest.approx(2 * 0.5 / 1.5)
    assert surface_distance(mask, square()) == pytest.approx((36 + 36) / (72 + 36))


def test_an_object_that_leaves_the_plane_has_no_outline_at_the_rim_but_a_surface():
    everything = np.ones((40, 50), bool)
    assert boundary_f(everything, everything) == 1
    half = everything.copy()
    half[:, 25:] = False
    assert boundary_f(everything, half) == 0
    # the rim of the right half, but for what is 2 pixels away, has no counterpart
    found = surface_distance(everything, half)
    rim, closed = 2 * (40 + 50) - 4, 2 * (40 + 25) - 4
    near = (25 + 2) * 2 + 38 + (closed - 38 + 2 * 2)
    assert found == pytest.approx(near / (rim + closed))


def test_default_tolerances():
    # the diagonal of 40 x 50 is 64: 0.8 % of it is half a pixel, and one pixel is taken
    assert boundary_f(square(column=11), square()) == 1
    assert boundary_f(square(column=12), square()) < 1
    # 400 x 500: 5.12 pixels, and six are taken
    wide = {"shape": (400, 500), "side": 100}
    assert boundary_f(square(**wide, column=106), square(**wide, column=100)) == 1
    assert boundary_f(square(**wide, column=107), square(**wide, column=100)) < 1
    assert surface_distance(square(column=12), square()) == 1
    assert surface_distance(square(column=13), square()) < 1
    assert surface_distance(square(row=14), square(), spacing=(1, 2)) == 1


@OUTLINES
@given(st.integers(0, 999), st.sampled_from([(1.0, 1.0), (0.5, 3.0)]), st.floats(0, 8))
def test_like_distance_maps(metric, seed, spacing, tolerance):
    rng = np.random.default_rng(seed)
    sides = rng.integers(1, 12, 2)
    masks = rng.random((2, *sides)) < rng.choice([0.1, 0.5, 0.9])
    outlines = [mask & ~binary_erosion(mask, border_value=metric is boundary_f) for mask in masks]
    if not all(outline.any() for outline in outlines):
        return
    near = []
    for one, other in [outlines, outlines[::-1]]:
        away = distance_transform_edt(~other, sampling=spacing)
        near.append((away[one] <= tolerance * (1 + 1e-9)).sum())
    counts = [outline.sum() for outline in outlines]
    if metric is surface_distance:
        expected = sum(near) / sum(counts)
    else:
        p, r = near[0] / counts[0], near[1] / counts[1]
        expected = 2 * p * r / (p + r) if p + r else 0
    assert metric(*masks, spacing=spacing, tolerance=tolerance) == pytest.approx(expected)


@OUTLINES
@pytest.mark.parametrize("spacing", [(0, 1), (1, -1), (math.nan, 1), (1, math.inf), (1, 1, 1)])
def test_a_spacing_that_is_none_is_refused(metric, spacing):
    with pytest.raises(InputError, match="two positive lengths"):
        metric(square(), square(), spacing=spacing)


@OUTLINES
@pytest.mark.parametrize("tolerance", [-1, math.nan, math.inf])
def test_a_tolerance_that_is_none_is_refused(metric, tolerance):
    with pytest.raises(InputError, match="tolerance"):
        metric(square(), square(), tolerance=tolerance)


# ---------------------------------------------------------------- along the clicks
def test_the_first_click_that_reaches_the_target_counts():
    assert clicks_to([0.2, 0.9, 0.4, 0.95], 0.9) == 2
    assert clicks_to([0.2, 0.9, 0.4, 0.95], 0.91) == 4
    assert clicks_to([0.2] * 20, 0.9) == 20
    assert clicks_to([0.2] * 100, 0.9) == 100


def test_seventeen_of_twenty_pixels_are_85_per_cent():
    for percent in (80, 85, 90, 95):
        assert clicks_to([percent // 5 / 20], percent / 100) == 1
        assert not never_reached([percent // 5 / 20], percent / 100)


def test_success_with_the_last_click_is_no_failure_but_counts_as_the_cap():
    late, never, early = [0.1] * 19 + [0.9], [0.1] * 20, [0.95] + [0.1] * 19
    assert [clicks_to(one, 0.9) == 20 for one in (late, never, early)] == [True, True, False]
    assert [never_reached(one, 0.9) for one in (late, never, early)] == [False, True, False]


def test_area_under_a_curve():
    assert area_under([0.7]) == 0.7
    assert area_under([0.0, 1.0]) == 0.5
    assert area_under([0.4] * 20) == pytest.approx(0.4)
    assert area_under(np.linspace(0, 1, 20)) == pytest.approx(0.5)
    assert math.isnan(area_under([]))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_area_is_that_of_the_trapezoids(scores):
    expected = trapezoid(scores) / (len(scores) - 1)
    assert area_under(scores) == pytest.approx(expected)


def test_harmful_clicks_lower_the_iou_by_more_than_a_twentieth():
    assert harmful([0.9, 0.8, 0.85, 0.79, 0.78]) == 2
    assert harmful([0.2, 0.15, 0.1]) == 0  # 0.2 - 0.15 is 0.05000000000000002 in the computer
    assert harmful([0.2, 0.1499, 0.2]) == 1
    assert harmful([0.01]) == 0
