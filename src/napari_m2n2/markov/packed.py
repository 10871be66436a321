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
        self._cut_at(cuts(packed.first, _PARTS))

    def push(self, states: Vectors) -> Vectors:
        """Return states @ matrix for states (B, N)."""
        own = self._packed
        groups = len(own.first) - 1
        by_cell = np.zeros((SIDE * groups, len(states)))
        by_cell[: own.count] = states.T[own.order]
        parts = np.empty((len(self._bands), len(states), groups, SIDE))

        def work(k: int) -> None:
            _multiply(own.blocks, own.columns, own.first, by_cell, *self._bands[k], SIDE, parts[k])

        self._each_band(work)
        result: Vectors = np.empty_like(states)
        result[:, own.order] = parts.sum(axis=0).reshape(len(states), -1)[:, : own.count]
        return result


def cuts(first: NDArray[np.int64], parts: int) -> list[tuple[int, int]]:
    """Return so many parts of the groups of eight rows with about as many blocks each."""
    groups = len(first) - 1
    if groups * SIDE < SMALL:
        return [(0, groups)]
    ends = np.searchsorted(first, np.linspace(0, first[-1], parts + 1)[1:-1])
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
