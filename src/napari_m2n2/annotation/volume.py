"""Carrying an object on from plane to plane until it ends.

The mask of a plane is what the next one begins with, with a point in the middle of each of its
parts and some more well inside. That says where the object is and about how large; where its
outline is now, the method finds in the image. An object has ended where the outline is suddenly
another one: it covers too little of the one before, or is much larger or smaller.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.prompts import PlanePrompts
from napari_m2n2.errors import InputError

_MOST_PARTS = 8
"""An object of more parts has a point in the largest ones only."""

_LEAST_PART = 0.02
"""Share of an object below which a part of it is a crumb."""

_MORE = 4
"""Points beside those in the middles of the parts: what is inside may be of several kinds."""

_DEEP, _APART = 0.5, 0.5
"""How far from the outline they lie, and from one another: shares of how far the deepest does."""


@dataclass(frozen=True)
class Limits:
    """How far an object is carried on.

    Attributes
    ----------
    first, last : int, optional
        The planes between which to stay, both included; by default all.
    overlap : float
        Least intersection over union of the outline with that of the plane before, 0 to 1.
    change : float
        Most times that it may be larger or smaller than the one before, at least 1.
    """

    first: int | None = None
    last: int | None = None
    overlap: float = 0.5
    change: float = 2.0

    def __post_init__(self) -> None:
        if not 0 <= self.overlap <= 1:
            raise InputError(f"An overlap of {self.overlap:g} cannot be; give one from 0 to 1.")
        if not self.change >= 1:
            raise InputError(f"A change of {self.change:g} times cannot be; give 1 or more.")

    def hold(self, index: int) -> bool:
        """Tell whether a plane lies within the range."""
        return (self.first is None or self.first <= index) and (
            self.last is None or index <= self.last
        )


@dataclass(frozen=True, eq=False)
class Carried:
    """A plane that an object was carried on to.

    Attributes
    ----------
    plane : Plane
    prompts : PlanePrompts
        What the plane before gave it.
    mask : (H, W) bool array
    overlap : float
        Intersection over union with the mask of the plane before.
    """

    plane: Plane
    prompts: PlanePrompts
    mask: NDArray[np.bool_]
    overlap: float


class Propagation:
    """Carries an object on in one direction, plane by plane.

    Whoever drives it asks the method for `prompts` on `plane` and hands the mask to `answer`, for
    as long as `plane` is not None.

    Parameters
    ----------
    plane : Plane
        Where the object is outlined.
    mask : (H, W) bool array
        Its outline there.
    axis : int
        The hidden axis to go along.
    step : {1, -1}
        To higher or to lower indices.
    limits : Limits
    is_taken : callable, optional
        Tells of a plane that the user outlined the object there; there it ends, too.

    Attributes
    ----------
    plane : Plane or None
        The plane to outline next; None once the object has ended.
    prompts : PlanePrompts
        With what.
    reason : str
        Why it ended, as part of a sentence; empty before it did.

    Raises
    ------
    InputError
        If there is nothing on the plane to begin with, or the axis is none to go along.
    """

    def __init__(
        self,
        plane: Plane,
        mask: NDArray[np.bool_],
        axis: int,
        step: int,
        limits: Limits = Limits(),
        is_taken: Callable[[Plane], bool] = lambda plane: False,
    ) -> None:
        if not mask.any():
            raise InputError(
                f"The object is not on {plane.name or 'this plane'}; go to a slice that it is on."
            )
        self._axis, self._step, self._limits = axis, step, limits
        self._is_taken = is_taken
        self._last, self._mask = plane, mask
        self.plane: Plane | None = None
        self.prompts = PlanePrompts()
        self.reason = ""
        index_along(plane, axis)
        self._go_on()

    @property
    def left(self) -> int:
        """How many planes there are from `plane` to the end of the range."""
        if self.plane is None:
            return 0
        index, limits = index_along(self.plane, self._axis), self._limits
        if self._step > 0:
            last = self.plane.shape[self._axis] - 1
            return (last if limits.last is None else min(last, limits.last)) - index + 1
        return index - max(limits.first or 0, 0) + 1

    def answer(self, mask: NDArray[np.bool_]) -> Carried | None:
        """Take the outline of `plane`; None if the object has ended there."""
        if self.plane is None:
            raise InputError("The object has ended; begin again on a slice that it is on.")
        here, overlap = self.plane, iou(mask, self._mask)
        reason = self._jump(here, mask, overlap)
        if reason:
            self._end(reason)
            return None
        carried = Carried(here, self.prompts, mask, overlap)
        self._last, self._mask = here, mask
        self._go_on()
        return carried

    def _jump(self, here: Plane, mask: NDArray[np.bool_], overlap: float) -> str:
        """Return in what the outline is another one than before; empty if it is not."""
        area, before = int(np.count_nonzero(mask)), int(np.count_nonzero(self._mask))
        if not area:
            return f"nothing was found on {here.name}"
        if overlap < self._limits.overlap:
            return (
                f"the outline on {here.name} covers too little of the one before "
                f"(overlap {overlap:.2f})"
            )
        if max(area, before) > self._limits.change * min(area, before):
            kind = "larger" if area > before else "smaller"
            times = max(area, before) / min(area, before)
            return f"the outline on {here.name} is {times:.1f} times {kind} than the one before"
        return ""

    def _go_on(self) -> None:
        """Turn to the next plane, if there is one to turn to."""
        following = neighbour(self._last, self._axis, self._step)
        if following is None:
            self._end("the stack ends there")
        elif not self._limits.hold(index_along(following, self._axis)):
            self._end("the range ends there")
        elif self._is_taken(following):
            self._end(f"it is outlined on {following.name} already")
        else:
            self.plane, self.prompts = following, carry_prompts(self._mask)

    def _end(self, reason: str) -> None:
        self.plane, self.reason = None, reason


Segment: TypeAlias = Callable[[Plane, PlanePrompts], NDArray[np.bool_]]
"""Outlines a plane with prompts: (H, W) bool; may raise `napari_m2n2.errors.Cancelled`."""


def propagate(
    plane: Plane,
    mask: NDArray[np.bool_],
    axis: int,
    segment: Segment,
    *,
    steps: tuple[int, ...] = (1, -1),
    limits: Limits = Limits(),
) -> Iterator[Carried]:
    """Carry an object on to the planes on both sides, one after the other.

    Parameters
    ----------
    plane, mask, axis, limits
        See `Propagation`.
    segment : callable
        See `Segment`.
    steps : tuple of {1, -1}
        In which directions, in this order.

    Yields
    ------
    Carried
        As soon as it is known; who stops asking calls it off.
    """
    for step in steps:
        under_way = Propagation(plane, mask, axis, step, limits)
        while under_way.plane is not None:
            carried = under_way.answer(segment(under_way.plane, under_way.prompts))
            if carried is not None:
                yield carried


def carry_prompts(mask: NDArray[np.bool_]) -> PlanePrompts:
    """Return what a mask (H, W) says to the plane beside it: itself, and where its parts are.

    A rough mask has but one seed (`napari_m2n2.segmentation.seeds`), from which its other parts
    could not be reached, nor what lies around a core of another kind.
    """
    points = np.array(spread(mask, middles(mask)), dtype=np.float64).reshape(-1, 2)
    return PlanePrompts(points=points, labels=np.ones(len(points), bool), start=mask)


def middles(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the innermost pixel of each part of a mask (H, W), of the largest part first."""
    from scipy.ndimage import find_objects, label

    from napari_m2n2.segmentation.seeds import innermost

    parts, count = label(mask, np.ones((3, 3), int))
    areas = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    found: list[tuple[int, int]] = []
    for part in np.argsort(-areas, kind="stable")[:_MOST_PARTS]:
        if found and areas[part] < _LEAST_PART * areas.sum():
            break
        rows, columns = find_objects(parts)[part]
        row, column = innermost(parts[rows, columns] == part + 1)
        found.append((row + rows.start, column + columns.start))
    return found


def spread(mask: NDArray[np.bool_], pixels: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return pixels of a mask (H, W) and a few more: well inside, as far apart as can be."""
    from scipy.ndimage import distance_transform_edt

    if not pixels:
        return []
    rows, columns = (slice(max(k.min() - 1, 0), k.max() + 2) for k in np.nonzero(mask))
    depth = distance_transform_edt(np.pad(mask[rows, columns], 1))[1:-1, 1:-1]
    inside = np.argwhere(depth >= _DEEP * depth.max()) + np.array([rows.start, columns.start])
    found = list(pixels)
    away = np.min([((inside - pixel) ** 2).sum(axis=1) for pixel in found], axis=0)
    while len(found) < len(pixels) + _MORE and away.max() >= (_APART * depth.max()) ** 2:
        row, column = inside[away.argmax()].tolist()
        found.append((row, column))
        away = np.minimum(away, ((inside - found[-1]) ** 2).sum(axis=1))
    return found


def iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Return the intersection over union of two masks; 1 if both are empty."""
    union = int(np.count_nonzero(one | other))
    return int(np.count_nonzero(one & other)) / union if union else 1.0


def axes_to_go(plane: Plane) -> tuple[int, ...]:
    """Return the hidden axes along which there is more than one plane, the last one first."""
    return tuple(axis for axis, _ in reversed(plane.hidden) if plane.shape[axis] > 1)


def index_along(plane: Plane, axis: int) -> int:
    """Return where a plane lies along a hidden axis."""
    for known, index in plane.hidden:
        if known == axis and plane.shape[axis] > 1:
            return index
    raise InputError(
        "There is no other slice to go to; choose an axis with a slider, or open a stack."
    )


def neighbour(plane: Plane, axis: int, step: int) -> Plane | None:
    """Return the plane some steps away along a hidden axis; None if the stack ends before."""
    index = index_along(plane, axis) + step
    return at(plane, axis, index) if 0 <= index < plane.shape[axis] else None


def at(plane: Plane, axis: int, index: int) -> Plane:
    """Return the plane at another index along a hidden axis."""
    return replace(plane, hidden=tuple((a, index if a == axis else i) for a, i in plane.hidden))
