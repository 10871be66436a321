"""A tree of nested regions: neighbouring cells merged, the cheapest pair first.

The bottom-up half of MIS (Li et al., "Multi-granularity Interaction Simulation for Unsupervised
Interactive Segmentation", ICCV 2023, appendix): Ward's criterion on the features of the cells of
a grid, with merges only between 4-neighbours. A click means one of the regions on the way from
its cell to the root; how far up is the granularity.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import InputError
from napari_m2n2.progress import Progress, ignore

_DECAY = 0.9
"""By how much going on gets less likely with each level, when a region is drawn at random."""

_LEAST_SHARE = 0.05
"""A region drawn at random covers more of the grid than this."""

_TRIES = 100
"""How often a region is drawn again that is too small."""

_CHUNK = 512
"""Merges between two reports of progress."""


@dataclass(frozen=True, eq=False)
class RegionTree:
    """Nested regions of a grid of N = h · w cells.

    Nodes 0 to N - 1 are the cells, row by row; node N + k is what the k-th merge made, and the
    last node, 2N - 2, is the whole grid.

    Attributes
    ----------
    grid : (int, int)
        Rows and columns.
    children : (N - 1, 2) int64 array
        What each merge joined.
    costs : (N - 1,) float64 array
        What each merge cost. Because only neighbours merge, a later merge may cost less.
    """

    grid: tuple[int, int]
    children: NDArray[np.int64]
    costs: NDArray[np.float64]

    @property
    def cells(self) -> int:
        """N."""
        return self.grid[0] * self.grid[1]

    @property
    def root(self) -> int:
        """The node that is the whole grid."""
        return 2 * self.cells - 2

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Cells of each node, (2N - 1,)."""
        sizes = np.ones(2 * self.cells - 1, np.int64)
        for node, pair in enumerate(self.children, start=self.cells):
            sizes[node] = sizes[pair].sum()
        return sizes

    @cached_property
    def parents(self) -> NDArray[np.int64]:
        """The node that each node was merged into, (2N - 1,); the root is its own."""
        parents = np.arange(2 * self.cells - 1)
        parents[self.children[:, 0]] = parents[self.children[:, 1]] = np.arange(
            self.cells, 2 * self.cells - 1
        )
        return parents

    @cached_property
    def heights(self) -> NDArray[np.float64]:
        """Largest cost of any merge within each node, (2N - 1,): it never falls on the way up."""
        heights = np.zeros(2 * self.cells - 1)
        for merge, pair in enumerate(self.children):
            heights[self.cells + merge] = max(self.costs[merge], heights[pair].max())
        return heights

    @cached_property
    def _order(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The cells in an order in which each node is an interval, and where each node begins."""
        starts = np.zeros(2 * self.cells - 1, np.int64)
        for node in range(self.root, self.cells - 1, -1):
            left, right = self.children[node - self.cells]
            starts[left], starts[right] = starts[node], starts[node] + self.sizes[left]
        order = np.empty(self.cells, np.int64)
        order[starts[: self.cells]] = np.arange(self.cells)
        return order, starts

    def cells_of(self, node: int) -> NDArray[np.int64]:
        """Return the flat indices of the cells of a node, in no particular order."""
        order, starts = self._order
        return order[starts[node] : starts[node] + self.sizes[node]]

    def mask(self, node: int) -> NDArray[np.bool_]:
        """Return the cells of a node, (h, w) bool."""
        mask = np.zeros(self.cells, bool)
        mask[self.cells_of(node)] = True
        return mask.reshape(self.grid)

    def chain(self, cell: int, *, growth: float = 0.0) -> list[int]:
        """Return the nodes that hold a cell, the smallest first.

        Parameters
        ----------
        cell : int
            Flat index.
        growth : float
            Nodes that are not larger than the one before by more than this share are left out;
            the cell itself and the root always stay.
        """
        chain = [cell]
        node = cell
        while node != self.root:
            node = int(self.parents[node])
            if node == self.root or self.sizes[node] > (1 + growth) * self.sizes[chain[-1]]:
                chain.append(node)
        return chain

    def regions(self, count: int) -> NDArray[np.int64]:
        """Return the grid parted into regions by leaving out the last merges, (h, w).

        Parameters
        ----------
        count : int
            How many regions, 1 to N.

        Returns
        -------
        (h, w) int64 array
            1 to `count`. More regions part those of fewer, and never move a border.
        """
        if not 1 <= count <= self.cells:
            raise InputError(
                f"{count} regions cannot be had from {self.cells} cells; choose 1 to {self.cells}."
            )
        undone = 2 * self.cells - 1 - (count - 1)  # the first node that is not there
        tops = np.flatnonzero((np.arange(undone) == self.root) | (self.parents[:undone] >= undone))
        labels = np.empty(self.cells, np.int64)
        cells = [self.cells_of(node) for node in tops.tolist()]
        for label, held in enumerate(sorted(cells, key=lambda some: int(some.min())), start=1):
            labels[held] = label
        return labels.reshape(self.grid)

    def sample(self, generator: np.random.Generator) -> int:
        """Draw a node at random, as MIS does to make pseudo-labels.

        From the root, one of the two children is taken again and again; each time going on gets
        less likely by a factor of 0.9. Nodes of 5 % of the grid or less are drawn again, at most
        100 times.
        """
        node = self.root
        for _ in range(_TRIES):
            node, go_on = self.root, 1.0
            while node >= self.cells and generator.random() <= go_on:
                node = int(self.children[node - self.cells, generator.integers(2)])
                go_on *= _DECAY
            if self.sizes[node] > _LEAST_SHARE * self.cells:
                break
        return node


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
    return RegionTree(grid, children, np.array(forest.costs, np.float64))


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
