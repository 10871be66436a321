"""Which pixels of a label image are ours to change.

A mask is written where the label image is empty, and cleared only where it was written by us:
other objects stay as they are unless the user wants them overwritten, and whatever was painted or
erased by hand stays always.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.region import Region


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
    *,
    overwrite: bool = False,
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
    overwrite : bool
        Whether the object takes the pixels of others too.
    """
    ours = np.zeros(mask.shape, bool) if ours is None else ours
    painted = np.zeros(mask.shape, bool) if painted is None else painted
    free = (current != label) if overwrite else (current == 0)
    write = mask & free & ~painted
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

    def holds(self, where: NDArray[np.int64], values: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Tell which positions hold what was painted there: (k,) bool.

        Parameters
        ----------
        where : (k,) int64 array
            Positions in the label image read row after row.
        values : (k,) array of int
            What it holds there.
        """
        if not len(self._where):
            return np.zeros(len(where), bool)
        place = np.minimum(np.searchsorted(self._where, where), len(self._where) - 1)
        found = (self._where[place] == where) & (self._values[place] == values)
        return np.asarray(found)

    def forget(self, where: NDArray[np.int64]) -> Painted:
        """Forget what was painted at positions (k,), and return it."""
        gone = np.isin(self._where, where)
        forgotten = Painted(self._shape)
        forgotten._where, forgotten._values = self._where[gone], self._values[gone]
        self._where, self._values = self._where[~gone], self._values[~gone]
        return forgotten

    def remember(self, others: Painted) -> None:
        """Take over what others have painted, later."""
        self.add(np.unravel_index(others._where, self._shape), others._values)

    def state(self, data: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the positions that still hold what was painted there: (k,) rising."""
        indices = np.unravel_index(self._where, self._shape)
        held: NDArray[np.int64] = self._where[data[indices] == self._values]
        return held

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
    label : int
        The object's number in the label image.
    painted : Painted
        What was painted by hand, which all objects of a label image share.
    """

    def __init__(self, label: int, painted: Painted) -> None:
        self.label = label
        self.painted = painted
        self._ours: dict[Plane, NDArray[np.bool_]] = {}

    def plan(
        self,
        plane: Plane,
        current: NDArray[np.integer],
        mask: NDArray[np.bool_],
        *,
        overwrite: bool = False,
    ) -> Change:
        """Work out which pixels of a plane change; nothing is remembered yet.

        Parameters
        ----------
        plane : Plane
        current : (H, W) array of int
            The plane of the label image as it is.
        mask : (H, W) bool array
            The object as it should be.
        overwrite : bool
            Whether the object takes the pixels of others too.
        """
        ours = self._ours.get(plane, np.zeros(plane.size, bool))
        painted = self.painted.on(plane, current)
        # most of a large plane is neither in the mask nor in what was there
        window = _window(mask | ours)
        change = plan(
            current[window],
            mask[window],
            self.label,
            ours[window],
            painted[window],
            overwrite=overwrite,
        )
        whole = ours.copy()
        whole[window] = change.ours
        start = np.array([side.start for side in window])
        return replace(change, pixels=change.pixels + start, ours=whole)

    def ours_on(self, plane: Plane, current: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Return which pixels of a plane hold the object and may be cleared: (H, W) bool."""
        ours = self._ours.get(plane)
        return np.zeros(plane.size, bool) if ours is None else ours & (current == self.label)

    def adopt(self, plane: Plane, mask: NDArray[np.bool_], *, painted_too: bool = False) -> None:
        """Take over pixels that hold the object's number on a plane, to go on with it.

        Parameters
        ----------
        plane : Plane
        mask : (H, W) bool array
            From now on another mask may clear them.
        painted_too : bool
            Whether it may even where they were painted by hand.
        """
        if painted_too:
            self.painted.release(plane, mask)
        ours = self._ours.get(plane)
        self._ours[plane] = mask if ours is None else ours | mask

    @property
    def planes(self) -> tuple[Plane, ...]:
        """The planes of which it has pixels."""
        return tuple(self._ours)


def compose(
    before: NDArray[np.bool_], mask: NDArray[np.bool_], region: Region | None
) -> NDArray[np.bool_]:
    """Return the mask of a plane of which only a region is another one now.

    Parameters
    ----------
    before : (H, W) bool array
        As it was, which it stays outside of the region.
    mask : bool array
        On the plane, or on the rectangle of the region.
    region : Region, optional
        None is the whole plane.
    """
    if region is None:
        return mask
    whole = before.copy()
    whole[region.window] = mask
    return whole


def _window(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the smallest rectangle around what is set."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
