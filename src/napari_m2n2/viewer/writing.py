"""Writing to a Labels layer: previews, which are no step of undo, and commits, which are one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils.events import Event
from numpy.typing import NDArray

from napari_m2n2.annotation.ownership import Change, Ownership, Painted
from napari_m2n2.annotation.pixels import PixelChange, indices_of, positions_of, take
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.previews import Previews
from napari_m2n2.annotation.region import Region
from napari_m2n2.errors import InputError
from napari_m2n2.viewer.layers import strokes


class Writer:
    """Writes to one Labels layer, for the object at work.

    Parameters
    ----------
    labels : Labels

    Attributes
    ----------
    previews : Previews
        What is shown and not committed; read it here, and change it by the methods.
    is_writing : bool
        Whether events of the layer are our own doing.
    """

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.is_writing = False
        self._shape = tuple(labels.data.shape)
        self._take_up()

    def _take_up(self) -> None:
        """Begin anew with the array that the layer has."""
        self._array: Any = self.labels.data
        self.painted = Painted(self._shape)
        self.previews = Previews(self._array, self.painted)
        # what the layer's own undo and redo would change next, where that is known
        self._last: PixelChange | None = None
        self._next: PixelChange | None = None

    @property
    def label(self) -> int:
        """The value of the object at work; 0 if there is no number for it."""
        return self.previews.label

    def begin(self, label: int, ownership: Ownership | None = None) -> Ownership:
        """Turn to another object; what is shown of the last one is taken back."""
        with self._refreshed():
            return self.previews.begin(label, ownership)

    # previews

    def preview(
        self, plane: Plane, mask: NDArray[np.bool_], region: Region | None = None
    ) -> Change:
        """Make the labels show a mask of a plane, or of a region of it.

        Parameters
        ----------
        plane : Plane
        mask : bool array
            On the plane or on the rectangle of the region.
        region : Region, optional
            What lies outside of it stays as it is.

        Raises
        ------
        InputError
            If the labels can no longer be written to.
        """
        self.check()
        with self._refreshed():
            return self.previews.preview(plane, mask, region)

    def clear(self, plane: Plane, rest: NDArray[np.bool_] | None = None) -> None:
        """Take back what is shown of a plane, or go back to the mask that it began with."""
        self.check()
        with self._refreshed():
            self.previews.clear(plane, rest)

    def show(self, masks: dict[Plane, NDArray[np.bool_]]) -> None:
        """Show masks (H, W) on planes of which nothing is shown."""
        if masks:
            self.check()
            with self._refreshed():
                self.previews.show(masks)

    def set_overwrite(self, overwrite: bool) -> None:
        """Say whether the object takes the pixels of others too."""
        if overwrite != self.previews.overwrite:
            masks = self.previews.masks
            self.previews.take_back()
            self.previews.overwrite = overwrite
            self.show(masks)

    @contextmanager
    def base(self) -> Iterator[None]:
        """While it lasts, the labels hold what is committed, and no preview."""
        self.check()
        masks = self.previews.masks
        self.previews.take_back()
        try:
            yield
        finally:
            self.show(masks)

    # commits

    def commit(self) -> PixelChange:
        """Make one step of the layer's history of all that is shown, and return it."""
        self.check()
        where, values = self.previews.shown_pixels
        self.previews.take_back()
        return self.write(where, values)

    def write(self, where: NDArray[np.int64], values: Any) -> PixelChange:
        """Write values (k,) at positions (k,), as one step of the layer's history; return it."""
        self.check()
        before = take(self._array, where)
        values = np.broadcast_to(np.asarray(values, dtype=before.dtype), where.shape)
        other = np.flatnonzero(before != values)
        change = PixelChange(where[other], before[other], values[other])
        if len(change):
            with self._own_writing(), self.labels.block_history():
                self.labels.data_setitem(indices_of(change.where, self._shape), change.after)
            self._last, self._next = change, None
        return change

    def undo(self, change: PixelChange) -> None:
        """Go back to what was there before a change, by the layer's own history if that can be."""
        self.check()
        if change is self._last and change.is_done(self._array):
            with self._own_writing():
                self.labels.undo()
                if change.is_undone(self._array):
                    self._last, self._next = None, change
                    return
                self.labels.redo()
        self._turn(change.where, change.after, change.before)

    def redo(self, change: PixelChange) -> None:
        """Go forward to what was there after a change."""
        self.check()
        if change is self._next and change.is_undone(self._array):
            with self._own_writing():
                self.labels.redo()
                if change.is_done(self._array):
                    self._last, self._next = change, None
                    return
                self.labels.undo()
        self._turn(change.where, change.before, change.after)

    def _turn(self, where: NDArray[np.int64], old: NDArray[Any], new: NDArray[Any]) -> None:
        """Write values where others still stand; what was painted over them is the user's."""
        stands = take(self._array, where) == old
        if stands.any():
            self.write(where[stands], new[stands])

    # what the user does to the layer

    def painted_by_hand(self, event: Event) -> None:
        """Remember what was painted or erased by hand; it is never overwritten."""
        if self.is_writing or tuple(self.labels.data.shape) != self._shape:
            return
        self._last = self._next = None
        painted = [np.zeros(0, np.int64)]
        for indices, values in strokes(event.value, self._shape):
            self.painted.add(indices, values)
            painted.append(positions_of(indices, self._shape))
        self.previews.cover(np.concatenate(painted))

    def heed_history(self) -> None:
        """Mend what the layer's own undo and redo have done to a preview."""
        if not self.is_writing and self.is_whole:
            with self._own_writing():
                if self.previews.mend():
                    self.labels.refresh()

    @property
    def is_whole(self) -> bool:
        """Whether the layer still has the array that was written to."""
        return self.labels.data is self._array

    def check(self) -> None:
        """Raise `InputError` if the labels can no longer be written to."""
        data = self.labels.data
        if not (isinstance(data, np.ndarray) and data.flags.writeable):
            raise InputError(
                f"“{self.labels.name}” cannot be written to: it is read-only or read piece by "
                "piece; open a copy of it that is in memory, or begin a new object."
            )
        if tuple(data.shape) != self._shape:
            raise InputError(
                "The labels layer was given other data and no longer fits the image; "
                "begin a new object."
            )
        if not self.is_whole:
            label, overwrite = self.previews.label, self.previews.overwrite
            self._take_up()
            self.previews.begin(label)
            self.previews.overwrite = overwrite

    @contextmanager
    def _refreshed(self) -> Iterator[None]:
        """Show afterwards what was written without a step of history."""
        try:
            yield
        finally:
            with self._own_writing():
                self.labels.refresh()

    @contextmanager
    def _own_writing(self) -> Iterator[None]:
        """While it lasts, events of the layer are our own doing."""
        before, self.is_writing = self.is_writing, True
        try:
            yield
        finally:
            self.is_writing = before
