"""Rounds of balancing with a part of the matrix, beside rounds with all of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import ipf

from napari_m2n2.markov import transition
from napari_m2n2.markov.fewer import InFew, MissingTooMuch
from napari_m2n2.markov.packed import PackedBands
from napari_m2n2.markov.packing import pack
from napari_m2n2.markov.product import Bands
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


def rounds(weights, number, left_out, columns=None):
    """Factors of rows and sums of columns after each round, with a part and with all."""
    packed = pack(weights, grid=GRID, left_out=left_out)
    with Bands(weights) as bands, PackedBands(packed) as few:
        half = InFew(few, bands, number)
        sums = weights.sum(0)
        for _ in range(number):
            columns = 1 / sums
            expected = bands.balance_rows(columns.numpy())
            rows, sums = half(columns)
            yield (rows.numpy(), sums.numpy()), expected


def test_what_is_lacking_is_made_up_for():
    weights = attention()
    lacking = 0.0
    with PackedBands(pack(weights, grid=GRID, left_out=2e-6)) as few, Bands(weights) as bands:
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


def test_what_changes_too_much_is_noticed():
    weights = attention()
    weights[:, ::7] *= 1e-3  # factors change a lot in the first rounds
    weights = weights / weights.sum(1, keepdim=True)
    with pytest.raises(MissingTooMuch):
        list(rounds(weights, 200, 1e-4))


@pytest.mark.parametrize("seed", range(3))
def test_a_part_that_lacks_more_is_taken_where_one_that_lacks_less_is_too_large(seed, monkeypatch):
    weights = attention(2e-10, seed)
    shares, original = [], transition.pack

    def packed(*given, **more):
        found = original(*given, **more)
        shares.append(None if found is None else len(found.blocks))
        return found

    monkeypatch.setattr(transition, "pack", packed)
    expected = ipf(weights.numpy(), 60)
    found = balance(weights.float(), 60, grid=GRID).matrix
    assert shares[0] is None
    assert shares[1] is not None
    np.testing.assert_allclose(found, expected, atol=2e-6)
