"""Cutting out of a matrix what matters to rounds of balancing.

`napari_m2n2.markov.packing` adds up every row, block by block, and sorts the blocks, which takes
as long as forty rounds. Here eight rows become one of their largest entries first, and the largest
block that may be left out is found by halving: as long as four rounds, for 2 % more blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.markov.packed import SIDE
from napari_m2n2.markov.packing import ordered, some_at_a_time
from napari_m2n2.markov.product import REORDER, Bands
from napari_m2n2.markov.strips import Strips

_HALVINGS = 8
"""Of the range in which the largest block lies that is left out: it is found to 3 %."""


def cut(
    matrix: torch.Tensor,
    limits: Sequence[float],
    *,
    grid: tuple[int, int] | None = None,
    most: float = 1.0,
) -> Strips | None:
    """Cut out of a matrix what matters.

    Parameters
    ----------
    matrix : (N, N) float32 or float64 tensor
        On the processor, no entry negative.
    limits : sequence of float
        Most that a row may lack; more is left out where that is too much to be kept.
    grid : (int, int), optional
        Rows and columns of the cells; where it is known, fewer blocks are needed.
    most : float
        Largest share of the matrix that may be kept.

    Returns
    -------
    Strips or None
        None where more would have to be kept.
    """
    dense = np.ascontiguousarray(matrix.detach().numpy())
    order, _ = ordered(len(dense), grid)
    with Bands(matrix) as bands:
        chosen = _chosen(dense, order, limits, most, bands)
        if chosen is None:
            return None
        columns, first = chosen
        entries = np.empty(len(columns) * SIDE**2, dense.dtype)

        def work(part: tuple[int, int]) -> None:
            _copy(dense, order, columns, first, *part, entries)

        bands.each(work, some_at_a_time(0, len(first) - 1))
    return Strips(entries, columns, first, order)


def _chosen(
    dense: NDArray[Any],
    order: NDArray[np.int64],
    limits: Sequence[float],
    most: float,
    bands: Bands,
) -> tuple[NDArray[np.uint32], NDArray[np.int64]] | None:
    """Return which columns each strip keeps, and where they begin; None if they are too many.

    That is at the first limit at which they are few enough.
    """
    groups = -(-len(order) // SIDE)
    kept = np.empty((len(limits), groups, groups), np.bool_)
    left_out = np.array(limits, dense.dtype)

    def work(part: tuple[int, int]) -> None:
        _choose(dense, order, left_out, *part, kept)

    bands.each(work, some_at_a_time(0, groups))
    for one in kept:
        first = np.concatenate([[0], np.cumsum(np.count_nonzero(one, axis=1))])
        if first[-1] <= most * one.size:
            return np.nonzero(one)[1].astype(np.uint32), first
    return None


@numba.njit(cache=True, nogil=True, fastmath=REORDER)
def _choose(
    dense: NDArray[Any],
    order: NDArray[np.int64],
    left_out: NDArray[Any],
    begin: int,
    end: int,
    kept: NDArray[np.bool_],
) -> None:  # pragma: no cover - compiled
    """Mark the blocks of the groups from begin to end that are kept at each limit.

    A block counts as the sum of the largest entries of its columns, which no row exceeds.
    """
    count, across = len(order), kept.shape[2]
    largest, worth = np.empty(count, dense.dtype), np.empty(across, dense.dtype)
    for group in range(begin, end):
        largest[:] = 0
        for i in range(SIDE * group, min(SIDE * group + SIDE, count)):
            row = dense[order[i]]
            for j in range(count):
                largest[j] = max(largest[j], row[j])
        worth[:] = 0
        for j in range(count):
            worth[j // SIDE] += largest[order[j]]
        for limit in range(len(left_out)):
            # all blocks up to the one limit may be left out at any rate, none beyond the other
            low, high = left_out[limit] / across, left_out[limit]
            for _ in range(_HALVINGS):
                middle, missing = np.sqrt(low * high), worth[0] * 0
                for k in range(across):
                    missing += worth[k] if worth[k] <= middle else 0
                if missing <= left_out[limit]:
                    low = middle
                else:
                    high = middle
            for k in range(across):
                kept[limit, group, k] = worth[k] > low


@numba.njit(cache=True, nogil=True)
def _copy(
    dense: NDArray[Any],
    order: NDArray[np.int64],
    columns: NDArray[np.uint32],
    first: NDArray[np.int64],
    begin: int,
    end: int,
    entries: NDArray[Any],
) -> None:  # pragma: no cover - compiled
    """Copy the strips from begin to end; what lies beyond the last row or column is 0."""
    count = len(order)
    for group in range(begin, end):
        left, right = first[group], first[group + 1]
        strip = entries[SIDE * SIDE * left : SIDE * SIDE * right].reshape(SIDE, -1, SIDE)
        strip[:] = 0
        for i in range(min(SIDE, count - SIDE * group)):
            row = dense[order[SIDE * group + i]]
            for k in range(right - left):
                place = SIDE * columns[left + k]
                for j in range(min(SIDE, count - place)):
                    strip[i, k, j] = row[order[place + j]]
