"""Writing the masks of one object to its labels, so that undo and the user's strokes hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils.events import Event
from numpy.typing import NDArray

from napari_m2n2.annotation.ownership import Change, Ownership
from napari_m2n2.annotation.planes import Plane, read_plane, to_layer
from napari_m2n2.annotation.region import Region
from napari_m2n2.errors import InputError
from napari_m2n2.viewer.layers import strokes


@dataclass(frozen=True, eq=False)
class _Draft:
    """What a mask that will soon be replaced has changed."""

    change: Change
    indices: tuple[NDArray[np.int64], ...]
    before: NDArray[np.integer]


class Writer:
    """Writes the masks of an object.

    Parameters
    ----------
    labels : Labels
    label : int
        The object's number in it.
    """

    def __init__(self, labels: Labels, label: int) -> None:
        self.labels = labels
        self.label = label
        self._shape = tuple(labels.data.shape)
        self._ownership = Ownership(self._shape, label)
        self._drafts: dict[Plane, _Draft] = {}

    def write(
        self,
        plane: Plane,
        mask: NDArray[np.bool_],
        region: Region | None = None,
        *,
        draft: bool = False,
    ) -> Change:
        """Make the labels show a mask of a plane, or of a region of it.

        Parameters
        ----------
        plane : Plane
        mask : bool array
            On the plane or on the rectangle of the region.
        region : Region, optional
            What lies outside of it stays as it is.
        draft : bool
            Whether it will soon be replaced: it is no step of undo, which the next one that is no
            draft is.

        Raises
        ------
        InputError
            If the labels can no longer be written to.
        """
        self.check()
        self._take_back(plane)
        change = self._ownership.plan(plane, read_plane(self.labels.data, plane), mask, region)
        indices = tuple(to_layer(change.pixels, plane).T)
        if draft:
            before = self.labels.data[indices]
            self._drafts[plane] = _Draft(change, indices, before)
            self.labels.data[indices] = change.values
            self.labels.refresh()
            return change
        if len(change.pixels):
            with _own_writing(self.labels):
                self.labels.data_setitem(indices, change.values)
        self._ownership.wrote(plane, change)
        return change

    def clear(self, plane: Plane, rest: NDArray[np.bool_] | None = None) -> None:
        """Take back what was written to a plane, or go back to the mask that it began with."""
        if plane in self._ownership.planes or plane in self._drafts:
            self.write(plane, np.zeros(plane.size, bool) if rest is None else rest)

    def adopt(self, plane: Plane) -> NDArray[np.bool_] | None:
        """Take over what holds the object's number on a plane; return it, None if nothing does."""
        current = read_plane(self.labels.data, plane)
        mask: NDArray[np.bool_] = current == self.label
        if not mask.any():
            return None
        self._ownership.adopt(plane, current)
        return mask

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

    def painted(self, event: Event) -> None:
        """Remember what the user painted or erased by hand; it is never overwritten."""
        if self.labels in _being_written or tuple(self.labels.data.shape) != self._shape:
            return
        for plane, draft in self._drafts.items():  # what was painted on is no draft any more
            self._ownership.wrote(plane, draft.change)
        self._drafts.clear()
        for indices, values in strokes(event.value, self._shape):
            self._ownership.painted.add(indices, values)

    def _take_back(self, plane: Plane) -> None:
        """Put back what was there before a draft."""
        draft = self._drafts.pop(plane, None)
        if draft is not None:
            self.labels.data[draft.indices] = draft.before
            self.labels.refresh()


_being_written: set[Labels] = set()
"""Layers of which `paint` events are our own, whichever of their objects is written."""


@contextmanager
def _own_writing(labels: Labels) -> Iterator[Any]:
    """While it lasts, `paint` events of a layer are our own."""
    _being_written.add(labels)
    try:
        yield
    finally:
        _being_written.discard(labels)
