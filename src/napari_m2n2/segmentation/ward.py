"""Neighbouring cells merged, the cheapest pair first: the tree of regions of MIS.

The bottom-up half of MIS (Li et al., "Multi-granularity Interaction Simulation for Unsupervised
Interactive Segmentation", ICCV 2023, appendix): Ward's criterion on the features of the cells of
a grid, with merges only between 4-neighbours.
"""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import InputError
from napari_m2n2.progress import Progress, ignore
from napari_m2n2.segmentation.region_tree import RegionTree

_CHUNK = 512
"""Merges between two reports of progress."""


def build_tree(
    features: NDArray[np.floating], grid: tuple[int, int], *, progress: Progress = ignore
) -> RegionTree:
    """Merge neighbouring cells by Ward's criterion until one region is left.

    The cost of joining A and B is |A| |B| / (|A| + |B|) · ‖μ_A - μ_B‖², the growth of the sum of
    squared distances to the means. Of equally cheap pairs the one with the smaller numbers goes
    first, so that the tree is the same every time.

    Parameters
    ----------
    features : (N, D) array
        One row a cell, finite.
    grid : (int, int)
        Rows and columns, h · w = N.
    progress : callable, optional
        Called as ``progress("region tree", fraction)``; may raise `Cancelled`.

    Raises
    ------
    InputError
        If the features do not fit the grid or are not finite.
    """
    cells = grid[0] * grid[1]
    if features.ndim != 2 or len(features) != cells or cells < 1:
        raise InputError(
            f"Features of shape {features.shape} do not fit a grid of {grid[0]} × {grid[1]}; "
            "give one row for each cell."
        )
    if not np.isfinite(features).all():
        raise InputError("Some features are not finite; replace what is NaN or infinite.")
    forest = _Forest(np.asarray(features, dtype=np.float64), grid)
    for done in range(cells - 1):
        if done % _CHUNK == 0:
            progress("region tree", done / (cells - 1))
        forest.merge_cheapest()
    progress("region tree", 1.0)
    children = np.array(forest.children, np.int64).reshape(-1, 2)
    leaves = np.arange(cells).reshape(grid)
    return RegionTree(leaves, children, np.array(forest.costs, np.float64))


class _Forest:
    """The regions while they are merged.

    A heap holds the costs of all pairs of neighbours that there ever were; those of which one has
    been merged meanwhile are skipped when they come up.
    """

    def __init__(self, features: NDArray[np.float64], grid: tuple[int, int]) -> None:
        cells = len(features)
        self.children: list[tuple[int, int]] = []
        self.costs: list[float] = []
        self._means = np.empty((2 * cells - 1, features.shape[1]))
        self._means[:cells] = features
        self._sizes = np.ones(2 * cells - 1)
        self._neighbours: dict[int, set[int]] = {cell: set() for cell in range(cells)}
        pairs = pairs_of(grid)
        for a, b in pairs.tolist():
            self._neighbours[a].add(b)
            self._neighbours[b].add(a)
        costs = ((features[pairs[:, 0]] - features[pairs[:, 1]]) ** 2).sum(axis=1) / 2
        self._heap = [
            (cost, a, b) for cost, (a, b) in zip(costs.tolist(), pairs.tolist(), strict=True)
        ]
        heapq.heapify(self._heap)

    def merge_cheapest(self) -> None:
        """Join the two neighbours whose union costs least."""
        cost, a, b = heapq.heappop(self._heap)
        while a not in self._neighbours or b not in self._neighbours:
            cost, a, b = heapq.heappop(self._heap)
        node = (len(self._means) + 1) // 2 + len(self.children)
        self.children.append((a, b))
        self.costs.append(cost)
        size = self._sizes[node] = self._sizes[a] + self._sizes[b]
        mean = (self._sizes[a] * self._means[a] + self._sizes[b] * self._means[b]) / size
        self._means[node] = mean
        around = self._neighbours.pop(a) | self._neighbours.pop(b)
        around -= {a, b}
        self._neighbours[node] = around
        if not around:
            return
        for other in around:
            self._neighbours[other] -= {a, b}
            self._neighbours[other].add(node)
        others = np.fromiter(around, np.int64, len(around))
        sizes = self._sizes[others]
        costs = sizes * size / (sizes + size) * ((self._means[others] - mean) ** 2).sum(axis=1)
        for price, other in zip(costs.tolist(), others.tolist(), strict=True):
            heapq.heappush(self._heap, (price, other, node))


def pairs_of(grid: tuple[int, int]) -> NDArray[np.int64]:
    """Return the pairs of 4-neighbours of a grid, (m, 2) flat indices."""
    index = np.arange(grid[0] * grid[1]).reshape(grid)
    down = np.stack([index[:-1].ravel(), index[1:].ravel()], axis=1)
    across = np.stack([index[:, :-1].ravel(), index[:, 1:].ravel()], axis=1)
    return np.concatenate([down, across])
