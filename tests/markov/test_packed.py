"""Matrices without what is too little to matter, beside the whole ones."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from concentrated import concentrated, on_grid
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.markov.packed import PackedBands
from napari_m2n2.markov.packing import LEFT_OUT, pack
from napari_m2n2.markov.transition import balance, sharpen
from napari_m2n2.markov.walk import markov_maps


def unpacked(packed):
    """The matrix that the blocks make up."""
    groups = len(packed.first) - 1
    matrix = np.zeros((8 * groups, 8 * groups))
    for group in range(groups):
        for k in range(packed.first[group], packed.first[group + 1]):
            left = 8 * int(packed.columns[k])
            matrix[8 * group : 8 * group + 8, left : left + 8] = packed.blocks[k]
    assert not matrix[packed.count :].any()
    assert not matrix[:, packed.count :].any()
    in_order = matrix[: packed.count, : packed.count]
    whole = np.empty_like(in_order)
    whole[np.ix_(packed.order, packed.order)] = in_order
    return whole


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
    share = len(pack(matrix).blocks) / 25**2
    assert pack(matrix, most=share + 1e-9) is not None
    assert pack(matrix, most=share - 1e-9) is None


@given(st.integers(8, 12), st.integers(9, 15), st.integers(0, 99), st.booleans())
def test_cells_of_a_grid_are_found_again(rows, columns, seed, overwrite):
    whole = on_grid(rows, columns, seed).numpy()
    packed = pack(torch.tensor(whole), grid=(rows, columns), most=1, overwrite=overwrite)
    assert sorted(packed.order) == list(range(rows * columns))
    kept = unpacked(packed)
    assert ((kept == whole) | (kept == 0)).all()
    assert (whole - kept).sum(1).max() <= LEFT_OUT * (1 + 1e-6)


def test_tiles_of_the_grid_need_fewer_blocks_than_its_rows():
    matrix = on_grid(32, 64, reach=0.6)
    assert len(pack(matrix, grid=(32, 64)).blocks) < 0.9 * len(pack(matrix).blocks)


@pytest.mark.parametrize("grid", [None, (24, 40), (31, 31)])
def test_many_blocks_take_the_place_of_the_matrix(grid):
    rows, columns = grid or (24, 40)
    whole = on_grid(rows, columns, reach=3).numpy()
    matrix = torch.tensor(whole)
    tracemalloc.start()
    packed = pack(matrix, grid=grid, overwrite=True)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert packed.blocks.size > 0.3 * whole.size, "could not fail"
    # eight rows of the grid (without one, 128 of the matrix) are read before they are overwritten
    assert most <= (0.05 + 8 / rows) * whole.nbytes
    assert np.shares_memory(packed.blocks, matrix.numpy())
    np.testing.assert_array_equal(unpacked(packed), unpacked(pack(torch.tensor(whole), grid=grid)))


def test_blocks_that_are_wider_than_the_matrix_have_no_room_in_it():
    whole = np.random.default_rng(0).random((30, 30))
    matrix = torch.tensor(whole)
    packed = pack(matrix, most=1, overwrite=True)
    assert not np.shares_memory(packed.blocks, matrix.numpy())
    np.testing.assert_array_equal(unpacked(packed), whole)


def test_few_blocks_stand_beside_the_matrix():
    whole = on_grid(24, 40, reach=0.5).numpy()
    matrix = torch.tensor(whole)
    packed = pack(matrix, grid=(24, 40), overwrite=True)
    assert packed.blocks.size < 0.28 * whole.size
    np.testing.assert_array_equal(matrix.numpy(), whole)


@given(st.integers(8, 12), st.integers(9, 15), st.integers(1, 4), st.integers(0, 99))
def test_push_is_a_product(rows, columns, vectors, seed):
    matrix, count = on_grid(rows, columns, seed), rows * columns
    states = np.random.default_rng(seed).random((vectors, count))
    with PackedBands(pack(matrix, grid=(rows, columns), most=1)) as bands:
        found = bands.push(states)
    expected = states @ matrix.numpy()
    assert np.abs(found - expected).sum(1).max() <= LEFT_OUT * states.sum(1).max() + 1e-12


def test_sums_do_not_depend_on_the_number_of_threads():
    packed = pack(concentrated(700))
    states = np.random.default_rng(0).random((2, 700))
    results, before = [], torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            with PackedBands(packed) as bands:
                results.append(bands.push(states))
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(*results)


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
