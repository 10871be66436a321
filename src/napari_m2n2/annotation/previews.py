"""An object that is shown in a label image before it is committed, and taken back again.

What is committed lies under the preview: it is what a pixel held before the preview was written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.ownership import Change, Ownership, Painted, compose
from napari_m2n2.annotation.pixels import PixelChange, positions_of, put, take
from napari_m2n2.annotation.planes import Plane, read_plane, to_layer
from napari_m2n2.annotation.region import Region

_SAMPLE = 64
"""Pixels that are looked at first: where many differ, one of these does."""


@dataclass(frozen=True, eq=False)
class Draft:
    """What is shown of one plane.

    Attributes
    ----------
    mask : (H, W) bool array
        As it was asked for.
    change : Change
    pixels : PixelChange
        What it has changed, without what the user has painted over since.
    """

    mask: NDArray[np.bool_]
    change: Change
    pixels: PixelChange


class Previews:
    """The preview of one object, on all planes, in one label image in memory.

    Parameters
    ----------
    array : array of int
        Written to.
    painted : Painted
        What was painted by hand, which stays.

    Attributes
    ----------
    label : int
        The value of the object.
    ownership : Ownership
        Which committed pixels it may change.
    overwrite : bool
        Whether it takes the pixels of others too.
    drafts : dict of Plane to Draft
    """

    def __init__(self, array: NDArray[Any], painted: Painted) -> None:
        self._array = array
        self.painted = painted
        self.label = 0
        self.overwrite = False
        self.ownership = Ownership(0, painted)
        self.drafts: dict[Plane, Draft] = {}
        self._covered: list[PixelChange] = []
        self._undone = Painted(array.shape)

    def begin(self, label: int, ownership: Ownership | None = None) -> Ownership:
        """Turn to another object, of which nothing is shown yet.

        Parameters
        ----------
        label : int
        ownership : Ownership, optional
            If it was at work before; the one that counts is returned.
        """
        self.take_back()
        self.label = label
        self.ownership = ownership or Ownership(label, self.painted)
        return self.ownership

    # shown and taken back

    @property
    def masks(self) -> dict[Plane, NDArray[np.bool_]]:
        """What is shown, as it was asked for: (H, W) bool."""
        return {plane: draft.mask for plane, draft in self.drafts.items()}

    def preview(
        self, plane: Plane, mask: NDArray[np.bool_], region: Region | None = None
    ) -> Change:
        """Show a mask on a plane, or on a region of it; outside all stays as it is."""
        masks = self.masks
        before = masks.get(plane)
        crossing = any(known.displayed != plane.displayed for known in masks)
        self.take_back(None if crossing else [plane])
        if before is None:
            before = self.ownership.ours_on(plane, read_plane(self._array, plane))
        masks[plane] = compose(before, mask, region)
        self.show(masks if crossing else {plane: masks[plane]})
        return self.drafts[plane].change

    def clear(self, plane: Plane, rest: NDArray[np.bool_] | None = None) -> None:
        """Show nothing on a plane, or the mask that it began with."""
        if plane in self.ownership.planes:
            self.preview(plane, np.zeros(plane.size, bool) if rest is None else rest)
        elif plane in self.drafts:
            self.preview(plane, np.zeros(plane.size, bool))
            del self.drafts[plane]

    def show(self, masks: dict[Plane, NDArray[np.bool_]]) -> None:
        """Show masks (H, W) on planes of which nothing is shown."""
        for plane, mask in masks.items():
            current = read_plane(self._array, plane)
            change = self.ownership.plan(plane, current, mask, overwrite=self.overwrite)
            where = positions_of(tuple(to_layer(change.pixels, plane).T), self._array.shape)
            pixels = PixelChange(where, take(self._array, where), change.values)
            put(self._array, where, change.values)
            self.drafts[plane] = Draft(mask, change, pixels)

    def take_back(self, planes: Iterable[Plane] | None = None) -> bool:
        """Put back what is committed, on all planes or on some; tell whether there was any."""
        chosen = list(self.drafts) if planes is None else planes
        drafts = [self.drafts.pop(plane) for plane in chosen if plane in self.drafts]
        for draft in reversed(drafts):
            pixels = draft.pixels
            # a stroke may be under way, of which nothing is told before it ends
            stands = take(self._array, pixels.where) == pixels.after
            put(self._array, pixels.where[stands], pixels.before[stands])
        return bool(drafts)

    def adopt(
        self, plane: Plane, only: NDArray[np.bool_] | None = None, *, painted_too: bool
    ) -> NDArray[np.bool_] | None:
        """Take over what holds the object's number on a plane; return it, None if nothing does.

        Parameters
        ----------
        plane : Plane
        only : (H, W) bool array, optional
            Where the object is, if others have the same number.
        painted_too : bool
            Whether it may be changed even where it was painted by hand.
        """
        mask: NDArray[np.bool_] = read_plane(self._array, plane) == self.label
        if only is not None:
            mask = mask & only
        if not mask.any():
            return None
        self.ownership.adopt(plane, mask, painted_too=painted_too)
        return mask

    # what is what

    @property
    def shown_pixels(self) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Positions that a preview has changed, rising, and what they show."""
        drafts = [draft.pixels.where for draft in self.drafts.values()]
        where = np.unique(np.concatenate([np.zeros(0, np.int64), *drafts]))
        return where, take(self._array, where)

    def mask_on(self, plane: Plane) -> NDArray[np.bool_]:
        """Return which pixels of a plane show the object: (H, W) bool."""
        current = read_plane(self._array, plane)
        if plane in self.drafts:
            shown: NDArray[np.bool_] = self.drafts[plane].change.ours & (current == self.label)
            return shown
        return self.ownership.ours_on(plane, current)

    def committed(self) -> NDArray[Any]:
        """Return a copy of the image without any preview."""
        copy = np.array(self._array)
        for draft in reversed(self.drafts.values()):
            put(copy, draft.pixels.where, draft.pixels.before)
        return copy

    def holds(self, change: PixelChange, values: NDArray[Any]) -> bool:
        """Tell whether what is committed at the pixels of a change are some values (k,)."""
        few = slice(None, None, max(1, len(change) // _SAMPLE))
        for part in (few, slice(None)):
            where = change.where[part]
            now = take(self._array, where)
            for draft in reversed(self.drafts.values()):
                _, mine, its = np.intersect1d(where, draft.pixels.where, return_indices=True)
                now[mine] = draft.pixels.before[its]
            if not np.array_equal(now, values[part]):
                return False
        return True

    # what others did

    def cover(self, where: NDArray[np.int64]) -> None:
        """Take note that the user has painted positions (k,) over."""
        for plane, draft in self.drafts.items():
            over = np.isin(draft.pixels.where, where)
            if over.any():
                self._covered.append(draft.pixels.part(over))
                self.drafts[plane] = replace(draft, pixels=draft.pixels.part(~over))

    def mend(self) -> bool:
        """Mend what undo and redo of others have done to the preview; tell whether there was any.

        What they wrote on it is what is committed there now. And a stroke over a preview is kept
        by napari with the preview's pixels as what was before: they are not to come back.
        """
        others = {
            plane: take(self._array, draft.pixels.where) != draft.pixels.after
            for plane, draft in self.drafts.items()
        }
        ghosts = []
        for pixels in self._covered:
            now = take(self._array, pixels.where)
            ghosts.append((now == pixels.after) & ~self.painted.holds(pixels.where, now))
        if not any(found.any() for found in [*others.values(), *ghosts]):
            return False
        covered, self._covered = self._covered, []
        for plane, other in others.items():
            draft = self.drafts[plane]
            self._redone(draft.pixels.part(other))
            self.drafts[plane] = replace(draft, pixels=draft.pixels.part(~other))
        masks = self.masks
        self.take_back()
        for pixels, ghost in zip(covered, ghosts, strict=True):
            put(self._array, pixels.where[ghost], pixels.before[ghost])
            # an erased pixel is empty under the preview too, and would count as erased for ever
            self._undone.remember(self.painted.forget(pixels.where[ghost]))
            if not ghost.all():
                self._covered.append(pixels.part(~ghost))
        self.show(masks)
        return True

    def _redone(self, changed: PixelChange) -> None:
        """Remember strokes again that were undone and are there once more."""
        again = self._undone.holds(changed.where, take(self._array, changed.where))
        if again.any():
            self.painted.remember(self._undone.forget(changed.where[again]))
            self._covered.append(changed.part(again))
