"""Rounds of balancing with the part of a matrix that matters to them.

The part is kept in strips of eight rows, each with the columns that its own rows need. What is
gathered from the factors before, and added to the sums afterwards, is an eighth of what lies in
between, where rows are as long as the processor likes them: a round takes the time in which the
strips come from memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.markov.packed import SIDE, cuts
from napari_m2n2.markov.product import BANDS, REORDER, Bands


@dataclass(frozen=True, eq=False)
class Strips:
    """A matrix of which the blocks that matter are kept.

    Attributes
    ----------
    entries : (64 n,) array
        Strip by strip; in each, eight rows one after the other.
    columns : (n,) uint32 array
        Which eight columns stand there, strip by strip.
    first : (⌈N / 8⌉ + 1,) int64 array
        Where the columns of each strip begin, and where the last ones end.
    order : (N,) int64 array
        Which cell each row and column is of.
    """

    entries: NDArray[Any]
    columns: NDArray[np.uint32]
    first: NDArray[np.int64]
    order: NDArray[np.int64]

    @property
    def share(self) -> float:
        """How much of the matrix is kept."""
        return float(len(self.columns) / (len(self.first) - 1) ** 2)


class StripBands(Bands):
    """Rounds with strips, in threads; use it in a ``with`` block.

    Parameters
    ----------
    strips : Strips
    """

    def __init__(self, strips: Strips) -> None:
        self._strips = strips
        self._cut_at(cuts(strips.first, BANDS))
        self._rooms: dict[np.dtype[Any], tuple[NDArray[Any], ...]] = {}

    def balance_rows(
        self, columns: NDArray[Any], shares: NDArray[Any] | None = None
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return shares / (matrix @ columns) and that @ matrix, both (N,), in one pass.

        Without any, all shares (N,) are 1. Sums are kept in the precision of `columns`.
        """
        own = self._strips
        factors, parts_of, rows, parts = self._room(columns.dtype)
        ones = np.ones_like(columns) if shares is None else shares
        _gather(columns, ones, own.order, factors.reshape(-1), parts_of.reshape(-1))

        def work(k: int) -> None:
            _balance_rows(
                own.entries,
                own.columns,
                own.first,
                factors,
                parts_of,
                rows,
                *self._bands[k],
                SIDE,
                parts[k],
            )

        self._each_band(work)
        results = np.empty((2, len(columns)), columns.dtype)
        _spread(rows.reshape(-1), parts.reshape(len(parts), -1), own.order, *results)
        return results[0], results[1]

    def _room(self, precision: np.dtype[Any]) -> tuple[NDArray[Any], ...]:
        """Return memory for a round, the same each time: a new one costs a tenth of a round."""
        if precision not in self._rooms:
            shape = (len(self._strips.first) - 1, SIDE)
            several = np.ones((3, *shape), precision)
            self._rooms[precision] = (*several, np.empty((len(self._bands), *shape), precision))
        return self._rooms[precision]


@numba.njit(cache=True, nogil=True)
def _gather(
    columns: NDArray[Any],
    shares: NDArray[Any],
    order: NDArray[np.int64],
    factors: NDArray[Any],
    parts_of: NDArray[Any],
) -> None:  # pragma: no cover - compiled
    """Bring factors of columns and shares of rows into order."""
    for i in range(len(order)):
        factors[i], parts_of[i] = columns[order[i]], shares[order[i]]


@numba.njit(cache=True, nogil=True)
def _spread(
    found: NDArray[Any],
    parts: NDArray[Any],
    order: NDArray[np.int64],
    rows: NDArray[Any],
    sums: NDArray[Any],
) -> None:  # pragma: no cover - compiled
    """Bring factors of rows and parts of sums back into the order of the cells."""
    total = parts[0].copy()
    for k in range(1, len(parts)):
        total += parts[k]
    for i in range(len(order)):
        rows[order[i]], sums[order[i]] = found[i], total[i]


@numba.njit(cache=True, nogil=True, fastmath=REORDER)
def _balance_rows(
    entries: NDArray[Any],
    columns: NDArray[np.uint32],
    first: NDArray[np.int64],
    factors: NDArray[Any],
    shares: NDArray[Any],
    rows: NDArray[Any],
    begin: int,
    end: int,
    side: int,
    sums: NDArray[Any],
) -> None:  # pragma: no cover - compiled
    """Fill in rows (⌈N / 8⌉, 8) of strips begin to end, and what they add to sums, likewise.

    Rows beyond the last one stay without a factor. `side` is 8: if the compiler knew, it would
    write out the loop instead of making it vectors.
    """
    zero = factors.dtype.type(0)
    sums[:] = zero
    near, added = np.empty_like(factors), np.empty_like(factors)
    factor, extra = near.reshape(-1), added.reshape(-1)
    for group in range(begin, end):
        left, right = first[group], first[group + 1]
        for k in range(left, right):
            target, source = near[k - left], factors[columns[k]]
            for j in range(side):
                target[j] = source[j]
        own, own_rows = entries[SIDE * SIDE * left : SIDE * SIDE * right], rows[group]
        m = SIDE * (right - left)
        a, b, c, d = own[:m], own[m : 2 * m], own[2 * m : 3 * m], own[3 * m : 4 * m]
        e, f, g, h = own[4 * m : 5 * m], own[5 * m : 6 * m], own[6 * m : 7 * m], own[7 * m :]
        p, q, r, s, t, u, v, w = zero, zero, zero, zero, zero, zero, zero, zero
        for j in range(m):
            one = factor[j]
            p += a[j] * one
            q += b[j] * one
            r += c[j] * one
            s += d[j] * one
            t += e[j] * one
            u += f[j] * one
            v += g[j] * one
            w += h[j] * one
        own_rows[0], own_rows[1], own_rows[2], own_rows[3] = p, q, r, s
        own_rows[4], own_rows[5], own_rows[6], own_rows[7] = t, u, v, w
        for i in range(SIDE):
            own_rows[i] = shares[group, i] / own_rows[i] if own_rows[i] > zero else zero
        p, q, r, s = own_rows[0], own_rows[1], own_rows[2], own_rows[3]
        t, u, v, w = own_rows[4], own_rows[5], own_rows[6], own_rows[7]
        for j in range(m):
            one = p * a[j] + q * b[j] + r * c[j] + s * d[j]
            extra[j] = one + (t * e[j] + u * f[j] + v * g[j] + w * h[j])
        for k in range(left, right):
            target, source = sums[columns[k]], added[k - left]
            for j in range(side):
                target[j] += source[j]
