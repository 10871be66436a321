"""Reading OME-Zarr and plain zarr, one plane at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import FileError
from napari_m2n2.files import ngff
from napari_m2n2.files.planes import Source

ENDING = ".zarr"
_MARKS = ("zarr.json", ".zgroup", ".zarray")


@dataclass(frozen=True)
class ZarrTemplate:
    """What is kept of an OME-Zarr image when labels are written for it.

    Attributes
    ----------
    axes : str
        Of the labels, as in `napari_m2n2.files.geometry.Geometry`.
    translation : tuple of float
        Where the first pixel's centre lies along each of these axes, in the geometry's unit.
    """

    axes: str
    translation: tuple[float, ...]


def is_zarr(path: Path) -> bool:
    """Tell whether a path is a zarr group or array on this computer."""
    return any(os.path.isfile(path / mark) for mark in _MARKS)


# ------------------------------------------------------------------ reading
def open_zarr(path: Path) -> Source:
    """Look into a zarr without reading its pixels.

    Parameters
    ----------
    path : Path
        An OME-Zarr image, of which the finest level is taken, one of its levels
        (``image.ome.zarr/1``), or a zarr array with or without names of its axes.

    Returns
    -------
    Source

    Raises
    ------
    FileError
        If it is no zarr, damaged, or holds several images.
    """
    with _reading(path):
        (array, *_), image, level = _find(path)
        shape = tuple(int(length) for length in array.shape)
        if image is None:
            axes, spacing, unit = _plain_axes(array), (1.0,) * len(shape), ""
            start = (0.0,) * len(shape)
        else:
            axes, unit = image.axes, image.unit
            spacing, start = image.levels[level].scale, image.levels[level].translation
        if len(axes) != len(shape):
            raise ValueError("the metadata has another number of axes than the array")
    if len(shape) < 2:
        raise FileError(f"{path} holds no image (shape {shape}); choose another array.")
    channel_axis = next((axes.index(letter) for letter in "SC" if letter in axes), None)
    kept = [axis for axis in range(len(shape)) if axis != channel_axis]
    order = [a for a in kept if axes[a] not in "YX"] + [a for a in kept if axes[a] in "YX"]
    letters = "".join(axes[axis] for axis in kept)
    return Source(
        shape=shape,
        axes=axes,
        channel_axis=channel_axis,
        stack_axes=tuple(order),
        spacing=tuple(size if np.isfinite(size) and size > 0 else 1.0 for size in spacing),
        unit=unit,
        read=lambda fixed: _read(path, array, fixed),
        template=ZarrTemplate(letters, tuple(start[axis] for axis in kept)),
    )


def open_levels(path: Path) -> list[Any]:
    """Return the arrays of the levels of an image, the finest one first, to be read in parts.

    Parameters
    ----------
    path : Path
        As in `open_zarr`; a level or a plain array is its own only one.

    Raises
    ------
    FileError
        As in `open_zarr`.
    """
    with _reading(path):
        return _find(path)[0]


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn whatever is wrong with a zarr into one sentence."""
    try:
        yield
    except FileError:
        raise
    except Exception as error:  # a damaged one makes the decoder raise almost anything
        raise FileError(f"{path} is no zarr, or it is damaged; copy it again.") from error


def _find(path: Path) -> tuple[list[Any], ngff.Multiscale | None, int]:
    """Return the arrays of an image, the one to read first.

    Returns
    -------
    arrays : list of zarr array
    image : Multiscale, optional
        What is said of it, if it is one of OME-Zarr.
    level : int
        Which of its levels is the first array.
    """
    import zarr

    node = zarr.open(str(path), mode="r")
    if isinstance(node, zarr.Array):
        image, level = _image_around(path)
        return [node], image, level
    image = ngff.read_multiscale(dict(node.attrs))
    if image is not None:
        return [node[level.path] for level in image.levels], image, 0
    said = ngff.fields(dict(node.attrs))
    arrays, groups = sorted(node.array_keys()), sorted(node.group_keys())
    if "plate" in said or "well" in said:
        raise FileError(
            f"{path} is a plate or a well of one; give an image of it, {_one(path, node)}."
        )
    if "bioformats2raw.layout" in said and "0" in groups:
        return _find(path / "0")
    if len(arrays) == 1:
        return [node[arrays[0]]], None, 0
    names = ", ".join([*arrays, *groups][:8])
    raise FileError(f"{path} holds {names or 'nothing'}; give the path of one image in it.")


def _one(path: Path, node: Any) -> str:
    """Return the path of an image of a plate, for a message."""
    while not node.attrs.get("multiscales") and not ngff.fields(dict(node.attrs)).get(
        "multiscales"
    ):
        inner = sorted(node.group_keys())
        if not inner:
            break
        path, node = path / inner[0], node[inner[0]]
    return str(path)


def _image_around(path: Path) -> tuple[ngff.Multiscale | None, int]:
    """Return the image of which an array is a level, and which one."""
    import zarr

    for above in list(path.parents)[:2]:
        if is_zarr(above):
            attributes = dict(zarr.open_group(str(above), mode="r").attrs)
            image = ngff.read_multiscale(attributes)
            if image is not None:
                paths = [level.path for level in image.levels]
                inner = path.relative_to(above).as_posix()
                return (image, paths.index(inner)) if inner in paths else (None, 0)
    return None, 0


def _plain_axes(array: Any) -> str:
    """Return a letter for each axis of an array that is no image of OME-Zarr."""
    shape = array.shape
    names = getattr(array.metadata, "dimension_names", None) or array.attrs.get(
        "_ARRAY_DIMENSIONS"
    )
    letters = [str(name or "").upper() for name in names or ()]
    if len(set(letters)) == len(shape) and all(one in tuple("TCZYXS") for one in letters):
        return "".join(letters)
    if len(shape) > 2 and array.dtype == np.uint8 and shape[-1] in (3, 4):
        return "Q" * (len(shape) - 3) + "YXS"
    return ("Q" * len(shape) + "YX")[-len(shape) :]


def _read(path: Path, array: Any, fixed: Mapping[int, int]) -> NDArray[Any]:
    """Read what remains when some axes are fixed."""
    with _reading(path):
        return np.asarray(array[tuple(fixed.get(axis, slice(None)) for axis in range(array.ndim))])
