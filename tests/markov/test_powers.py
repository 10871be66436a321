"""Powers of rows in single precision, beside numpy's in double precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_m2n2.markov.powers import normalised_powers
from napari_m2n2.markov.transition import TINY, sharpen


def powers(matrix, power, least=TINY):
    """What is compiled makes of a matrix."""
    result = np.full_like(matrix, np.nan)
    bits = np.float32(least).view(np.int32)
    normalised_powers(
        matrix.view(np.int32), result, result.view(np.int32), power, bits, 0, len(matrix)
    )
    return result


def plain(matrix, power, least=TINY):
    """The same in double precision; powers that underflow count as 0."""
    logs = power * np.log(np.maximum(matrix.astype(np.float64), least))
    found = np.exp(logs - logs.max(axis=1, keepdims=True))
    return found / found.sum(axis=1, keepdims=True)


ENTRIES = st.floats(0, 1, width=32) | st.floats(0, np.float32(1e-6), width=32)


@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 3), st.integers(1, 40)), elements=ENTRIES),
    st.floats(0.1, 4),
)
def test_small_and_large_entries_are_right_to_a_few_roundings(matrix, power):
    found, expected = powers(matrix, power), plain(matrix, power)
    seen = expected > 1e-36
    np.testing.assert_allclose(found[seen], expected[seen], rtol=1e-6)
    assert (found > 0).all()


def test_over_all_exponents():
    matrix = np.geomspace(1e-12, 1, 4000, dtype=np.float32)[None]
    np.testing.assert_allclose(powers(matrix, 1.0), matrix / matrix.sum(), rtol=5e-7)


@pytest.mark.parametrize("power", [100.0, 1000.0])
def test_what_underflows_is_still_possible(power):
    matrix = np.array([[0.5, 1e-3, 0.0], [0.25, 0.5, 0.25]], np.float32)
    found = powers(matrix, power)
    np.testing.assert_allclose(found.max(axis=1), 1)
    assert ((found > 0) & (found < 1e-25) | (found == found.max(axis=1, keepdims=True))).all()


def test_rows_beyond_the_part_are_left_alone():
    matrix = np.full((3, 5), 0.2, np.float32)
    result = np.zeros_like(matrix)
    normalised_powers(matrix.view(np.int32), result, result.view(np.int32), 2.0, np.int32(1), 1, 2)
    np.testing.assert_allclose(result, [[0] * 5, [0.2] * 5, [0] * 5], rtol=1e-6)


@pytest.mark.parametrize("overwrite", [False, True])
def test_both_precisions_sharpen_alike(overwrite):
    attention = torch.rand(600, 600, generator=torch.Generator().manual_seed(0)) ** 4
    expected = sharpen(attention.double(), 0.65)
    found = sharpen(attention, 0.65, overwrite=overwrite)
    assert (found.data_ptr() == attention.data_ptr()) == overwrite
    torch.testing.assert_close(found.double(), expected, rtol=1e-6, atol=0)


def test_a_matrix_whose_rows_are_apart_is_taken_too():
    wide = torch.rand(6, 12, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        sharpen(wide[:, ::2], 0.5), sharpen(wide[:, ::2].clone(), 0.5), rtol=1e-6, atol=0
    )
