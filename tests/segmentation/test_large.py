from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2 import Segmenter
from napari_m2n2.evaluation.metrics import iou
from napari_m2n2.segmentation.large import (
    LargeSolver,
    make_solver,
    reduced_shape,
)

SHAPE = (360, 480)
DISC = (130, 170)


@pytest.fixture(scope="module")
def picture():
    """Two discs on a ground, all with noise, and where the first one is."""
    rows, columns = np.ogrid[: SHAPE[0], : SHAPE[1]]
    disc = np.hypot(rows - DISC[0], columns - DISC[1]) <= 70
    other = np.hypot(rows - 260, columns - 380) <= 50
    noise = np.random.default_rng(0).integers(0, 20, SHAPE)
    return (np.where(disc, 200, np.where(other, 130, 60)) + noise).astype(np.uint8), disc


def segmenter(picture, most_pixels=20_000, **parameters):
    made = Segmenter(**{"grid": 24, "zoom": "off", "most_pixels": most_pixels, **parameters})
    made.set_image(picture[0])
    return made


@pytest.mark.parametrize(
    "parameters",
    [{}, {"outline": "map"}, {"preset": "published", "upsampling": "fast", "grid": 32}],
    ids=["graph cut", "map", "published"],
)
def test_a_reduced_plane_gives_the_mask_of_the_whole_one(picture, parameters):
    small, whole = segmenter(picture, **parameters), segmenter(picture, 0, **parameters)
    for points, labels in ([[DISC], [1]], [[DISC, (260, 380)], [1, 0]]):
        ours, theirs = small.segment(points, labels), whole.segment(points, labels)
        assert ours.mask.shape == ours.score.shape == SHAPE
        assert iou(ours.mask, theirs.mask) > 0.97
        assert ((ours.score > 0) == ours.mask).all()
        assert (np.abs(ours.score) <= 1).all()


def test_the_outline_is_right_to_the_pixel(picture):
    ours = segmenter(picture).segment([DISC], [1]).mask
    assert iou(ours, picture[1]) > 0.98


def test_a_draft_is_near(picture):
    made = segmenter(picture)
    draft = made.segment([DISC], [1], draft=True).mask
    assert iou(draft, made.segment([DISC], [1]).mask) > 0.8


def test_prompts_of_all_kinds(picture):
    made = segmenter(picture)
    given_box = made.segment([], [], boxes=[(55, 95, 205, 245)]).mask
    assert iou(given_box, picture[1]) > 0.9
    path = [(100, 150), (160, 190)]
    scribbled = made.segment([], [], scribbles=[(path, True), ([(300, 20), (310, 400)], False)])
    assert scribbled.mask[130, 170]
    assert not scribbled.mask[300, 20]
    chosen = made.segment([DISC], [1], thresholds=[0.0]).mask
    assert np.count_nonzero(chosen) < np.count_nonzero(picture[1])


def test_every_pixel_of_a_prompt_has_its_label(picture):
    points = [(0, 0), (359, 479), (130, 170), (131, 171), (130, 172)]
    labels = [0, 0, 1, 0, 1]
    found = segmenter(picture).segment(points, labels)
    for (row, column), label in zip(points, labels, strict=True):
        assert found.mask[row, column] == label
        assert found.score[row, column] == (1 if label else -1)


def test_no_prompt_gives_no_mask(picture):
    made = segmenter(picture)
    assert not made.segment([], []).mask.any()
    assert not made.segment([(5, 5)], [0]).mask.any()


def test_distance_maps_have_the_size_of_the_plane(picture):
    maps = segmenter(picture).distance_maps([DISC, (3, 470)])
    assert maps.shape == (2, *SHAPE)
    assert maps[0][DISC] == maps[1][3, 470] == 0
    assert 0 <= maps.min() <= maps.max() <= 1


def test_what_is_kept_of_a_prompt_is_small(picture):
    made = segmenter(picture)
    made.segment([DISC], [1])
    solver = made._solver._solver
    assert isinstance(solver, LargeSolver)
    held = sum(one.nbytes for one in solver._small._kept._kept.values())
    assert held <= 12 * 20_100


def test_a_small_plane_is_left_alone(picture):
    def prepared(image):
        raise InterruptedError(image.shape)

    rgb = np.zeros((*SHAPE, 3), np.float32)
    for most_pixels, shape in ((0, SHAPE), (SHAPE[0] * SHAPE[1], SHAPE), (10_800, (90, 120))):
        parameters = Segmenter(most_pixels=most_pixels).parameters
        with pytest.raises(InterruptedError) as found:
            make_solver(rgb, (48, 64), parameters, prepared)
        assert found.value.args[0] == (*shape, 3)


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.integers(1, 3_000_000))
def test_reduced_shapes_keep_their_form(height, width, most_pixels):
    rows, columns = reduced_shape((height, width), most_pixels)
    assert 1 <= rows <= height
    assert 1 <= columns <= width
    # rounding, and the one pixel that there is at least
    assert rows * columns <= most_pixels + height + width
    assert reduced_shape((height, width), 0) == (height, width)
