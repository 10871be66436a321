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
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.segmentation.peel import Peel
from napari_m2n2.segmentation.proposals import Proposal
from napari_m2n2.segmentation.window import Pixel, Window, box_of, grown, window_around

_FIRST_REACH = 40
"""Most pixels on each side of the click that are looked at first."""

_MARGIN = 8
"""Pixels that are looked at beyond a disc of as many pixels as may change."""


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

    def tight(self) -> Change:
        """Return the same change in the smallest window."""
        rows, columns = box_of(self.pixels)
        top, left = self.window[0].start, self.window[1].start
        window = (
            slice(top + rows.start, top + rows.stop),
            slice(left + columns.start, left + columns.stop),
        )
        return Change(window, self.pixels[rows, columns])


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
        proposed = proposal.mask(window)
        return proposed if label else ~proposed

    def missing(window: Window) -> NDArray[np.bool_]:
        other: NDArray[np.bool_] = before[window] != label
        if peel is not None:
            other &= peel.allows(window)
        return other & wanted(window)

    def own(window: Window) -> NDArray[np.bool_]:
        near: NDArray[np.bool_] = proposal.distance(window) <= proposal.thresholds[-1]
        return near & wanted(window)

    believed = False
    if peel is not None:
        window, part, _ = _part(missing, pixel, before.shape, math.nan)
        believed = bool(part.any())
    if not believed:
        window, part, whole = _part(own, pixel, before.shape, limit)
        if not whole:
            window, part = _nearest(own, pixel, before.shape, limit)
    after = part & (before[window] != label)
    here = pixel[0] - window[0].start, pixel[1] - window[1].start
    after[here] = before[pixel] != label
    return Edit(Change(window, after).tight(), believed)


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
    moved = np.ascontiguousarray(found[rows, columns])
    if not moved.size:
        return found
    count, parts = cv2.connectedComponents(moved.view(np.uint8), connectivity=8)
    wanted = np.zeros(count, bool)
    wanted[parts[change[rows, columns]]] = True
    wanted[0] = False
    found[rows, columns] = wanted[parts]
    return found


def part_with(mask: NDArray[np.bool_], pixel: Pixel) -> NDArray[np.bool_]:
    """Return the connected part of a mask (diagonals count) that holds a pixel; often empty."""
    found = np.zeros(mask.shape, bool)
    if mask[pixel]:
        filled = mask.astype(np.uint8, order="C")
        cv2.floodFill(filled, None, pixel[::-1], 2, flags=8)
        np.equal(filled, 2, out=found)
    return found


def _part(
    inside: Callable[[Window], NDArray[np.bool_]],
    pixel: Pixel,
    shape: tuple[int, ...],
    limit: float,
) -> tuple[Window, NDArray[np.bool_], bool]:
    """Return the part of a region that holds a pixel, in its window, and whether that is all.

    It is not where more pixels than the limit were found.
    """
    reach = _FIRST_REACH
    if not math.isnan(limit):
        reach = min(reach, _MARGIN + round(math.sqrt(limit / math.pi)))
    window = window_around(pixel, reach, shape)
    while True:
        part = part_with(inside(window), (pixel[0] - window[0].start, pixel[1] - window[1].start))
        if np.count_nonzero(part) > limit:
            return window, part, False
        wider = grown(window, part, shape)
        if wider == window:
            return window, part, True
        window = wider


def _nearest(
    inside: Callable[[Window], NDArray[np.bool_]],
    pixel: Pixel,
    shape: tuple[int, ...],
    count: float,
) -> tuple[Window, NDArray[np.bool_]]:
    """Return the disc of `count` pixels around a pixel, as far as it lies in a region.

    A distance map has plateaus, of which no λ takes a piece.
    """
    radius = round(math.sqrt(count / math.pi))
    window = window_around(pixel, radius, shape)
    part = inside(window)
    here = pixel[0] - window[0].start, pixel[1] - window[1].start
    disc = np.zeros(part.shape, np.uint8)
    cv2.circle(disc, here[::-1], radius, 1, cv2.FILLED)
    return window, part_with(part & disc.view(bool), here)
