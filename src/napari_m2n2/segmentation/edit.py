"""What one further click changes in the mask that it was placed on.

The click says that the mask is wrong in one place. What all prompts together would change there,
the part of that change which holds the click, is believed as long as it is no larger than the
click's limit (`napari_m2n2.segmentation.corrections`); else the click's own segment is added or
taken away, of one that is larger than the limit the pixels around the click. A foreground click
takes nothing away, a background click adds nothing, and the rest stays as the user saw it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Pixel = tuple[int, int]


class Edit(NamedTuple):
    """What a click made of a mask.

    Attributes
    ----------
    mask : (H, W) bool array
        Its outline is not fitted yet.
    believed : bool
        Whether what all prompts together propose was believed.
    """

    mask: NDArray[np.bool_]
    believed: bool


def edited(
    before: NDArray[np.bool_],
    proposed: NDArray[np.bool_],
    segment: NDArray[np.bool_],
    pixel: Pixel,
    label: bool,
    limit: float,
) -> Edit:
    """Return the mask after a click.

    Parameters
    ----------
    before : (H, W) bool array
        The mask that the click was placed on.
    proposed : (H, W) bool array
        What all prompts together give, this click among them.
    segment : (H, W) bool array
        The segment of the click alone.
    pixel : (int, int)
        Row and column of the click.
    label : bool
        True = foreground.
    limit : float
        The most pixels that may change; NaN for no limit.
    """
    wanted = proposed if label else ~proposed
    there = before if label else ~before
    change = part_with(wanted & ~there, pixel)
    believed = bool(change.any() and not np.count_nonzero(change) > limit)
    if not believed:
        change = part_with(segment & wanted, pixel)
        if np.count_nonzero(change) > limit:
            change = _nearest(change, pixel, limit)
    after = before | change if label else before & ~change
    after[pixel] = label
    return Edit(after, believed)


def accepted(
    before: NDArray[np.bool_],
    edit: NDArray[np.bool_],
    fitted: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Return a mask in which the outline was fitted only where the click has changed it.

    Parameters
    ----------
    before, edit, fitted : (H, W) bool array
        Before the click, after it, and after its outline was fitted.
    """
    moved = fitted != before
    if not moved.any():
        return before
    left, top, width, height = cv2.boundingRect(moved.view(np.uint8))
    window = slice(top, top + height), slice(left, left + width)
    count, parts = cv2.connectedComponents(moved[window].view(np.uint8), connectivity=8)
    wanted = np.zeros(count, bool)
    wanted[np.unique(parts[(edit != before)[window]])] = True
    wanted[0] = False
    after = before.copy()
    after[window] = np.where(wanted[parts], fitted[window], before[window])
    return after


def part_with(mask: NDArray[np.bool_], pixel: Pixel) -> NDArray[np.bool_]:
    """Return the connected part of a mask (diagonals count) that holds a pixel; often empty."""
    found = np.zeros(mask.shape, bool)
    if mask[pixel]:
        filled = mask.astype(np.uint8)
        cv2.floodFill(filled, None, pixel[::-1], 2, flags=8)
        np.equal(filled, 2, out=found)
    return found


def _nearest(part: NDArray[np.bool_], pixel: Pixel, count: float) -> NDArray[np.bool_]:
    """Return the disc of `count` pixels around a pixel, as far as it lies in a part.

    A distance map has plateaus, of which no λ takes a piece.
    """
    disc = np.zeros(part.shape, np.uint8)
    cv2.circle(disc, pixel[::-1], round(math.sqrt(count / math.pi)), 1, cv2.FILLED)
    return part_with(part & disc.view(bool), pixel)
