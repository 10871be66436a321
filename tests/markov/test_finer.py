from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import bilateral_mean

from napari_m2n2.markov.finer import enlarge, enlarge_along_edges


def scene(shape, small):
    """A disc on a ground with noise, its score on the reduced plane, and both images."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    distance = np.hypot(rows / shape[0] - 0.5, columns / shape[1] - 0.5) - 0.3
    noise = np.random.default_rng(0).integers(0, 9, (*shape, 3))
    image = (np.where(distance < 0, 170, 60)[..., None] + noise).astype(np.uint8)
    score = cv2.resize(-distance, small[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
    return distance < 0, image, cv2.resize(image, small[::-1], interpolation=cv2.INTER_AREA), score


@pytest.mark.parametrize("small", [(24, 30), (23, 31), (60, 75)])
def test_the_outline_is_the_plain_bilateral_mean(small):
    _, large, reduced, score = scene((60, 75), small)
    ours = enlarge_along_edges(score, reduced, large)
    plain = bilateral_mean(score, reduced, large)
    smooth = enlarge(score, (60, 75))
    decided = ours != smooth
    assert decided.any()
    np.testing.assert_allclose(ours[decided], plain[decided], atol=1e-5)
    np.testing.assert_array_equal(ours[~decided], smooth[~decided])
    # what was left alone is on the side that the plain mean is on
    np.testing.assert_array_equal(ours > 0, np.where(decided, plain, smooth) > 0)


def test_the_outline_follows_the_image_to_the_pixel():
    truth, large, reduced, score = scene((240, 300), (40, 50))
    shifted = np.roll(score, 1, axis=1)  # by six pixels of the plane
    ours = enlarge_along_edges(shifted, reduced, large) > 0
    smooth = enlarge(shifted, truth.shape) > 0
    assert np.count_nonzero(ours != truth) < 0.6 * np.count_nonzero(smooth != truth)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 20), st.integers(0, 20))
def test_any_shape(height, width, more_rows, more_columns):
    rng = np.random.default_rng(0)
    shape = (height + more_rows, width + more_columns)
    score = rng.standard_normal((height, width)).astype(np.float32)
    small = rng.integers(0, 256, (height, width, 3)).astype(np.uint8)
    large = rng.integers(0, 256, (*shape, 3)).astype(np.uint8)
    ours = enlarge_along_edges(score, small, large)
    assert ours.shape == shape
    assert np.isfinite(ours).all()
    assert score.min() - 1e-5 <= ours.min() <= ours.max() <= score.max() + 1e-5


def test_one_sign_stays_one_sign():
    image = np.zeros((40, 40, 3), np.uint8)
    for value in (-1, 1):
        score = np.full((5, 5), value, np.float32)
        np.testing.assert_array_equal(enlarge_along_edges(score, image[::8, ::8], image), value)
