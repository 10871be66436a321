"""Windows: the rows and columns of a plane that a piece of work looks at."""

from __future__ import annotations

import math
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Pixel: TypeAlias = tuple[int, int]
"""Row and column."""

Window: TypeAlias = tuple[slice, slice]
"""Rows and columns, ends excluded, all within the plane."""


def window_around(pixel: Pixel, reach: int, shape: tuple[int, ...]) -> Window:
    """Return all that is at most `reach` rows and columns from a pixel."""
    return widened((slice(pixel[0], pixel[0] + 1), slice(pixel[1], pixel[1] + 1)), reach, shape)


def widened(window: Window, reach: int, shape: tuple[int, ...], multiple: int = 1) -> Window:
    """Return a window with `reach` more pixels on each side, as far as the plane goes.

    It begins at a multiple of a number, and ends at one or with the plane.
    """
    sides = []
    for side, length in zip(window, shape, strict=True):
        first = (side.start - reach) // multiple * multiple
        last = math.ceil((side.stop + reach) / multiple) * multiple
        sides.append(slice(max(first, 0), min(last, length)))
    return sides[0], sides[1]


def grown(window: Window, part: Window, shape: tuple[int, ...]) -> Window:
    """Return a window twice as long on each side that a window within it reaches."""
    sides = []
    for side, inner, length in zip(window, part, shape, strict=True):
        more = side.stop - side.start
        sides.append(
            slice(
                max(side.start - more, 0) if inner.start == side.start else side.start,
                min(side.stop + more, length) if inner.stop == side.stop else side.stop,
            )
        )
    return sides[0], sides[1]


def size_of(window: Window) -> int:
    """Return how many pixels a window has."""
    return int((window[0].stop - window[0].start) * (window[1].stop - window[1].start))


def box_of(mask: NDArray[np.bool_]) -> Window:
    """Return the smallest window that holds all of a mask; one without pixels if there is none."""
    left, top, width, height = cv2.boundingRect(np.ascontiguousarray(mask).view(np.uint8))
    return slice(top, top + height), slice(left, left + width)


def within(window: Window, outer: Window, factor: int = 1) -> Window:
    """Return a window in the pixels of another one, of which each is divided into factor²."""
    return (
        slice(
            (window[0].start - outer[0].start) * factor, (window[0].stop - outer[0].start) * factor
        ),
        slice(
            (window[1].start - outer[1].start) * factor, (window[1].stop - outer[1].start) * factor
        ),
    )


def beyond(window: Window, outer: Window) -> Window:
    """Return a window that is given in the pixels of another one in those of the plane."""
    top, left = outer[0].start, outer[1].start
    return (
        slice(top + window[0].start, top + window[0].stop),
        slice(left + window[1].start, left + window[1].stop),
    )


def common(one: Window, other: Window) -> Window:
    """Return what two windows share; without rows or columns where they share nothing."""
    sides = []
    for a, b in zip(one, other, strict=True):
        first = max(a.start, b.start)
        sides.append(slice(first, max(min(a.stop, b.stop), first)))
    return sides[0], sides[1]


def both(one: Window, other: Window) -> Window:
    """Return the smallest window that holds two."""
    rows, columns = (
        slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(one, other, strict=True)
    )
    return rows, columns
