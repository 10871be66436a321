"""Cells that answer to the same words share what they say: clusters of cross-attention.

What the scripts of iSeg (Sun et al., 2024) do besides the paper: k-means of the cells by how their
attention is spread over the tokens, with the symmetric Kullback-Leibler divergence for a distance,
begun from cells on a grid. Each cell then says what its cluster says in the mean.
"""

from __future__ import annotations

import math

import torch

_ROUNDS = 20

_LEAST = 1e-5
"""Added to every share, so that logarithms are finite; as in the program."""


def clustered(
    maps: torch.Tensor, grid: tuple[int, int], count: int, *, rounds: int = _ROUNDS
) -> torch.Tensor:
    """Return maps in which the cells of a cluster share their mean, (T, N).

    Parameters
    ----------
    maps : (T, N) tensor
        How strongly each cell looks at each token, not negative.
    grid : (int, int)
        h · w = N.
    count : int
        Most clusters, >= 1; one that loses its cells stays as it was.
    rounds : int
        Most rounds of Lloyd's algorithm.
    """
    values = maps.T
    shares = values / values.sum(dim=1, keepdim=True).clamp_min(torch.finfo(maps.dtype).tiny)
    centres = shares[seeds_of(grid, count).to(maps.device)]
    owner = torch.zeros(0, dtype=torch.long)
    for _ in range(rounds):
        before, owner = owner, divergence(shares, centres).argmin(dim=1)
        if torch.equal(before, owner):
            break
        centres = _means(shares, owner, centres)
    return _means(values, owner, values[: len(centres)])[owner].T


def seeds_of(grid: tuple[int, int], count: int) -> torch.Tensor:
    """Return the flat indices of at most so many cells, spread over a grid in rows and columns."""
    rows = min(max(int(math.sqrt(count * grid[0] / grid[1])), 1), grid[0], count)
    columns = min(max(count // rows, 1), grid[1])
    down, across = (
        (torch.arange(few) * 2 + 1) * side // (2 * few)
        for few, side in zip((rows, columns), grid, strict=True)
    )
    return (down[:, None] * grid[1] + across).ravel()


def divergence(some: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Return Σ (p - q) log(p / q) of each p (n, T) and q (m, T), (n, m)."""
    p, q = some.double() + _LEAST, others.double() + _LEAST
    log_p, log_q = p.log(), q.log()
    own = (p * log_p).sum(dim=1)[:, None] + (q * log_q).sum(dim=1)
    return own - p @ log_q.T - log_p @ q.T


def _means(values: torch.Tensor, owner: torch.Tensor, lost: torch.Tensor) -> torch.Tensor:
    """Return the mean of the cells of each cluster, and of one without any what it was."""
    sums = torch.zeros_like(lost).index_add_(0, owner, values)
    held = torch.bincount(owner, minlength=len(lost))[:, None]
    return torch.where(held > 0, sums / held.clamp_min(1), lost)
