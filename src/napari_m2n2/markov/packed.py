"""A transition matrix without the blocks that no walk can feel, and products with it.

A product with a vector takes the time that the matrix needs to come from memory, so blocks in
which all entries are tiny are left out (`napari_m2n2.markov.packing`), and the others lie one
after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.markov.product import REORDER, SMALL, Bands, Vectors

SIDE = 8
"""Rows and columns of a block: what one vector instruction takes, and rows that share its sums."""

_PARTS = 16
"""Parts of about as many blocks each, for threads; a fixed number, so that sums do not depend on
the number of threads."""


@dataclass(frozen=True, eq=False)
class Packed:
    """A matrix of which the blocks that matter are kept.

    Attributes
    ----------
    blocks : (n, 8, 8) array
        In reading order.
    columns : (n,) uint32 array
        Where each block lies in its rows, in blocks.
    first : (⌈N / 8⌉ + 1,) int64 array
        Where the blocks of each eight rows begin, and where the last ones end.
    order : (N,) int64 array
        Which cell each row and column is of.
    """

    blocks: NDArray[Any]
    columns: NDArray[np.uint32]
    first: NDArray[np.int64]
    order: NDArray[np.int64]

    @property
    def count(self) -> int:
        """N."""
        return len(self.order)

    @property
    def nbytes(self) -> int:
        """Bytes held, but for those of a matrix whose place was taken."""
        return self.blocks.nbytes + self.columns.nbytes + self.first.nbytes + self.order.nbytes


class PackedBands(Bands):
    """Products with a packed matrix, in threads; use it in a ``with`` block.

    Parameters
    ----------
    packed : Packed
    """

    def __init__(self, packed: Packed) -> None:
        self._packed = packed
        self._start_threads(_cuts(packed.first))

    def push(self, states: Vectors) -> Vectors:
        """Return states @ matrix for states (B, N)."""
        own = self._packed
        groups = len(own.first) - 1
        by_cell = np.zeros((SIDE * groups, len(states)))
        by_cell[: own.count] = states.T[own.order]
        parts = np.empty((len(self._bands), len(states), groups, SIDE))

        def work(k: int) -> None:
            _multiply(own.blocks, own.columns, own.first, by_cell, *self._bands[k], SIDE, parts[k])

        self.each(work, list(range(len(self._bands))))
        result: Vectors = np.empty_like(states)
        result[:, own.order] = parts.sum(axis=0).reshape(len(states), -1)[:, : own.count]
        return result

    def balance_rows(
        self, columns: NDArray[Any], shares: NDArray[Any] | None = None
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return shares / (matrix @ columns) and that @ matrix, both (N,), in one pass.

        Without any, all shares (N,) are 1.
        """
        own = self._packed
        groups = len(own.first) - 1
        factors, parts_of = np.ones((2, groups, SIDE), columns.dtype)
        factors.ravel()[: own.count] = columns[own.order]
        if shares is not None:
            parts_of.ravel()[: own.count] = shares[own.order]
        factors = np.tile(factors, SIDE)
        flat = own.blocks.reshape(-1, SIDE**2)
        rows = np.empty((groups, SIDE), columns.dtype)
        parts = np.empty((len(self._bands), groups, SIDE), columns.dtype)

        def work(k: int) -> None:
            _balance_rows(
                flat,
                own.columns,
                own.first,
                factors,
                parts_of,
                rows,
                *self._bands[k],
                SIDE,
                parts[k],
            )

        self.each(work, list(range(len(self._bands))))
        results = np.empty((2, own.count), columns.dtype)
        results[0, own.order] = rows.ravel()[: own.count]
        results[1, own.order] = parts.sum(axis=0).ravel()[: own.count]
        return results[0], results[1]


def _cuts(first: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return parts of the groups of eight rows with about as many blocks each."""
    groups = len(first) - 1
    if groups * SIDE < SMALL:
        return [(0, groups)]
    ends = np.searchsorted(first, np.linspace(0, first[-1], _PARTS + 1)[1:-1])
    edges = [0, *ends.tolist(), groups]
    return [(a, b) for a, b in pairwise(edges) if a < b]


@numba.njit(cache=True, nogil=True, fastmath=REORDER)
def _multiply(
    blocks: NDArray[Any],
    columns: NDArray[np.uint32],
    first: NDArray[np.int64],
    states: Vectors,
    begin: int,
    end: int,
    side: int,
    sums: NDArray[np.float64],
) -> None:  # pragma: no cover - compiled
    """Set sums (B, ⌈N / 8⌉, 8) to the part of groups begin to end of matrixᵀ @ states (N, B).

    `side` is 8; if the compiler knew, it would write out the loop instead of making it vectors.
    """
    sums[:] = 0
    for group in range(begin, end):
        i = group * SIDE
        for v in range(states.shape[1]):
            s, t, u, w = states[i, v], states[i + 1, v], states[i + 2, v], states[i + 3, v]
            k, m, n, p = states[i + 4, v], states[i + 5, v], states[i + 6, v], states[i + 7, v]
            for place in range(first[group], first[group + 1]):
                block, target = blocks[place], sums[v, columns[place]]
                for j in range(side):
                    one = s * block[0, j] + t * block[1, j] + u * block[2, j] + w * block[3, j]
                    two = k * block[4, j] + m * block[5, j] + n * block[6, j] + p * block[7, j]
                    target[j] += one + two


@numba.njit(cache=True, nogil=True, fastmath=REORDER)
def _balance_rows(
    blocks: NDArray[Any],
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
    """Fill in rows (⌈N / 8⌉, 8) of groups begin to end, and what they add to sums, likewise.

    Blocks are (n, 64), and the factors of their columns (⌈N / 8⌉, 64), eight times over. Rows
    beyond the last one stay without a factor. `side` is 8, as in `_multiply`.
    """
    zero = factors.dtype.type(0)
    sums[:] = zero
    some = np.empty(SIDE**2, factors.dtype)
    for group in range(begin, end):
        some[:] = zero
        for place in range(first[group], first[group + 1]):
            block, factor = blocks[place], factors[columns[place]]
            for j in range(side * side):
                some[j] += block[j] * factor[j]
        own = rows[group]
        for i in range(SIDE):
            total = zero
            for j in range(SIDE):
                total += some[i * SIDE + j]
            own[i] = shares[group, i] / total if total > zero else zero
        p, q, r, s, t, u, v, w = own[0], own[1], own[2], own[3], own[4], own[5], own[6], own[7]
        for place in range(first[group], first[group + 1]):
            block, target = blocks[place], sums[columns[place]]
            for j in range(side):
                left = p * block[j] + q * block[8 + j] + r * block[16 + j] + s * block[24 + j]
                right = t * block[32 + j] + u * block[40 + j] + v * block[48 + j]
                target[j] += left + (right + w * block[56 + j])
