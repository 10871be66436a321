"""The loops of joint bilateral upsampling: weighted means of pixels around pixels, compiled."""

from __future__ import annotations

from typing import TypeAlias

import numba
import numpy as np
from numpy.typing import NDArray

_Row: TypeAlias = NDArray[np.float32]
_Four: TypeAlias = tuple[_Row, _Row, _Row, _Row]

_FARTHEST = np.float32(1.75)
"""A sixteenth of the exponent beyond which colours count as equally foreign: they weigh 7e-11."""

_SOME = 64
"""Offsets that are summed by themselves."""

LANES = 64
"""Rows are worked on in multiples of this, so that no pixel is left over for slow steps."""

BLOCK = 16
"""Offsets along a row of the disk that are looked at together where single pixels are wanted."""

TOGETHER = 4
"""Offsets that are looked at in one pass along a row."""


@numba.njit(inline="always")
def _likeness(
    r: np.float32, g: np.float32, b: np.float32
) -> np.float32:  # pragma: no cover - compiled
    """Return the Gaussian of a difference of colours.

    exp(-16 t) is the 16th power of four terms that are fitted to it, right to 2e-7; a higher
    power of fewer terms would multiply the rounding.
    """
    t = min(r * r + g * g + b * b, _FARTHEST)
    e = np.float32(0.035856) * t - np.float32(0.16535)
    e = e * t + np.float32(0.499895)
    e = e * t - np.float32(0.999998)
    e = e * t + np.float32(1)
    e = e * e
    e = e * e
    e = e * e
    return e * e


@numba.njit(cache=True, nogil=True, fastmath=True)
def average(
    maps: NDArray[np.float32],
    colours: NDArray[np.float32],
    offsets: NDArray[np.int64],
    weights: NDArray[np.float32],
    border: tuple[int, int],
    band: tuple[int, int],
    result: NDArray[np.float32],
) -> None:  # pragma: no cover - compiled
    """Average maps with borders into the rows of a band of the result (B, H, W).

    The inner loops run along slices of rows, without a branch or a call, so that the compiler
    turns them into vector instructions: with `row[begin + i]` in place of slices they took six
    times as long. Four offsets share what is read and written of the row itself. Some offsets are
    summed by themselves first: a small weight loses its digits when it is added to a large sum.
    """
    count, height, width = result.shape
    size = (width + LANES - 1) // LANES * LANES
    alike = np.empty((TOGETHER, size), np.float32)
    # the sums of the weights come last
    sums, some = np.empty((2, count + 1, size), np.float32)
    for row in range(band[0], band[1]):
        sums[:] = 0
        some[:] = 0
        for k in range(0, len(offsets), TOGETHER):
            near = offsets[k : k + TOGETHER]
            if near[:, 0].max() >= -row and near[:, 0].min() < height - row:
                _weigh(colours, row, near, border, weights[k : k + TOGETHER], alike, some[count])
                for n in range(count):
                    _add(maps[n], row, near, border, alike, some[n])
            if (k + TOGETHER) % _SOME == 0 or k + TOGETHER == len(offsets):
                sums += some
                some[:] = 0
        for n in range(count):
            for x in range(width):
                result[n, row, x] = sums[n, x] / sums[count, x]


@numba.njit(inline="always")
def _shifted(
    plane: NDArray[np.float32],
    row: int,
    offset: NDArray[np.int64],
    border: tuple[int, int],
    size: int,
) -> NDArray[np.float32]:  # pragma: no cover - compiled
    """Return what lies at an offset from each pixel of a row, (W,)."""
    left = border[1] + offset[1]
    return plane[border[0] + row + offset[0], left : left + size]


@numba.njit(inline="always")
def _four(
    plane: NDArray[np.float32],
    row: int,
    near: NDArray[np.int64],
    border: tuple[int, int],
    size: int,
) -> _Four:  # pragma: no cover - compiled
    """Return what lies at four offsets from each pixel of a row, (W,) each."""
    return (
        _shifted(plane, row, near[0], border, size),
        _shifted(plane, row, near[1], border, size),
        _shifted(plane, row, near[2], border, size),
        _shifted(plane, row, near[3], border, size),
    )


@numba.njit(inline="always")
def _weigh(
    colours: NDArray[np.float32],
    row: int,
    near: NDArray[np.int64],
    border: tuple[int, int],
    space: NDArray[np.float32],
    alike: NDArray[np.float32],
    total: NDArray[np.float32],
) -> None:  # pragma: no cover - compiled
    """Write the weights of the pixels at four offsets (4, W), and add them to the total (W,)."""
    size = total.size
    red = colours[0, border[0] + row, border[1] : border[1] + size]
    green = colours[1, border[0] + row, border[1] : border[1] + size]
    blue = colours[2, border[0] + row, border[1] : border[1] + size]
    r0, r1, r2, r3 = _four(colours[0], row, near, border, size)
    g0, g1, g2, g3 = _four(colours[1], row, near, border, size)
    b0, b1, b2, b3 = _four(colours[2], row, near, border, size)
    s0, s1, s2, s3 = space[0], space[1], space[2], space[3]
    w0, w1, w2, w3 = alike[0], alike[1], alike[2], alike[3]
    for x in range(size):
        r, g, b = red[x], green[x], blue[x]
        e0 = _likeness(r - r0[x], g - g0[x], b - b0[x]) * s0
        e1 = _likeness(r - r1[x], g - g1[x], b - b1[x]) * s1
        e2 = _likeness(r - r2[x], g - g2[x], b - b2[x]) * s2
        e3 = _likeness(r - r3[x], g - g3[x], b - b3[x]) * s3
        w0[x] = e0
        w1[x] = e1
        w2[x] = e2
        w3[x] = e3
        total[x] += (e0 + e1) + (e2 + e3)


@numba.njit(inline="always")
def _add(
    values: NDArray[np.float32],
    row: int,
    near: NDArray[np.int64],
    border: tuple[int, int],
    alike: NDArray[np.float32],
    sums: NDArray[np.float32],
) -> None:  # pragma: no cover - compiled
    """Add the values at four offsets, weighted."""
    size = sums.size
    v0, v1, v2, v3 = _four(values, row, near, border, size)
    w0, w1, w2, w3 = alike[0], alike[1], alike[2], alike[3]
    for x in range(size):
        sums[x] += (w0[x] * v0[x] + w1[x] * v1[x]) + (w2[x] * v2[x] + w3[x] * v3[x])


@numba.njit(cache=True, nogil=True, fastmath=True)
def average_at(
    values: NDArray[np.float32],
    colours: NDArray[np.float32],
    rows: NDArray[np.int64],
    wide: NDArray[np.int64],
    weights: NDArray[np.float32],
    pixels: NDArray[np.int64],
    border: tuple[int, int],
    part: tuple[int, int],
    result: NDArray[np.float32],
) -> None:  # pragma: no cover - compiled
    """Average a map with borders at the pixels of a part; vectors run along the disk's rows."""
    totals, sums = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    for n in range(part[0], part[1]):
        row, column = pixels[n, 0] + border[0], pixels[n, 1] + border[1]
        r, g, b = colours[0, row, column], colours[1, row, column], colours[2, row, column]
        totals[:] = 0
        sums[:] = 0
        for k in range(len(rows)):
            other, begin = row + rows[k], column - wide[k]
            for at in range(0, 2 * wide[k] + 1, BLOCK):
                left = begin + at
                red = colours[0, other, left : left + BLOCK]
                green = colours[1, other, left : left + BLOCK]
                blue = colours[2, other, left : left + BLOCK]
                value = values[other, left : left + BLOCK]
                space = weights[k, at : at + BLOCK]
                for j in range(BLOCK):
                    e = _likeness(r - red[j], g - green[j], b - blue[j]) * space[j]
                    totals[j] += e
                    sums[j] += e * value[j]
        result[n] = sums.sum() / totals.sum()
