"""A segment that grows pixel by pixel, from the nearest on, and the ring around it.

Sorting stops where no candidate is left, and the ring is followed instead of looked for: a pixel
enters with its first neighbour inside and leaves when it joins the segment itself. So both cost a
constant per pixel that joins.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

_DIGIT = 11
"""Bits that are sorted by at a time; three times are all that a positive float32 has."""

_BINS = 1 << _DIGIT

_SIDES = ((-1, 0), (0, -1), (0, 1), (1, 0))
"""(row, column) steps to the 4-neighbours of a pixel."""


def nearest_first(distance: NDArray[np.float32], count: int) -> NDArray[np.int32]:
    """Return the flat indices of the `count` nearest pixels, ascending, ties in reading order.

    Parameters
    ----------
    distance : (H, W) float32 array
        Finite and not negative.
    count : int
        At most H × W.

    Returns
    -------
    (count,) int32 array
    """
    # the bits of floats that are not negative are in the order of their values; + 0 turns -0 to 0
    bits = (distance.ravel() + np.float32(0)).view(np.uint32)
    order: NDArray[np.int32] = _sort(bits, count)
    return order[:count].copy()


def ring_means(
    order: NDArray[np.int32], shape: tuple[int, int], values: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the means of values along the ring around a growing segment.

    The ring is the pixels outside the segment with a 4-neighbour inside.

    Parameters
    ----------
    order : (k,) int32 array
        Flat indices of the pixels in the order in which they join.
    shape : (int, int)
        (H, W).
    values : (H * W, m) float32 array

    Returns
    -------
    (m, k) float64 array
        After each pixel that joined; 0 where there is no ring.
    """
    means = np.zeros((values.shape[1], len(order)))
    _follow_ring(order, shape[1], np.zeros((shape[0] + 2, shape[1] + 2), np.uint8), values, means)
    return means


@numba.njit(cache=True, nogil=True)
def _sort(bits: NDArray[np.uint32], count: int) -> NDArray[np.int32]:  # pragma: no cover
    """Sort at least the `count` smallest: a radix sort, which keeps the order of equals."""
    tops = np.zeros(_BINS, np.int64)
    for value in bits:
        tops[value >> (2 * _DIGIT)] += 1
    last, taken = -1, 0
    while taken < count:
        last += 1
        taken += tops[last]
    keys, places = np.empty(taken, np.uint32), np.empty(taken, np.int32)
    sizes = np.zeros((3, _BINS), np.int64)
    number = 0
    for place in range(bits.size):
        value = bits[place]
        if np.int64(value >> (2 * _DIGIT)) <= last:
            keys[number], places[number] = value, place
            number += 1
            sizes[0, value & (_BINS - 1)] += 1
            sizes[1, (value >> _DIGIT) & (_BINS - 1)] += 1
            sizes[2, value >> (2 * _DIGIT)] += 1
    others, elsewhere = np.empty_like(keys), np.empty_like(places)
    for digit in range(3):
        begin = 0
        for k in range(_BINS):
            sizes[digit, k], begin = begin, begin + sizes[digit, k]
        shift = digit * _DIGIT
        for k in range(taken):
            value = keys[k]
            target = (value >> shift) & (_BINS - 1)
            where = sizes[digit, target]
            sizes[digit, target] = where + 1
            others[where], elsewhere[where] = value, places[k]
        keys, others, places, elsewhere = others, keys, elsewhere, places
    return places


@numba.njit(cache=True, nogil=True)
def _follow_ring(
    order: NDArray[np.int32],
    width: int,
    state: NDArray[np.uint8],
    values: NDArray[np.float32],
    means: NDArray[np.float64],
) -> None:  # pragma: no cover - compiled
    """Fill in the means; `state` has a border of one pixel, 0 is outside, 1 ring, 2 inside."""
    state[0], state[-1], state[:, 0], state[:, -1] = 2, 2, 2, 2
    count = values.shape[1]
    total = np.zeros(count)
    length = 0
    per_row = 1 / width
    for k in range(len(order)):
        pixel = order[k]
        row = int((pixel + 0.5) * per_row)
        column = pixel - row * width
        if state[row + 1, column + 1] == 1:
            length -= 1
            for i in range(count):
                total[i] -= values[pixel, i]
        state[row + 1, column + 1] = 2
        for side in range(4):
            down, right = _SIDES[side]
            if state[row + 1 + down, column + 1 + right] == 0:
                state[row + 1 + down, column + 1 + right] = 1
                length += 1
                for i in range(count):
                    total[i] += values[pixel + down * width + right, i]
        if length:
            for i in range(count):
                means[i, k] = total[i] / length
