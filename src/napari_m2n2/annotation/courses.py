"""Work on many planes of one object, a plane at a time: what to ask next, what to do with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.prompts import NO_PROMPTS, PlanePrompts
from napari_m2n2.annotation.volume import Propagation, carry_prompts, iou


class Course(Protocol):
    """What a worker is led by: as long as there is a plane, it hands in a mask for it."""

    @property
    def plane(self) -> Plane | None:
        """The plane to outline next; None at the end."""

    @property
    def prompts(self) -> PlanePrompts:
        """With what."""

    @property
    def reason(self) -> str:
        """Why it ended or will end, as part of a sentence; empty where all was done."""

    @property
    def left(self) -> int:
        """How many planes are still to be outlined, at most."""

    def answer(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
        """Take the outline of the plane; return what the object gets there, None for nothing."""


class Onward:
    """An object carried on in one direction after the other; a `Course`.

    Parameters
    ----------
    parts : sequence of Propagation
        At least one.
    """

    def __init__(self, parts: Sequence[Propagation]) -> None:
        self._parts = parts

    @property
    def plane(self) -> Plane | None:
        """The plane to outline next."""
        return self._part.plane

    @property
    def prompts(self) -> PlanePrompts:
        """What the plane before gives it."""
        return self._part.prompts

    @property
    def reason(self) -> str:
        """Why it ended in each direction."""
        return "; ".join(dict.fromkeys(part.reason for part in self._parts if part.reason))

    @property
    def left(self) -> int:
        """Planes to the ends of the ranges."""
        return sum(part.left for part in self._parts)

    def answer(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
        """Take an outline; None where the object has ended in this direction."""
        carried = self._part.answer(mask)
        return None if carried is None else carried.mask

    @property
    def _part(self) -> Propagation:
        under_way = [part for part in self._parts if part.plane is not None]
        return under_way[0] if under_way else self._parts[-1]


class Refit:
    """Masks that the method fits to the image, as long as it keeps to them; a `Course`.

    Parameters
    ----------
    masks : mapping of Plane to (H, W) bool array
        For instance interpolated ones.
    overlap : float
        Least intersection over union of what is found with what there was.
    """

    def __init__(self, masks: Mapping[Plane, NDArray[np.bool_]], overlap: float) -> None:
        self._masks = masks
        self._order = list(masks)
        self._overlap = overlap
        self._kept: list[Plane] = []

    @property
    def plane(self) -> Plane | None:
        """The plane to outline next."""
        return self._order[0] if self._order else None

    @property
    def prompts(self) -> PlanePrompts:
        """What its mask says."""
        return carry_prompts(self._masks[self._order[0]]) if self._order else NO_PROMPTS

    @property
    def reason(self) -> str:
        """On how many planes the image said something else."""
        count = len(self._kept)
        if not count:
            return ""
        where = self._kept[0].name if count == 1 else f"{count} slices"
        return f"on {where} the image says something else, so that they stay as interpolated"

    @property
    def left(self) -> int:
        """Planes that were not yet fitted."""
        return len(self._order)

    def answer(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
        """Take an outline; None where it is another one than the mask."""
        plane = self._order.pop(0)
        if iou(mask, self._masks[plane]) >= self._overlap:
            return mask
        self._kept.append(plane)
        return None
