"""A tree of nested regions of a grid: from the leaves, parted no further, up to the whole grid.

Made by merging from below (`napari_m2n2.segmentation.ward`) or by cutting from above
(`napari_m2n2.segmentation.ncut`). A click means one of the regions on the way from its cell to the
root; how far up is the granularity.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import InputError

_DECAY = 0.9
"""By how much going on gets less likely with each level, when a region is drawn at random."""

_LEAST_SHARE = 0.05
"""A region drawn at random covers more of the grid than this."""

_TRIES = 100
"""How often a region is drawn again that is too small."""


@dataclass(frozen=True, eq=False)
class RegionTree:
    """Nested regions of a grid.

    Nodes 0 to L - 1 are the leaves; node L + k is what the k-th merge made, and the last node,
    2L - 2, is the whole grid.

    Attributes
    ----------
    leaves : (h, w) int64 array
        The leaf that each cell belongs to, 0 to L - 1; every leaf has a cell.
    children : (L - 1, 2) int64 array
        What each merge joined; children come before their parents.
    costs : (L - 1,) float64 array
        What each merge cost. A later merge may cost less, as where only neighbours merge.
    """

    leaves: NDArray[np.int64]
    children: NDArray[np.int64]
    costs: NDArray[np.float64]

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.leaves.shape[0], self.leaves.shape[1]

    @property
    def leaf_count(self) -> int:
        """L."""
        return len(self.children) + 1

    @property
    def root(self) -> int:
        """The node that is the whole grid."""
        return 2 * len(self.children)

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Cells of each node, (2L - 1,)."""
        sizes = np.zeros(self.root + 1, np.int64)
        sizes[: self.leaf_count] = np.bincount(self.leaves.ravel(), minlength=self.leaf_count)
        for node, (left, right) in enumerate(self.children.tolist(), start=self.leaf_count):
            sizes[node] = sizes[left] + sizes[right]
        return sizes

    @cached_property
    def parents(self) -> NDArray[np.int64]:
        """The node that each node was merged into, (2L - 1,); the root is its own."""
        parents = np.arange(self.root + 1)
        parents[self.children] = np.arange(self.leaf_count, self.root + 1)[:, None]
        return parents

    @cached_property
    def heights(self) -> NDArray[np.float64]:
        """Largest cost of any merge within each node, (2L - 1,): it never falls on the way up."""
        heights = np.zeros(self.root + 1)
        for merge, (left, right) in enumerate(self.children.tolist()):
            below = max(heights[left], heights[right])
            heights[self.leaf_count + merge] = max(self.costs[merge], below)
        return heights

    @cached_property
    def _order(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The cells in an order in which each node is an interval, and where each node begins."""
        starts = np.zeros(self.root + 1, np.int64)
        for node in range(self.root, self.leaf_count - 1, -1):
            left, right = self.children[node - self.leaf_count]
            starts[left], starts[right] = starts[node], starts[node] + self.sizes[left]
        return np.argsort(starts[self.leaves.ravel()], kind="stable"), starts

    def cells_of(self, node: int) -> NDArray[np.int64]:
        """Return the flat indices of the cells of a node."""
        order, starts = self._order
        return order[starts[node] : starts[node] + self.sizes[node]]

    def mask(self, node: int) -> NDArray[np.bool_]:
        """Return the cells of a node, (h, w) bool."""
        mask = np.zeros(self.leaves.size, bool)
        mask[self.cells_of(node)] = True
        return mask.reshape(self.grid)

    def chain(self, cell: tuple[int, int], *, growth: float = 0.0) -> list[int]:
        """Return the nodes that hold a cell, the smallest first.

        Parameters
        ----------
        cell : (int, int)
            Row and column in the grid.
        growth : float
            Of nodes that are larger than another one by no more than this share only the largest
            stays; so do the leaf and the root.
        """
        node = int(self.leaves[cell])
        chain, smallest = [node], 0
        while node != self.root:
            node = int(self.parents[node])
            if self.sizes[node] <= (1 + growth) * smallest:
                chain[-1] = node
            else:
                chain.append(node)
                smallest = self.sizes[node]
        return chain

    def regions(self, count: int) -> NDArray[np.int64]:
        """Return the grid parted into regions by leaving out the last merges, (h, w).

        Parameters
        ----------
        count : int
            How many regions, 1 to L.

        Returns
        -------
        (h, w) int64 array
            1 to `count`, in the order of their first cells. More regions part those of fewer,
            and never move a border.
        """
        if not 1 <= count <= self.leaf_count:
            raise InputError(
                f"{count} regions cannot be had from {self.leaf_count} parts; "
                f"choose 1 to {self.leaf_count}."
            )
        there = self.root + 2 - count  # nodes that are left
        tops = np.flatnonzero((self.parents[:there] >= there) | (np.arange(there) == self.root))
        cells = [self.cells_of(node) for node in tops.tolist()]
        labels = np.empty(self.leaves.size, np.int64)
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
            while node >= self.leaf_count and generator.random() <= go_on:
                node = int(self.children[node - self.leaf_count, generator.integers(2)])
                go_on *= _DECAY
            if self.sizes[node] > _LEAST_SHARE * self.leaves.size:
                break
        return node
