"""Objects as the table keeps them, read from labels and prompts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.masks import Mask
from napari_m2n2.annotation.objects import AnnotatedObject
from napari_m2n2.annotation.pixels import PixelChange, indices_of, positions_of, take
from napari_m2n2.annotation.planes import Plane, nearest_planes, read_plane, to_layer
from napari_m2n2.annotation.previews import Previews
from napari_m2n2.annotation.provenance import Provenance
from napari_m2n2.annotation.records import PlaneRecord
from napari_m2n2.annotation.region import Region, whole_plane
from napari_m2n2.viewer.kept_prompts import record_prompts
from napari_m2n2.viewer.pair import Pair


def object_at_work(pair: Pair) -> AnnotatedObject:
    """Return the object at work as it would be committed now."""
    work, known = pair.work, pair.record
    before = {} if known is None else known.records
    planes = dict.fromkeys([*before, *work.asked, *pair.writer.previews.drafts])
    planes |= dict.fromkeys(_planes_of_points(pair, next(iter(planes), None)))
    found = {plane: _record(pair, plane, before.get(plane)) for plane in planes}
    records = {plane: record for plane, record in found.items() if record.prompts or record.area}
    work.touch()
    if known is None:
        known = AnnotatedObject(work.id, work.value)
    return replace(known, records=records, clicks=work.clicks, seconds=work.seconds)


def _planes_of_points(pair: Pair, like: Plane | None) -> list[Plane]:
    """Return the planes that points lie on, also those that were never on screen."""
    displayed = (len(pair.shape) - 2, len(pair.shape) - 1) if like is None else like.displayed
    hidden = [axis for axis in range(len(pair.shape)) if axis not in displayed]
    data = np.asarray(pair.prompts.data, dtype=np.float64).reshape(-1, pair.image.ndim)
    where = nearest_planes(pair.pixels_of(pair.prompts)(data))[:, hidden]
    inside = ((where >= 0) & (where < np.array(pair.shape)[hidden])).all(axis=1)
    return [
        Plane(pair.shape, displayed, tuple(zip(hidden, map(int, row), strict=True)))
        for row in where[inside]
    ]


def _record(pair: Pair, plane: Plane, before: PlaneRecord | None) -> PlaneRecord:
    """Return what is known of a plane of the object at work."""
    work = pair.work
    points, shapes = record_prompts(pair, plane)
    mask = Mask.pack(_mask(pair, plane, before))
    start = work.starts.get(plane)
    kept = PlaneRecord() if before is None else before
    made = work.made.get(plane)
    region, provenance = kept.region, kept.made
    if made is not None:
        region, provenance = _unless_whole(made.region, plane), made.provenance
    return PlaneRecord(
        points=tuple(points),
        shapes=tuple(shapes),
        start=Mask.pack(start) if start is not None else kept.start,
        mask=mask,
        region=region,
        made=provenance or Provenance(way="drawn"),
    )


def _mask(pair: Pair, plane: Plane, before: PlaneRecord | None) -> NDArray[np.bool_]:
    """Return which pixels of a plane show the object at work: (H, W) bool."""
    shown = read_plane(pair.labels.data, plane) == pair.work.value
    if pair.is_alone(pair.work.value):
        return shown
    previews = pair.writer.previews
    if plane in previews.drafts or before is None or before.mask is None:
        return previews.mask_on(plane)
    return shown & before.mask.unpack()


def _unless_whole(region: Region, plane: Plane) -> Region | None:
    """Return a region, None if it is the whole plane as it is."""
    return None if region == whole_plane(plane.size) else region


def seen_anew(pair: Pair, where: NDArray[np.int64]) -> dict[int, AnnotatedObject]:
    """Return the committed objects that changed with some pixels of the labels, as they are now.

    Parameters
    ----------
    pair : Pair
    where : (k,) int64 array
        Positions.
    """
    found: dict[int, AnnotatedObject] = {}
    shared = Counter(known.value for known in pair.table)
    for plane, rows, columns in _planes_through(pair, where):
        current = read_plane(pair.labels.data, plane)
        there = {*np.unique(current[rows, columns]).tolist()}
        for known in pair.table:
            record = known.records.get(plane)
            alone = shared[known.value] == 1
            if record is None and not (alone and known.value in there):
                continue
            if known.value not in there and not _reaches(record, rows, columns):
                continue
            record = record or PlaneRecord(made=Provenance(way="drawn"))
            mask = current == known.value
            if not alone and record.mask is not None:
                mask = mask & record.mask.unpack()
            packed = Mask.pack(mask)
            if packed != record.mask and (packed.area or record.mask is not None):
                changed = found.get(known.id, known)
                records = {**changed.records, plane: replace(record, mask=packed)}
                found[known.id] = replace(changed, records=records)
    return found


def _planes_through(
    pair: Pair, where: NDArray[np.int64]
) -> Iterator[tuple[Plane, NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the planes that positions lie on, in every direction that counts, and where there."""
    if not len(where):
        return
    indices = np.stack(indices_of(where, pair.shape), axis=1)
    known = {plane.displayed for each in pair.table for plane in each.planes}
    for displayed in dict.fromkeys([pair.source.displayed, *known]):
        hidden = [axis for axis in range(len(pair.shape)) if axis not in displayed]
        for row in np.unique(indices[:, hidden], axis=0).tolist():
            lies = (indices[:, hidden] == row).all(axis=1)
            plane = Plane(pair.shape, displayed, tuple(zip(hidden, row, strict=True)))
            yield plane, indices[lies, displayed[0]], indices[lies, displayed[1]]


def _reaches(
    record: PlaneRecord | None, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> bool:
    """Tell whether the box around a mask reaches that around some pixels."""
    if record is None or record.mask is None:
        return False
    top, left, bottom, right = record.mask.box
    down = top <= rows.max() and rows.min() < bottom
    return bool(down and left <= columns.max() and columns.min() < right)


def overwritten(
    pair: Pair, change: PixelChange, owner: AnnotatedObject
) -> dict[int, AnnotatedObject]:
    """Return the objects that a change for another one has taken pixels of, as they are now."""
    taken = (change.before != 0) & (change.before != owner.value)
    found = seen_anew(pair, change.where[taken])
    return {number: known for number, known in found.items() if number != owner.id}


def positions(pair: Pair, known: AnnotatedObject) -> NDArray[np.int64]:
    """Return where a committed object is: (k,) positions, rising."""
    data = pair.labels.data
    if pair.is_alone(known.value):
        return np.flatnonzero(data == known.value).astype(np.int64)
    found = [np.zeros(0, np.int64)]
    for plane, record in known.records.items():
        if record.mask is not None:
            where = to_layer(np.argwhere(record.mask.unpack()), plane)
            found.append(positions_of(tuple(where.T), data.shape))
    where = np.unique(np.concatenate(found))
    return where[take(data, where) == known.value]


def planned(
    pair: Pair, known: AnnotatedObject, records: Mapping[Plane, PlaneRecord], overwrite: bool
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return the pixels that change so that a committed object has the masks of records.

    Parameters
    ----------
    pair : Pair
    known : AnnotatedObject
    records : mapping of Plane to PlaneRecord
    overwrite : bool
        Whether it takes the pixels of others too.

    Returns
    -------
    where : (k,) int64 array
        Positions, rising.
    values : (k,) array
    """
    data = pair.labels.data
    trial = Previews(data, pair.writer.painted)
    trial.begin(known.value)
    trial.overwrite = overwrite
    for plane in records:
        before = known.records.get(plane)
        if before is not None and before.mask is not None:
            trial.adopt(plane, before.mask.unpack(), painted_too=False)
    trial.show({p: record.mask.unpack() for p, record in records.items() if record.mask})
    where, values = trial.shown_pixels
    trial.take_back()
    return where, values


def with_masks(pair: Pair, known: AnnotatedObject, planes: Iterable[Plane]) -> AnnotatedObject:
    """Return a committed object with the masks of some planes as the labels have them now."""
    records = dict(known.records)
    for plane in planes:
        shown = read_plane(pair.labels.data, plane) == known.value
        asked = records[plane].mask
        if asked is not None and not pair.is_alone(known.value):
            shown = shown & asked.unpack()
        records[plane] = replace(records[plane], mask=Mask.pack(shown))
    return replace(known, records=records)
