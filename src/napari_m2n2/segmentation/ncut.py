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
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.attention.base import Attention
from napari_m2n2.progress import Progress, ignore
from napari_m2n2.segmentation.normalised_cut import best_cut, thin_cut
from napari_m2n2.segmentation.region_tree import RegionTree
from napari_m2n2.segmentation.walks import Kind, graph_of, thin_graph

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


Cut: TypeAlias = Callable[[NDArray[np.int64]], tuple[float, NDArray[np.bool_]]]
"""Takes some cells, and tells what their cheapest cut costs and which of them lie on one side."""


@dataclass(frozen=True, eq=False)
class _Part:
    """A part of the grid and the best way to cut it."""

    cells: NDArray[np.int64]
    depth: int
    cost: float = np.inf
    side: NDArray[np.bool_] | None = None


def cut_tree(
    attention: Attention,
    *,
    steps: float = 1,
    kind: Kind = "walk",
    partial: Callable[[RegionTree], None] | None = None,
    progress: Progress = ignore,
) -> RegionTree:
    """Cut the walk of an attention in two again and again, the cheapest cut first.

    Parameters
    ----------
    attention : Attention
    steps : float
        k >= 1: the walk is P^k. More steps blur finer regions.
    kind : {"walk", "cosine", "dot", "divergence", "features"}
        What connects two cells: the walk from one to the other, how alike the rows of P^k are, or
        how alike the features are, whatever k (`napari_m2n2.segmentation.alike`).
    partial : callable, optional
        Called with the tree so far after each cut.
    progress : callable, optional
        Called as ``progress("cutting", fraction)``, before that with "walking" or "spectrum";
        may raise `Cancelled`.

    Returns
    -------
    RegionTree
        Its costs are 1 minus the cost of each cut, or of the dearest one above it, so that they
        grow towards the root.
    """
    cut = _cutter(attention, steps, kind, progress)
    count = len(attention.matrix)
    least = max(_LEAST_CELLS, round(_LEAST_SHARE * count))
    most = max(count // least - 1, 1)
    parts = [_look(cut, np.arange(count), 0, least)]
    splits: list[tuple[int, int, int, float]] = []  # part, its two children, the cost so far
    waiting = [(parts[0].cost, 0)]
    while waiting:
        cost, number = heapq.heappop(waiting)
        part = parts[number]
        if part.side is None or cost >= _CHANCE:
            continue
        progress("cutting", min(len(splits) / most, 1.0))
        for side in (part.side, ~part.side):
            parts.append(_look(cut, part.cells[side], part.depth + 1, least))
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
        return count_at(tree, _USUAL)
    low, high = np.percentile(costs, [5, 95])
    inner = np.sort(costs[(costs >= low) & (costs <= high)])
    gaps = np.diff(inner)
    place = int(np.argmax(gaps)) if len(gaps) else 0
    middle = (inner[place] + inner[min(place + 1, len(inner) - 1)]) / 2
    return count_at(tree, float(np.clip(middle, *_LEVELS)))


def count_at(tree: RegionTree, threshold: float, *, steps: float = 1) -> int:
    """Return how many regions there are when only cuts cheaper than a threshold are made.

    Parameters
    ----------
    tree : RegionTree
        Of `cut_tree`.
    threshold : float
        τ in [0, 1] of a walk of one step. Of k steps it is 1 - (1 - τ)ᵏ, since a walk that goes on
        crosses more, so that about as many regions are found whatever k.
    steps : float
        k of the tree.
    """
    scaled = 1 - (1 - threshold) ** steps
    return 1 + int(np.count_nonzero(1 - tree.costs < scaled))


def _cutter(attention: Attention, steps: float, kind: Kind, progress: Progress) -> Cut:
    """Return what cuts parts of the graph of a walk."""
    thin = thin_graph(attention, steps, kind, progress=progress)
    if thin is not None:
        return lambda cells: thin_cut(thin[torch.from_numpy(cells).to(thin.device)])
    graph = graph_of(attention, steps, kind, progress=progress)

    def cut(cells: NDArray[np.int64]) -> tuple[float, NDArray[np.bool_]]:
        if len(cells) == len(graph):  # a copy of the whole would take long and much memory
            return best_cut(graph)
        index = torch.from_numpy(cells).to(graph.device)
        return best_cut(graph[index][:, index])

    return cut


def _look(cut: Cut, cells: NDArray[np.int64], depth: int, least: int) -> _Part:
    """Find the best cut of a part; none where it is too small, too deep or would be too small."""
    if len(cells) < 2 * least or depth >= _DEPTH:
        return _Part(cells, depth)
    cost, side = cut(cells)
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
