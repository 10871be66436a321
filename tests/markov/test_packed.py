"""Matrices without what is too little to matter, beside the whole ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.markov.packed import LEFT_OUT, PackedBands, pack
from napari_m2n2.markov.product import Bands
from napari_m2n2.markov.transition import balance, sharpen
from napari_m2n2.markov.walk import markov_maps


def concentrated(count, seed=0, reach=2.0, dtype=torch.float64):
    """Rows that sum to 1, with all but very little near the diagonal."""
    place = torch.arange(count, dtype=torch.float64)
    weights = torch.exp(-((place[:, None] - place) ** 2) / (2 * reach**2)) + 1e-14
    generator = torch.Generator().manual_seed(seed)
    weights *= torch.rand(count, count, generator=generator, dtype=torch.float64) + 0.1
    return (weights / weights.sum(1, keepdim=True)).to(dtype)


def unpacked(packed):
    """The matrix that the blocks make up."""
    groups, across = len(packed.first) - 1, -(-packed.count // 16)
    matrix = np.zeros((8 * groups, 16 * across))
    for group in range(groups):
        for k in range(packed.first[group], packed.first[group + 1]):
            left = 16 * int(packed.columns[k])
            matrix[8 * group : 8 * group + 8, left : left + 16] = packed.blocks[k]
    assert not matrix[packed.count :].any()
    assert not matrix[:, packed.count :].any()
    return matrix[: packed.count, : packed.count]


@given(st.integers(60, 150), st.integers(0, 99), st.sampled_from([torch.float32, torch.float64]))
def test_what_is_left_out_is_little(count, seed, dtype):
    matrix = concentrated(count, seed, dtype=dtype)
    packed = pack(matrix)
    assert packed is not None
    kept, whole = unpacked(packed), matrix.double().numpy()
    assert ((kept == whole) | (kept == 0)).all()
    missing = (whole - kept).sum(1)
    assert 0 < missing.max() <= LEFT_OUT * (1 + 1e-6)
    assert packed.nbytes < 0.85 * matrix.nbytes


@pytest.mark.parametrize("matrix", [torch.full((40, 40), 0.025), torch.eye(3), torch.ones(1, 1)])
def test_a_matrix_that_cannot_be_made_smaller_is_left_alone(matrix):
    assert pack(matrix) is None


def test_no_more_is_kept_than_allowed():
    matrix = concentrated(200)
    share = len(pack(matrix).blocks) / (25 * 13)
    assert pack(matrix, most=share + 1e-9) is not None
    assert pack(matrix, most=share - 1e-9) is None


@given(st.integers(60, 150), st.integers(1, 4), st.integers(0, 99))
def test_push_is_a_product(count, vectors, seed):
    matrix = concentrated(count, seed)
    states = np.random.default_rng(seed).random((vectors, count))
    with PackedBands(pack(matrix)) as bands:
        found = bands.push(states)
    expected = states @ matrix.numpy()
    assert np.abs(found - expected).sum(1).max() <= LEFT_OUT * states.sum(1).max() + 1e-12


@given(st.integers(60, 150), st.integers(0, 99), st.sampled_from([np.float32, np.float64]))
def test_a_round_takes_one_pass(count, seed, precision):
    matrix = concentrated(count, seed, dtype=torch.float32)
    columns = (np.random.default_rng(seed).random(count) + 0.1).astype(precision)
    with PackedBands(pack(matrix)) as few, Bands(matrix) as bands:
        rows, sums = few.balance_rows(columns)
        all_rows, all_sums = bands.balance_rows(columns)
    assert rows.dtype == sums.dtype == precision
    limit = 1e-5 if precision == np.float32 else 1e-7
    np.testing.assert_allclose(rows, all_rows, rtol=limit)
    np.testing.assert_allclose(sums, all_sums, rtol=limit)


def test_sums_do_not_depend_on_the_number_of_threads():
    packed = pack(concentrated(700))
    states = np.random.default_rng(0).random((2, 700))
    results, before = [], torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            with PackedBands(packed) as bands:
                results.append((bands.push(states), *bands.balance_rows(np.ones(700, np.float32))))
    finally:
        torch.set_num_threads(before)
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("count", [100, 600])
def test_walks_are_those_with_the_whole_matrix(count):
    matrix = balance(sharpen(concentrated(count), 0.65), 30).matrix
    starts = torch.eye(count, dtype=torch.float64)[[0, count // 2]]
    expected = markov_maps(matrix, starts)
    found = markov_maps(pack(matrix), starts)
    assert found.dtype == expected.dtype
    assert float(expected.max()) == 1000, "slow"
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-2)
    single = markov_maps(pack(matrix.float()), starts)
    assert single.dtype == torch.float32
    assert float((single - expected).abs().mean()) < 0.1
