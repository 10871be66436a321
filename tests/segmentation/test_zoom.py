from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2 import Segmenter
from napari_m2n2.errors import Cancelled, NoMemoryError
from napari_m2n2.evaluation.metrics import iou
from napari_m2n2.progress import ignore
from napari_m2n2.prompts import check_prompts
from napari_m2n2.segmentation import zoom
from napari_m2n2.segmentation.crop import (
    Crop,
    around,
    cut_out,
    prompts_in,
    reduced,
    still_fits,
    surroundings,
    touches,
)
from napari_m2n2.segmentation.inside import solve_inside
from napari_m2n2.segmentation.zoom import ZoomSolver

SHAPE = (96, 128)
SMALL, LARGE = (24, 36), (58, 88)


def scene():
    """A small disc and a large one on a dark ground, and where they are."""
    rows, columns = np.ogrid[: SHAPE[0], : SHAPE[1]]
    small = np.hypot(rows - SMALL[0], columns - SMALL[1]) <= 5.0
    large = np.hypot(rows - LARGE[0], columns - LARGE[1]) <= 30
    noise = np.random.default_rng(0).integers(0, 12, SHAPE)
    return (np.where(small, 220, np.where(large, 130, 50)) + noise).astype(np.uint8), small, large


def zooming(**parameters):
    segmenter = Segmenter(
        **{"grid": 16, "zoom_cells": 6, "zoom_grid": 24, "device": "cpu", **parameters}
    )
    segmenter.set_image(scene()[0])
    return segmenter


@pytest.fixture(scope="module")
def shared():
    return zooming()


def crop_of(segmenter):
    return zoom_of(segmenter).crop


def zoom_of(segmenter):
    """What chooses crops, below what edits."""
    assert isinstance(segmenter._solver._solver, ZoomSolver)
    return segmenter._solver._solver


def same(a, b):
    np.testing.assert_array_equal(a.mask, b.mask)
    # maps that are made together differ in the last digit from those made one by one
    np.testing.assert_allclose(a.score, b.score, atol=1e-5)
    np.testing.assert_allclose(a.thresholds, b.thresholds, atol=1e-5)


# ------------------------------------------------------------------ when, and what for
def test_a_small_object_is_seen_better(shared):
    _, small, _ = scene()
    plain = zooming(zoom="off").segment([SMALL], [1], draft=True)
    found = shared.segment([SMALL], [1], draft=True)
    crop = crop_of(shared)
    assert crop is not None
    assert crop.holds(np.array([SMALL])).all()
    assert max(crop.height, crop.width) < 60
    assert iou(found.mask, small) > max(0.9, iou(plain.mask, small))


@pytest.mark.parametrize("noise", [0, 1, 4, 12])
def test_pictures_with_little_noise(noise):
    square = np.zeros((40, 48), bool)
    square[10:26, 14:34] = True
    image = square * 200 + np.random.default_rng(0).integers(0, noise + 1, square.shape)
    segmenter = Segmenter(grid=12, device="cpu")
    segmenter.set_image(image.astype(np.uint8))
    result = segmenter.segment([(17, 22), (4, 4)], [1, 0])
    assert crop_of(segmenter) is not None
    assert iou(result.mask, square) > 0.9


def test_a_large_object_is_left_alone(shared):
    plain = zooming(zoom="off")
    same(shared.segment([LARGE], [1]), plain.segment([LARGE], [1]))
    assert crop_of(shared) is None
    phases = []
    further = [LARGE, (20, 100), (70, 80)], [1, 0, 1]
    same(
        shared.segment(*further, progress=lambda *a: phases.append(a[0])), plain.segment(*further)
    )
    assert set(phases) <= {"Markov map", "upsampling"}


def test_a_first_click_is_looked_at_in_several_scales(shared):
    _, _small, _ = scene()
    for scales in (0, 3):
        segmenter = zooming(zoom_scales=scales)
        segmenter.segment([SMALL], [1])
        kept = list(zoom_of(segmenter)._solvers)
        halves = [crop for crop in kept if max(crop.height, crop.width) in (64, 32)]
        assert len(halves) == (2 if scales else 0)  # a third would be of 16 pixels
        assert all(crop.holds(np.array([SMALL])).all() for crop in kept)


def test_published_and_other_backbones_do_not_zoom():
    for options in ({"preset": "published"}, {"zoom": "off"}, {"method": "kl-nn"}):
        segmenter = zooming(**options)
        segmenter.segment([SMALL], [1])
        assert not isinstance(getattr(segmenter._solver, "_solver", None), ZoomSolver)
    own = Segmenter(grid=20, device="cpu")
    own.set_image(scene()[0], attention=Segmenter(grid=8)._source.attend(np.zeros((8, 8, 3), "f")))
    assert not isinstance(getattr(own._solver, "_solver", None), ZoomSolver)


def test_no_finer_than_pixels():
    segmenter = Segmenter(grid=64, device="cpu")
    segmenter.set_image(scene()[0][8:48, 16:66])
    segmenter.segment([(20, 20)], [1])
    assert crop_of(segmenter) is None


# ------------------------------------------------------------------ the outcome is the prompts'
MOST_CALLS = 40
"""Of progress before a test calls work off: preparing a crop reports about half as often."""

POINTS = [SMALL, (21, 38), (24, 46), (80, 12), (27, 33), LARGE, (33, 36)]
LABELS = [1, 1, 0, 0, 1, 0, 0]


@settings(max_examples=5, deadline=None)
@given(
    st.lists(
        st.lists(st.integers(0, len(POINTS) - 1), min_size=1, max_size=5, unique=True),
        min_size=1,
        max_size=3,
    ),
    st.permutations(range(len(POINTS))),
)
def test_the_way_to_the_prompts_does_not_matter(shared, histories, order):
    for history in [*histories, order[:3]]:
        shared.segment([POINTS[k] for k in history], [LABELS[k] for k in history])
    final = [POINTS[k] for k in order[:4]], [LABELS[k] for k in order[:4]]
    again = shared.segment(*final)
    fresh = zooming()
    same(again, fresh.segment(*final))
    assert crop_of(shared) == crop_of(fresh)


def test_one_by_one_or_all_at_once():
    clicked, at_once = zooming(), zooming()
    for count in range(1, len(POINTS) + 1):
        last = clicked.segment(POINTS[:count], LABELS[:count])
    same(last, at_once.segment(POINTS, LABELS))


def test_taken_back_is_as_before_and_free(shared):
    before = shared.segment(POINTS[:2], LABELS[:2])
    shared.segment(POINTS[:4], LABELS[:4])
    calls = []
    same(shared.segment(POINTS[:2], LABELS[:2], progress=lambda *a: calls.append(a)), before)
    assert calls == []


def test_a_chosen_threshold_moves_the_outline_and_not_the_crop(shared):
    free = shared.segment(POINTS[:3], LABELS[:3])
    crop = crop_of(shared)
    for value in (0.0, 0.02, free.thresholds[0], 1.0):
        result = shared.segment(POINTS[:3], LABELS[:3], thresholds={0: value})
        assert crop_of(shared) == crop is not None
        assert result.thresholds[0] == value
    result = shared.segment(POINTS[:3], LABELS[:3], thresholds={0: 0, 1: 0}, draft=True)
    assert result.mask.sum() < free.mask.sum()


def test_cancelled_and_resumed_gives_the_same():
    wanted = zooming().segment(POINTS[:4], LABELS[:4])
    segmenter, calls, cancelled = zooming(), 0, 0

    def stop(*_):
        nonlocal calls
        calls += 1
        if calls > MOST_CALLS:
            raise Cancelled

    while cancelled < 50:
        calls = 0
        try:
            found = segmenter.segment(POINTS[:4], LABELS[:4], progress=stop)
            break
        except Cancelled:
            cancelled += 1
    same(found, wanted)
    assert cancelled > 1


def test_memory_that_ran_out_is_said_and_forgotten(monkeypatch):
    wanted = zooming().segment(POINTS[:2], LABELS[:2])
    segmenter = zooming()

    def no_memory(*_):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(zoom, "cut_out", no_memory)
        with pytest.raises(NoMemoryError):
            segmenter.segment(POINTS[:2], LABELS[:2])
    same(segmenter.segment(POINTS[:2], LABELS[:2]), wanted)


# ------------------------------------------------------------------ clicks outside
def test_clicks_outside_stay_constraints(shared):
    outside = [(5, 120), LARGE]
    result = shared.segment([SMALL, *outside], [1, 0, 0])
    crop = crop_of(shared)
    assert crop is not None
    assert not crop.holds(np.array(outside)).any()
    assert result.mask[SMALL]
    assert not any(result.mask[point] for point in outside)
    assert (result.score[tuple(np.transpose(outside))] < 0).all()
    assert np.isnan(result.thresholds[1:]).all()
    assert not np.isnan(result.thresholds[0])


def test_foreground_outside_enlarges_the_crop(shared):
    shared.segment([SMALL], [1])
    crop = crop_of(shared)
    point = (SMALL[0], crop.right + 3)
    result = shared.segment([SMALL, point], [1, 1])
    assert result.mask[point]
    now = crop_of(shared)
    assert now is None or now.holds(np.array([SMALL, point])).all()


def test_an_object_that_grows_leaves_the_crop(shared):
    result = shared.segment([SMALL, LARGE], [1, 1])
    assert result.mask[SMALL]
    assert result.mask[LARGE]
    further = shared.segment([SMALL, LARGE, (5, 5)], [1, 1, 0])
    crop = crop_of(shared)
    assert crop is None or crop.holds(np.array([SMALL, LARGE])).all()
    assert iou(further.mask, scene()[1] | scene()[2]) > 0.8


# ------------------------------------------------------------------ other prompts
def test_boxes_scribbles_and_masks(shared):
    _, small, _ = scene()
    empty = np.zeros((0, 2)), []
    across = [(22, 33), (26, 39)]
    for prompts in (
        {"boxes": [(19, 31, 29, 41)]},
        {"mask": small},
        {"scribbles": [(across, 1), ([(14, 30), (14, 42)], 0)]},
        {"scribbles": [(across, 1), ([(90, 20), (90, 60)], 0)]},
    ):
        result = shared.segment(*empty, **prompts)
        assert crop_of(shared) is not None
        assert iou(result.mask, small) > 0.85
        further = shared.segment([(24, 37), (24, 60)], [1, 0], **prompts)
        assert iou(further.mask, small) > 0.85
    same(further, zooming().segment([(24, 37), (24, 60)], [1, 0], **prompts))


def test_nothing_and_only_background(shared):
    for points, labels in (([], []), ([SMALL], [0]), ([SMALL, (0, 0)], [0, 0])):
        assert not shared.segment(points, labels).mask.any()
    later = shared.segment([(24, 50), SMALL], [0, 1])
    assert crop_of(shared) is not None
    assert later.mask[SMALL]


def test_background_that_empties_a_mask_is_gone_on_from(shared):
    rows, columns = np.indices(shared.segment([SMALL], [1]).mask.shape)
    start = np.hypot(rows - SMALL[0], columns - SMALL[1]) < 3
    shared.segment([SMALL], [0], mask=start)
    assert shared.segment([SMALL, (24, 50)], [0, 1], mask=start).mask[24, 50]


def test_distance_maps_are_those_of_the_crop(shared):
    result = shared.segment([SMALL, (24, 50)], [1, 0], draft=True)
    crop = crop_of(shared)
    (distance,) = shared.distance_maps([SMALL])
    assert distance.shape == SHAPE
    assert distance[SMALL] <= distance[crop.part].mean() < 1
    outside = np.ones(SHAPE, bool)
    outside[crop.part] = False
    assert (distance[outside] == 1).all()
    # means of pixels that were enlarged differ a little at the rim
    assert iou(distance <= result.thresholds[0], result.mask) > 0.8


# ------------------------------------------------------------------ a crop
def test_a_crop_of_the_whole_plane_gives_the_same_mask():
    segmenter = zooming(zoom="off")
    solver, whole = segmenter._solver._solver, Crop(0, 0, *SHAPE)
    assert whole.factor == 1
    prompts = check_prompts(POINTS, LABELS, SHAPE, thresholds={1: 0.2})
    plain = solver.solve(prompts, draft=False, progress=ignore)
    inside = solve_inside(solver, whole, prompts, SHAPE, False, ignore)
    np.testing.assert_array_equal(inside.mask, plain.mask)
    np.testing.assert_allclose(inside.score, plain.score, atol=2e-3)
    np.testing.assert_array_equal(inside.thresholds, plain.thresholds)


def test_crops_are_kept_within_their_memory(monkeypatch):
    made = []
    segmenter = zooming()
    solver = zoom_of(segmenter)
    prepare = solver._prepare
    monkeypatch.setattr(solver, "_prepare", lambda *a: made.append(1) or prepare(*a))
    monkeypatch.setattr(zoom, "_MOST_BYTES", 1)
    for point in (SMALL, LARGE, SMALL):
        segmenter.segment([point], [1])
        assert len(solver._solvers) == 1
    assert len(made) >= 1


boxes = st.tuples(
    st.integers(0, 40), st.integers(0, 50), st.integers(1, 30), st.integers(1, 40)
).map(lambda b: Crop(b[0], b[1], min(b[0] + b[2], 60), min(b[1] + b[3], 80)))


@given(boxes, st.floats(1, 4))
def test_surroundings_hold_what_they_surround(tight, margin):
    crop = surroundings(tight, (60, 80), margin)
    assert 0 <= crop.top <= tight.top < tight.bottom <= crop.bottom <= 60
    assert 0 <= crop.left <= tight.left < tight.right <= crop.right <= 80
    assert tight.overlap(tight) == 1
    assert 0 < crop.overlap(tight) == tight.overlap(crop) <= 1
    if not touches(crop, tight, (60, 80)):
        assert still_fits(crop, tight, (60, 80), margin)


@given(boxes, st.integers(0, 2**32 - 1))
def test_prompts_keep_their_place(crop, seed):
    random = np.random.default_rng(seed)
    points, labels = random.integers(0, (60, 80), (6, 2)), random.integers(0, 2, 6)
    prompts = check_prompts(
        points, labels, (60, 80), scribbles=[(points[:3], 1)], boxes=[(5, 5, 30, 40)]
    )
    moved = prompts_in(prompts, crop)
    rgb = random.random((60, 80, 3)).astype(np.float32)
    enlarged = cut_out(rgb, crop)
    assert enlarged.shape == (crop.height * crop.factor, crop.width * crop.factor, 3)
    assert 0 <= enlarged.min() <= enlarged.max() <= 1
    inside = crop.holds(prompts.points)
    np.testing.assert_array_equal(
        moved.points // crop.factor + (crop.top, crop.left), prompts.points[inside]
    )
    for region in moved.regions:
        small = reduced(region.astype(np.float32), crop)
        np.testing.assert_array_equal(small > 0.5, prompts.regions[0][crop.part])


@given(boxes)
def test_the_rectangle_of_a_mask_and_its_foreground(box):
    mask = np.zeros((60, 80), bool)
    mask[box.part] = True
    alone = check_prompts([(59, 79)], [0], (60, 80), scribbles=[([(0, 0)], 0)])
    assert around(mask, alone) == box
    wider = check_prompts([(59, 79)], [1], (60, 80), scribbles=[([(0, 0)], 1)])
    assert around(mask, wider) == Crop(0, 0, 60, 80)
    assert around(np.zeros_like(mask), check_prompts([(3, 4)], [1], (60, 80))) == Crop(3, 4, 4, 5)
    emptied = check_prompts([(3, 4)], [0], (60, 80), mask=mask)
    assert around(np.zeros_like(mask), emptied) == box


@pytest.mark.parametrize(("length", "width"), [(90, 14), (150, 14), (200, 10)])
def test_a_long_object_is_not_cut_off_by_the_rim_of_a_crop(length, width):
    rng = np.random.default_rng(0)
    rows, columns = np.indices((512, 512))
    truth = (np.abs(rows - 255.5) < width / 2) & (columns >= 248) & (columns < 248 + length)
    image = 0.35 + 0.15 * ((rows // 64 + columns // 64) % 2)
    image = np.where(truth, 0.9, image) + rng.normal(0, 0.03, truth.shape)
    segmenter = Segmenter("texture")
    segmenter.set_image(np.clip(image, 0, 1).astype(np.float32))
    assert iou(segmenter.segment([[256, 256]], [True]).mask, truth) > 0.9
