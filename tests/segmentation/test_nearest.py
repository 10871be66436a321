from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.segmentation.nearest import combine


def plain(distances, thresholds, labels, shape):
    """Pixel by pixel, as M2N2 Eq. 2 and 11 are worded."""
    mask, score = np.zeros(shape, bool), np.zeros(shape, np.float32)
    for row, column in np.ndindex(shape):
        scaled = [
            d[row, column] / np.float32(max(t, 1e-7))
            for d, t in zip(distances, thresholds, strict=True)
        ]
        nearest = int(np.argmin(scaled)) if scaled else None
        mask[row, column] = nearest is not None and labels[nearest] and scaled[nearest] <= 1
        front = min([s for s, label in zip(scaled, labels, strict=True) if label], default=np.inf)
        back = min([s for s, label in zip(scaled, labels, strict=True) if not label], default=1)
        score[row, column] = np.clip(min(1, back) - front, -1, 1)
    return mask, score


@given(st.integers(0, 6), st.integers(0, 999))
def test_equals_the_definition(count, seed):
    rng = np.random.default_rng(seed)
    distances = list((rng.integers(0, 8, (count, 4, 5)) / 7).astype(np.float32))
    thresholds = list(rng.choice([0, 0.3, 0.6, 1], count))
    labels = list(rng.random(count) < 0.6)
    mask, score = combine(distances, thresholds, labels, (4, 5))
    expected_mask, expected_score = plain(distances, thresholds, labels, (4, 5))
    np.testing.assert_array_equal(mask, expected_mask)
    np.testing.assert_allclose(score, expected_score, atol=1e-6)


@given(st.integers(1, 6), st.integers(0, 999))
def test_the_score_is_positive_inside_and_not_outside(count, seed):
    rng = np.random.default_rng(seed)
    distances = list(rng.random((count, 6, 7), np.float32))
    labels = list(rng.random(count) < 0.6)
    mask, score = combine(distances, [0.5] * count, labels, (6, 7))
    assert (score[mask] >= 0).all()
    assert (score[~mask] <= 0).all()


def test_no_prompt_is_no_object():
    mask, score = combine([], [], [], (3, 4))
    assert not mask.any()
    assert (score == -1).all()


def test_only_background_is_no_object():
    mask, score = combine([np.zeros((3, 4), np.float32)], [0.5], [False], (3, 4))
    assert not mask.any()
    assert score.max() <= 0


@pytest.mark.parametrize("labels", [(True, False), (False, True)])
def test_the_first_of_equally_near_prompts_counts(labels):
    same = [np.full((2, 2), 0.2, np.float32)] * 2
    mask, _ = combine(same, [0.5, 0.5], labels, (2, 2))
    assert mask.all() == labels[0]
