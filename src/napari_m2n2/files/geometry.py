"""Where the pixels of a file lie: what labels keep of the image they belong to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import InputError

LENGTHS = {"micron": 1.0, "mm": 1e3}
"""Micrometres in each unit of a spacing."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Geometry:
    """The axes of the labels of a file, without its channels.

    Attributes
    ----------
    path : Path
        The file.
    shape : tuple of int
        Shape of the labels of the whole file.
    axes : str
        One letter for each of these axes, such as "TZYX"; Q where the file does not say.
    spacing : tuple of float
        Distance between pixels along each axis, in `unit`; 1 where it is not known.
    unit : str
        "mm", "micron", or "" where it is not known.
    template : Any
        What the writer of the same format needs to keep the geometry.
    """

    path: Path
    shape: tuple[int, ...]
    axes: str
    spacing: tuple[float, ...]
    unit: str
    template: Any = None

    def whole(self, labels: NDArray[Any]) -> NDArray[Any]:
        """Return labels of the shape of the whole file.

        Parameters
        ----------
        labels : array
            Axes of length 1 may be missing, or there may be more of them.

        Raises
        ------
        InputError
            If they are labels of another image.
        """
        if labels.shape == self.shape:
            return labels
        if _without_ones(labels.shape) == _without_ones(self.shape):
            return labels.reshape(self.shape)
        raise InputError(
            f"The labels have {_by(labels.shape)} pixels but {self.path.name} has "
            f"{_by(self.shape)}; give the labels of this image."
        )

    def reduced(self, shape: tuple[int, ...]) -> Geometry:
        """Return the geometry of labels of a coarser level of the same image.

        Parameters
        ----------
        shape : tuple of int
            Of the labels; as many axes as here.
        """
        factors = [whole / part for whole, part in zip(self.shape, shape, strict=True)]
        spacing = tuple(size * factor for size, factor in zip(self.spacing, factors, strict=True))
        return replace(self, shape=shape, spacing=spacing, template=None)


def plain_geometry(path: Path, shape: tuple[int, ...]) -> Geometry:
    """Return the geometry of labels of which no more is known than their shape."""
    axes = ("Q" * len(shape) + "YX")[-len(shape) :]
    return Geometry(path=path, shape=shape, axes=axes, spacing=(1.0,) * len(shape), unit="")


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(length for length in shape if length != 1)


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(length) for length in shape)


def scaled(geometry: Geometry, unit: str) -> tuple[float, ...]:
    """Return the spacing of a geometry in another unit, "mm" or "micron"."""
    factor = LENGTHS[geometry.unit] / LENGTHS[unit] if geometry.unit else 1.0
    return tuple(float(np.float64(size) * factor) for size in geometry.spacing)
