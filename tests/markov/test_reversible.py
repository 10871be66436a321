from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import ipf, random_attention

from napari_m2n2.attention.reversibility import stationary
from napari_m2n2.errors import Cancelled
from napari_m2n2.markov.reversible import (
    balance_reversible,
    leading_spectrum,
    spectral_maps,
)
from napari_m2n2.markov.transition import sharpen
from napari_m2n2.markov.walk import markov_maps, start_states


def lattice(rows, columns, reach=1.5, floor=1e-8):
    """Attention between neighbours on a grid: a slow walk, as on a smooth image."""
    place = np.stack(np.mgrid[:rows, :columns], -1).reshape(-1, 2)
    weights = np.exp(-((place[:, None] - place[None]) ** 2).sum(-1) / (2 * reach**2)) + floor
    return torch.from_numpy((weights / weights.sum(1, keepdims=True)).astype(np.float32))


@given(st.integers(1, 6), st.integers(0, 99))
def test_has_the_limit_of_iterative_proportional_fitting(columns, seed):
    matrix = random_attention(3, columns, seed, sharp=1.0, symmetric=True)
    weights = sharpen(torch.from_numpy(matrix), 0.65)
    done = balance_reversible(weights.clone(), stationary(weights), tolerance=1e-5)
    np.testing.assert_allclose(done.matrix.numpy(), ipf(weights.double().numpy(), 3000), atol=1e-3)
    assert done.residual < 1e-3


def test_takes_far_fewer_rounds():
    weights = sharpen(lattice(20, 20), 0.65)
    assert balance_reversible(weights, stationary(weights)).rounds < 25


def test_spectrum_equals_the_full_one():
    symmetric = balance_reversible(w := sharpen(lattice(18, 20), 1.0), stationary(w)).matrix
    spectrum = leading_spectrum(symmetric)
    expected = np.linalg.eigvalsh(symmetric.double().numpy())[::-1]
    np.testing.assert_allclose(spectrum.values[:60], expected[:60], atol=1e-4)
    torch.testing.assert_close(
        spectrum.vectors.T @ spectrum.vectors, torch.eye(160), atol=1e-4, rtol=0
    )


def test_the_same_spectrum_every_time():
    symmetric = lattice(10, 20)
    first, second = leading_spectrum(symmetric), leading_spectrum(symmetric)
    assert torch.equal(first.values, second.values)
    assert torch.equal(first.vectors, second.vectors)


@pytest.mark.parametrize("max_steps", [1, 20, 100, 1000])
@pytest.mark.parametrize("grid", [(1, 1), (1, 9), (12, 15), (24, 24)])
def test_maps_equal_the_plain_walk(grid, max_steps):
    symmetric = balance_reversible(w := sharpen(lattice(*grid), 0.65), stationary(w)).matrix
    pixels = torch.tensor([[0, 0], [20, 31], [39, 49]])
    starts = start_states(pixels, (40, 50), grid)
    expected = markov_maps(symmetric, starts, max_steps=max_steps)
    ours = spectral_maps(symmetric, leading_spectrum(symmetric), starts, max_steps=max_steps)
    # a cell on the verge of τ may be reached a little earlier or later
    assert float((ours - expected).abs().mean()) <= 2e-3 * float(expected.max())


def test_negative_eigenvalues():
    # a walk that swings between two halves
    swing = torch.kron(torch.tensor([[0.05, 0.95], [0.95, 0.05]]), lattice(5, 6))
    symmetric = (swing + swing.T) / 2
    starts = torch.eye(60)[:3]
    expected = markov_maps(symmetric, starts, max_steps=200)
    ours = spectral_maps(symmetric, leading_spectrum(symmetric), starts, max_steps=200)
    torch.testing.assert_close(ours, expected, rtol=1e-2, atol=0.5)


def test_can_be_cancelled():
    def stop(phase, fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        leading_spectrum(torch.eye(4), progress=stop)
    with pytest.raises(Cancelled):
        balance_reversible(torch.ones(4, 4) + torch.eye(4), torch.ones(4), progress=stop)
