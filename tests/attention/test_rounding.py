from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import random_attention
from scipy import ndimage

from napari_m2n2.attention.base import Attention
from napari_m2n2.attention.reversibility import stationary
from napari_m2n2.attention.rounding import Rounded, restore, round_attention
from napari_m2n2.attention.texture import Texture
from napari_m2n2.markov.transition import sharpen

HALF = 2.0**-11
"""What one rounding to half precision changes at most, as a share."""


def textured(seed=0, shape=(60, 80), grid=12):
    noise = np.random.default_rng(seed).random((*shape, 3))
    image = ndimage.gaussian_filter(noise, (6, 6, 0))
    return Texture(grid).attend((image / image.max()).astype(np.float32))


@given(st.integers(1, 5), st.integers(1, 20), st.integers(0, 99), st.floats(0.1, 8))
def test_each_entry_is_right_to_half_precision(rows, columns, seed, sharp):
    matrix = random_attention(rows, columns, seed, sharp=sharp)
    attention = Attention(matrix, (rows, columns))
    found = restore(round_attention(attention))
    assert found.grid == (rows, columns)
    large = matrix > 2e-9 * matrix.max(axis=1, keepdims=True)
    # once for the entry, once for the sum of its row
    np.testing.assert_allclose(found.matrix.numpy()[large], matrix[large], rtol=2 * HALF)
    np.testing.assert_allclose(found.matrix.numpy(), matrix, atol=1e-10, rtol=2 * HALF)
    np.testing.assert_allclose(found.matrix.sum(1), 1, rtol=1e-6)


@given(st.integers(1, 5), st.integers(1, 30), st.integers(0, 99))
def test_reversible_attention_takes_half_and_stays_reversible(rows, columns, seed):
    matrix = random_attention(rows, columns, seed, sharp=1.0, symmetric=True)
    rounded = round_attention(Attention(matrix, (rows, columns)))
    assert rounded.columns is not None
    found = restore(rounded).matrix
    np.testing.assert_allclose(found, matrix, rtol=4 * HALF)
    pi = stationary(found)
    assert pi is not None
    flow = pi[:, None] * found
    torch.testing.assert_close(flow, flow.T, rtol=1e-5, atol=0)


@pytest.mark.parametrize("temperature", [0.3, 0.65, 1.0, 3.0])
def test_texture_is_followed_through_its_spectrum_as_before(temperature):
    attention = textured()
    rounded = round_attention(attention)
    cells = len(attention.matrix)
    assert rounded.halves.size < 0.75 * cells**2
    found = restore(rounded)
    assert stationary(sharpen(found.matrix, temperature)) is not None
    np.testing.assert_array_equal(found.features, attention.features)
    assert float((found.matrix - attention.matrix).abs().max()) < 1e-3


def test_what_comes_back_is_the_same_to_the_bit_wherever_it_is_put():
    rounded = round_attention(textured())
    first = restore(rounded)
    again = restore(Rounded.of(rounded.grid, rounded.arrays()), torch.rand(first.matrix.shape))
    assert torch.equal(first.matrix, again.matrix)
    first.features.zero_()
    assert np.abs(rounded.features).max() > 0  # what is kept is not shared


def test_rounding_what_was_rounded_changes_next_to_nothing():
    once = restore(round_attention(textured(1)))
    twice = restore(round_attention(once))
    np.testing.assert_allclose(twice.matrix, once.matrix, rtol=4 * HALF)


def test_a_row_of_one_entry_and_entries_too_small_for_half_precision():
    matrix = np.full((4, 4), 1e-14, np.float32)
    np.fill_diagonal(matrix, 1)
    matrix[0] = (0.25, 0.25, 0.25, 0.25)
    found = restore(round_attention(Attention(matrix, (2, 2)))).matrix
    np.testing.assert_allclose(found, matrix, atol=1e-12, rtol=2 * HALF)


def test_rare_steps_that_differ_there_and_back_are_not_made_alike():
    matrix = np.array([[1 - 1e-4, 1e-4, 1e-8], [1e-8, 1 - 1e-4, 1e-4], [1e-4, 1e-8, 1 - 1e-4]])
    found = restore(round_attention(Attention(matrix, (1, 3)))).matrix
    np.testing.assert_allclose(found, matrix, rtol=1e-3)


@pytest.mark.parametrize(
    "change",
    [
        {"halves": None},
        {"halves": np.ones(15, np.float16)},
        {"halves": np.ones(16, np.float32)},
        {"columns": np.ones(3, np.float32)},
        {"features": np.ones((3, 2), np.float32)},
    ],
)
def test_arrays_of_something_else_are_refused(change):
    arrays = {"halves": np.ones(16, np.float16)} | change
    arrays = {name: array for name, array in arrays.items() if array is not None}
    with pytest.raises(ValueError, match="no attention"):
        Rounded.of((2, 2), arrays)
