"""Entropy-reduced attention against the formula and its zero in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2.errors import InputError
from napari_m2n2.segmentation.entropy import reduce_entropy, vanishing_point


def stochastic(count, seed=0, sharpness=6):
    weights = np.random.default_rng(seed).random((count, count)) ** sharpness
    return torch.from_numpy(weights / weights.sum(axis=1, keepdims=True))


def plain(matrix, ent):
    """Return what the published program does, entry by entry, with its decimal logarithm."""
    count = len(matrix)
    result = np.zeros((count, count))
    for column in range(count):
        largest = matrix[:, column].max()
        for row in range(count):
            b = matrix[row, column] / largest
            result[row, column] = max(b + ent * math.log10(math.e * b), 0) if b > 0 else 0
    for row in range(count):
        whole = result[row].sum()
        if whole == 0:
            result[row, row] = 1
        else:
            result[row] /= whole
    return result


@settings(max_examples=30, deadline=None)
@given(
    count=st.integers(1, 9),
    seed=st.integers(0, 30),
    strength=st.sampled_from([0.0, 0.00087, 0.02, 0.0869, 0.4]),
)
def test_it_is_the_published_program(count, seed, strength):
    matrix = stochastic(count, seed)
    expected = plain(matrix.numpy(), strength * math.log(10))
    np.testing.assert_allclose(reduce_entropy(matrix, strength), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("strength", "zero"), [(0.02, 0.043), (0.0065, 0.019), (0.00087, 0.0039), (0.0869, 0.107)]
)
def test_entries_below_the_zero_vanish(strength, zero):
    point = vanishing_point(strength)
    assert point == pytest.approx(zero, rel=0.03)  # as the specification's table has it
    matrix = stochastic(40)
    share = matrix / matrix.amax(dim=0)
    reduced = reduce_entropy(matrix, strength)
    assert bool((reduced[share < point * 0.999] == 0).all())
    assert bool((reduced[share > point * 1.001] > 0).all())


def test_without_strength_nothing_vanishes():
    assert vanishing_point(0) == 0
    assert bool((reduce_entropy(stochastic(10), 0) > 0).all())


def test_a_row_that_loses_all_keeps_to_itself():
    matrix = torch.tensor([[0.98, 0.01, 0.01], [0.01, 0.98, 0.01], [0.4, 0.4, 0.2]])
    matrix[2] = torch.tensor([0.02, 0.02, 0.0])  # weak in both columns, and none in the third
    reduced = reduce_entropy(matrix, 0.1)
    assert reduced[2].tolist() == [0, 0, 1]
    torch.testing.assert_close(reduced.sum(dim=1), torch.ones(3))


def test_the_given_matrix_is_left_alone():
    matrix = stochastic(6)
    before = matrix.clone()
    reduce_entropy(matrix, 0.02)
    assert torch.equal(matrix, before)


@pytest.mark.parametrize("strength", [-0.1, math.nan, math.inf])
def test_strengths_that_cannot_be(strength):
    with pytest.raises(InputError, match="give 0 or more"):
        reduce_entropy(stochastic(3), strength)


@settings(max_examples=30, deadline=None)
@given(
    count=st.integers(1, 12),
    seed=st.integers(0, 30),
    strength=st.sampled_from([0.0, 0.02, 0.4, 3.0]),
    empty=st.integers(0, 12),
)
def test_rows_still_sum_to_one(count, seed, strength, empty):
    matrix = stochastic(count, seed)
    matrix[:, empty % count] = 0  # a cell that nobody looks at
    matrix /= matrix.sum(dim=1, keepdim=True).clamp_min(1e-9)
    reduced = reduce_entropy(matrix, strength)
    assert bool((reduced >= 0).all())
    np.testing.assert_allclose(reduced.sum(dim=1), 1, rtol=1e-9)
