"""The objects that a label image has already, made by hand or by another program."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.masks import Mask
from napari_m2n2.annotation.objects import AnnotatedObject
from napari_m2n2.annotation.planes import Plane, read_plane
from napari_m2n2.annotation.provenance import Provenance
from napari_m2n2.annotation.records import PlaneRecord

MOST_PIXELS = 100_000_000
"""Of a larger label image the numbers are found, not the planes that they are on: some seconds."""


def objects_in(labels: NDArray[Any], displayed: tuple[int, int]) -> tuple[AnnotatedObject, ...]:
    """Return an object for each number from 1 of a label image.

    Parameters
    ----------
    labels : array of int
    displayed : (int, int)
        The axes that are on screen, in their order: those of the planes that are told.
    """
    if labels.size > MOST_PIXELS:
        return tuple(AnnotatedObject(value, value) for value in numbers_in(labels))
    made = Provenance(way="drawn")
    records: dict[int, dict[Plane, PlaneRecord]] = {}
    for plane in planes_of(labels.shape, displayed):
        for value, mask in _masks_of(read_plane(labels, plane)):
            records.setdefault(value, {})[plane] = PlaneRecord(mask=mask, made=made)
    return tuple(
        AnnotatedObject(value, value, records=records[value]) for value in sorted(records)
    )


def object_of(labels: NDArray[Any], value: int, displayed: tuple[int, int]) -> AnnotatedObject:
    """Return the object of one number of a label image."""
    made = Provenance(way="drawn")
    records = {}
    for plane in planes_of(labels.shape, displayed):
        mask = read_plane(labels, plane) == value
        if mask.any():
            records[plane] = PlaneRecord(mask=Mask.pack(mask), made=made)
    return AnnotatedObject(value, value, records=records)


def numbers_in(labels: NDArray[Any]) -> tuple[int, ...]:
    """Return the numbers from 1 of a label image, rising."""
    found: set[int] = set()
    for part in labels if labels.ndim > 2 else (labels,):
        found.update(np.unique(part).tolist())
    return tuple(sorted(value for value in found if value > 0))


def planes_of(shape: tuple[int, ...], displayed: tuple[int, int]) -> Iterator[Plane]:
    """Yield all planes along two axes."""
    hidden = [axis for axis in range(len(shape)) if axis not in displayed]
    for where in product(*(range(shape[axis]) for axis in hidden)):
        yield Plane(tuple(shape), displayed, tuple(zip(hidden, where, strict=True)))


def _masks_of(plane: NDArray[Any]) -> Iterator[tuple[int, Mask]]:
    """Yield the numbers from 1 of a plane, and where they are."""
    if not plane.any():
        return
    from scipy import ndimage

    values, places = np.unique(plane, return_inverse=True)
    boxes = ndimage.find_objects(places.reshape(plane.shape).astype(np.int32) + 1)
    size = int(plane.shape[0]), int(plane.shape[1])
    for value, box in zip(values.tolist(), boxes, strict=True):
        if value > 0:
            rows, columns = box
            bits = np.packbits(plane[box] == value, axis=None).tobytes()
            corners = rows.start, columns.start, rows.stop, columns.stop
            yield value, Mask(size, corners, bits)
