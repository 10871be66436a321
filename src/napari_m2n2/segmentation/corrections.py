"""How much of the plane a further click may change.

The first click says what the object is; a later one says that the outline is wrong in one place.
How wrong, it says too: the pixels between the click and the nearest one that was already as the
click asks are wrong for certain. A click that lies r pixels within the mistake may therefore
change at most κ π r² pixels, so that a click close to the outline moves the outline and cannot
flood an organ. The more clicks there have been, the less is wrong: the n-th changes at most s / n
of the mask's area, or π r² if that is more. M2N2 (CVPR 2025) treats all prompts alike; measured in
docs/texture.md.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

LEAST_DEPTH = 1.5
"""Pixels: a click beside the outline moves it by about its neighbours."""

SHARE = 4.0
"""s: the n-th click changes at most this over n of the mask's area."""

_REACHES = (32, 128)
"""Pixels around a click that are looked at first, since most mistakes are not deeper."""


def most_pixels(
    mask: NDArray[np.bool_],
    depth: float,
    label: bool,
    strength: float,
    clicks: int,
    share: float = SHARE,
) -> int | None:
    """Return how many pixels a click may change that was placed on a mask.

    Parameters
    ----------
    mask : (H, W) bool array
        What the user saw.
    depth : float
        r of the click, in pixels, by `depth_of`.
    label : bool
        True = foreground.
    strength : float
        κ > 0.
    clicks : int
        Which click it is, counted from 1.
    share : float
        s; infinite leaves it to κ π r².

    Returns
    -------
    int or None
        κ π r², but no more than s / n of the area (and that no less than π r²). A click that
        agrees with the mask (r = 0) may take as much as has its label; where nothing had it (r
        infinite), there is no limit, as for the first click.
    """
    if depth == 0:
        return int(np.count_nonzero(mask == label))
    if math.isinf(depth):
        return None
    disc = math.pi * max(depth, LEAST_DEPTH) ** 2
    area = share * int(np.count_nonzero(mask)) / clicks
    return round(min(strength * disc, max(area, disc)))


def depth_of(mask: NDArray[np.bool_], pixel: tuple[int, int], label: bool) -> float:
    """Return r: pixels from a pixel (row, column) to the nearest of a label; infinite without."""
    squared = -1
    for reach in (*_REACHES, max(mask.shape)):
        rows, columns = (slice(max(k - reach, 0), k + reach + 1) for k in pixel)
        squared = _nearest(
            mask[rows, columns], label, pixel[0] - rows.start, pixel[1] - columns.start
        )
        if 0 <= squared <= reach * reach:
            break
    return math.sqrt(squared) if squared >= 0 else math.inf


@numba.njit(cache=True, nogil=True)
def _nearest(
    mask: NDArray[np.bool_], label: bool, row: int, column: int
) -> int:  # pragma: no cover - compiled
    """Return the squared distance to the nearest pixel of a label; -1 if there is none.

    Rows are looked at from the pixel on outwards, until no row can hold a nearer one.
    """
    height, width = mask.shape
    best = height * height + width * width
    found = False
    for away in range(height):
        if away * away >= best:
            break
        for line in (row - away, row + away):
            if line < 0 or line >= height:
                continue
            for k in range(width):
                squared = away * away + (k - column) ** 2
                if squared < best and mask[line, k] == label:
                    best, found = squared, True
    return best if found else -1
