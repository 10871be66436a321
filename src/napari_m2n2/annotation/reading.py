"""Reading a region of a plane, from arrays in memory, in files or on a network.

No more is read than the chunks that hold the region, and each of them once where one fits into
memory. Reduced regions are read in bands, so that a plane may be larger than memory.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.region import Region, whole_plane
from napari_m2n2.errors import InputError

_BAND_BYTES = 1 << 26
"""How much is read at a time of a region that is reduced."""


def read_region(data: Any, plane: Plane, region: Region | None = None) -> NDArray[Any]:
    """Return a region of a plane as (h, w) or, if it has colours as last axis, (h, w, C).

    Parameters
    ----------
    data : array-like
        The layer's array: numpy, dask, zarr, or any other that takes numbers and slices as index.
    plane : Plane
    region : Region, optional
        By default the whole plane. In-memory arrays give a view where nothing is reduced; means
        keep the array's type.
    """
    region = whole_plane(plane.size) if region is None else region
    if region.factor == 1:
        return _read(data, plane, *region.window)
    return _read_reduced(data, plane, region)


def _read(data: Any, plane: Plane, rows: slice, columns: slice) -> NDArray[Any]:
    """Return a rectangle of a plane."""
    where: dict[int, Any] = dict(plane.hidden)
    where |= {plane.displayed[0]: rows, plane.displayed[1]: columns}
    values = np.asarray(data[tuple(where[axis] for axis in range(len(plane.shape)))])
    return values if plane.displayed[0] < plane.displayed[1] else values.swapaxes(0, 1)


def _read_reduced(data: Any, plane: Plane, region: Region) -> NDArray[Any]:
    """Return the means of the blocks of a region."""
    kind = np.dtype(data.dtype)
    if kind.kind not in "buif":
        raise InputError(
            f"The image has values of type {kind}; convert it to integers or real numbers."
        )
    factor, start = region.factor, region.rows[0]
    columns = np.arange(0, region.extent[1], factor)
    colours = tuple(data.shape[len(plane.shape) :])
    sums = np.zeros((*region.size, *colours))
    for first, last in _bands(data, plane, region):
        band = _read(data, plane, slice(first, last), slice(*region.columns))
        # a block may lie across two bands
        blocks, rows = np.unique((np.arange(first, last) - start) // factor, return_index=True)
        part = np.add.reduceat(band, rows, axis=0, dtype=np.float64)
        sums[blocks] += np.add.reduceat(part, columns, axis=1)
    down, across = (
        np.minimum(length - np.arange(0, length, factor), factor) for length in region.extent
    )
    counts = (down[:, np.newaxis] * across).reshape(*region.size, *(1 for _ in colours))
    means: NDArray[np.float64] = sums / counts
    if kind.kind == "b":
        return means >= 0.5
    return (np.rint(means) if kind.kind in "ui" else means).astype(kind)


def _bands(data: Any, plane: Plane, region: Region) -> list[tuple[int, int]]:
    """Return the first and last rows of bands that begin and end with chunks."""
    chunk = chunk_length(data, plane.displayed[0])
    colours = math.prod(data.shape[len(plane.shape) :])
    row_bytes = region.extent[1] * colours * np.dtype(data.dtype).itemsize
    rows = max(1, _BAND_BYTES // max(row_bytes, 1))
    rows = max(1, rows // chunk) * chunk
    start, stop = region.rows
    edges = [start, *range((start // rows + 1) * rows, stop, rows), stop]
    return list(pairwise(edges))


def chunk_length(data: Any, axis: int) -> int:
    """Return how many indices along an axis are read together; 1 where nothing says so."""
    chunks = getattr(data, "chunks", None)
    if chunks is None:
        return 1
    # dask lists the lengths of all chunks, zarr and h5py have one length
    length = chunks[axis]
    return int(max(length)) if isinstance(length, tuple) else int(length)
