"""How deep a further click reaches into the mask that it was placed on.

What all clicks together propose around a new one is often right at its rim and wrong farther in:
an organ where its edge was meant. A click knows better: it lies r pixels from the nearest one that
was already as it asks, people click the middle of what is wrong, and so what is wrong is seldom
much deeper than r, and shallower far away from the click. A pixel at δ r from the click and at
depth D r may change if

    D ≤ a ± o + e / (n − 1) − b ln(δ + 0.1),

with + for a foreground click, - for a background one, and n the clicks so far, the first of which
may have missed the object. That is the line where a mistake is as likely as not, for mistakes and
proposals of the published maps (M2N2, CVPR 2025); measured in docs/texture.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.segmentation.corrections import LEAST_DEPTH
from napari_m2n2.segmentation.window import Pixel, Window, within

_DEPTH = 1.5
_FADES = 0.55
"""a and b."""

_FOREGROUND = 0.4
"""o: where it is in doubt, to add what is missing costs less overlap (IoU) than to take away what
is right."""

_EARLY = 1.5
"""e: later clicks are placed on smaller mistakes."""

_NEAR = 0.1
"""Of r: nearer to the click than about this all pixels are alike."""


@dataclass(frozen=True, eq=False)
class Peel:
    """What a click may change of a mask.

    Attributes
    ----------
    before : (H, W) bool array
        The mask that the click was placed on.
    pixel : (int, int)
        Row and column of the click, where the mask is not what it asks for.
    label : bool
        True = foreground.
    depth : float
        r: pixels to the nearest one that was as the click asks; infinite where none was, so that
        all may change.
    clicks : int
        n: which click it is, counted from 1.
    """

    before: NDArray[np.bool_]
    pixel: Pixel
    label: bool
    depth: float
    clicks: int

    def allows(self, window: Window) -> NDArray[np.bool_]:
        """Return which pixels of a window may change, if they are not as the click asks."""
        shape = (window[0].stop - window[0].start, window[1].stop - window[1].start)
        if math.isinf(self.depth):
            return np.ones(shape, bool)
        rows, columns = window
        top, left = rows.start - self.pixel[0], columns.start - self.pixel[1]
        farthest = math.hypot(max(-top, top + shape[0]), max(-left, left + shape[1]))
        depth = max(self.depth, LEAST_DEPTH)
        most = _DEPTH + (_FOREGROUND if self.label else -_FOREGROUND)
        most += _EARLY / max(self.clicks - 1, 1)
        away = np.arange(math.ceil(farthest) + 2)
        bounds = depth * (most - _FADES * np.log(away / depth + _NEAR))
        found = np.empty(shape, bool)
        depths = self._depths(window, bounds)
        _compare(depths, top, left, depth, most, bounds, found)
        return found

    def _depths(self, window: Window, bounds: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return how far from the pixels that are as the click asks; right up to the bounds.

        Farther from the click less depth is asked for, so that less around the window counts.
        """
        sides = []
        for side, at, length in zip(window, self.pixel, self.before.shape, strict=True):
            inwards = np.arange(side.stop - side.start)
            before, after = (
                math.ceil(max(float((bounds[np.abs(away)] - inwards).max()), 0)) + 1
                for away in (side.start - at + inwards, side.stop - 1 - at - inwards)
            )
            sides.append(slice(max(side.start - before, 0), min(side.stop + after, length)))
        wide = sides[0], sides[1]
        wrong = np.not_equal(self.before[wide], self.label).view(np.uint8)
        depths = cv2.distanceTransform(wrong, cv2.DIST_L2, cv2.DIST_MASK_5)
        found: NDArray[np.float32] = np.asarray(depths, np.float32)[within(window, wide)]
        return found


@numba.njit(cache=True, nogil=True)
def _compare(
    depths: NDArray[np.float32],
    top: int,
    left: int,
    depth: float,
    most: float,
    bounds: NDArray[np.float64],
    found: NDArray[np.bool_],
) -> None:  # pragma: no cover - compiled
    """Fill in which depths are small enough, in a window that begins (top, left) from the click.

    `bounds` are those at 0, 1, 2, ... pixels from the click: a logarithm is taken only where the
    bound lies between those of two of them.
    """
    for row in range(depths.shape[0]):
        down = np.float64((top + row) * (top + row))
        for column in range(depths.shape[1]):
            away = np.sqrt(down + (left + column) * (left + column))
            ring = int(away)
            value = depths[row, column]
            inside = value <= bounds[ring + 1]
            if not inside and value <= bounds[ring]:
                inside = value <= depth * (most - _FADES * np.log(away / depth + _NEAR))
            found[row, column] = inside
