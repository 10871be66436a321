"""A whole plane parted into nested regions without a prompt: "segment everything"."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.attention.base import Attention
from napari_m2n2.errors import InputError
from napari_m2n2.progress import Progress
from napari_m2n2.segmentation.parameters import Parameters
from napari_m2n2.segmentation.plane import colours_of
from napari_m2n2.segmentation.region_pixels import spread
from napari_m2n2.segmentation.region_tree import RegionTree
from napari_m2n2.segmentation.registry import REGIONS

_FINEST = 256
"""Most regions of the finest level: beyond, regions are as small as single cells."""

_PAUSE = 0.5
"""Seconds from one partial result to the next."""


@dataclass(frozen=True, eq=False)
class Grown:
    """A tree of regions.

    Attributes
    ----------
    tree : RegionTree
    usual : int
        How many regions to begin with.
    """

    tree: RegionTree
    usual: int


Grow: TypeAlias = Callable[
    [Attention, Parameters, Progress, Callable[[Grown], None] | None], Grown
]
"""What a module of `napari_m2n2.segmentation.registry.REGIONS` gives as `grow`."""


@dataclass(frozen=True, eq=False)
class Regions:
    """The nested regions of a plane.

    Borders are settled to the pixel once, for the finest level, so that every coarser level only
    leaves borders out.

    Attributes
    ----------
    tree : RegionTree
        The regions on the grid of the attention.
    usual : int
        How many to begin with.
    finest : int
        Most that there can be.
    pixels : (H, W) int32 array
        Region of each pixel at the finest level, 1 to `finest`.
    """

    tree: RegionTree
    usual: int
    finest: int
    pixels: NDArray[np.int32]

    @classmethod
    def of(cls, grown: Grown, rgb: NDArray[np.float32], parameters: Parameters) -> Regions:
        """Settle the borders of a tree on an image (H, W, 3) in [0, 1]."""
        finest = min(grown.tree.leaf_count, _FINEST)
        pixels = spread(
            grown.tree.regions(finest),
            colours_of(rgb, stretched=parameters.stretch_guide),
            sigma_space=parameters.sigma_space,
            sigma_range=parameters.sigma_range,
        )
        return Regions(grown.tree, min(grown.usual, finest), finest, pixels)

    @cached_property
    def _cells(self) -> NDArray[np.int64]:
        """A cell of each region of the finest level, flat, (finest + 1,); 0 stands for none."""
        fine = self.tree.regions(self.finest).ravel()
        cells = np.zeros(self.finest + 1, np.int64)
        cells[fine[::-1]] = np.arange(fine.size)[::-1]
        return cells

    def labels(self, count: int | None = None) -> NDArray[np.int32]:
        """Return the plane parted into regions, (H, W), numbered from 1.

        Parameters
        ----------
        count : int, optional
            How many, 1 to `finest`; by default `usual`. One that is thinner than a pixel shows
            none, so that there may be fewer.

        Raises
        ------
        InputError
            If there cannot be so many.
        """
        wanted = self.usual if count is None else count
        if not 1 <= wanted <= self.finest:
            raise InputError(
                f"{wanted} regions cannot be had of this image; choose 1 to {self.finest}."
            )
        table = self.tree.regions(wanted).ravel()[self._cells].astype(np.int32)
        return table[self.pixels]

    def chain(self, pixel: tuple[int, int]) -> list[int]:
        """Return the nodes of the tree that a pixel (row, column) lies in, the smallest first."""
        there = self.tree.root + 2 - self.finest
        cell = np.unravel_index(self._cells[self.pixels[pixel]], self.tree.grid)
        nodes = self.tree.chain((int(cell[0]), int(cell[1])))
        # the finest region may lie below the nodes that are left out at the finest level
        first = max(place for place, node in enumerate(nodes) if node < there or place == 0)
        return nodes[first:]

    def mask(self, node: int) -> NDArray[np.bool_]:
        """Return the pixels of a node of the tree, (H, W); none for one below the finest level."""
        inside = self.tree.mask(node).ravel()[self._cells]
        inside[0] = False
        found: NDArray[np.bool_] = inside[self.pixels]
        return found

    def sample(self, generator: np.random.Generator) -> NDArray[np.bool_]:
        """Draw a region at random as MIS does (`RegionTree.sample`), (H, W) bool."""
        node = self.tree.sample(generator)
        while node != self.tree.root and not self.mask(node).any():
            node = int(self.tree.parents[node])
        return self.mask(node)


def check_by(by: str) -> None:
    """Raise `InputError` if there is no way of this name to find regions."""
    if by not in REGIONS:
        raise InputError(
            f"There is no way {by!r} to find regions; choose one of {', '.join(REGIONS)}."
        )


def find_regions(
    by: str,
    rgb: NDArray[np.float32],
    attention: Attention,
    parameters: Parameters,
    *,
    partial: Callable[[Regions], None] | None = None,
    progress: Progress,
) -> Regions:
    """Part a plane into nested regions.

    Parameters
    ----------
    by : str
        A name in `napari_m2n2.segmentation.registry.REGIONS`.
    rgb : (H, W, 3) float32 array
        The image in [0, 1].
    attention : Attention
        Of the image; it is left as it is.
    parameters : Parameters
    partial : callable, optional
        Called now and then with what there is so far.
    progress : callable
        May raise `Cancelled`.
    """
    check_by(by)
    grow: Grow = import_module(REGIONS[by].module).grow
    shown = time.monotonic()

    def show(grown: Grown) -> None:
        nonlocal shown
        if partial is not None and time.monotonic() - shown >= _PAUSE:
            partial(Regions.of(grown, rgb, parameters))
            shown = time.monotonic()

    grown = grow(attention, parameters, progress, show)
    progress("borders", 0.0)
    regions = Regions.of(grown, rgb, parameters)
    progress("borders", 1.0)
    return regions
