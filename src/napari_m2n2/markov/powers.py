"""Powers of the rows of a matrix, in single precision, where each row fits into a core's cache.

x^a = 2^(a log₂ x). Exponents are read off the bits of a number, and the rest of the logarithm and
of the power are polynomials that are fitted to them, right to 4e-9; in between all is in double
precision. So what comes out is right to 2e-7 of itself, however small it is, in a third of the
time of one operation on the whole matrix after the other.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.markov.product import REORDER

_ROOT_HALF = np.int32(0x3F3504F3)
"""The bits of √½: a number is written as a power of two times what lies between that and √2."""

_MANTISSA = np.int32(23)
"""Bits behind the exponent."""

_LEAST = -125.5
"""Smallest power of two that is told from 0 in single precision, with room for a rest of ½."""


@numba.njit(inline="always")
def _log2(x: np.float32) -> np.float64:  # pragma: no cover - compiled
    """Return log₂ x of a number from √½ to √2."""
    r = x - np.float32(1)
    p = np.float32(-0.10994805) * r + np.float32(0.18617414)
    p = p * r - np.float32(0.19106297)
    p = p * r + np.float32(0.20460077)
    p = p * r - np.float32(0.23961739)
    p = p * r + np.float32(0.2885674)
    p = p * r - np.float32(0.36069664)
    p = p * r + np.float32(0.48089823)
    p = p * r - np.float32(0.72134733)
    p = p * r + np.float32(1.442695)
    return np.float64(p) * np.float64(r)


@numba.njit(inline="always")
def _exp2(x: np.float32) -> np.float32:  # pragma: no cover - compiled
    """Return 2ˣ of a number from -½ to ½."""
    p = np.float32(1.5345808e-4) * x + np.float32(1.3399931e-3)
    p = p * x + np.float32(9.618489e-3)
    p = p * x + np.float32(0.055503286)
    p = p * x + np.float32(0.24022646)
    p = p * x + np.float32(0.6931472)
    return p * x + np.float32(1)


@numba.njit(cache=True, nogil=True, fastmath=REORDER)
def normalised_powers(
    bits: NDArray[np.int32],
    result: NDArray[np.float32],
    result_bits: NDArray[np.int32],
    power: float,
    least: np.int32,
    begin: int,
    end: int,
) -> None:  # pragma: no cover - compiled
    """Set rows begin to end of the result to powers of those of a matrix, divided by their sums.

    Parameters
    ----------
    bits : (N, M) int32 array
        Those of the matrix (float32, not negative).
    result : (N, M) float32 array
        May be the matrix itself.
    result_bits : (N, M) int32 array
        The same memory.
    power : float
        > 0
    least : int
        Bits of the smallest number that an entry counts as.
    begin, end : int
    """
    count = bits.shape[1]
    logs = np.empty(count)
    whole, rests = np.empty((2, count), np.int32)
    parts = rests.view(np.float32)
    one = np.empty(1, np.int32)
    for i in range(begin, end):
        given, row, row_bits = bits[i], result[i], result_bits[i]
        largest = least
        for j in range(count):
            value = max(given[j], least)
            largest = max(largest, value)
            whole[j] = (value - _ROOT_HALF) >> _MANTISSA
            rests[j] = value - (whole[j] << _MANTISSA)
        for j in range(count):
            logs[j] = whole[j] + _log2(parts[j])
        exponent = (largest - _ROOT_HALF) >> _MANTISSA
        one[0] = largest - (exponent << _MANTISSA)
        top = exponent + _log2(one.view(np.float32)[0])
        for j in range(count):
            y = max(power * (logs[j] - top), _LEAST)
            nearest = np.floor(y + 0.5)
            whole[j] = np.int32(nearest)
            parts[j] = _exp2(np.float32(y - nearest))
        total = np.float32(0)
        for j in range(count):
            row_bits[j] = rests[j] + (whole[j] << _MANTISSA)
        for j in range(count):
            total += row[j]
        for j in range(count):
            row[j] /= total
