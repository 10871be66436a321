"""What is cut out of a matrix for rounds of balancing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from concentrated import concentrated, on_grid
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.markov.cutting import cut
from napari_m2n2.markov.packing import pack


def whole(strips):
    """The matrix that the strips make up."""
    groups, count = len(strips.first) - 1, len(strips.order)
    matrix = np.zeros((8 * groups, groups, 8))
    for group in range(groups):
        left, right = strips.first[group], strips.first[group + 1]
        strip = strips.entries[64 * left : 64 * right].reshape(8, -1, 8)
        matrix[8 * group : 8 * group + 8, strips.columns[left:right]] = strip
    matrix = matrix.reshape(8 * groups, 8 * groups)
    assert not matrix[count:].any()
    assert not matrix[:, count:].any()
    in_order = np.empty((count, count))
    in_order[np.ix_(strips.order, strips.order)] = matrix[:count, :count]
    return in_order


@given(
    st.integers(60, 150),
    st.integers(0, 99),
    st.sampled_from([torch.float32, torch.float64]),
    st.floats(1e-10, 1e-2),
)
def test_rows_lack_no_more_than_they_may(count, seed, dtype, left_out):
    matrix = concentrated(count, seed, dtype=dtype)
    kept, all_of_it = whole(cut(matrix, [left_out])), matrix.double().numpy()
    assert ((kept == all_of_it) | (kept == 0)).all()
    missing = (all_of_it - kept).sum(1)
    assert 0 < missing.max() <= left_out * (1 + 1e-5)


@given(st.floats(1e-8, 1e-2), st.floats(0.01, 0.2), st.integers(0, 99))
def test_of_rows_that_are_alike_nearly_all_is_left_out_that_may_be(left_out, fall, seed):
    row = np.random.default_rng(seed).permutation(np.exp(-fall * np.arange(200)))
    row /= row.sum()
    missing = 1 - whole(cut(torch.from_numpy(np.tile(row, (200, 1))), [left_out])).sum(1)
    assert missing.max() <= left_out * (1 + 1e-5) + 1e-14
    blocks = np.sort(row.reshape(25, 8).sum(1))
    first_kept = blocks[np.cumsum(blocks) > left_out][0]
    assert missing.min() >= blocks[blocks < 0.98 * min(first_kept, left_out)].sum() - 1e-14


@given(st.integers(8, 12), st.integers(9, 15), st.integers(0, 99))
def test_cells_of_a_grid_are_found_again(rows, columns, seed):
    matrix = on_grid(rows, columns, seed)
    strips = cut(matrix, [1e-7], grid=(rows, columns))
    assert sorted(strips.order) == list(range(rows * columns))
    kept = whole(strips)
    assert ((kept == matrix.numpy()) | (kept == 0)).all()
    assert (matrix.numpy() - kept).sum(1).max() <= 1e-7 * (1 + 1e-6)


@pytest.mark.parametrize("left_out", [1e-9, 1e-6, 1e-4])
def test_little_more_is_kept_than_by_looking_at_every_row(left_out):
    matrix = on_grid(24, 32)
    least = len(pack(matrix, grid=(24, 32), most=1, left_out=left_out).blocks) / (96 * 96)
    assert least < 0.5, "could not fail"
    assert least <= cut(matrix, [left_out], grid=(24, 32)).share <= 1.15 * least


def test_more_is_left_out_where_less_would_be_too_much():
    matrix, limits = on_grid(16, 24), (1e-9, 1e-6, 1e-3)
    shares = [cut(matrix, [limit], grid=(16, 24)).share for limit in limits]
    assert shares[0] > shares[1] > shares[2]
    for most, expected in zip((1, shares[1] + 1e-9, shares[2] + 1e-9), shares, strict=True):
        assert cut(matrix, limits, grid=(16, 24), most=most).share == expected
    assert cut(matrix, limits, grid=(16, 24), most=shares[2] - 1e-9) is None


@pytest.mark.parametrize("matrix", [torch.full((40, 40), 0.025), torch.eye(3), torch.ones(1, 1)])
def test_a_matrix_of_which_all_matters_is_kept_whole(matrix):
    strips = cut(matrix, [1e-9])
    assert strips.share == 1
    np.testing.assert_array_equal(whole(strips), matrix.numpy())
    assert cut(matrix, [1e-9], most=0.9) is None
