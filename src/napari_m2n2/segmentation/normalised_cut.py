"""The cheapest normalised cut of a graph.

Shi and Malik, "Normalized cuts and image segmentation", 2000: cells are sorted by the second
eigenvector of the normalised graph, and here every place in that order is tried.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence, eigsh

_DENSE = 64
"""Up to so many cells all eigenvectors are computed, beyond only the leading ones."""

_GAP = 1e-4
"""Eigenvalues closer than this count as equal; the better of their two cuts is taken."""


def best_cut(graph: torch.Tensor) -> tuple[float, NDArray[np.bool_]]:
    """Return what the cheapest cut of a graph costs, and one of its sides.

    Parameters
    ----------
    graph : (n, n) tensor
        Symmetric, not negative, n >= 2.

    Returns
    -------
    cost : float
        cut / vol(A) + cut / vol(B), 0 to 2.
    side : (n,) bool array
    """
    degrees = _positive(graph.sum(dim=1))
    root = degrees.rsqrt()
    normalised = graph * root[:, None] * root
    if len(graph) <= _DENSE:
        values, vectors = torch.linalg.eigh(normalised)
    else:
        values, vectors = _leading(normalised)

    def within(order: torch.Tensor) -> torch.Tensor:
        ordered = graph[order][:, order]
        return (2 * torch.tril(ordered, -1).sum(dim=1) + ordered.diagonal()).double().cumsum(0)

    return _cheapest(values, vectors * root[:, None], degrees, within)


def thin_cut(factor: torch.Tensor) -> tuple[float, NDArray[np.bool_]]:
    """Return what `best_cut` does for the graph F Fᵀ of a thin F (n, r), without making it."""
    degrees = _positive(factor @ factor.sum(dim=0))
    root = degrees.rsqrt()
    scaled = factor * root[:, None]
    rank = factor.shape[1]
    if len(factor) <= rank or rank < 3:
        values, vectors = torch.linalg.eigh(scaled @ scaled.T)
    else:
        values, rotation = torch.linalg.eigh(scaled.T @ scaled)
        # their lengths do not change the order of the cells
        vectors = scaled @ rotation[:, -3:]

    def within(order: torch.Tensor) -> torch.Tensor:
        return factor[order].cumsum(dim=0).square().sum(dim=1)

    return _cheapest(values, vectors * root[:, None], degrees, within)


def _cheapest(
    values: torch.Tensor,
    vectors: torch.Tensor,
    degrees: torch.Tensor,
    within: Callable[[torch.Tensor], torch.Tensor],
) -> tuple[float, NDArray[np.bool_]]:
    """Return the cheapest cut along the second eigenvector, or the third where it is its equal.

    Parameters
    ----------
    values : (m,) tensor
        Ascending eigenvalues of the normalised graph.
    vectors : (n, m') tensor
        Its eigenvectors divided by the roots of the degrees; those that end with the last.
    degrees : (n,) tensor
    within : callable
        Takes an order of the cells, and tells what connects the first of them with each other.
    """
    several = len(vectors) > 2 and float(values[-2] - values[-3]) < _GAP
    chosen = [vectors[:, -2], vectors[:, -3]] if several else [vectors[:, -2]]
    orders = [torch.argsort(vector, stable=True) for vector in chosen]
    return min(
        (_sweep(order, degrees, within(order)) for order in orders), key=lambda found: found[0]
    )


def _positive(degrees: torch.Tensor) -> torch.Tensor:
    """Return degrees that can be divided by."""
    return degrees.clamp_min(torch.finfo(degrees.dtype).tiny)


def _leading(normalised: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the three largest eigenvalues of a matrix, ascending, with their vectors."""
    start = np.random.default_rng(0).standard_normal(len(normalised)).astype(np.float32)
    try:
        found = eigsh(normalised.numpy(force=True), k=3, which="LA", v0=start, tol=1e-5)
    except ArpackNoConvergence:
        values, vectors = torch.linalg.eigh(normalised)
        return values[-3:], vectors[:, -3:]
    order = np.argsort(found[0])
    return torch.from_numpy(found[0][order]), torch.from_numpy(found[1][:, order]).to(normalised)


def _sweep(
    order: torch.Tensor, degrees: torch.Tensor, within: torch.Tensor
) -> tuple[float, NDArray[np.bool_]]:
    """Return the cost and one side of the cheapest of all cuts in some order of the cells.

    Parameters
    ----------
    order : (n,) tensor
    degrees : (n,) tensor
    within : (n,) float64 tensor
        What connects the first cells of that order with each other.
    """
    volumes = degrees[order].double().cumsum(0)
    volume, whole = volumes[:-1], volumes[-1]
    cut = (volume - within[:-1]).clamp_min(0)
    costs = cut / volume + cut / (whole - volume).clamp_min(torch.finfo(torch.float64).tiny)
    place = int(costs.argmin())
    side = np.zeros(len(order), bool)
    side[order[: place + 1].numpy(force=True)] = True
    return float(costs[place]), side
