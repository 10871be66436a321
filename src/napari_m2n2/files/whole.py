"""Whole label images, and images plane by plane in the axes of their labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import InputError, NoMemoryError
from napari_m2n2.files.geometry import Geometry
from napari_m2n2.files.images import geometry_of, open_source
from napari_m2n2.files.measurements import Pixels
from napari_m2n2.files.planes import describe

_LARGEST = np.iinfo(np.int64).max


def read_label_image(path: Path | str) -> tuple[NDArray[np.integer[Any]], Geometry]:
    """Read all of a label image.

    Parameters
    ----------
    path : path
        Any format that `napari_m2n2.files.read_image` reads, but for JPEG, which blurs labels.

    Returns
    -------
    labels : integer array
        Not negative, in the type of the file.
    geometry : Geometry

    Raises
    ------
    FileError
        If it cannot be read.
    InputError
        If its pixels are no labels.
    """
    path = Path(path)
    if path.suffix.lower() in (".jpg", ".jpeg"):
        raise InputError(f"{path} is a JPEG file, which blurs labels; give a TIFF, PNG or NIfTI.")
    source = open_source(path)
    if source.channel_axis is not None:
        raise InputError(
            f"{path} has channels ({describe(source)}); give a label image with one number for "
            "each pixel."
        )
    try:
        values = source.read({})
    except MemoryError:
        raise NoMemoryError(
            f"There is not enough memory for the labels of {path.name} ({describe(source)}); "
            "export them in parts."
        ) from None
    return _as_labels(values, path), geometry_of(source, path)


def pixel_reader(path: Path | str) -> Pixels:
    """Return what reads an image plane by plane, along the axes of its labels.

    Parameters
    ----------
    path : path

    Returns
    -------
    callable
        See `napari_m2n2.files.measurements.Pixels`.
    """
    source = open_source(Path(path))
    kept = [axis for axis in range(len(source.shape)) if axis != source.channel_axis]

    def read(place: tuple[int, ...]) -> NDArray[Any]:
        fixed = dict(zip(kept[:-2], place, strict=True))
        values = source.read(fixed)
        if source.channel_axis is None:
            return values
        left = [axis for axis in range(len(source.shape)) if axis not in fixed]
        return np.moveaxis(values, left.index(source.channel_axis), -1)

    return read


def _as_labels(values: NDArray[Any], path: Path) -> NDArray[np.integer[Any]]:
    """Return whole numbers from 0, whatever the type they are kept in."""
    if values.dtype.kind == "b":
        return values.astype(np.uint8)
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        raise InputError(f"{path} holds values that are no labels; give a label image.")
    if values.dtype.kind == "f":
        if (values != np.round(values)).any() or abs(values).max(initial=0) > _LARGEST // 2:
            raise InputError(f"{path} holds values that are no whole numbers; give a label image.")
        values = values.astype(np.int64)
    if values.min(initial=0) < 0:
        raise InputError(f"{path} holds labels below 0; give each object a number from 1.")
    return values
