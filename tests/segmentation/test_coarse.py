from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2 import Segmenter
from napari_m2n2.evaluation.metrics import iou
from napari_m2n2.segmentation.coarse import choice_shape, moved, reduce

sides = st.integers(1, 9000)


@given(st.tuples(sides, sides), st.integers(1, 128), st.sampled_from([0.0, 4.0, 16.0]))
def test_cells_have_as_many_pixels_as_suffice(shape, rows, cell):
    grid = (rows, max(round(rows * shape[1] / shape[0]), 1))
    found = choice_shape(shape, grid, cell)
    side = max(shape[0] / grid[0], shape[1] / grid[1])
    if not cell or side <= 1.25 * cell:
        assert found == shape
        return
    assert all(1 <= short <= length for short, length in zip(found, shape, strict=True))
    # half a pixel of rounding on each side
    assert max(found[0] / grid[0], found[1] / grid[1]) == pytest.approx(cell, abs=0.51)


@pytest.mark.parametrize("shape", [(1024, 1024), (854, 480), (1500, 1000), (700, 2100)])
def test_planes_that_were_measured_are_looked_at_pixel_by_pixel(shape):
    made = Segmenter().parameters
    rows = round(64 * (shape[0] / shape[1]) ** 0.5)
    grid = (rows, round(64 * (shape[1] / shape[0]) ** 0.5))
    assert choice_shape(shape, grid, made.choice_cell) == shape
    assert choice_shape((4096, 4096), (64, 64), made.choice_cell) == (1024, 1024)
    published = Segmenter(preset="published").parameters
    assert choice_shape((4096, 4096), (16, 16), published.choice_cell) == (4096, 4096)


@given(st.tuples(sides, sides), st.data())
def test_pixels_lie_where_they_lay(shape, data):
    small = tuple(data.draw(st.integers(1, length)) for length in shape)
    pixels = np.array([[data.draw(st.integers(0, length - 1)) for length in shape]])
    found = moved(pixels, shape, small)
    assert (found >= 0).all()
    assert (found < small).all()
    assert (moved(pixels, shape, shape) == pixels).all()
    middle = (pixels + 0.5) / shape
    assert (found / small <= middle).all()
    assert (middle < (found + 1) / small).all()


def test_a_reduced_pixel_is_the_mean_of_its_own():
    rgb = np.random.default_rng(0).random((12, 8, 3), dtype=np.float32)
    expected = rgb.reshape(3, 4, 2, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(reduce(rgb, (3, 2)), expected, atol=1e-6)


def picture(side, noise, seed=0):
    """Three discs, one within another, enlarged to a side."""
    rows, columns = (np.mgrid[:side, :side] + 0.5) / side
    inner = np.hypot(rows - 0.4, columns - 0.4) <= 0.13
    outer = np.hypot(rows - 0.45, columns - 0.45) <= 0.28
    other = np.hypot(rows - 0.8, columns - 0.8) <= 0.1
    plain = np.where(inner, 190, np.where(outer, 130, np.where(other, 150, 60)))
    drawn = np.random.default_rng(seed).normal(0, noise, plain.shape)
    return np.clip(plain + drawn, 0, 255).astype(np.uint8)


CLICKS = [(0.4, 0.4), (0.6, 0.6), (0.8, 0.8)]


def clicked(side, noise, count, seed=0, **parameters):
    made = Segmenter(grid=16, zoom="off", **parameters)
    made.set_image(picture(side, noise, seed))
    return made.segment([(r * side, c * side) for r, c in CLICKS[:count]], [1, 1, 0][:count])


@pytest.mark.parametrize("most_pixels", [0, 100_000], ids=["full", "reduced"])
@given(st.integers(1, 3), st.integers(0, 99), st.sampled_from([2, 3, 5]))
@settings(max_examples=4, deadline=None)
def test_a_plane_and_its_enlargement_are_one(most_pixels, count, seed, times):
    small = picture(256, 6, seed)
    large = np.kron(small, np.ones((times, times), np.uint8))
    found = []
    for image in (small, large):
        made = Segmenter(grid=16, zoom="off", most_pixels=most_pixels)
        made.set_image(image)
        points = np.array(CLICKS[:count]) * image.shape
        found.append(made.segment(points, [1, 1, 0][:count]))
    assert found[0].thresholds[0] == pytest.approx(found[1].thresholds[0], abs=1e-4)
    assert iou(np.kron(found[0].mask, np.ones((times, times), bool)), found[1].mask) > 0.95


@pytest.mark.parametrize("seed", range(3))
def test_full_resolution_chooses_what_a_reduced_plane_does(seed):
    full = clicked(1024, 20, 3, seed, most_pixels=0)
    reduced = clicked(1024, 20, 3, seed, most_pixels=100_000)
    assert full.thresholds[0] == reduced.thresholds[0]
    assert iou(full.mask, reduced.mask) > 0.97


def test_pixel_by_pixel_another_threshold_wins():
    ways = [clicked(1024, 20, 1, most_pixels=0, choice_cell=cell) for cell in (0.0, 16.0)]
    assert abs(ways[0].thresholds[0] - ways[1].thresholds[0]) > 0.02


@pytest.mark.parametrize("way", ["box", "scribble", "by hand"])
def test_other_prompts_are_the_same_at_full_resolution(way):
    masks = []
    for most in (0, 100_000):
        made = Segmenter(grid=16, zoom="off", most_pixels=most)
        made.set_image(picture(1024, 8))
        if way == "box":
            found = made.segment([], [], boxes=[(170, 170, 740, 740)])
        elif way == "scribble":
            found = made.segment([], [], scribbles=[([(380, 360), (420, 470)], True)])
        else:
            found = made.segment([(410, 410)], [1], thresholds=[0.2])
        masks.append(found.mask)
    assert iou(*masks) > 0.97


def test_a_draft_is_that_of_the_reduced_plane():
    made = Segmenter(grid=16, zoom="off", most_pixels=0)
    made.set_image(picture(1024, 8))
    draft = made.segment([(410, 410)], [1], draft=True)
    assert iou(draft.mask, made.segment([(410, 410)], [1]).mask) > 0.9
    assert ((draft.score > 0) == draft.mask).all()
    maps = made.distance_maps([(410, 410)])
    assert maps.shape == (1, 1024, 1024)
    assert maps[0, 410, 410] == 0
    assert maps.max() == 1
