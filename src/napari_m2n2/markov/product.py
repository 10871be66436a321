"""Products with a large matrix that read it once, in double precision.

A product of a few vectors with an N × N matrix takes the time its bytes need to come from memory.
What is done with them meanwhile is therefore free, up to a point: the sums are kept in double
precision while the matrix stays in single, and a round of balancing takes one pass instead of
two.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.markov.team import Team

Vectors = NDArray[np.float64]

BANDS = 8
"""Bands of rows: several for each thread, so that one that is held up does not hold up all, and
a fixed number, so that sums do not depend on the number of threads."""

SMALL = 512
"""Cells below which starting threads takes longer than the product."""

_STRIP = 1024
"""Columns handled together: what is summed there stays in a core's first cache."""


REORDER = {"reassoc", "contract", "nsz"}
"""What the compiler may do with sums, so that they become vector instructions: reorder them, but
not take numbers for finite."""


HALF_SHIFT = 15
"""In half precision entries are stored 2¹⁵ times larger: they are at most 1, and most of them are
smaller than what half precision has all its digits for."""


def halved(matrix: torch.Tensor) -> torch.Tensor:
    """Return a transition matrix in half precision, which takes half the memory, (N, N) float16.

    Entries keep 11 binary digits, an error of at most 4.9e-4 of each; those below 1.9e-9 become 0.
    """
    result = torch.empty(matrix.shape, dtype=torch.float16)
    least = torch.finfo(torch.float16).tiny
    for begin in range(0, len(matrix), 64):
        larger = matrix[begin : begin + 64] * 2.0**HALF_SHIFT
        result[begin : begin + 64] = torch.where(larger < least, 0, larger)
    return result


class Bands(Team):
    """A matrix, cut into bands of rows for threads; use it in a ``with`` block.

    Parameters
    ----------
    matrix : (N, N) float32 or float64 tensor, or what `halved` gives
        On the processor; not copied if its rows lie one after the other.
    """

    def __init__(self, matrix: torch.Tensor) -> None:
        half = matrix.dtype == torch.float16
        bits = matrix.detach().view(torch.int16) if half else matrix.detach()
        self._matrix: NDArray[Any] = np.ascontiguousarray(bits.numpy())
        self._multiply = _multiply_halved if half else multiply
        count = len(self._matrix)
        bands = 1 if count < SMALL else BANDS
        edges = [8 * round(count * k / bands / 8) for k in range(bands)] + [count]
        self._cut_at([(a, b) for a, b in pairwise(edges) if a < b])

    def _cut_at(self, bands: list[tuple[int, int]]) -> None:
        """Take the bands that threads share."""
        self._bands = bands
        super().__init__(torch.get_num_threads() if len(bands) > 1 else 1)

    def _each_band(self, work: Callable[[int], None]) -> None:
        """Do work for the number of each band."""
        self.each(work, list(range(len(self._bands))))

    def push(self, states: Vectors) -> Vectors:
        """Return states @ matrix for states (B, N)."""
        parts = np.empty((len(self._bands), *states.shape))
        by_cell = np.ascontiguousarray(states.T)

        def work(k: int) -> None:
            self._multiply(self._matrix, by_cell, *self._bands[k], parts[k])

        self._each_band(work)
        result: Vectors = parts.sum(axis=0)
        return result

    def balance_rows(self, columns: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return 1 / (matrix @ columns) and that @ matrix, both (N,), in one pass.

        All sums are kept in the precision of `columns`.
        """
        rows = np.empty_like(columns)
        parts = np.empty((len(self._bands), len(rows)), columns.dtype)

        def work(k: int) -> None:
            _balance_rows(self._matrix, columns, rows, *self._bands[k], parts[k])

        self._each_band(work)
        return rows, parts.sum(axis=0)

    def scale(self, rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[Any]:
        """Make the matrix diag(rows) matrix diag(columns), in place, with rows that sum to 1.

        Returns its column sums (N,), in the precision of `columns`.
        """
        parts = np.empty((len(self._bands), len(columns)), columns.dtype)

        def work(k: int) -> None:
            _scale(self._matrix, rows, columns, *self._bands[k], parts[k])

        self._each_band(work)
        sums: NDArray[Any] = parts.sum(axis=0)
        return sums


@numba.njit(cache=True, nogil=True, fastmath=REORDER)
def _balance_rows(
    matrix: NDArray[Any],
    columns: NDArray[Any],
    rows: NDArray[Any],
    begin: int,
    end: int,
    sums: NDArray[Any],
) -> None:  # pragma: no cover - compiled
    """Four rows at a time, which stay in the second cache between their two uses."""
    zero, one = columns.dtype.type(0), columns.dtype.type(1)
    count = len(columns)
    sums[:] = 0
    whole = begin + (end - begin) // 4 * 4
    for i in range(begin, whole, 4):
        a, b, c, d = matrix[i], matrix[i + 1], matrix[i + 2], matrix[i + 3]
        p, q, r, s = zero, zero, zero, zero
        for j in range(count):
            factor = columns[j]
            p += a[j] * factor
            q += b[j] * factor
            r += c[j] * factor
            s += d[j] * factor
        p, q, r, s = one / p, one / q, one / r, one / s
        rows[i], rows[i + 1], rows[i + 2], rows[i + 3] = p, q, r, s
        for j in range(count):
            sums[j] += (p * a[j] + q * b[j]) + (r * c[j] + s * d[j])
    for i in range(whole, end):
        a = matrix[i]
        p = zero
        for j in range(count):
            p += a[j] * columns[j]
        p = one / p
        rows[i] = p
        for j in range(count):
            sums[j] += p * a[j]


@numba.njit(cache=True, nogil=True, fastmath={"reassoc"})
def _scale(
    matrix: NDArray[Any],
    rows: NDArray[Any],
    columns: NDArray[Any],
    begin: int,
    end: int,
    sums: NDArray[Any],
) -> None:  # pragma: no cover - compiled
    """Scale rows begin to end of the matrix, and set the sums to those of their columns."""
    sums[:] = columns.dtype.type(0)
    scaled = np.empty_like(columns)
    for i in range(begin, end):
        row, factor, total = matrix[i], rows[i], columns.dtype.type(0)
        for j in range(len(columns)):
            scaled[j] = row[j] * factor
        for j in range(len(columns)):
            scaled[j] *= columns[j]
            total += scaled[j]
        for j in range(len(columns)):
            scaled[j] /= total
            row[j] = scaled[j]
            sums[j] += scaled[j]


@numba.njit(cache=True, nogil=True, fastmath=REORDER)
def multiply(
    matrix: NDArray[Any], states: Vectors, begin: int, end: int, sums: Vectors
) -> None:  # pragma: no cover - compiled
    """Set sums (B, N) to the part of rows begin to end of matrixᵀ @ states (M, B).

    Eight rows at a time; in each strip of columns all states use them while they are near.
    """
    sums[:] = 0
    _add_product(matrix, states, begin, end, sums)


@numba.njit(cache=True, nogil=True, fastmath=REORDER)
def _multiply_halved(
    matrix: NDArray[np.int16], states: Vectors, begin: int, end: int, sums: Vectors
) -> None:  # pragma: no cover - compiled
    """Do the same for a matrix in half precision, eight rows of which are unpacked at a time."""
    sums[:] = 0
    bits = np.zeros((8, matrix.shape[1]), np.int32)
    rows = bits.view(np.float32)
    # the exponent of single precision begins 112 earlier, and entries are stored larger
    bias = np.int32((112 - HALF_SHIFT) << 23)
    for top in range(begin, end, 8):
        count = min(8, end - top)
        for k in range(count):
            half, single = matrix[top + k], bits[k]
            for j in range(len(half)):
                value = np.int32(half[j])
                single[j] = np.int32((value << 13) + bias) if value > 0 else np.int32(0)
        _add_product(rows, states[top : top + count], 0, count, sums)


@numba.njit(cache=True, nogil=True, fastmath=REORDER)
def _add_product(
    matrix: NDArray[Any], states: Vectors, begin: int, end: int, sums: Vectors
) -> None:  # pragma: no cover - compiled
    """Add the part of rows begin to end of matrixᵀ @ states."""
    vectors = states.shape[1]
    whole = begin + (end - begin) // 8 * 8
    for i in range(begin, whole, 8):
        for left in range(0, matrix.shape[1], _STRIP):
            right = left + _STRIP
            a, b = matrix[i, left:right], matrix[i + 1, left:right]
            c, d = matrix[i + 2, left:right], matrix[i + 3, left:right]
            e, f = matrix[i + 4, left:right], matrix[i + 5, left:right]
            g, h = matrix[i + 6, left:right], matrix[i + 7, left:right]
            for v in range(vectors):
                s, t, u, w = states[i, v], states[i + 1, v], states[i + 2, v], states[i + 3, v]
                k, m, n, p = states[i + 4, v], states[i + 5, v], states[i + 6, v], states[i + 7, v]
                target = sums[v, left:right]
                for j in range(len(target)):
                    first = s * a[j] + t * b[j] + u * c[j] + w * d[j]
                    target[j] += first + (k * e[j] + m * f[j] + n * g[j] + p * h[j])
    for i in range(whole, end):
        a = matrix[i]
        for v in range(vectors):
            s, target = states[i, v], sums[v]
            for j in range(len(target)):
                target[j] += s * a[j]
