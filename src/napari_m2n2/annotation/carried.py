"""What is kept of planes that were made from other planes, and which planes may be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.masks import Mask
from napari_m2n2.annotation.objects import ObjectTable
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.prompts import PlanePrompts
from napari_m2n2.annotation.provenance import Provenance, Way
from napari_m2n2.annotation.records import PlaneRecord, StoredPoint
from napari_m2n2.annotation.region import Region
from napari_m2n2.annotation.volume import axes_to_go

BY_MACHINE: tuple[Way, ...] = ("propagated", "interpolated")
"""Planes that were made so may be made anew; all others are the user's."""

NO_AXIS = -1
"""Is no axis of any plane, and refused as one to go along."""


NO_OBJECT = "There is no object to go on with; outline one and commit it."
NO_GAP = (
    "There is nothing to fill between; outline the object on two slices with others between them, "
    "and commit it."
)


def axis_along(plane: Plane, axis: int | None) -> int:
    """Return the axis to go along: the one chosen if it can be, or the last one that can."""
    axes = axes_to_go(plane)
    if axis is not None and axis in axes:
        return axis
    return axes[0] if axes else NO_AXIS


def may_be_made(record: PlaneRecord | None) -> bool:
    """Tell whether a plane of an object may be outlined by the machine: the user has not."""
    if record is None or not record.area:
        return True
    return record.made is not None and record.made.way in BY_MACHINE


def mask_on(record: PlaneRecord | None, plane: Plane) -> NDArray[np.bool_]:
    """Return the mask (H, W) of a plane; an empty one where there is none."""
    if record is None or record.mask is None:
        return np.zeros(plane.size, bool)
    return record.mask.unpack()


def lacks(table: ObjectTable, number: int, plane: Plane) -> bool:
    """Tell whether an object is not on a plane, or is no object any more."""
    return number not in table or plane not in table[number].records


def carried_record(
    prompts: PlanePrompts, mask: NDArray[np.bool_], made: Provenance, region: Region | None
) -> PlaneRecord:
    """Return what is kept of a plane that was outlined with what another one gave it."""
    labels = prompts.labels.tolist()
    points = tuple(
        StoredPoint(row, column, foreground, order=place)
        for place, ((row, column), foreground) in enumerate(
            zip(prompts.points.tolist(), labels, strict=True)
        )
    )
    start = None if prompts.start is None else Mask.pack(prompts.start)
    return PlaneRecord(points=points, start=start, mask=Mask.pack(mask), region=region, made=made)


def interpolated_record(mask: NDArray[np.bool_]) -> PlaneRecord:
    """Return what is kept of a plane between two others."""
    from napari_m2n2 import __version__

    made = Provenance(way="interpolated", backbone="", method="", version=__version__)
    return PlaneRecord(mask=Mask.pack(mask), made=made)
