from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2.markov.finer import enlarge
from napari_m2n2.prompts import check_prompts
from napari_m2n2.segmentation.crop import Crop, prompts_in, reduced
from napari_m2n2.segmentation.nearest import combine
from napari_m2n2.segmentation.proposals import (
    CropProposal,
    LargeProposal,
    PlaneProposal,
    enlarged,
)
from napari_m2n2.segmentation.seeds import force

SHAPE = (23, 31)
WHOLE = (slice(0, SHAPE[0]), slice(0, SHAPE[1]))


@st.composite
def windows(draw, shape=SHAPE):
    sides = []
    for length in shape:
        first = draw(st.integers(0, length - 1))
        sides.append(slice(first, draw(st.integers(first + 1, length))))
    return tuple(sides)


def proposal(seed, count=4, shape=SHAPE, scribbles=()):
    """Of points all over a plane, with maps that have ties."""
    rng = np.random.default_rng(seed)
    points = np.stack([rng.integers(0, side, count) for side in shape], axis=1)
    prompts = check_prompts(points, rng.random(count) < 0.5, shape, scribbles=scribbles)
    maps = [(rng.integers(0, 9, shape) / 8).astype(np.float32) for _ in points]
    chosen = rng.choice([0, 0.3, 0.7, 1], count).tolist()
    labels = prompts.labels.tolist()
    return PlaneProposal(prompts, maps, chosen, labels, count - 1, np.array(chosen), 0.0)


@given(windows(), st.integers(0, 99), st.integers(0, 6))
def test_a_window_shows_what_the_plane_does(window, seed, count):
    one = proposal(seed, count, scribbles=[([(2, 3), (15, 20)], seed % 2)])
    mask, score = combine(one.distances, one.chosen, one.labels, SHAPE)
    force(one.prompts, mask, score)
    found, soft = one.decide(window)
    np.testing.assert_array_equal(one.mask(window), mask[window])
    np.testing.assert_array_equal(found, mask[window])
    np.testing.assert_array_equal(soft, score[window])
    if count:
        np.testing.assert_array_equal(one.distance(window), one.distances[-1][window])


@given(windows((40, 55)), st.integers(0, 99), st.sampled_from([(23, 31), (40, 55), (7, 13)]))
def test_a_part_is_enlarged_as_the_whole_is(window, seed, small):
    values = np.random.default_rng(seed).random(small, np.float32)
    found = enlarged(lambda part: values[part], window, (40, 55), small)
    np.testing.assert_allclose(found, enlarge(values, (40, 55))[window], atol=1e-6)


@given(windows((70, 93)), st.integers(0, 99))
def test_a_large_plane_is_enlarged_where_one_looks(window, seed):
    shape = (70, 93)
    small = proposal(seed)
    pixels = small.prompts.points * 3 + 1
    prompts = check_prompts(pixels, small.prompts.labels, shape)
    one = LargeProposal(small, prompts, shape, SHAPE)
    score = enlarge(small.decide(WHOLE)[1], shape)
    mask = score > 0
    force(prompts, mask, score)
    # a score beside 0 may be rounded either way
    sure = np.abs(score[window]) > 1e-6
    np.testing.assert_array_equal(one.mask(window)[sure], mask[window][sure])
    near = enlarge(small.distances[-1], shape)
    near[tuple(pixels[-1])] = 0
    np.testing.assert_allclose(one.distance(window), near[window], atol=1e-6)
    np.testing.assert_array_equal(one.thresholds, small.thresholds)


@pytest.mark.parametrize("crop", [Crop(5, 8, 17, 24), Crop(0, 0, 23, 31)])
@settings(max_examples=30)
@given(window=windows(), seed=st.integers(0, 99))
def test_a_crop_is_background_outside(crop, window, seed):
    rng = np.random.default_rng(seed)
    points = rng.integers((5, 8), (17, 24), (4, 2))
    prompts = check_prompts(points, [1, 0, 1, 0], SHAPE)
    inner_prompts = prompts_in(prompts, crop)
    shape = (crop.height * crop.factor, crop.width * crop.factor)
    made = proposal(seed, 4, shape)
    inner = PlaneProposal(
        inner_prompts, made.distances, made.chosen, [True, False] * 2, 3, made.thresholds, 0.0
    )
    one = CropProposal(inner, crop, prompts, made.thresholds)
    everything = (slice(0, shape[0]), slice(0, shape[1]))
    mask, near = np.zeros(SHAPE, bool), np.ones(SHAPE, np.float32)
    mask[crop.part] = reduced(inner.mask(everything).astype(np.float32), crop) > 0.5
    near[crop.part] = reduced(made.distances[-1], crop)
    force(prompts, mask, np.zeros(SHAPE, np.float32))
    np.testing.assert_array_equal(one.mask(window), mask[window])
    np.testing.assert_allclose(one.distance(window), near[window], rtol=1e-5)
