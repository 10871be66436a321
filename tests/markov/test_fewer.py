"""Rounds of balancing with a part of the matrix, beside rounds with all of it."""

from __future__ import annotations

from unittest import mock

import numpy as np
import pytest
import torch
from concentrated import on_grid
from hypothesis import given
from hypothesis import strategies as st
from oracles import ipf, random_attention

from napari_m2n2.markov import transition
from napari_m2n2.markov.cutting import cut
from napari_m2n2.markov.fewer import InFew, MissingTooMuch
from napari_m2n2.markov.product import Bands
from napari_m2n2.markov.strips import StripBands
from napari_m2n2.markov.transition import balance, sharpen

GRID = (18, 24)


def attention(tail=1e-9, seed=0):
    """Rows of a grid whose cells see their neighbours, and all others a little."""
    cells = torch.cartesian_prod(torch.arange(GRID[0]), torch.arange(GRID[1])).double()
    weights = torch.exp(-torch.cdist(cells, cells).square() / 2)
    generator = torch.Generator().manual_seed(seed)
    weights *= torch.randn(weights.shape, generator=generator, dtype=torch.float64).exp()
    weights += tail * torch.rand(weights.shape, generator=generator, dtype=torch.float64)
    return sharpen(weights / weights.sum(1, keepdim=True), 1.0)


def rounds(weights, number, left_out):
    """Factors of rows and sums of columns after each round, with a part and with all."""
    strips = cut(weights, [left_out], grid=GRID)
    with Bands(weights) as bands, StripBands(strips) as few:
        half = InFew(few, bands, number)
        sums = weights.sum(0).numpy()
        for _ in range(number):
            columns = 1 / sums
            expected = bands.balance_rows(columns)
            rows, sums = half(columns)
            yield (rows, sums), expected


def counted(monkeypatch):
    """Whether each round is with the whole matrix, one after the other."""
    whole = []
    for bands in (StripBands, Bands):
        original = bands.balance_rows

        def work(self, *given, original=original, bands=bands):
            whole.append(bands is Bands)
            return original(self, *given)

        monkeypatch.setattr(bands, "balance_rows", work)
    return whole


def test_what_is_lacking_is_made_up_for():
    weights = attention()
    with StripBands(cut(weights, [2e-6], grid=GRID)) as few, Bands(weights) as bands:
        ones = np.ones(len(weights))
        lacking = np.abs(few.balance_rows(ones)[0] / bands.balance_rows(ones)[0] - 1).max()
    assert lacking > 5e-7, "could not fail"
    for found, expected in rounds(weights, 40, 2e-6):
        np.testing.assert_allclose(found, expected, rtol=0.2 * lacking)


@pytest.mark.parametrize("number", [1, 2, 3, 9])
def test_the_last_round_is_that_of_the_whole_matrix(number):
    *_, (found, expected) = rounds(attention(), number, 2e-6)
    np.testing.assert_array_equal(found, expected)


def test_a_column_that_the_part_lacks_is_noticed():
    weights = attention(1e-13)
    weights[:, 100] = 1e-12
    weights = weights / weights.sum(1, keepdim=True)
    with pytest.raises(MissingTooMuch):
        list(rounds(weights, 20, 1e-9))


def changing():
    """Weights whose factors change a lot in the first rounds."""
    weights = attention()
    weights[:, ::7] *= 1e-3
    return weights / weights.sum(1, keepdim=True)


def factors(half, weights, number=200):
    """Factors of columns after so many rounds."""
    sums = weights.sum(0).numpy()
    for _ in range(number):
        columns = 1 / sums
        sums = half(columns)[1]
    return columns


@pytest.mark.parametrize("left_out", [1e-6, 1e-5, 1e-4, 1e-3])
@pytest.mark.parametrize("weights", [attention(), changing()])
def test_all_rounds_together_change_factors_by_no_more_than_they_may(weights, left_out):
    with Bands(weights) as bands, StripBands(cut(weights, [left_out], grid=GRID)) as few:
        expected = factors(bands.balance_rows, weights)
        np.testing.assert_allclose(factors(InFew(few, bands, 200), weights), expected, rtol=2e-5)


def test_more_rounds_are_whole_where_more_is_lacking(monkeypatch):
    weights, numbers = attention(), []
    for left_out in (1e-6, 1e-4, 1e-3):
        strips = cut(weights, [left_out], grid=GRID)
        with monkeypatch.context() as patch, Bands(weights) as bands, StripBands(strips) as few:
            whole = counted(patch)
            factors(InFew(few, bands, 200), weights)
        assert all(whole[:3])
        numbers.append(sum(whole))
    assert numbers[0] < 20 < numbers[1] < 60 < numbers[2]


def test_what_changes_too_much_after_all_is_noticed():
    weights = attention()
    strips = cut(weights, [1e-4], grid=GRID)
    columns = 1 / weights.sum(0).numpy()
    with Bands(weights) as bands, StripBands(strips) as few:
        half = InFew(few, bands, 200)
        for _ in range(9):  # nothing changes, so that the part is trusted
            half(columns)
        columns[::3] *= 1e3
        for _ in range(9, 15):
            half(columns)
        with pytest.raises(MissingTooMuch):
            half(columns)


@given(st.integers(4, 9), st.integers(5, 12), st.floats(1e-10, 1e-5), st.integers(0, 99))
def test_the_whole_of_it_is_what_the_plain_form_gives(rows, columns, tail, seed):
    matrix = random_attention(rows, columns, seed, 1.0)
    near = on_grid(rows, columns, seed, reach=0.4).numpy()
    weights = torch.from_numpy(near + tail * matrix)
    weights /= weights.sum(1, keepdim=True)
    expected = ipf(weights.numpy(), 200)
    with mock.patch.object(transition, "_KEPT", 0.9):
        found = balance(weights.float(), 200, grid=(rows, columns)).matrix
    np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seed", range(3))
def test_a_part_that_lacks_more_is_taken_where_one_that_lacks_less_is_too_large(
    seed, dtype, monkeypatch
):
    weights = attention(2e-10, seed)
    parts, original = [], transition.cut

    def spied(*given, **more):
        parts.append(original(*given, **more))
        return parts[-1]

    monkeypatch.setattr(transition, "cut", spied)
    assert cut(weights, [1e-9], grid=GRID).share > transition._KEPT
    expected = ipf(weights.numpy(), 60)
    found = balance(weights.to(dtype), 60, grid=GRID).matrix
    assert len(parts) == 1
    assert parts[0].share <= transition._KEPT
    np.testing.assert_allclose(found, expected, atol=2e-6)
