"""Clusters of what cells say of words, against k-means written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2.attention.word_clusters import clustered, divergence, seeds_of


def plain(maps, grid, count, rounds=20):
    """Lloyd's algorithm in loops."""
    values = maps.T
    shares = values / values.sum(axis=1, keepdims=True)

    def apart(p, q):
        p, q = p + 1e-5, q + 1e-5
        return ((p - q) * np.log(p / q)).sum()

    centres = [shares[cell] for cell in seeds_of(grid, count).tolist()]
    for _ in range(rounds):
        owner = [int(np.argmin([apart(p, q) for q in centres])) for p in shares]
        centres = [
            np.mean([p for p, own in zip(shares, owner, strict=True) if own == k], axis=0)
            if k in owner
            else centre
            for k, centre in enumerate(centres)
        ]
    means = [
        np.mean([v for v, other in zip(values, owner, strict=True) if other == own], axis=0)
        for own in owner
    ]
    return np.array(means).T


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 20), count=st.integers(1, 9))
def test_it_is_lloyds_algorithm(seed, count):
    maps = np.random.default_rng(seed).random((5, 30)) ** 3 + 1e-3
    found = clustered(torch.from_numpy(maps), (5, 6), count)
    np.testing.assert_allclose(found, plain(maps, (5, 6), count), rtol=1e-9)


def test_cells_that_say_the_same_stay_as_they_are():
    halves = np.repeat([[0.9, 0.1], [0.2, 0.8]], 18, axis=0).T
    np.testing.assert_allclose(clustered(torch.from_numpy(halves), (6, 6), 4), halves)
    noise = np.random.default_rng(0).uniform(0.9, 1.1, (2, 36))
    calm = clustered(torch.from_numpy(halves * noise), (6, 6), 2).numpy()
    assert len(np.unique(calm[0])) == 2
    np.testing.assert_allclose(calm, halves, atol=0.1)


def test_the_divergence_is_symmetric_and_zero_for_the_same():
    shares = torch.from_numpy(np.random.default_rng(0).dirichlet(np.ones(7), 6))
    apart = divergence(shares, shares)
    torch.testing.assert_close(apart, apart.T)
    np.testing.assert_allclose(apart.diagonal(), 0, atol=1e-12)


@pytest.mark.parametrize("grid", [(1, 1), (64, 64), (40, 3), (1, 50)])
@pytest.mark.parametrize("count", [1, 5, 32])
def test_seeds_are_some_cells_of_the_grid(grid, count):
    seeds = seeds_of(grid, count).tolist()
    assert 1 <= len(set(seeds)) == len(seeds) <= count
    assert 0 <= min(seeds) <= max(seeds) < grid[0] * grid[1]
