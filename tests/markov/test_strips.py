"""Rounds of balancing with strips of a matrix, beside the whole ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from concentrated import concentrated, on_grid
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.markov.cutting import cut
from napari_m2n2.markov.packing import LEFT_OUT
from napari_m2n2.markov.product import Bands
from napari_m2n2.markov.strips import StripBands


@given(st.integers(60, 150), st.integers(0, 99), st.sampled_from([np.float32, np.float64]))
def test_a_round_takes_one_pass(count, seed, precision):
    matrix = concentrated(count, seed, dtype=torch.float32)
    columns = (np.random.default_rng(seed).random(count) + 0.1).astype(precision)
    with StripBands(cut(matrix, [LEFT_OUT])) as few, Bands(matrix) as bands:
        rows, sums = few.balance_rows(columns)
        all_rows, all_sums = bands.balance_rows(columns)
        twice = few.balance_rows(columns, np.full(count, 2.0, precision))
    assert rows.dtype == sums.dtype == precision
    limit = 1e-5 if precision == np.float32 else 1e-7
    np.testing.assert_allclose(rows, all_rows, rtol=limit)
    np.testing.assert_allclose(sums, all_sums, rtol=limit)
    np.testing.assert_allclose(twice, (2 * rows, 2 * sums), rtol=1e-6)


def test_a_round_on_a_grid_is_in_the_order_of_its_cells():
    matrix = on_grid(11, 13)
    columns, shares = np.random.default_rng(0).random((2, 143)) + 0.1
    with StripBands(cut(matrix, [LEFT_OUT], grid=(11, 13))) as few:
        rows, sums = few.balance_rows(columns, shares)
    expected = shares / (matrix.numpy() @ columns)
    np.testing.assert_allclose(rows, expected, rtol=1e-7)
    np.testing.assert_allclose(sums, expected @ matrix.numpy(), rtol=1e-7)


def test_a_round_leaves_the_one_before_alone():
    matrix = concentrated(700)
    columns, others = np.random.default_rng(0).random((2, 700)) + 0.1
    with StripBands(cut(matrix, [LEFT_OUT])) as few:
        first = few.balance_rows(columns, others)
        kept = [one.copy() for one in first]
        few.balance_rows(others)
        np.testing.assert_array_equal(first, kept)
        np.testing.assert_array_equal(few.balance_rows(columns, others), kept)


def test_sums_do_not_depend_on_the_number_of_threads():
    strips = cut(concentrated(700), [LEFT_OUT])
    results, before = [], torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            with StripBands(strips) as bands:
                results.append(bands.balance_rows(np.ones(700, np.float32)))
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("count", [1, 7, 8, 9])
def test_few_cells(count):
    matrix = torch.rand(count, count, generator=torch.Generator().manual_seed(0)).double()
    columns = np.random.default_rng(0).random(count) + 0.1
    with StripBands(cut(matrix, [LEFT_OUT])) as few, Bands(matrix) as bands:
        np.testing.assert_allclose(
            few.balance_rows(columns), bands.balance_rows(columns), rtol=1e-12
        )
