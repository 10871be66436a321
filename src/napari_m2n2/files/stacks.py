"""All planes of an image file, and the image files of folders."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import FileError, InputError
from napari_m2n2.files import ome_zarr
from napari_m2n2.files.images import ENDINGS, open_source
from napari_m2n2.files.planes import AxisName, Plane, Source, find_axis, take_plane

LABELS = "_labels"
"""What the name of labels ends with, before its ending, that were written beside an image."""

_SESSION = ".m2n2."
"""In the names of the files of sessions."""

_MOST_BYTES = 1 << 30
"""A compressed file is kept in memory as a whole while its planes are read, up to this."""

Index: TypeAlias = tuple[int, ...]
"""Where a plane lies along the axes of its stack."""


@dataclass(frozen=True)
class StackChoice:
    """Which planes of a file are meant.

    Attributes
    ----------
    path : Path
        Any image that `napari_m2n2.files.read_image` reads.
    axes : tuple of int or str
        Axes across which the planes lie; those that are not named are the file's own.
    channel_axis : int or str, optional
        The axis that holds channels, where the file does not say.
    """

    path: Path
    axes: tuple[AxisName, ...] = ()
    channel_axis: AxisName | None = None


@dataclass(frozen=True, eq=False)
class Stack:
    """A file that was looked into, and the planes it is made of.

    Attributes
    ----------
    choice : StackChoice
    source : Source
    axes : tuple of int
        Axes of the file's array along which the planes follow one another, none for one plane.
    """

    choice: StackChoice
    source: Source
    axes: tuple[int, ...]

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """How many planes there are along each of these axes."""
        return tuple(self.source.shape[axis] for axis in self.axes)

    def __len__(self) -> int:
        return math.prod(self.lengths)

    @property
    def indices(self) -> Iterator[Index]:
        """Where each plane lies, the last axis the fastest."""
        return itertools.product(*(range(length) for length in self.lengths))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the labels of the whole file."""
        return tuple(self.source.shape[axis] for axis in self._spatial)

    @property
    def _spatial(self) -> list[int]:
        """The axes of the file's array that labels have."""
        channels = _channels(self.source, self.choice)
        return [axis for axis in range(len(self.source.shape)) if axis != channels]

    @property
    def label_axes(self) -> tuple[int, ...]:
        """The axes along which planes follow one another, as labels count them."""
        spatial = self._spatial
        return tuple(spatial.index(axis) for axis in self.axes)

    def slot(self, index: Index) -> tuple[int | slice, ...]:
        """Return where in the labels of the whole file those of a plane belong."""
        place = dict(zip(self.axes, index, strict=True))
        return tuple(place.get(axis, slice(None)) for axis in self._spatial)

    def outline(self, index: Index) -> Plane:
        """Return a plane without its pixels, which are all 0 and take no memory."""

        def read(fixed: Mapping[int, int]) -> NDArray[Any]:
            shape = [n for axis, n in enumerate(self.source.shape) if axis not in fixed]
            return np.broadcast_to(np.uint8(0), shape)

        return replace(self, source=replace(self.source, read=read)).plane(index)

    def plane(self, index: Index) -> Plane:
        """Read one plane.

        Raises
        ------
        FileError
            If the file is damaged there.
        InputError
            If there is no such plane.
        """
        return take_plane(
            self.source,
            self.choice.path,
            axis=list(self.axes),
            index=list(index),
            channel_axis=self.choice.channel_axis,
        )


def open_stack(choice: StackChoice) -> Stack:
    """Look into a file of any number of planes.

    Raises
    ------
    FileError
        If the file is missing, damaged or of an unknown format.
    InputError
        If it has no such axes.
    """
    source = open_source(choice.path)
    axes = _across(source, choice)
    if choice.path.name.lower().endswith(".gz") and _bytes(source) <= _MOST_BYTES:
        source = replace(source, read=_Whole(source).read)
    return Stack(choice, source, axes)


def image_files(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return images that are named, and those in folders that are named, sorted and once each.

    Of a folder, hidden files, other formats, label images that were written beside an image and
    the files of sessions are left out. A zarr is an image, not a folder.

    Raises
    ------
    FileError
        If a path does not exist, or a folder holds no image.
    """
    found: dict[str, Path] = {}
    for path in paths:
        inside = [path]
        if path.is_dir() and not ome_zarr.is_zarr(path):
            inside = sorted(_images_in(path))
            if not inside:
                raise FileError(f"The folder {path} holds no image; check the path.")
        elif not path.exists():
            raise FileError(f"{path} does not exist; check the name and the folder.")
        for one in inside:
            found.setdefault(os.path.realpath(one), one)
    return tuple(found.values())


def labels_beside(image: Path, folder: Path | None = None, ending: str | None = None) -> Path:
    """Return where labels of an image are written by default.

    Parameters
    ----------
    image : Path
    folder : Path, optional
        Where they are written instead of beside the image.
    ending : str, optional
        Of their name, instead of that of the image.
    """
    name, own = split_ending(image)
    # a picture's compression is not for labels
    ending = ending or {".jpg": ".png", ".jpeg": ".png", ".zarr": ".ome.zarr"}.get(own, own)
    place = image.parent if folder is None else folder
    return place / f"{name}{LABELS}{ending}"


def split_ending(path: Path) -> tuple[str, str]:
    """Return a file's name without its ending, and the ending in lower case."""
    name = path.name
    for ending in (".nii.gz", ".ome.tif", ".ome.tiff", ".ome.zarr"):
        if name.lower().endswith(ending):
            kept = ending if ending == ".nii.gz" else f".{ending.rpartition('.')[2]}"
            return name[: -len(ending)], kept
    return path.stem, path.suffix.lower()


class _Whole:
    """Reads all of a file at once, since its parts cannot be read without what precedes them."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @cached_property
    def _data(self) -> NDArray[Any]:
        return self._source.read({})

    def read(self, fixed: Mapping[int, int]) -> NDArray[Any]:
        """Return the array of the axes that are not fixed."""
        part = self._data[tuple(fixed.get(a, slice(None)) for a in range(self._data.ndim))]
        return np.array(part)


def _across(source: Source, choice: StackChoice) -> tuple[int, ...]:
    """Return the axes along which the planes follow one another."""
    named = [find_axis(source, choice.path, name) for name in choice.axes]
    channels = _channels(source, choice)
    # an axis of channels that is none after all lies before the rows and columns
    free = [a for a in range(len(source.shape)) if a not in (channels, *source.stack_axes)]
    free += [axis for axis in source.stack_axes if axis != channels]
    need = len(free) - 2
    if len(set(named)) < len(named) or channels in named or len(named) > max(need, 0):
        raise InputError(
            f"The planes of {choice.path.name} cannot lie across the axes "
            f"{', '.join(str(name) for name in choice.axes)}; name at most {max(need, 0)} of its "
            "axes besides the channels, each once."
        )
    # rows and columns are the last that are taken
    others = [axis for axis in free if axis not in named]
    return tuple(sorted([*named, *others[: max(need, 0) - len(named)]]))


def _channels(source: Source, choice: StackChoice) -> int | None:
    """Return the axis that holds channels; the user knows better than the file."""
    if choice.channel_axis is not None:
        return find_axis(source, choice.path, choice.channel_axis)
    named = [find_axis(source, choice.path, name) for name in choice.axes]
    return None if source.channel_axis in named else source.channel_axis


def _bytes(source: Source) -> int:
    """Return how much memory a whole file takes at most; scaled values are doubles."""
    return math.prod(source.shape) * 8


def _images_in(folder: Path) -> Iterator[Path]:
    """Yield the images in a folder and the folders in it."""
    for path in folder.iterdir():
        name = split_ending(path)[0]
        if name.startswith(".") or name.endswith(LABELS) or _SESSION in path.name:
            continue
        if path.is_dir() and not ome_zarr.is_zarr(path):
            yield from _images_in(path)
        elif path.is_dir() or path.name.lower().endswith(ENDINGS):
            yield path
