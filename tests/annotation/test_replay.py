"""Making objects once more: what is compared, what is left out, and where pixels come from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2.annotation.identity import ImageIdentity
from napari_m2n2.annotation.jobs import Failed, Segmented, Settings, Stopped
from napari_m2n2.annotation.masks import Mask
from napari_m2n2.annotation.objects import AnnotatedObject, ObjectTable
from napari_m2n2.annotation.opening import open_array
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.provenance import ChannelView, Provenance
from napari_m2n2.annotation.records import PlaneRecord, StoredPoint, StoredShape
from napari_m2n2.annotation.region import Region
from napari_m2n2.annotation.replay import replay
from napari_m2n2.annotation.resume import Resumed
from napari_m2n2.annotation.session import Session
from napari_m2n2.errors import Cancelled, FileError

SIZE = (12, 14)
PLANE = Plane(SIZE, (0, 1))
MADE = Provenance(weights="w@1", grid=8, cells=(8, 8), device="cpu", contrast=(0.0, 9.0))


class Compute:
    """Finds what is as bright as the first point; remembers what it was asked."""

    def __init__(self, weights="w@1"):
        self.weights = weights
        self.jobs = []

    def __call__(self, job, preparing, segmenting):
        preparing("attention", 0.5)
        self.jobs.append(job)
        image = job.read()
        image = image if image.ndim == 2 else image[..., 0]
        points = (job.prompts.points - [job.region.rows[0], job.region.columns[0]]).astype(int)
        mask = image == image[tuple(points[0])]
        score = mask.astype(np.float32)
        return Segmented(mask, score, weights=self.weights, grid=(8, 8), device="cpu")


def image():
    pixels = np.zeros(SIZE, np.uint8)
    pixels[2:6, 2:6] = 1
    pixels[2:6, 8:12] = 2
    return pixels


def known(number, points=((3, 3),), mask=None, **more):
    mask = image() == number if mask is None else mask
    stored = tuple(StoredPoint(row, column, True, None, 1) for row, column in points)
    record = PlaneRecord(stored, mask=Mask.pack(mask), **{"made": MADE, **more})
    return AnnotatedObject(number, number, records={PLANE: record})


def session(*objects):
    labels = np.zeros(SIZE, np.uint16)
    for one in objects:
        for record in one.records.values():
            labels[record.mask.unpack()] = one.value
    document = Session(ImageIdentity("", SIZE, "uint8", "a"), objects=objects)
    return Resumed(None, document, None, labels)


def run(resumed, data=None, compute=None, **more):
    pixels = image() if data is None else data
    return list(replay(resumed, lambda view: pixels, compute=compute or Compute(), **more))


def test_equal_to_the_pixel():
    compute = Compute()
    resumed = session(known(1), known(2, [(3, 9), (3, 10)]))
    first, second = run(resumed, compute=compute, device="cuda:7")
    assert first.equal
    assert second.equal
    assert (first.iou, first.planes[0].area, first.planes[0].recomputed) == (1.0, 16, 16)
    assert compute.jobs[0].settings == Settings(grid=8, device="cuda:7")
    assert compute.jobs[0].contrast == (0.0, 9.0)
    assert compute.jobs[1].prompts.points.tolist() == [[3, 9], [3, 10]]


def test_other_pixels_are_counted():
    mask = image() == 1
    mask[2] = False
    (found,) = run(session(known(1, mask=mask)))
    assert not found.equal
    assert found.iou == 12 / 16


def test_what_others_hold_is_no_fault():
    rest = image() == 1
    rest[2] = False
    resumed = session(known(1, mask=rest), known(2, [(3, 9)]))
    resumed.labels[2, 2:6] = 5  # left to another one
    resumed.labels[2:6, 8] = 77  # taken or painted over
    first, second = run(resumed)
    assert (first.equal, first.planes[0].area) == (True, 12)
    assert (second.equal, second.planes[0].area) == (True, 12)


def test_strokes_of_the_brush_count():
    resumed = session(known(1))
    resumed.labels[3, 2] = 0  # erased by hand
    resumed.labels[9, 9] = 1  # painted by hand
    (found,) = run(resumed)
    assert not found.equal
    assert found.iou == 15 / 17


def test_objects_of_one_class_are_compared_one_by_one():
    first, second = known(1), replace(known(2, [(3, 9)]), value=1)
    resumed = session(first, second)
    assert set(np.unique(resumed.labels)) == {0, 1}
    assert [one.equal for one in run(resumed)] == [True, True]


def test_without_labels_the_masks_are_compared():
    resumed = replace(session(known(1)), labels=None)
    assert run(resumed)[0].equal


def test_a_merged_object_is_made_of_its_parts():
    table = ObjectTable()
    table.add(known(1))
    table.add(known(2, [(3, 9)]))
    (found,) = run(session(table.merge([1, 2])))
    assert found.equal
    assert found.planes[0].area == 32


def test_what_no_prompt_can_make_is_left_out():
    drawn = known(1, made=replace(MADE, way="drawn"))
    without = known(2, points=())
    between = known(3, mask=image() == 2, made=replace(MADE, way="interpolated"))
    table = ObjectTable()
    table.add(known(4, mask=image() == 1))
    table.add(replace(known(5, mask=image() == 2), records=drawn.records))
    half = table.merge([4, 5])
    for found in run(session(drawn, without, between, half)):
        assert (found.planes, found.left_out, found.equal) == ((), 1, True)


def test_a_region_and_shapes_of_all_kinds():
    compute = Compute()
    corners = ((2.0, 2.0), (2.0, 5.0), (5.0, 5.0), (5.0, 2.0))
    one = known(1, region=Region((1, 9), (2, 13)))
    record = replace(one.records[PLANE], shapes=(StoredShape("rectangle", corners),))
    (found,) = run(session(replace(one, records={PLANE: record})), compute=compute)
    assert found.equal
    assert compute.jobs[0].region == Region((1, 9), (2, 13))
    assert compute.jobs[0].read().shape == (8, 11)
    assert compute.jobs[0].prompts.boxes.tolist() == [[2, 2, 5, 5]]


def test_channels_are_put_together_as_they_were():
    stack = np.stack([image() * 0, image() * 50])
    views = tuple(
        ChannelView(hidden=((0, index),), contrast=(0.0, 100.0), colour=colour)
        for index, colour in ((1, (1.0, 0.0, 0.0)), (0, (0.0, 1.0, 0.0)))
    )
    plane = Plane((1, *SIZE), (1, 2), ((0, 0),))
    one = known(1, made=replace(MADE, channels=views))
    one = replace(one, records={plane: one.records[PLANE]})
    resumed = session(known(1))
    resumed = replace(
        resumed,
        session=replace(resumed.session, objects=(one,)),
        labels=resumed.labels[np.newaxis],
    )
    compute = Compute()
    (found,) = run(resumed, stack, compute)
    assert found.equal
    assert compute.jobs[0].contrast == (0.0, 1.0)
    assert compute.jobs[0].read()[3, 3].tolist() == [0.5, 0.0, 0.0]


def test_it_says_what_is_other_than_it_was():
    found = run(session(known(1)), compute=Compute("w@2"))[0].planes[0]
    assert found.note == "Made with weights w@2 instead of w@1."
    assert found.equal
    assert run(session(known(1, made=replace(MADE, weights=""))))[0].planes[0].note == ""
    level = run(session(known(1, made=replace(MADE, level=2))))[0]
    assert (level.iou, level.equal) == (0.0, False)
    assert level.planes[0].note == "Level 2 of the image cannot be read here."


def test_a_failure_is_told_and_a_stop_stops():
    def fail(*_):
        return Failed("There is no memory; close other programs.")

    found = run(session(known(1)), compute=fail)[0]
    assert (found.iou, found.planes[0].note) == (0.0, "There is no memory; close other programs.")
    with pytest.raises(Cancelled):
        run(session(known(1)), compute=lambda *_: Stopped())


def test_progress_names_the_object():
    told = []
    run(session(known(1), known(2)), progress=lambda phase, fraction: told.append(phase))
    assert told == ["attention, object 1 of 2", "attention, object 2 of 2"]


# ------------------------------------------------------------------ pixels from files
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_a_file_is_read_as_its_array_would_be(tmp_path_factory, data):
    shape = data.draw(st.lists(st.integers(1, 4), min_size=2, max_size=4).map(tuple))
    pixels = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    path = tmp_path_factory.mktemp("pixels") / "a.tif"
    axes = {"axes": "TZYX"[-len(shape) :]}
    tifffile.imwrite(path, pixels, photometric="minisblack", metadata=axes)
    layer = tuple(n for n in shape if n > 1) if data.draw(st.booleans()) else (1, *shape)
    index = tuple(
        data.draw(st.integers(0, n - 1) | st.just(slice(None)) | st.just(slice(0, n - 1)))
        for n in layer
    )
    found = open_array(path, layer, "uint16")[index]
    assert np.array_equal(found, pixels.reshape(layer)[index])


def test_a_file_of_another_shape(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", image())
    with pytest.raises(FileError, match=r"\(12, 14\) but the session was made on one of"):
        open_array(tmp_path / "a.tif", (14, 12), "uint8")
