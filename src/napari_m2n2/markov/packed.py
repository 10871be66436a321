"""A transition matrix without the blocks that no walk can feel.

Attention at a temperature below 1 is concentrated: a fifth of a photograph's 17 million entries at
grid 64 holds all but 10⁻⁹ of every row. A product with a vector takes the time that the matrix
needs to come from memory, so blocks in which all entries are that small are left out, and the
others lie one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.markov.product import REORDER, SMALL, Bands, Vectors

LEFT_OUT = 1e-9
"""Most that may be missing of a row: over 1000 steps of a walk, 10⁻⁶ of the sum of its state."""

_HIGH, _WIDE = 8, 16
"""Rows and columns of a block: what one vector instruction takes, and rows that share its sums."""

_WORTH = 0.85
"""Share of the blocks from which on products are not faster."""

_PARTS = 32
"""Parts of about as many blocks each, for threads; a fixed number, so that sums do not depend on
the number of threads."""


@dataclass(frozen=True, eq=False)
class Packed:
    """A matrix of which the blocks that matter are kept.

    Attributes
    ----------
    blocks : (n, 8, 16) array
        In reading order.
    columns : (n,) uint32 array
        Where each block lies in its rows, in blocks.
    first : (⌈N / 8⌉ + 1,) int64 array
        Where the blocks of each eight rows begin, and where the last ones end.
    count : int
        N.
    """

    blocks: NDArray[Any]
    columns: NDArray[np.uint32]
    first: NDArray[np.int64]
    count: int

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.blocks.nbytes + self.columns.nbytes + self.first.nbytes


def pack(matrix: torch.Tensor, *, most: float = _WORTH) -> Packed | None:
    """Leave out of a matrix what is too little to matter.

    Parameters
    ----------
    matrix : (N, N) float32 or float64 tensor
        On the processor, no entry negative.
    most : float
        Largest share of the blocks that may be kept.

    Returns
    -------
    Packed or None
        No row lacks more than `LEFT_OUT`. None where more would have to be kept.
    """
    dense = np.ascontiguousarray(matrix.detach().numpy())
    count = len(dense)
    groups, across = -(-count // _HIGH), -(-count // _WIDE)
    kept = np.zeros((groups, across), np.bool_)
    with Bands(matrix) as bands:
        parts = [(k, min(k + 16, groups)) for k in range(0, groups, 16)]
        bands.each(lambda part: _choose(dense, LEFT_OUT, part[0], part[1], kept), parts)
        number = np.count_nonzero(kept, axis=1)
        if number.sum() > most * kept.size:
            return None
        first = np.concatenate([[0], np.cumsum(number)])
        blocks = np.zeros((int(first[-1]), _HIGH, _WIDE), dense.dtype)
        bands.each(lambda part: _copy(dense, kept, first, part[0], part[1], blocks), parts)
    return Packed(blocks, np.nonzero(kept)[1].astype(np.uint32), first, count)


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
        by_cell = np.zeros((_HIGH * (len(own.first) - 1), len(states)))
        by_cell[: own.count] = states.T
        across = -(-own.count // _WIDE)
        parts = np.empty((len(self._bands), len(states), across, _WIDE))

        def work(k: int) -> None:
            _multiply(own.blocks, own.columns, own.first, by_cell, *self._bands[k], parts[k])

        self.each(work, list(range(len(self._bands))))
        sums = parts.sum(axis=0).reshape(len(states), across * _WIDE)
        result: Vectors = sums[:, : own.count]
        return result

    def balance_rows(self, columns: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return 1 / (matrix @ columns) and that @ matrix, both (N,), in one pass."""
        own = self._packed
        groups, across = len(own.first) - 1, -(-own.count // _WIDE)
        factors = np.zeros((across, _WIDE), columns.dtype)
        factors.ravel()[: own.count] = columns
        rows = np.empty((groups, _HIGH), columns.dtype)
        parts = np.empty((len(self._bands), across, _WIDE), columns.dtype)

        def work(k: int) -> None:
            _balance_rows(
                own.blocks, own.columns, own.first, factors, rows, *self._bands[k], parts[k]
            )

        self.each(work, list(range(len(self._bands))))
        return rows.ravel()[: own.count], parts.sum(axis=0).ravel()[: own.count]


def _cuts(first: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return parts of the groups of eight rows with about as many blocks each."""
    groups = len(first) - 1
    if groups * _HIGH < SMALL:
        return [(0, groups)]
    ends = np.searchsorted(first, np.linspace(0, first[-1], _PARTS + 1)[1:-1])
    edges = [0, *ends.tolist(), groups]
    return [(a, b) for a, b in pairwise(edges) if a < b]


@numba.njit(cache=True, nogil=True)
def _choose(
    dense: NDArray[Any], left_out: float, begin: int, end: int, kept: NDArray[np.bool_]
) -> None:  # pragma: no cover - compiled
    """Mark the blocks of the groups from begin to end that are kept."""
    across = kept.shape[1]
    sums = np.empty((_HIGH, across))
    for group in range(begin, end):
        sums[:] = 0
        for i in range(min(_HIGH, len(dense) - group * _HIGH)):
            row = dense[group * _HIGH + i]
            for k in range(across):
                part = row[k * _WIDE : (k + 1) * _WIDE]
                for j in range(len(part)):
                    sums[i, k] += part[j]
        largest = sums[0].copy()
        for i in range(1, _HIGH):
            largest = np.maximum(largest, sums[i])
        missing = np.zeros(_HIGH)
        kept[group] = True
        for k in np.argsort(largest):
            missing += sums[:, k]
            if missing.max() > left_out:
                break
            kept[group, k] = False


@numba.njit(cache=True, nogil=True)
def _copy(
    dense: NDArray[Any],
    kept: NDArray[np.bool_],
    first: NDArray[np.int64],
    begin: int,
    end: int,
    blocks: NDArray[Any],
) -> None:  # pragma: no cover - compiled
    """Copy the blocks of the groups from begin to end that are kept."""
    for group in range(begin, end):
        place = first[group]
        for k in range(kept.shape[1]):
            if kept[group, k]:
                for i in range(min(_HIGH, len(dense) - group * _HIGH)):
                    part = dense[group * _HIGH + i, k * _WIDE : (k + 1) * _WIDE]
                    blocks[place, i, : len(part)] = part
                place += 1


@numba.njit(cache=True, nogil=True, fastmath=REORDER)
def _multiply(
    blocks: NDArray[Any],
    columns: NDArray[np.uint32],
    first: NDArray[np.int64],
    states: Vectors,
    begin: int,
    end: int,
    sums: NDArray[np.float64],
) -> None:  # pragma: no cover - compiled
    """Set sums (B, ⌈N / 16⌉, 16) to the part of groups begin to end of matrixᵀ @ states (N, B)."""
    sums[:] = 0
    for group in range(begin, end):
        i = group * _HIGH
        for v in range(states.shape[1]):
            s, t, u, w = states[i, v], states[i + 1, v], states[i + 2, v], states[i + 3, v]
            k, m, n, p = states[i + 4, v], states[i + 5, v], states[i + 6, v], states[i + 7, v]
            for place in range(first[group], first[group + 1]):
                block, target = blocks[place], sums[v, columns[place]]
                for j in range(_WIDE):
                    one = s * block[0, j] + t * block[1, j] + u * block[2, j] + w * block[3, j]
                    two = k * block[4, j] + m * block[5, j] + n * block[6, j] + p * block[7, j]
                    target[j] += one + two


@numba.njit(cache=True, nogil=True, fastmath=REORDER)
def _balance_rows(
    blocks: NDArray[Any],
    columns: NDArray[np.uint32],
    first: NDArray[np.int64],
    factors: NDArray[Any],
    rows: NDArray[Any],
    begin: int,
    end: int,
    sums: NDArray[Any],
) -> None:  # pragma: no cover - compiled
    """Fill in rows (⌈N / 8⌉, 8) of groups begin to end, and what they add to sums (⌈N / 16⌉, 16).

    Rows beyond the last one stay without a factor.
    """
    zero, one = factors.dtype.type(0), factors.dtype.type(1)
    sums[:] = zero
    for group in range(begin, end):
        own = rows[group]
        own[:] = zero
        for place in range(first[group], first[group + 1]):
            block, factor = blocks[place], factors[columns[place]]
            for i in range(_HIGH):
                total = zero
                for j in range(_WIDE):
                    total += block[i, j] * factor[j]
                own[i] += total
        for i in range(_HIGH):
            own[i] = one / own[i] if own[i] > zero else zero
        p, q, r, s, t, u, v, w = own[0], own[1], own[2], own[3], own[4], own[5], own[6], own[7]
        for place in range(first[group], first[group + 1]):
            block, target = blocks[place], sums[columns[place]]
            for j in range(_WIDE):
                some = p * block[0, j] + q * block[1, j] + r * block[2, j] + s * block[3, j]
                rest = t * block[4, j] + u * block[5, j] + v * block[6, j] + w * block[7, j]
                target[j] += some + rest
