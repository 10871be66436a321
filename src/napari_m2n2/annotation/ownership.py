"""Which pixels of a label image are ours to change.

A mask is written where the label image is empty, and cleared only where it was written by us:
other objects, and whatever the user painted or erased by hand, stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.region import Region, whole_plane


@dataclass(frozen=True, eq=False)
class Change:
    """The pixels of one plane that have to change.

    Attributes
    ----------
    pixels : (k, 2) int64 array
        (row, column).
    values : (k,) array
        What to write there, in the type of the label image.
    ours : (H, W) bool array
        The pixels that have ever been written for this object, this change included.
    kept : int
        How many pixels of the mask stay as they are because they hold another object or were
        painted by hand.
    """

    pixels: NDArray[np.int64]
    values: NDArray[np.integer]
    ours: NDArray[np.bool_]
    kept: int


def plan(
    current: NDArray[np.integer],
    mask: NDArray[np.bool_],
    label: int,
    ours: NDArray[np.bool_] | None = None,
    painted: NDArray[np.bool_] | None = None,
) -> Change:
    """Work out which pixels change so that a plane shows a new mask.

    Parameters
    ----------
    current : (H, W) array of int
        The plane of the label image as it is; 0 is empty.
    mask : (H, W) bool array
        The object as it should be.
    label : int
        The object's number.
    ours : (H, W) bool array, optional
        The pixels that were written for this object before.
    painted : (H, W) bool array, optional
        The pixels that still hold what the user painted or erased by hand.
    """
    ours = np.zeros(mask.shape, bool) if ours is None else ours
    painted = np.zeros(mask.shape, bool) if painted is None else painted
    write = mask & (current == 0) & ~painted
    clear = ~mask & ours & (current == label) & ~painted
    pixels = np.argwhere(write | clear)
    rows, columns = pixels.T
    return Change(
        pixels=pixels,
        values=np.where(write[rows, columns], label, 0).astype(current.dtype),
        ours=ours | write,
        kept=int(np.count_nonzero(mask & ~write & (current != label))),
    )


class Painted:
    """The pixels that the user painted or erased by hand, and what they painted there.

    A pixel counts for as long as it holds that value, so that undoing a stroke frees it.

    Parameters
    ----------
    shape : tuple of int
        Shape of the label image.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self._where = np.zeros(0, np.int64)
        self._values = np.zeros(0, np.int64)

    def add(
        self, indices: tuple[NDArray[np.integer], ...], values: NDArray[np.integer] | int
    ) -> None:
        """Remember a stroke: one array of int a dimension, as numpy indexes, and the values."""
        where = np.ravel_multi_index(indices, self._shape)
        painted = np.broadcast_to(np.asarray(values, dtype=np.int64), where.shape)
        # the last word on a pixel counts: unique keeps the first, so look from the end
        where = np.concatenate([self._where, where])[::-1]
        painted = np.concatenate([self._values, painted])[::-1]
        self._where, last = np.unique(where, return_index=True)
        self._values = painted[last]

    def on(self, plane: Plane, current: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Return the pixels of a plane that still hold what was painted: (H, W) bool."""
        holds = np.zeros(plane.size, bool)
        on_it, rows, columns = self._pixels_of(plane)
        holds[rows, columns] = current[rows, columns] == self._values[on_it]
        return holds

    def release(self, plane: Plane, mask: NDArray[np.bool_]) -> None:
        """Forget what was painted where a mask (H, W) of a plane is set."""
        on_it, rows, columns = self._pixels_of(plane)
        stays = np.ones(len(self._where), bool)
        stays[np.flatnonzero(on_it)] = ~mask[rows, columns]
        self._where, self._values = self._where[stays], self._values[stays]

    def _pixels_of(
        self, plane: Plane
    ) -> tuple[NDArray[np.bool_], NDArray[np.integer], NDArray[np.integer]]:
        """Return which of the painted pixels lie on a plane, and their rows and columns."""
        indices = np.unravel_index(self._where, self._shape)
        on_it = np.ones(len(self._where), bool)
        for axis, index in plane.hidden:
            on_it &= indices[axis] == index
        rows, columns = (indices[axis][on_it] for axis in plane.displayed)
        return on_it, rows, columns


class Ownership:
    """What one object has written to its label image, plane by plane.

    Parameters
    ----------
    shape : tuple of int
        Shape of the label image.
    label : int
        The object's number in it.
    """

    def __init__(self, shape: tuple[int, ...], label: int) -> None:
        self.label = label
        self.painted = Painted(shape)
        self._ours: dict[Plane, NDArray[np.bool_]] = {}

    def plan(
        self,
        plane: Plane,
        current: NDArray[np.integer],
        mask: NDArray[np.bool_],
        region: Region | None = None,
    ) -> Change:
        """Work out which pixels of a plane change; nothing is remembered yet.

        Parameters
        ----------
        plane : Plane
        current : (H, W) array of int
            The plane of the label image as it is.
        mask : bool array
            The object as it should be, on the plane or on the rectangle of the region.
        region : Region, optional
            What lies outside of it stays as it is.
        """
        window = (whole_plane(plane.size) if region is None else region).window
        painted = self.painted.on(plane, current)[window]
        ours = self._ours.get(plane)
        ours = np.zeros(plane.size, bool) if ours is None else ours.copy()
        change = plan(current[window], mask, self.label, ours[window], painted)
        ours[window] = change.ours
        start = np.array([side.start for side in window])
        return replace(change, pixels=change.pixels + start, ours=ours)

    def wrote(self, plane: Plane, change: Change) -> None:
        """Remember a change that was carried out."""
        self._ours[plane] = change.ours

    def adopt(self, plane: Plane, current: NDArray[np.integer]) -> None:
        """Take over what holds the object's number on a plane, to refine it.

        It was written in an earlier session, by another program or by hand; from now on a mask
        may clear it.
        """
        mask = current == self.label
        self.painted.release(plane, mask)
        ours = self._ours.get(plane)
        self._ours[plane] = mask if ours is None else ours | mask

    @property
    def planes(self) -> tuple[Plane, ...]:
        """The planes that something was written to."""
        return tuple(self._ours)
