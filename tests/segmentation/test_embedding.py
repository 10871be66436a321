"""The diffusion map: its distances are those of the walk."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2 import Attention
from napari_m2n2.segmentation.embedding import diffusion_map


def reversible(count, seed=0):
    weights = np.random.default_rng(seed).random((count, count)) ** 3
    weights += weights.T + 2 * count * np.eye(count)  # no eigenvalue is negative
    return weights / weights.sum(axis=1, keepdims=True), weights.sum(axis=1) / weights.sum()


@settings(max_examples=20, deadline=None)
@given(side=st.integers(2, 4), seed=st.integers(0, 9), steps=st.sampled_from([2, 4]))
def test_distances_are_those_of_walks(side, seed, steps):
    walk, state = reversible(side * side, seed)
    points = diffusion_map(Attention(walk, (side, side)), coordinates=side * side, steps=steps)
    ends = np.linalg.matrix_power(walk, steps)
    for i, j in ((0, 1), (0, side * side - 1), (1, 2)):
        expected = np.sqrt(((ends[i] - ends[j]) ** 2 / state).sum())
        # negative eigenvalues are cut off, and with them a little of the distance
        found = np.linalg.norm(points[i] - points[j])
        assert found <= expected + 1e-4
        assert found == pytest.approx(expected, abs=0.1 * expected + 0.02)


def test_blocks_lie_apart():
    block = np.repeat([0, 1, 2], [20, 30, 14])
    weights = (block[:, None] == block) + 0.01
    walk = weights / weights.sum(axis=1, keepdims=True)
    points = diffusion_map(Attention(walk, (8, 8)), coordinates=5)
    within = max(np.ptp(points[block == number], axis=0).max() for number in range(3))
    means = np.array([points[block == number].mean(axis=0) for number in range(3)])
    apart = min(np.linalg.norm(means[i] - means[j]) for i, j in ((0, 1), (0, 2), (1, 2)))
    assert apart > 10 * within


def test_few_coordinates_are_the_first_of_many():
    walk, _ = reversible(100)
    few, many = (diffusion_map(Attention(walk, (10, 10)), coordinates=n) for n in (3, 99))
    np.testing.assert_allclose(np.abs(few), np.abs(many[:, :3]), atol=1e-6)


def test_one_cell_has_a_point():
    assert diffusion_map(Attention(np.ones((1, 1)), (1, 1))).shape == (1, 1)
