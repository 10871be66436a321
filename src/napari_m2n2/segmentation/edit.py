"""What one further click changes in the mask that it was placed on.

The click says that the mask is wrong in one place. What all prompts together would change there is
believed as deep as the click tells (`napari_m2n2.segmentation.peel`), as far as that is connected
with the click. Where the mask is as the click asks already, the click's own segment is added or
taken away; of one that is larger than the click's limit (`napari_m2n2.segmentation.corrections`),
the pixels around the click. A foreground click takes nothing away, a background click adds
nothing, and the rest stays as the user saw it.

Only a window around the click is looked at, which grows until it holds the part, so that an edit
costs what it changes and not what the plane holds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.segmentation.parts import numbered, only, part_around
from napari_m2n2.segmentation.peel import Peel
from napari_m2n2.segmentation.proposals import Proposal
from napari_m2n2.segmentation.window import (
    Pixel,
    Window,
    beyond,
    box_of,
    grown,
    size_of,
    window_around,
)

_Region: TypeAlias = Callable[[Window], NDArray[np.bool_]]
"""Which pixels of a window belong to something."""

_FIRST_REACH = 40
"""Most pixels on each side of the click that are looked at first."""

_MARGIN = 8
"""Pixels that are looked at beyond a disc of as many pixels as may change."""

_FEW, _MANY = 1 << 16, 1 << 19
"""Pixels of a window in which a look at all prompts, and at the click's own map, costs little."""


@dataclass(frozen=True, eq=False)
class Change:
    """Some pixels of a mask that are not what they were.

    Attributes
    ----------
    window : (slice, slice)
        Rows and columns that hold all of them.
    pixels : bool array
        Which of the window's pixels they are.
    """

    window: Window
    pixels: NDArray[np.bool_]

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return bool(self.pixels.any())

    @property
    def count(self) -> int:
        """How many there are."""
        return int(np.count_nonzero(self.pixels))

    def tight(self) -> Change:
        """Return the same change in the smallest window."""
        box = box_of(self.pixels)
        return Change(beyond(box, self.window), self.pixels[box])


class Edit(NamedTuple):
    """What a click makes of a mask.

    Attributes
    ----------
    change : Change
        The outline is not fitted yet.
    believed : bool
        Whether what all prompts together propose was believed.
    """

    change: Change
    believed: bool


def edited(
    before: NDArray[np.bool_],
    proposal: Proposal,
    pixel: Pixel,
    label: bool,
    limit: float,
    peel: Peel | None = None,
) -> Edit:
    """Return what a click changes.

    Parameters
    ----------
    before : (H, W) bool array
        The mask that the click was placed on.
    proposal : Proposal
        What all prompts together give, this click the last among their points.
    pixel : (int, int)
        Row and column of the click.
    label : bool
        True = foreground.
    limit : float
        The most pixels of the click's own segment; NaN for no limit.
    peel : Peel, optional
        What may change of what all prompts propose; None has the click's own segment changed.
    """

    def wanted(window: Window) -> NDArray[np.bool_]:
        proposed: NDArray[np.bool_] = proposal.mask(window) == label
        return proposed

    def missing(window: Window) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = (before[window] != label) & wanted(window)
        return found

    def near(window: Window) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = proposal.distance(window) <= farthest
        return found

    # maps are compared in their own precision, which is twice as fast
    farthest = np.float32(proposal.thresholds[-1])
    if farthest > proposal.thresholds[-1]:
        farthest = np.nextafter(farthest, np.float32(-1))
    part = None
    if peel is not None:
        part, _ = _part(missing, peel.allows, pixel, before.shape, math.nan, _FEW)
    believed = part is not None
    if part is None:
        part, whole = _part(near, wanted, pixel, before.shape, limit, _MANY)
        if not whole:
            part = _nearest(near, wanted, pixel, before.shape, limit)
    if part is None:
        part = Change(window_around(pixel, 0, before.shape), np.zeros((1, 1), bool))
    after = part.pixels & (before[part.window] != label)
    after[_seen_from(part.window, pixel)] = before[pixel] != label
    return Edit(Change(part.window, after).tight(), believed)


def accepted(
    fitted: NDArray[np.bool_], before: NDArray[np.bool_], change: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return which pixels an outline may change that was fitted after a click.

    Parameters
    ----------
    fitted, before : (h, w) bool array
        After it was fitted, and before the click.
    change : (h, w) bool array
        What the click has changed: the outline moves only in connection with that.
    """
    found: NDArray[np.bool_] = fitted != before
    rows, columns = box_of(found)
    moved = found[rows, columns]
    if not moved.size:
        return found
    count, parts = numbered(moved, diagonals=True)
    wanted = np.zeros(count, bool)
    wanted[parts[change[rows, columns]]] = True
    wanted[0] = False
    found[rows, columns] = only(parts, wanted)
    return found


def _seen_from(window: Window, pixel: Pixel) -> Pixel:
    """Return a pixel of the plane in those of a window."""
    return pixel[0] - window[0].start, pixel[1] - window[1].start


def _within_reach(region: _Region, pixel: Pixel, window: Window) -> Change | None:
    """Return the part of a region in a window that holds a pixel of it; None without."""
    part = part_around(region(window), _seen_from(window, pixel))
    return None if part is None else Change(beyond(part[0], window), part[1])


def _part(
    one: _Region,
    other: _Region,
    pixel: Pixel,
    shape: tuple[int, ...],
    limit: float,
    alone: int,
) -> tuple[Change | None, bool]:
    """Return the part of what two regions share that holds a pixel, and whether that is all.

    It is not where more pixels than the limit were found. The second region is looked at around
    the pixel's part of the first; windows of up to `alone` pixels grow with the first.
    """
    reach = _FIRST_REACH
    if not math.isnan(limit):
        reach = min(reach, _MARGIN + round(math.sqrt(limit / math.pi)))
    window = window_around(pixel, reach, shape)
    while True:
        rough = _within_reach(one, pixel, window)
        if rough is None:
            return None, True
        wider = grown(window, rough.window, shape)
        more = wider != window and size_of(wider) <= alone
        if more and not np.count_nonzero(rough.pixels) > limit:
            window = wider
            continue
        part = _shared(rough, other, pixel)
        if part is None:
            return None, True
        if np.count_nonzero(part.pixels) > limit:
            return part, False
        wider = grown(window, part.window, shape)
        if wider == window:
            return part, True
        window = wider


def _shared(rough: Change, other: _Region, pixel: Pixel) -> Change | None:
    """Return the part that holds a pixel of what a part shares with a region; None without."""
    return _within_reach(lambda window: rough.pixels & other(window), pixel, rough.window)


def _nearest(
    one: _Region, other: _Region, pixel: Pixel, shape: tuple[int, ...], count: float
) -> Change | None:
    """Return the disc of `count` pixels around a pixel, as far as two regions share it.

    A distance map has plateaus, of which no λ takes a piece.
    """
    radius = round(math.sqrt(count / math.pi))
    window = window_around(pixel, radius, shape)
    found = one(window)
    disc = np.zeros(found.shape, np.uint8)
    cv2.circle(disc, _seen_from(window, pixel)[::-1], radius, 1, cv2.FILLED)
    return _shared(Change(window, found & disc.view(bool)), other, pixel)
