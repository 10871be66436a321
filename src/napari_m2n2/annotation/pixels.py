"""Pixels of a label image that were changed in one go, so that they can be changed back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class PixelChange:
    """What a label image held before and after.

    Attributes
    ----------
    where : (k,) int64 array
        Positions in the image read row after row.
    before, after : (k,) arrays
        In the type of the image.
    """

    where: NDArray[np.int64]
    before: NDArray[Any]
    after: NDArray[Any]

    def __len__(self) -> int:
        return len(self.where)

    def part(self, chosen: NDArray[np.bool_]) -> PixelChange:
        """Return the change of some of the pixels, chosen by (k,) bool."""
        return PixelChange(self.where[chosen], self.before[chosen], self.after[chosen])

    def is_done(self, data: NDArray[Any]) -> bool:
        """Tell whether an image is as it was after the change."""
        return np.array_equal(take(data, self.where), self.after)

    def is_undone(self, data: NDArray[Any]) -> bool:
        """Tell whether an image is as it was before the change."""
        return np.array_equal(take(data, self.where), self.before)


NO_PIXELS = PixelChange(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))


def indices_of(where: NDArray[np.int64], shape: tuple[int, ...]) -> tuple[NDArray[np.int64], ...]:
    """Return positions as indices, one array an axis."""
    return tuple(np.asarray(axis, dtype=np.int64) for axis in np.unravel_index(where, shape))


def positions_of(
    indices: tuple[NDArray[np.integer], ...], shape: tuple[int, ...]
) -> NDArray[np.int64]:
    """Return indices, one array an axis, as positions."""
    return np.asarray(np.ravel_multi_index(indices, shape), dtype=np.int64).reshape(-1)


def take(data: NDArray[Any], where: NDArray[np.int64]) -> NDArray[Any]:
    """Return what an image holds at positions: (k,) array."""
    if data.flags.c_contiguous:
        return data.reshape(-1)[where]
    return np.asarray(data[indices_of(where, data.shape)])


def put(data: NDArray[Any], where: NDArray[np.int64], values: NDArray[Any]) -> None:
    """Write values (k,) at positions."""
    if data.flags.c_contiguous:
        data.reshape(-1)[where] = values
    else:
        data[indices_of(where, data.shape)] = values
