"""Groups of like colours: k-means as OpenCV does it, compiled for colours in bytes.

Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007, and Lloyd's
rounds. `cv2.kmeans` spends most of its time on calls for one sample after another, and a click
learns colours twenty times; this takes a fifth of that and gives the groups that it gives, since
it draws the same random numbers and rounds in the same places.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

_ROUNDS = 10
"""Centres of groups, the first ones included; in the last round no sample moves any more."""

_TRIALS = 3
"""Samples that are tried for each first centre."""

_COEFFICIENT = np.uint64(4164903690)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_UNIT = 2.0**-64
"""Of OpenCV's random numbers, multiply with carry."""

_STILL = float(np.finfo(np.float32).eps) ** 2
"""Centres that move by no more, squared, have come to rest."""

_Floats = NDArray[np.float32]
_Ints = NDArray[np.int32]


@numba.njit(cache=True, nogil=True)
def grouped(samples: NDArray[np.uint8], parts: int) -> _Ints:  # pragma: no cover - compiled
    """Return the group of each sample (n, 3), whole numbers below `parts` ≤ n, (n,)."""
    channels = np.empty((3, len(samples)), np.float32)
    for n in range(len(samples)):
        for channel in range(3):
            channels[channel, n] = samples[n, channel]
    centres = np.empty((parts, 3), np.float32)
    groups = np.zeros(len(samples), np.int32)
    away = np.empty(len(samples), np.float32)
    for part, place in enumerate(_first(channels, parts)):
        centres[part] = channels[:, place]
    _assign(channels, centres, groups, away)
    for _ in range(_ROUNDS - 2):
        if _average(channels, groups, centres) <= _STILL:
            return groups
        _assign(channels, centres, groups, away)
    _average(channels, groups, centres)
    return groups


@numba.njit(nogil=True, inline="always")
def _random(state: np.uint64) -> np.uint64:  # pragma: no cover - compiled
    """Return what follows a state; its lower half is the random number."""
    return (state & _LOW) * _COEFFICIENT + (state >> _HALF)


@numba.njit(cache=True, nogil=True)
def _first(channels: _Floats, parts: int) -> NDArray[np.int64]:  # pragma: no cover - compiled
    """Return the samples that the groups begin with: each is drawn far from those before."""
    count = channels.shape[1]
    state = _random(_LOW)
    chosen = np.empty(parts, np.int64)
    chosen[0] = np.int64((state & _LOW) % np.uint64(count))
    squares = np.full(count, np.float32(np.inf))
    total = _nearer(channels, chosen[0], squares, squares)
    trial, best = np.empty(count, np.float32), np.empty(count, np.float32)
    for part in range(1, parts):
        least = 2**62
        for _ in range(_TRIALS):
            high = _random(state)
            state = _random(high)
            drawn = np.float64(((high & _LOW) << _HALF) | (state & _LOW))
            place = _reached(squares, drawn * _UNIT * total)
            found = _nearer(channels, place, squares, trial)
            if found < least:
                least, chosen[part] = found, place
                trial, best = best, trial
        total = least
        squares, best = best, squares
    return chosen


@numba.njit(cache=True, nogil=True)
def _reached(squares: _Floats, amount: float) -> int:  # pragma: no cover - compiled
    """Return up to where squares add up to an amount."""
    left = amount
    for place in range(len(squares) - 1):
        left -= squares[place]
        if left <= 0:
            return place
    return len(squares) - 1


@numba.njit(cache=True, nogil=True)
def _nearer(
    channels: _Floats, place: int, squares: _Floats, result: _Floats
) -> int:  # pragma: no cover - compiled
    """Fill in squared distances if one more sample is a centre; return their sum.

    They are whole numbers, so that it is exact in whatever order they are added.
    """
    reds, greens, blues = channels[0], channels[1], channels[2]
    r, g, b = reds[place], greens[place], blues[place]
    total = 0
    for n in range(len(squares)):
        red, green, blue = reds[n] - r, greens[n] - g, blues[n] - b
        result[n] = min(squares[n], red * red + green * green + blue * blue)
        total += int(result[n])
    return total


@numba.njit(cache=True, nogil=True)
def _assign(
    channels: _Floats, centres: _Floats, groups: _Ints, away: _Floats
) -> None:  # pragma: no cover - compiled
    """Give each sample to its nearest centre, the first of several."""
    reds, greens, blues = channels[0], channels[1], channels[2]
    away[:] = np.inf
    for part in range(len(centres)):
        r, g, b = centres[part, 0], centres[part, 1], centres[part, 2]
        for n in range(len(groups)):
            red, green, blue = reds[n] - r, greens[n] - g, blues[n] - b
            squared = red * red + green * green + blue * blue
            groups[n] = part if squared < away[n] else groups[n]
            away[n] = min(squared, away[n])


@numba.njit(cache=True, nogil=True)
def _average(
    channels: _Floats, groups: _Ints, centres: _Floats
) -> float:  # pragma: no cover - compiled
    """Move each centre into the middle of its group; return how far, at most, squared."""
    parts, most = len(centres), 0.0
    sums, counts = np.zeros((parts, 3), np.int64), np.zeros(parts, np.int64)
    for n in range(len(groups)):
        counts[groups[n]] += 1
        for channel in range(3):
            sums[groups[n], channel] += int(channels[channel, n])
    for part in range(parts):
        if not counts[part]:
            _refill(channels, groups, sums, counts, part)
    for part in range(parts):
        scale, moved = np.float32(1) / np.float32(counts[part]), 0.0
        for channel in range(3):
            centre = np.float32(sums[part, channel]) * scale
            step = np.float64(centre - centres[part, channel])
            centres[part, channel] = centre
            moved += step * step
        most = max(most, moved)
    return most


@numba.njit(cache=True, nogil=True)
def _refill(
    channels: _Floats,
    groups: _Ints,
    sums: NDArray[np.int64],
    counts: NDArray[np.int64],
    empty: int,
) -> None:  # pragma: no cover - compiled
    """Give an empty group the sample that is farthest from the middle of the largest group."""
    largest = int(np.argmax(counts))
    scale = np.float32(1) / np.float32(counts[largest])
    farthest, most = -1, np.float32(0)
    for n in range(len(groups)):
        if groups[n] != largest:
            continue
        squared = np.float32(0)
        for channel in range(3):
            step = channels[channel, n] - np.float32(sums[largest, channel]) * scale
            squared += step * step
        if squared >= most:
            farthest, most = n, squared
    groups[farthest] = empty
    counts[largest] -= 1
    counts[empty] += 1
    for channel in range(3):
        sums[largest, channel] -= int(channels[channel, farthest])
        sums[empty, channel] += int(channels[channel, farthest])
