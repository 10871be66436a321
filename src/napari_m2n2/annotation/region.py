"""The part of a plane that is segmented, how much it is reduced, and the way there and back.

A region is a rectangle of whole pixels of a plane. Where it has more pixels than a method can
take, blocks of `factor` × `factor` pixels become one. Corners of pixels and blocks meet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_m2n2.errors import InputError

_SNAP = 64
"""A region that follows the view begins and ends at multiples of this."""

_MARGIN = 0.25
"""How much further than the view it reaches on each side."""


@dataclass(frozen=True)
class Region:
    """A rectangle of a plane.

    Attributes
    ----------
    rows, columns : (int, int)
        First pixel, and the one after the last.
    factor : int
        How many pixels along each side become one; 1 is not reduced.
    """

    rows: tuple[int, int]
    columns: tuple[int, int]
    factor: int = 1

    @property
    def extent(self) -> tuple[int, int]:
        """Rows and columns of the rectangle, in pixels of the plane."""
        return self.rows[1] - self.rows[0], self.columns[1] - self.columns[0]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of what is segmented; the last blocks may be partly filled."""
        down, across = self.extent
        return -(-down // self.factor), -(-across // self.factor)

    @property
    def window(self) -> tuple[slice, slice]:
        """The rectangle as an index of the plane."""
        return slice(*self.rows), slice(*self.columns)

    def holds(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which points (n, 2) of the plane lie in pixels of the rectangle: (n,) bool."""
        pixels = np.floor(points + 0.5)
        low, high = np.array([self.rows, self.columns]).T
        fits: NDArray[np.bool_] = ((pixels >= low) & (pixels < high)).all(axis=1)
        return fits

    def from_plane(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points (n, 2) of the plane as (row, column) of what is segmented."""
        start = np.array([self.rows[0], self.columns[0]])
        if self.factor == 1:
            return np.asarray(points - start)
        return np.asarray((points - start + 0.5) / self.factor - 0.5)

    def to_plane(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (row, column) of what is segmented as points (n, 2) of the plane."""
        start = np.array([self.rows[0], self.columns[0]])
        if self.factor == 1:
            return np.asarray(points + start)
        return np.asarray((points + 0.5) * self.factor - 0.5 + start)

    def enlarge(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values (h, w) of what is segmented for each pixel of the rectangle."""
        if values.shape[:2] != self.size:
            raise InputError(
                f"What was segmented has shape {values.shape[:2]} but the region {self.size}; "
                "segment the region anew."
            )
        if self.factor == 1:
            return values
        rows, columns = (np.arange(length) // self.factor for length in self.extent)
        return values[rows[:, np.newaxis], columns]

    def reduce_mask(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return a mask of the plane for what is segmented: a block is set if half of it is."""
        part = mask[self.window]
        if self.factor == 1:
            return part
        return block_means(part, self.factor) >= 0.5

    def sentence(self, plane_size: tuple[int, int]) -> str:
        """Tell what of the plane is segmented and how; empty for all of it as it is."""
        whole = self.extent == plane_size
        if whole and self.factor == 1:
            return ""
        what = f"The plane of {plane_size[0]} × {plane_size[1]} pixels is"
        if not whole:
            what = (
                f"Only rows {self.rows[0]} to {self.rows[1] - 1} and columns {self.columns[0]} to "
                f"{self.columns[1] - 1} are"
            )
        if self.factor == 1:
            return f"{what} outlined, not reduced."
        return (
            f"{what} outlined {self.factor} × reduced, as {self.size[0]} × {self.size[1]} pixels; "
            "choose a smaller region to have it less reduced."
        )


def whole_plane(size: tuple[int, int], most_pixels: float = math.inf) -> Region:
    """Return the region that is all of a plane, reduced as far as the limit asks."""
    return reduced(Region((0, size[0]), (0, size[1])), most_pixels)


def reduced(region: Region, most_pixels: float) -> Region:
    """Return a region with the smallest factor that leaves no more pixels than `most_pixels`."""
    if most_pixels < 1:
        raise InputError(f"A limit of {most_pixels:g} pixels leaves none; set a higher one.")
    down, across = region.extent
    factor = 1
    if down * across > most_pixels:
        # blocks are rounded up, so that one or two more than the square root says may be needed
        factor = max(1, math.floor(math.sqrt(down * across / most_pixels)))
        while -(-down // factor) * -(-across // factor) > most_pixels:
            factor += 1
    return replace(region, factor=factor)


def around(
    points: ArrayLike, plane_size: tuple[int, int], most_pixels: float = math.inf
) -> Region | None:
    """Return the region around points (n, 2) of the plane, such as a drawn shape's corners.

    None where they lie beside the plane or there are none.
    """
    corners = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    corners = corners[np.isfinite(corners).all(axis=1)]
    if not len(corners):
        return None
    low = np.maximum(np.floor(corners.min(axis=0) + 0.5), 0)
    high = np.minimum(np.floor(corners.max(axis=0) + 0.5) + 1, plane_size)
    if (low >= high).any():
        return None
    (top, left), (bottom, right) = low.astype(int).tolist(), high.astype(int).tolist()
    return reduced(Region((top, bottom), (left, right)), most_pixels)


def follow_view(
    corners: ArrayLike,
    plane_size: tuple[int, int],
    most_pixels: float = math.inf,
    before: Region | None = None,
) -> Region | None:
    """Return the region for what is on screen.

    A new region has to be encoded anew, so the one before stays while the view is within it,
    unless a new one is reduced no more than half as much; a new one reaches further than the view.

    Parameters
    ----------
    corners : (n, 2) array-like
        The corners of the view, (row, column) of the plane.
    plane_size : (int, int)
        Rows and columns of the plane.
    most_pixels : float
        Above it the region is reduced.
    before : Region, optional
        The region so far, of the same plane.
    """
    seen = around(corners, plane_size)
    if seen is None:
        return before
    sides = [
        _widened(start, stop, length)
        for (start, stop), length in zip((seen.rows, seen.columns), plane_size, strict=True)
    ]
    new = reduced(Region(sides[0], sides[1]), most_pixels)
    if before is None or not _contains(before, seen) or reduced(before, most_pixels) != before:
        return new
    gains = before.factor > 1 and 2 * new.factor <= before.factor
    return new if gains else before


def _contains(region: Region, other: Region) -> bool:
    """Tell whether a rectangle holds another one."""
    pairs = ((region.rows, other.rows), (region.columns, other.columns))
    return all(a[0] <= b[0] and b[1] <= a[1] for a, b in pairs)


def _widened(start: int, stop: int, length: int) -> tuple[int, int]:
    """Return a side of the view with its margins, at round numbers within the plane."""
    margin = (stop - start) * _MARGIN
    low = math.floor((start - margin) / _SNAP) * _SNAP
    high = math.ceil((stop + margin) / _SNAP) * _SNAP
    return max(low, 0), min(high, length)


def block_means(values: NDArray[Any], factor: int) -> NDArray[np.float64]:
    """Return the mean of each block of (H, W, ...) values; partial blocks count what they have."""
    sums = values
    for axis in (0, 1):
        length = values.shape[axis]
        starts = np.arange(0, length, factor)
        sums = np.add.reduceat(sums, starts, axis=axis, dtype=np.float64)
        filled = np.minimum(length - starts, factor)
        sums = sums / filled.reshape([-1 if a == axis else 1 for a in range(values.ndim)])
    return sums
