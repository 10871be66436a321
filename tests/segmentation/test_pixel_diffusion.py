"""Pixel diffusion: against a plain form with shifted views, and by its properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2.errors import Cancelled
from napari_m2n2.segmentation.pixel_diffusion import DILATIONS, OFFSETS, PixelDiffusion


def shifted(image, down, across):
    """Return the image with each pixel replaced by a neighbour; the rim goes on outside."""
    rows = np.clip(np.arange(image.shape[0]) + down, 0, image.shape[0] - 1)
    columns = np.clip(np.arange(image.shape[1]) + across, 0, image.shape[1] - 1)
    return image[rows][:, columns]


def plain_weights(rgb):
    """Return the weights as the table in the paper's supplement reads, in float64."""
    image = rgb.astype(np.float64)
    windows = [
        shifted(image, step * down, step * across)
        for step in DILATIONS
        for down in (-1, 0, 1)
        for across in (-1, 0, 1)
    ]
    deviation = np.std(windows, axis=0, ddof=1)
    differences = np.array([np.abs(shifted(image, *offset) - image) for offset in OFFSETS])
    logits = -(differences / (1e-8 + 0.1 * deviation)).mean(axis=-1)
    weights = np.exp(logits - logits.max(axis=0))
    return np.moveaxis(weights / weights.sum(axis=0), 0, -1)


def plain_refine(rgb, score, pixels, labels, *, amplitude, sigma, iterations):
    weights = plain_weights(rgb)
    rows, columns = np.mgrid[: score.shape[0], : score.shape[1]]
    spread = score.astype(np.float64)
    for (row, column), label in zip(pixels, labels, strict=True):
        squared = (rows - row) ** 2 + (columns - column) ** 2
        spread += (1 if label else -1) * amplitude * np.exp(-squared / (2 * sigma**2))
    for _ in range(iterations):
        views = np.stack([shifted(spread, *offset) for offset in OFFSETS], axis=-1)
        spread = (weights * views).sum(axis=-1)
    refined = np.clip((spread + score) / 2, -1, 1)
    for (row, column), label in zip(pixels, labels, strict=True):
        refined[row, column] = 1 if label else -1
    return refined


def random_image(shape, seed=0):
    return np.random.default_rng(seed).random((*shape, 3)).astype(np.float32)


@settings(max_examples=15, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 25), st.integers(1, 25)),
    seed=st.integers(0, 5),
    iterations=st.integers(0, 6),
)
def test_it_equals_the_plain_form(shape, seed, iterations):
    rgb = random_image(shape, seed)
    generator = np.random.default_rng(seed)
    score = generator.uniform(-1, 1, shape).astype(np.float32)
    pixels = [(int(generator.integers(shape[0])), int(generator.integers(shape[1])))]
    options = {"amplitude": 1.0, "sigma": 4.0, "iterations": iterations}
    found = PixelDiffusion(rgb).refine(score, pixels, [bool(seed % 2)], **options)
    expected = plain_refine(rgb, score, pixels, [bool(seed % 2)], **options)
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_weights_are_means():
    weights = PixelDiffusion(random_image((30, 20))).weights
    np.testing.assert_allclose(weights, plain_weights(random_image((30, 20))), atol=1e-5)
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
    assert (weights >= 0).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 20), iterations=st.integers(0, 8), dead=st.sampled_from([0.0, 0.25]))
def test_a_score_never_grows(seed, iterations, dead):
    score = np.random.default_rng(seed).uniform(-0.7, 0.4, (11, 9)).astype(np.float32)
    refined = PixelDiffusion(random_image((11, 9), seed)).refine(
        score, iterations=iterations, dead_zone=dead
    )
    assert refined.min() >= score.min() - 1e-6
    assert refined.max() <= score.max() + 1e-6


def test_what_lies_in_the_dead_zone_does_not_spread():
    score = np.random.default_rng(0).choice([-0.9, -0.2, 0.2, 0.9], (15, 15)).astype(np.float32)
    diffusion = PixelDiffusion(random_image((15, 15)))
    silenced = np.where(np.abs(score) <= 0.25, 0, score)
    spread = 2 * diffusion.refine(silenced, iterations=4) - silenced
    found = diffusion.refine(score, iterations=4, dead_zone=0.25)
    np.testing.assert_allclose(found, (spread + score) / 2, atol=1e-5)


def test_a_flat_image_weighs_all_alike():
    flat = np.full((12, 9, 3), 0.3, np.float32)
    np.testing.assert_allclose(PixelDiffusion(flat).weights, 1 / 32, rtol=1e-5)


@pytest.mark.parametrize("value", [-1.0, 0.0, 0.4])
def test_a_constant_score_stays(value):
    score = np.full((14, 17), value, np.float32)
    refined = PixelDiffusion(random_image((14, 17))).refine(score)
    np.testing.assert_allclose(refined, score, atol=1e-5)


def test_it_moves_the_outline_to_the_edge():
    truth = np.zeros((40, 40), bool)
    truth[:, 20:] = True
    rgb = np.repeat(np.where(truth, 0.8, 0.2)[..., None], 3, axis=-1)
    rgb = (rgb + np.random.default_rng(0).normal(0, 0.02, rgb.shape)).astype(np.float32)
    # what a coarse method says: right, but its outline is three pixels off
    score = np.clip((np.arange(40) - 16.5) / 10, -1, 1).astype(np.float32) * np.ones(
        (40, 1), np.float32
    )
    wrong_before = np.count_nonzero((score > 0) != truth)
    refined = PixelDiffusion(rgb).refine(score, [(20, 35), (20, 3)], [True, False])
    assert np.count_nonzero((refined > 0) != truth) < wrong_before / 3


def test_clicks_keep_their_sign():
    score = np.full((20, 20), -1, np.float32)
    refined = PixelDiffusion(random_image((20, 20))).refine(score, [(5, 5), (6, 5)], [True, False])
    assert refined[5, 5] == 1
    assert refined[6, 5] == -1
    assert refined.min() >= -1
    assert refined.max() <= 1


def test_the_given_score_is_left_alone():
    score = np.random.default_rng(0).uniform(-1, 1, (9, 9)).astype(np.float32)
    before = score.copy()
    PixelDiffusion(random_image((9, 9))).refine(score, [(2, 2)], [True])
    np.testing.assert_array_equal(score, before)


def test_it_can_be_called_off():
    def progress(phase, fraction):
        assert phase == "pixel diffusion"
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        PixelDiffusion(random_image((9, 9))).refine(
            np.zeros((9, 9), np.float32), progress=progress
        )
