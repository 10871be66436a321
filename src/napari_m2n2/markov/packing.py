"""Packing a transition matrix: which blocks matter to a walk, and in which order cells stand.

Attention at a temperature below 1 is concentrated: a fifth of a photograph's 17 million entries at
grid 64 holds all but 10⁻⁹ of every row. Cells that are near each other look at the same things, so
that fewer blocks are needed where the cells of a block are a tile of the grid and not a part of a
row: 0.42 of the blocks of that photograph instead of 0.56.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.markov.packed import SIDE, Packed
from napari_m2n2.markov.product import Bands

LEFT_OUT = 1e-9
"""Most that may be missing of a row: over 1000 steps of a walk, 10⁻⁶ of the sum of its state."""

_TILES = ((4, 2), (4, 4), (SIDE, SIDE))
"""Rows and columns of the grid that lie together, in tiles of tiles."""

_WORTH = 0.85
"""Share of the blocks from which on products are not faster."""

_BESIDE = 0.28
"""Largest share of the blocks that are kept beside a matrix that may be overwritten; more take its
place, so that there are never 1.3 of it in memory."""

_AT_ONCE = 16
"""Groups that are read before they are overwritten, if the cells are in no order."""


def pack(
    matrix: torch.Tensor,
    *,
    grid: tuple[int, int] | None = None,
    most: float = _WORTH,
    left_out: float = LEFT_OUT,
    overwrite: bool = False,
) -> Packed | None:
    """Leave out of a matrix what is too little to matter.

    Parameters
    ----------
    matrix : (N, N) float32 or float64 tensor
        On the processor, no entry negative.
    grid : (int, int), optional
        Rows and columns of the cells; where it is known, fewer blocks are needed.
    most : float
        Largest share of the blocks that may be kept.
    left_out : float
        Most that a row may lack.
    overwrite : bool
        Whether many blocks may take the place of the matrix, which is of no use then. A matrix
        that is not packed stays as it is.

    Returns
    -------
    Packed or None
        None where more would have to be kept.
    """
    dense = np.ascontiguousarray(matrix.detach().numpy())
    count = len(dense)
    order, stripe = ordered(count, grid)
    groups = -(-count // SIDE)
    kept = np.zeros((groups, groups), np.bool_)
    with Bands(matrix) as bands:
        parts = some_at_a_time(0, groups)
        bands.each(lambda part: _choose(dense, order, left_out, part[0], part[1], kept), parts)
        number = np.count_nonzero(kept, axis=1)
        if number.sum() > most * kept.size:
            return None
        first = np.concatenate([[0], np.cumsum(number)])
        room = None
        if overwrite and first[-1] > _BESIDE * kept.size:
            room = _room_in(dense, first, stripe)
        blocks = _copied(dense, order, kept, first, stripe, room, bands)
    return Packed(blocks, np.nonzero(kept)[1].astype(np.uint32), first, order)


def ordered(count: int, grid: tuple[int, int] | None) -> tuple[NDArray[np.int64], int]:
    """Return the cells in an order in which neighbours are together, and how it is bounded.

    So many groups of eight cells, and so many after them, are the same cells in both orders.
    """
    if grid is None:
        return np.arange(count), _AT_ONCE
    rows, columns = np.divmod(np.arange(count), grid[1])
    keys = [columns, rows]
    for high, wide in _TILES:
        keys += [columns // wide, rows // high]
    return np.lexsort(keys), grid[1]


def some_at_a_time(begin: int, end: int) -> list[tuple[int, int]]:
    """Return parts of the groups from begin to end, for threads."""
    return [(k, min(k + 8, end)) for k in range(begin, end, 8)]


def _room_in(dense: NDArray[Any], first: NDArray[np.int64], stripe: int) -> NDArray[Any] | None:
    """Return the beginning of a matrix as blocks, where no block would lie on rows still to come.

    Blocks at the right end are wider than the matrix if N is no multiple of 8.
    """
    last = np.minimum(np.arange(stripe, len(first) - 1 + stripe, stripe), len(first) - 1)
    passed = np.minimum(last * SIDE, len(dense)) * dense.shape[1]
    if (first[last] * SIDE**2 > passed).any():
        return None
    return dense.reshape(-1)[: first[-1] * SIDE**2].reshape(-1, SIDE, SIDE)


def _copied(
    dense: NDArray[Any],
    order: NDArray[np.int64],
    kept: NDArray[np.bool_],
    first: NDArray[np.int64],
    stripe: int,
    room: NDArray[Any] | None,
    bands: Bands,
) -> NDArray[Any]:
    """Return the blocks that are kept, copied stripe by stripe into the room if there is any."""
    blocks = np.empty((int(first[-1]), SIDE, SIDE), dense.dtype) if room is None else room
    spare = None if room is None else np.empty_like(dense[: stripe * SIDE])
    for begin in range(0, len(kept), stripe):
        end, top = min(begin + stripe, len(kept)), begin * SIDE
        rows = dense[top : end * SIDE]
        if spare is not None:
            spare[: len(rows)] = rows
            rows = spare

        def work(part: tuple[int, int], rows: NDArray[Any] = rows, top: int = top) -> None:
            _copy(rows, top, order, kept, first, *part, blocks)

        bands.each(work, some_at_a_time(begin, end))
    return blocks


@numba.njit(cache=True, nogil=True)
def _choose(
    dense: NDArray[Any],
    order: NDArray[np.int64],
    left_out: float,
    begin: int,
    end: int,
    kept: NDArray[np.bool_],
) -> None:  # pragma: no cover - compiled
    """Mark the blocks of the groups from begin to end that are kept."""
    across = kept.shape[1]
    sums = np.empty((SIDE, across))
    for group in range(begin, end):
        sums[:] = 0
        for i in range(min(SIDE, len(order) - group * SIDE)):
            row, total = dense[order[group * SIDE + i]], sums[i]
            for j in range(len(order)):
                total[j // SIDE] += row[order[j]]
        largest = sums[0].copy()
        for i in range(1, SIDE):
            largest = np.maximum(largest, sums[i])
        missing = np.zeros(SIDE)
        kept[group] = True
        for k in np.argsort(largest):
            missing += sums[:, k]
            if missing.max() > left_out:
                break
            kept[group, k] = False


@numba.njit(cache=True, nogil=True)
def _copy(
    rows: NDArray[Any],
    top: int,
    order: NDArray[np.int64],
    kept: NDArray[np.bool_],
    first: NDArray[np.int64],
    begin: int,
    end: int,
    blocks: NDArray[Any],
) -> None:  # pragma: no cover - compiled
    """Copy the blocks of the groups from begin to end that are kept; `rows` begin with row top.

    What lies beyond the last row or column is 0.
    """
    count = len(order)
    for group in range(begin, end):
        place = first[group]
        for k in range(kept.shape[1]):
            if kept[group, k]:
                blocks[place] = 0
                for i in range(min(SIDE, count - group * SIDE)):
                    row = rows[order[group * SIDE + i] - top]
                    for j in range(min(SIDE, count - k * SIDE)):
                        blocks[place, i, j] = row[order[k * SIDE + j]]
                place += 1
