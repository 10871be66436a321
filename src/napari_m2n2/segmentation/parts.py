"""Connected parts of masks: the one that holds a pixel, and those that hold what is asked for."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.segmentation.window import Pixel, Window


def part_around(mask: NDArray[np.bool_], pixel: Pixel) -> tuple[Window, NDArray[np.bool_]] | None:
    """Return the connected part (diagonals count) that holds a pixel; None if none does.

    Returns
    -------
    (slice, slice), (h, w) bool array
        The smallest window of the part, and which of its pixels belong to it.
    """
    if not mask[pixel]:
        return None
    filled = np.array(mask, order="C").view(np.uint8)
    left, top, width, height = cv2.floodFill(filled, None, pixel[::-1], 2, flags=8)[3]
    window = slice(top, top + height), slice(left, left + width)
    return window, filled[window] == 2


def parts_around(mask: NDArray[np.bool_], pixels: Sequence[Pixel]) -> NDArray[np.bool_]:
    """Return the connected parts (diagonals do not count) that hold some of the pixels.

    Pixels beside the mask count for nothing.
    """
    filled = np.array(mask, order="C").view(np.uint8)
    height, width = mask.shape
    for row, column in pixels:
        if 0 <= row < height and 0 <= column < width and filled[row, column] == 1:
            cv2.floodFill(filled, None, (column, row), 2, flags=4)
    found: NDArray[np.bool_] = filled == 2
    return found


def numbered(mask: NDArray[np.bool_], *, diagonals: bool) -> tuple[int, NDArray[np.int32]]:
    """Return how many connected parts a mask has, what is outside included, and of which each is.

    The numbers (H, W) begin at 1; what is outside has 0.
    """
    count, numbers = cv2.connectedComponents(
        np.ascontiguousarray(mask).view(np.uint8), connectivity=8 if diagonals else 4
    )
    return count, np.asarray(numbers, np.int32)


def only(numbers: NDArray[np.int32], wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels (H, W) of the parts whose number is wanted."""
    found = np.empty(numbers.shape, bool)
    _pick(numbers.ravel(), wanted, found.ravel())
    return found


@numba.njit(cache=True, nogil=True)
def _pick(
    numbers: NDArray[np.int32], wanted: NDArray[np.bool_], found: NDArray[np.bool_]
) -> None:  # pragma: no cover - compiled
    """Look each number up."""
    for k in range(numbers.size):
        found[k] = wanted[numbers[k]]
