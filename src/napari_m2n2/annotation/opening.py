"""An image file as the array that a layer of it has, for work without a window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import FileError

if TYPE_CHECKING:
    from napari_m2n2.files.planes import Source


class FileArray:
    """The array of a file, of which only what an index asks for is read.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
    ndim : int
    """

    def __init__(self, source: Source, shape: tuple[int, ...], dtype: str) -> None:
        self._source = source
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.ndim = len(shape)
        # axes of the layer and of the file, in order, those of one index left out
        self._axes = [a for a, length in enumerate(source.shape) if length > 1]

    def __getitem__(self, index: tuple[int | slice, ...]) -> NDArray[Any]:
        """Return what numbers and slices ask for, as numpy does."""
        full = (*index, *(slice(None) for _ in range(self.ndim - len(index))))
        long = [i for i, length in zip(full, self.shape, strict=True) if length > 1]
        chosen = {a: i for a, i in zip(self._axes, long, strict=True) if isinstance(i, int)}
        short = {a: 0 for a, length in enumerate(self._source.shape) if length == 1}
        part = self._source.read({**short, **chosen})
        part = part[tuple(i for i in long if isinstance(i, slice))]
        kept = [(i, n) for i, n in zip(full, self.shape, strict=True) if isinstance(i, slice)]
        lengths = [1 if n == 1 else len(range(*i.indices(n))) for i, n in kept]
        ones = tuple(i if n == 1 else slice(None) for i, n in kept)
        return np.asarray(np.asarray(part).reshape(lengths)[ones])


def open_array(path: Path, shape: tuple[int, ...], dtype: str) -> FileArray:
    """Open an image file as an array of the shape that its layer had.

    Parameters
    ----------
    path : Path
    shape : tuple of int
        Of the layer, colours included; axes of one index may be others than in the file.
    dtype : str

    Raises
    ------
    FileError
        If the file cannot be read, or its array has another shape.
    """
    from napari_m2n2.files.images import open_source

    source = open_source(path)
    if [n for n in source.shape if n > 1] != [n for n in shape if n > 1]:
        raise FileError(
            f"{path} has an array of shape {source.shape} but the session was made on one of "
            f"{shape}; open the image in the window to go on."
        )
    return FileArray(source, shape, dtype)
