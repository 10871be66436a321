"""What every method works on: the attention of one image over a grid of cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.errors import InputError

Array = TypeVar("Array", NDArray[Any], torch.Tensor)

Tensors: TypeAlias = dict[str, torch.Tensor]

Recall: TypeAlias = Callable[[str, Callable[[], Tensors]], Tensors]
"""Takes a description of something and what computes it: returns it from an earlier time if it was
computed before, else computes and keeps it. Floating point only, on whatever device."""


def compute_again(description: str, compute: Callable[[], Tensors]) -> Tensors:
    """Compute something and keep nothing."""
    return compute()


class Attention:
    """The self-attention of one image: how strongly each cell of a grid looks at each other cell.

    Parameters
    ----------
    matrix : (N, N) array or tensor
        Row k holds the probabilities of a step from cell k to every cell, so each row sums to 1.
        Cells are counted row by row. float32 and float64 are kept, half precision becomes float32.
    grid : (int, int)
        Rows h and columns w of the grid, ``h * w == N``; h and w may differ.
    features : (N, D) array or tensor, optional
        A descriptor of each cell, for the methods that use one.
    recall : callable, optional
        Where what is computed from this attention is kept and found again; by default nowhere.

    Raises
    ------
    InputError
        If the matrix is not square, does not fit the grid, has negative entries or entries that
        are not finite, or has a row that does not sum to 1 within 1e-3.
    """

    def __init__(
        self,
        matrix: NDArray[Any] | torch.Tensor,
        grid: tuple[int, int],
        *,
        features: NDArray[Any] | torch.Tensor | None = None,
        recall: Recall = compute_again,
    ) -> None:
        rows, columns = (int(side) for side in grid)
        self.grid = (rows, columns)
        self.matrix = _as_tensor(matrix)
        self.features = None if features is None else _as_tensor(features)
        self.recall = recall
        self._check()

    def push(self, p: Array) -> Array:
        """Let mass walk one step: ``p @ A`` for p of shape (N,) or (B, N), of the type of p."""
        result = self._tensor(p) @ self.matrix
        return result.numpy(force=True) if isinstance(p, np.ndarray) else result

    def pull(self, c: Array) -> Array:
        """Let each cell gather what it looks at: ``A @ c`` for c of shape (N,) or (N, B)."""
        result = self.matrix @ self._tensor(c)
        return result.numpy(force=True) if isinstance(c, np.ndarray) else result

    def to(self, device: str | torch.device) -> Attention:
        """Return the same attention on another device."""
        if self.matrix.device == torch.device(device):
            return self
        moved = object.__new__(Attention)
        moved.grid = self.grid
        moved.matrix = self.matrix.to(device)
        moved.features = None if self.features is None else self.features.to(device)
        moved.recall = self.recall
        return moved

    def _tensor(self, values: NDArray[Any] | torch.Tensor) -> torch.Tensor:
        """Return a vector or a batch of them in the matrix's precision and place."""
        return torch.as_tensor(values, dtype=self.matrix.dtype, device=self.matrix.device)

    def _check(self) -> None:
        """Say what is wrong with the matrix, if anything."""
        cells = self.grid[0] * self.grid[1]
        if min(self.grid) < 1 or self.matrix.shape != (cells, cells):
            raise InputError(
                f"The attention has shape {tuple(self.matrix.shape)} but a grid of {self.grid} "
                f"needs ({cells}, {cells}); give the grid the matrix was made on."
            )
        if self.features is not None and (
            self.features.ndim != 2 or self.features.shape[0] != cells
        ):
            raise InputError(
                f"The features have shape {tuple(self.features.shape)}; give one row for each of "
                f"the {cells} cells."
            )
        sums = self.matrix.sum(dim=1)
        if not bool(torch.isfinite(sums).all()) or bool((self.matrix < 0).any()):
            raise InputError("The attention has negative entries or entries that are not finite.")
        worst = float((sums - 1).abs().max())
        if worst > 1e-3:
            raise InputError(
                f"A row of the attention sums to 1 only within {worst:.3g}; divide each row by "
                "its sum."
            )


@runtime_checkable
class Backbone(Protocol):
    """Anything that gives the attention of an image."""

    def attend(self, rgb: NDArray[np.float32]) -> Attention:
        """Return the attention of an RGB image, (H, W, 3) float32 in [0, 1]."""
        ...


def _as_tensor(values: NDArray[Any] | torch.Tensor) -> torch.Tensor:
    """Return values as a float tensor; torch knows neither read-only nor big-endian arrays."""
    if isinstance(values, torch.Tensor):
        tensor = values
    else:
        array = np.asarray(values)
        if array.dtype.kind not in "buif":
            raise InputError(f"The attention has values of type {array.dtype}; give real numbers.")
        dtype = np.float64 if array.dtype.itemsize == 8 else np.float32
        tensor = torch.from_numpy(np.require(array, dtype=dtype, requirements=["C", "W"]))
    if tensor.dtype not in (torch.float32, torch.float64):
        tensor = tensor.to(torch.float32)
    return tensor
