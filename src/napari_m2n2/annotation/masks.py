"""Masks of planes packed into bits, small enough to keep for every object and to write as text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import InputError


@dataclass(frozen=True)
class Mask:
    """Which pixels of a plane are set; two are equal if the same pixels are.

    Attributes
    ----------
    size : (int, int)
        Rows and columns of the plane.
    box : (int, int, int, int)
        First row and column of the pixels that are set, and one after the last ones.
    bits : bytes
        The pixels in the box, row after row, eight in a byte, the first one highest
        (`numpy.packbits`).
    """

    size: tuple[int, int]
    box: tuple[int, int, int, int] = (0, 0, 0, 0)
    bits: bytes = b""

    def __post_init__(self) -> None:
        top, left, bottom, right = self.box
        rows, columns = self.size
        fits = 0 <= top <= bottom <= rows and 0 <= left <= right <= columns
        if not fits or len(self.bits) != -(-(bottom - top) * (right - left) // 8):
            raise InputError("The mask does not fit its plane; save it again.")

    @classmethod
    def pack(cls, mask: NDArray[np.bool_]) -> Mask:
        """Pack a mask (H, W)."""
        size = int(mask.shape[0]), int(mask.shape[1])
        rows = np.flatnonzero(mask.any(axis=1))
        if not len(rows):
            return cls(size)
        columns = np.flatnonzero(mask.any(axis=0))
        box = int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
        part = np.asarray(mask[box[0] : box[2], box[1] : box[3]], dtype=bool)
        return cls(size, box, np.packbits(part, axis=None).tobytes())

    def unpack(self) -> NDArray[np.bool_]:
        """Return the mask (H, W)."""
        mask = np.zeros(self.size, bool)
        mask[self.window] = self.part
        return mask

    @property
    def window(self) -> tuple[slice, slice]:
        """The box as an index of the plane."""
        top, left, bottom, right = self.box
        return slice(top, bottom), slice(left, right)

    @property
    def part(self) -> NDArray[np.bool_]:
        """The mask in its box."""
        top, left, bottom, right = self.box
        shape = bottom - top, right - left
        packed = np.frombuffer(self.bits, np.uint8)
        flat = np.unpackbits(packed, count=shape[0] * shape[1])
        return np.asarray(flat.reshape(shape).astype(bool))

    @property
    def area(self) -> int:
        """How many pixels are set."""
        return int(np.count_nonzero(np.unpackbits(np.frombuffer(self.bits, np.uint8))))


def union(masks: list[Mask]) -> Mask:
    """Return the pixels that any of some masks of one plane has; there must be one at least."""
    whole = masks[0].unpack()
    for mask in masks[1:]:
        whole[mask.window] |= mask.part
    return Mask.pack(whole)
