"""Clicks on a tree of regions: each means one of the regions on the way up from its cell.

How far up is λ, the place on that way. By itself it is where the tree's height jumps most, or a
level that the tree suggests. Several foreground clicks mean the smallest region that holds them,
and background clicks keep each of them below the first region that would hold one of those: they
mean the largest region around them without foreground.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.progress import Progress
from napari_m2n2.segmentation.methods.base import Answer, cell_of, cells_in
from napari_m2n2.segmentation.region_tree import RegionTree
from napari_m2n2.segmentation.seeds import Seed

_GROWTH = 0.03
"""Regions that grow by less are one step of the slider."""

_MOST_SHARE = 0.4
"""Largest share of the plane that a click means by itself, as in M2N2."""

_LEAST_CELLS = 4


class TreeClicks:
    """Answers prompts with nodes of a tree.

    Parameters
    ----------
    tree : RegionTree
    matrix : (N, N) tensor
        The attention; it parts a leaf that holds clicks of both classes.
    shape : (int, int)
        Rows and columns of the image.
    usual : int, optional
        A click by itself means the region it lies in when the grid is parted into so many; by
        default, where the height of the tree jumps most above it.
    """

    def __init__(
        self,
        tree: RegionTree,
        matrix: torch.Tensor,
        shape: tuple[int, int],
        usual: int | None = None,
    ) -> None:
        self.tree = tree
        self._matrix = matrix
        self._shape = shape
        self._usual = usual

    def answer(self, seeds: Sequence[Seed], progress: Progress) -> Answer:
        """Return the union of what the foreground seeds mean, less what the background's do."""
        progress("regions", 0.0)
        cells = [self._cell(seed) for seed in seeds]
        against = [cell for cell, seed in zip(cells, seeds, strict=True) if not seed.label]
        forbidden = {node for cell in against for node in self.tree.chain(cell)}
        kept = {
            node
            for cell, seed in zip(cells, seeds, strict=True)
            if seed.label
            for node in self.tree.chain(cell)
        }
        clicked = [
            cell
            for cell, seed in zip(cells, seeds, strict=True)
            if seed.label and seed.region is None and seed.threshold is None
        ]
        mask = np.zeros(self.tree.grid, bool)
        thresholds = [0.0] * len(seeds)
        for place, (seed, cell) in enumerate(zip(seeds, cells, strict=True)):
            if seed.label:
                node, thresholds[place] = self._node(seed, cell, clicked, forbidden)
                mask |= self.tree.mask(node)
        for place, (seed, cell) in enumerate(zip(seeds, cells, strict=True)):
            if not seed.label:
                node, thresholds[place] = self._excluded(seed, cell, kept)
                mask &= ~self.tree.mask(node)
        self._part_leaves(mask, seeds, cells)
        progress("regions", 1.0)
        return Answer(torch.from_numpy(mask.astype(np.float32)), None, thresholds)

    def distances(self, seeds: Sequence[Seed], progress: Progress) -> torch.Tensor:
        """Return at which λ each cell joins the region of each seed, (B, h, w)."""
        progress("regions", 0.0)
        maps = np.zeros((len(seeds), *self.tree.grid), np.float32)
        for found, seed in zip(maps, seeds, strict=True):
            chain = self.tree.chain(self._cell(seed), growth=_GROWTH)
            last = len(chain) - 1
            for place in range(last, -1, -1):
                # between two places, so that no segment hangs on how its λ was rounded
                joins = max(place - 0.5, 0) if place < last else place
                found[self.tree.mask(chain[place])] = joins / max(last, 1)
        progress("regions", 1.0)
        return torch.from_numpy(maps)

    def _cell(self, seed: Seed) -> tuple[int, int]:
        """Return the cell of a seed."""
        return cell_of(seed.pixel, self._shape, self.tree.grid)

    def _node(
        self,
        seed: Seed,
        cell: tuple[int, int],
        clicked: Sequence[tuple[int, int]],
        forbidden: set[int],
    ) -> tuple[int, float]:
        """Return the node that a foreground seed means, and its λ.

        Parameters
        ----------
        seed : Seed
        cell : (int, int)
            Where it lies.
        clicked : sequence of (int, int)
            Where the clicks of the foreground lie whose λ is not chosen.
        forbidden : set of int
            The nodes that hold a background click.
        """
        chain = self.tree.chain(cell, growth=_GROWTH)
        if seed.threshold is not None:
            place = _place(seed.threshold, len(chain))
        elif seed.region is not None:
            place = self._most_alike(chain, cells_in(seed.region, self.tree.grid))
        else:
            place = self._jump(chain) if self._usual is None else self._among(chain, self._usual)
            place = max([place, *self._shared(chain, clicked, forbidden)])
            while place > 0 and chain[place] in forbidden:
                place -= 1
        return chain[place], place / max(len(chain) - 1, 1)

    def _shared(
        self, chain: Sequence[int], clicked: Sequence[tuple[int, int]], forbidden: set[int]
    ) -> list[int]:
        """Return the places of the smallest regions with another click and none against them."""
        found = []
        for other in clicked:
            above = set(self.tree.chain(other, growth=_GROWTH))
            place = next((i for i, node in enumerate(chain) if node in above), 0)
            if chain[place] not in forbidden and chain[place] != self.tree.root:
                found.append(place)
        return found

    def _excluded(self, seed: Seed, cell: tuple[int, int], kept: set[int]) -> tuple[int, float]:
        """Return the node that a background seed takes away, and its λ.

        By itself that is the largest one without any of the nodes that hold a foreground seed, or
        the leaf. Regions that foreground clicks mean by themselves lose nothing by it.
        """
        chain = self.tree.chain(cell, growth=_GROWTH)
        if seed.threshold is None:
            place = max(sum(node not in kept for node in chain) - 1, 0)
        else:
            place = _place(seed.threshold, len(chain))
        return chain[place], place / max(len(chain) - 1, 1)

    def _jump(self, chain: Sequence[int]) -> int:
        """Return the place before the largest relative jump of the tree's height."""
        sizes, heights = self.tree.sizes[chain], self.tree.heights[chain]
        allowed = [
            place
            for place in range(len(chain) - 1)
            if _LEAST_CELLS <= sizes[place] <= _MOST_SHARE * self.tree.leaves.size
        ]
        least = float(self.tree.heights[self.tree.root]) * 1e-6 + 1e-12

        def jump(place: int) -> float:
            return math.log((heights[place + 1] + least) / (heights[place] + least))

        return max(allowed, key=jump) if allowed else 0

    def _among(self, chain: Sequence[int], count: int) -> int:
        """Return the place of the region that a cell lies in when there are `count`."""
        there = self.tree.root + 2 - count
        return max(place for place, node in enumerate(chain) if node < there or place == 0)

    def _most_alike(self, chain: Sequence[int], wanted: NDArray[np.bool_]) -> int:
        """Return the place of the node that overlaps most (IoU) with some cells."""

        def overlap(place: int) -> float:
            mask = self.tree.mask(chain[place])
            return float(np.count_nonzero(mask & wanted) / np.count_nonzero(mask | wanted))

        return max(range(len(chain)), key=overlap)

    def _part_leaves(
        self,
        mask: NDArray[np.bool_],
        seeds: Sequence[Seed],
        cells: Sequence[tuple[int, int]],
    ) -> None:
        """Part the leaves that hold clicks of both classes by whose attention is stronger."""
        held: dict[int, list[int]] = {}
        for place, (seed, cell) in enumerate(zip(seeds, cells, strict=True)):
            if seed.region is None:
                held.setdefault(int(self.tree.leaves[cell]), []).append(place)
        columns = self.tree.grid[1]
        for leaf, places in held.items():
            if len({seeds[place].label for place in places}) < 2:
                continue
            inside = self.tree.cells_of(leaf)
            rows = [cells[place][0] * columns + cells[place][1] for place in places]
            pull = self._matrix[rows][:, torch.from_numpy(inside)].numpy(force=True)
            strongest = pull.argmax(axis=0)
            signs = np.array([seeds[place].label for place in places])
            mask.ravel()[inside] = signs[strongest]
            for row, sign in zip(rows, signs, strict=True):
                mask.ravel()[row] = sign


def _place(threshold: float, length: int) -> int:
    """Return the place on a way of some length that λ in [0, 1] means."""
    return min(max(round(threshold * (length - 1)), 0), length - 1)
