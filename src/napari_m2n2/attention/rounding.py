"""An attention at half precision, as it is kept, and back.

Each entry is right to 2⁻¹¹ of itself down to 2·10⁻⁹ of the largest in its row, since rows are
scaled so that their largest entry is 2¹⁵; what is below 10⁻¹² of the largest becomes 0. A
reversible attention, π_i A_ij = π_j A_ji, is kept as the upper half of a symmetric matrix,
C_ij = π_i A_ij / (m_i m_j) with m_i² the largest π_i A_ij of the row. That is half the room, and
what comes back is as reversible as what was kept: its rows are C_ij m_j divided by their sum.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.attention.base import Attention, Recall, compute_again
from napari_m2n2.attention.reversibility import stationary

_LARGEST = 2.0**15
"""What the largest entry of a row becomes; half precision ends at 65504."""

_BLOCK = 64
"""Rows handled together: a block of a 4096-cell matrix is 1 MB and stays in a core's cache."""


@dataclass(frozen=True, eq=False)
class Rounded:
    """An attention at half precision.

    Attributes
    ----------
    grid : (int, int)
        Rows and columns of cells, N in all.
    halves : (n,) float16 array
        The rows one after another. Of a symmetric matrix: of each block of rows what begins with
        the column of its first row.
    columns : (N,) float32 array or None
        m of a reversible attention; None of another.
    features : (N, D) float32 array or None
        The descriptors of cells.
    """

    grid: tuple[int, int]
    halves: NDArray[np.float16]
    columns: NDArray[np.float32] | None
    features: NDArray[np.float32] | None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all but the grid, by name."""
        named = {"halves": self.halves, "columns": self.columns, "features": self.features}
        return {name: array for name, array in named.items() if array is not None}

    @classmethod
    def of(cls, grid: tuple[int, int], arrays: Mapping[str, NDArray[Any]]) -> Rounded:
        """Return what `arrays` gave.

        Raises
        ------
        ValueError
            If these arrays are not of a rounded attention on this grid.
        """
        cells = grid[0] * grid[1]
        halves, columns = arrays.get("halves"), arrays.get("columns")
        features = arrays.get("features")
        blocks = _blocks(cells)
        entries = sum((b - a) * (cells - (0 if columns is None else a)) for a, b in blocks)
        fits = (
            min(grid) >= 1
            and halves is not None
            and _is(halves, np.float16, entries)
            and (columns is None or _is(columns, np.float32, cells))
            and (features is None or _is(features, np.float32, cells, *features.shape[1:2]))
        )
        if not fits:
            raise ValueError("these arrays are no attention of this grid")
        return cls(grid, arrays["halves"], columns, features)


def round_attention(attention: Attention) -> Rounded:
    """Return an attention at half precision."""
    pi = stationary(attention.matrix, entrywise=True)
    if pi is None:
        columns, parts = None, _rows(attention.matrix)
    else:
        columns = torch.cat(
            [
                (attention.matrix[a:b].amax(dim=1) * pi[a:b]).sqrt()
                for a, b in _blocks(len(attention.matrix))
            ]
        )
        parts = _upper(attention.matrix, pi, columns)
    halves = np.concatenate([part.to("cpu", torch.float16).numpy().ravel() for part in parts])
    return Rounded(attention.grid, halves, _single(columns), _single(attention.features))


def _rows(matrix: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield blocks of rows, each row scaled by its largest entry."""
    for begin, end in _blocks(len(matrix)):
        block = matrix[begin:end]
        yield block * (_LARGEST / block.amax(dim=1, keepdim=True))


def _upper(matrix: torch.Tensor, pi: torch.Tensor, m: torch.Tensor) -> Iterator[torch.Tensor]:
    """Yield blocks of rows of the symmetric matrix, from the column of their first row on."""
    for begin, end in _blocks(len(matrix)):
        rows = (_LARGEST * pi[begin:end] / m[begin:end])[:, None]
        block = matrix[begin:end, begin:] * rows / m[begin:]
        own = block[:, : end - begin]
        # both halves of what stands twice must be rounded alike
        own.copy_(own.triu() + own.triu(1).T)
        yield block


def restore(
    rounded: Rounded, into: torch.Tensor | None = None, *, recall: Recall = compute_again
) -> Attention:
    """Return the attention of what was kept, in single precision on the processor.

    The same bits come back whenever and wherever the same thing was kept.

    Parameters
    ----------
    rounded : Rounded
    into : (N, N) float32 tensor on the processor, optional
        Memory to put the matrix into.
    recall : callable, optional
        Where what is computed from the attention is kept.
    """
    cells = rounded.grid[0] * rounded.grid[1]
    matrix = torch.empty((cells, cells), dtype=torch.float32) if into is None else into
    halves = torch.from_numpy(rounded.halves)
    symmetric = rounded.columns is not None
    position = 0
    for begin, end in _blocks(cells):
        first = begin if symmetric else 0
        count = (end - begin) * (cells - first)
        part = halves[position : position + count].reshape(end - begin, cells - first)
        matrix[begin:end, first:] = part
        position += count
    # from the last on, as each takes from those before it what they were before their sums
    for begin, end in reversed(_blocks(cells)):
        block = matrix[begin:end]
        if rounded.columns is not None:
            block[:, :begin] = matrix[:begin, begin:end].T
            block *= torch.from_numpy(rounded.columns)
        block /= block.sum(dim=1, keepdim=True)
    features = None if rounded.features is None else rounded.features.copy()
    return Attention(matrix, rounded.grid, features=features, recall=recall)


def _blocks(cells: int) -> list[tuple[int, int]]:
    """Return first and last row, exclusive, of each block of rows."""
    return [(begin, min(begin + _BLOCK, cells)) for begin in range(0, cells, _BLOCK)]


def _is(array: NDArray[Any], dtype: type[np.floating[Any]], *shape: int) -> bool:
    """Tell whether an array has this precision and this shape."""
    return array.dtype == dtype and array.shape == shape


def _single(values: torch.Tensor | None) -> NDArray[np.float32] | None:
    """Return a copy of a tensor as an array in single precision."""
    return None if values is None else values.to("cpu", torch.float32, copy=True).numpy()
