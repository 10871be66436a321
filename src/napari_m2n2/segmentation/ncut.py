"""The walk of the attention, cut in two again and again: a tree of regions from above.

After "Diffusing, Walking, Cutting" (arXiv 2412.04678), of which only the abstract was at hand:
recursive normalised cuts of the random walk that the attention is. What the abstract leaves open
is decided here and said where it is: the symmetric form is Meila and Shi's ("A random walks view
of spectral segmentation", 2001), the cut Shi and Malik's ("Normalized cuts and image
segmentation", 2000), the threshold our own.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence, eigsh

from napari_m2n2.attention.base import Attention
from napari_m2n2.errors import InputError
from napari_m2n2.progress import Progress, ignore
from napari_m2n2.segmentation.region_tree import RegionTree

_DENSE = 64
"""Up to so many cells all eigenvectors are computed, beyond only the leading ones."""

_TELEPORT = 1e-6
"""Share of jumps to anywhere, without which a walk in two parts has no single long-run state."""

_POWER_ROUNDS = 200

_GAP = 1e-4
"""Eigenvalues closer than this count as equal; the better of their two cuts is taken."""

_CHANCE = 0.98
"""Cuts dearer than this are none: a graph without structure costs 1 wherever it is cut."""

_DEPTH = 8
"""Most cuts one after another."""

_LEAST_SHARE = 0.0025
_LEAST_CELLS = 4
"""A part of fewer cells is not cut off: this share of the grid, and at least four cells."""

_LEVELS = (0.2, 0.9)
"""Between which the automatic threshold lies."""

_USUAL = 0.5
"""The threshold where there are too few cuts to choose from."""


@dataclass(frozen=True, eq=False)
class _Part:
    """A part of the grid and the best way to cut it."""

    cells: NDArray[np.int64]
    depth: int
    cost: float = np.inf
    side: NDArray[np.bool_] | None = None


def power_walk(matrix: torch.Tensor, steps: int, *, progress: Progress = ignore) -> torch.Tensor:
    """Return P^k for a row-stochastic P (N, N), by squaring, with rows that sum to 1."""
    if steps < 1:
        raise InputError(f"A walk of {steps} steps is none; give at least 1.")
    result: torch.Tensor | None = None
    power = matrix
    products = steps.bit_length()
    while steps:
        if steps & 1:
            result = power if result is None else _stochastic(result @ power)
        steps >>= 1
        if steps:
            progress("walking", 1 - steps.bit_length() / products)
            power = _stochastic(power @ power)
    assert result is not None
    return result


def walk_graph(matrix: torch.Tensor) -> torch.Tensor:
    """Return the symmetric graph of a walk, W = ½ (Π P + Pᵀ Π), (N, N).

    π is the walk's long-run state, so the degrees of W are π, and the cost of a normalised cut is
    the probability to leave one side in one step plus that to leave the other (Meila and Shi).

    Parameters
    ----------
    matrix : (N, N) tensor
        Row-stochastic P.
    """
    count = len(matrix)
    state = matrix.new_full((count,), 1 / count)
    for _ in range(_POWER_ROUNDS):
        after = (1 - _TELEPORT) * (state @ matrix) + _TELEPORT / count
        after /= after.sum()
        settled = bool((after - state).abs().sum() < 1e-9)
        state = after
        if settled:
            break
    flow = matrix * state[:, None]
    return (flow + flow.T) / 2


def best_cut(graph: torch.Tensor) -> tuple[float, NDArray[np.bool_]]:
    """Return what the cheapest cut of a graph costs, and one of its sides.

    The cells are sorted by the second eigenvector of D^-½ W D^-½, and every place in that order
    is tried.

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
    degrees = graph.sum(dim=1).clamp_min(torch.finfo(graph.dtype).tiny)
    found = [_sweep(graph, degrees, y) for y in _eigenvectors(graph, degrees)]
    return min(found, key=lambda one: one[0])


def _eigenvectors(graph: torch.Tensor, degrees: torch.Tensor) -> list[torch.Tensor]:
    """Return the eigenvector to sort by, or two where their eigenvalues are alike."""
    root = degrees.rsqrt()
    normalised = graph * root[:, None] * root
    count = len(graph)
    if count <= _DENSE:
        values, vectors = torch.linalg.eigh(normalised)
    else:
        values, vectors = _leading(normalised)
    several = count > 2 and float(values[-2] - values[-3]) < _GAP
    chosen = [vectors[:, -2], vectors[:, -3]] if several else [vectors[:, -2]]
    return [vector * root for vector in chosen]


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
    graph: torch.Tensor, degrees: torch.Tensor, y: torch.Tensor
) -> tuple[float, NDArray[np.bool_]]:
    """Return the cost and one side of the cheapest of all cuts in the order of y."""
    order = torch.argsort(y, stable=True)
    sorted_graph = graph[order][:, order]
    inner = 2 * torch.tril(sorted_graph, -1).sum(dim=1) + sorted_graph.diagonal()
    within = inner.double().cumsum(0)[:-1]
    volumes = degrees[order].double().cumsum(0)
    volume, whole = volumes[:-1], volumes[-1]
    cut = (volume - within).clamp_min(0)
    costs = cut / volume + cut / (whole - volume).clamp_min(torch.finfo(torch.float64).tiny)
    place = int(costs.argmin())
    side = np.zeros(len(graph), bool)
    side[order[: place + 1].numpy(force=True)] = True
    return float(costs[place]), side


def cut_tree(
    attention: Attention,
    *,
    steps: int = 1,
    partial: Callable[[RegionTree], None] | None = None,
    progress: Progress = ignore,
) -> RegionTree:
    """Cut the walk of an attention in two again and again, the cheapest cut first.

    Parameters
    ----------
    attention : Attention
    steps : int
        k >= 1: the walk is P^k. More steps blur finer regions.
    partial : callable, optional
        Called with the tree so far after each cut.
    progress : callable, optional
        Called as ``progress("cutting", fraction)``; may raise `Cancelled`.

    Returns
    -------
    RegionTree
        Its costs are 1 minus the cost of each cut, or of the dearest one above it, so that they
        grow towards the root.
    """
    graph = walk_graph(power_walk(attention.matrix, steps, progress=progress))
    count = len(graph)
    least = max(_LEAST_CELLS, round(_LEAST_SHARE * count))
    most = max(count // least - 1, 1)
    parts = [_look(graph, np.arange(count), 0, least)]
    splits: list[tuple[int, int, int, float]] = []  # part, its two children, the cost so far
    waiting = [(parts[0].cost, 0)]
    while waiting:
        cost, number = heapq.heappop(waiting)
        part = parts[number]
        if part.side is None or cost >= _CHANCE:
            continue
        progress("cutting", min(len(splits) / most, 1.0))
        for side in (part.side, ~part.side):
            parts.append(_look(graph, part.cells[side], part.depth + 1, least))
            # a part counts at least what it cost to get there, so that thresholds nest
            heapq.heappush(waiting, (max(parts[-1].cost, cost), len(parts) - 1))
        splits.append((number, len(parts) - 2, len(parts) - 1, cost))
        if partial is not None:
            partial(_as_tree(attention.grid, parts, splits))
    progress("cutting", 1.0)
    return _as_tree(attention.grid, parts, splits)


def automatic_count(tree: RegionTree) -> int:
    """Return how many regions to begin with, by the largest gap between the costs of the cuts.

    The abstract promises a threshold without parameters and does not say which; this one is ours.
    """
    costs = 1 - tree.costs
    if len(costs) < 4:
        threshold = _USUAL
    else:
        low, high = np.percentile(costs, [5, 95])
        inner = np.sort(costs[(costs >= low) & (costs <= high)])
        gaps = np.diff(inner)
        place = int(np.argmax(gaps)) if len(gaps) else 0
        middle = (inner[place] + inner[min(place + 1, len(inner) - 1)]) / 2
        threshold = float(np.clip(middle, *_LEVELS))
    return 1 + int(np.count_nonzero(costs < threshold))


def _look(graph: torch.Tensor, cells: NDArray[np.int64], depth: int, least: int) -> _Part:
    """Find the best cut of a part; none where it is too small, too deep or would be too small."""
    if len(cells) < 2 * least or depth >= _DEPTH:
        return _Part(cells, depth)
    index = torch.from_numpy(cells).to(graph.device)
    cost, side = best_cut(graph[index][:, index])
    inside = int(np.count_nonzero(side))
    if min(inside, len(cells) - inside) < least:
        return _Part(cells, depth)
    return _Part(cells, depth, cost, side)


def _as_tree(
    grid: tuple[int, int], parts: list[_Part], splits: list[tuple[int, int, int, float]]
) -> RegionTree:
    """Return the tree of the parts: those not cut are leaves, the first cut is the root."""
    cut = {number for number, *_ in splits}
    uncut = [number for number in range(len(parts)) if number not in cut]
    nodes = {number: leaf for leaf, number in enumerate(uncut)}
    children: list[tuple[int, int]] = []
    costs: list[float] = []
    for number, left, right, cost in reversed(splits):
        nodes[number] = len(uncut) + len(children)
        children.append((nodes[left], nodes[right]))
        costs.append(1 - cost)
    leaves = np.empty(grid[0] * grid[1], np.int64)
    for number in uncut:
        leaves[parts[number].cells] = nodes[number]
    return RegionTree(
        leaves.reshape(grid),
        np.array(children, np.int64).reshape(-1, 2),
        np.array(costs, np.float64),
    )


def _stochastic(matrix: torch.Tensor) -> torch.Tensor:
    """Return a matrix with its rows divided by their sums."""
    return matrix / matrix.sum(dim=1, keepdim=True)
