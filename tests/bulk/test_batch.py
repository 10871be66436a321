from __future__ import annotations

import json
import os

import numpy as np
import pytest
import tifffile
import zarr
from bulk_work import ENGINE, QUICK, bright, plans

from napari_m2n2 import Segmenter
from napari_m2n2.bulk.batch import batch, journal_path
from napari_m2n2.bulk.plan import Places
from napari_m2n2.bulk.reading import Look
from napari_m2n2.bulk.records import Failure, read_records
from napari_m2n2.errors import Cancelled, FileError, InputError
from napari_m2n2.files import read_image


def square(image):
    """What the prompts of the bright square give."""
    segmenter = Segmenter(grid=ENGINE.grid, device="cpu", **QUICK)
    segmenter.set_image(image)
    return segmenter


def test_labels_are_those_of_segmenting_each_plane(folder, in_process):
    records = batch(plans(folder), folder / "r.jsonl")
    plane, stack = (tifffile.imread(folder / f"{n}_labels.tif") for n in ("plane", "stack"))
    alone = square(bright()).segment([(17, 22), (4, 4)], [1, 0]).mask
    np.testing.assert_array_equal(plane == 1, alone)
    images = bright(4)
    assert not stack[[0, 2]].any()
    np.testing.assert_array_equal(stack[1] == 7, square(images[1]).segment([(17, 22)], [1]).mask)
    last = square(images[3])
    first, second = (last.segment([p], [1]).mask for p in ((17, 22), (4, 44)))
    np.testing.assert_array_equal(stack[3] == 7, first)
    np.testing.assert_array_equal(stack[3] == 8, second & ~first)
    assert [r.failures for r in records] == [(), ()]
    seven, eight = records[1].objects
    assert seven.planes == ((1,), (3,))
    assert eight.planes == ((3,),)
    assert seven.pixels == (stack == 7).sum()
    assert seven.prompts == 2
    assert list(read_records(folder / "r.jsonl").values()) == records
    assert not journal_path(folder / "r.jsonl").exists()
    # each plane was one task
    assert len(in_process) == 3


def test_what_is_done_is_not_done_again(folder, in_process):
    batch(plans(folder), folder / "r.jsonl")
    before = (folder / "stack_labels.tif").read_bytes()
    # what somebody corrected by hand stays
    corrected = tifffile.imread(folder / "plane_labels.tif") + 1
    tifffile.imwrite(folder / "plane_labels.tif", corrected)
    in_process.clear()
    records = batch(plans(folder), folder / "r.jsonl")
    assert in_process == []
    assert (folder / "stack_labels.tif").read_bytes() == before
    np.testing.assert_array_equal(tifffile.imread(folder / "plane_labels.tif"), corrected)
    assert [len(r.objects) for r in records] == [1, 2]


def test_only_what_changed_is_done_again(folder, in_process):
    batch(plans(folder), folder / "r.jsonl")
    in_process.clear()
    table = folder / "table.csv"
    table.write_text(table.read_text().replace("stack.tif,8,3,4,44,fg", "stack.tif,8,0,4,44,fg"))
    batch(plans(folder), folder / "r.jsonl")
    # planes of an image that was complete are not kept
    assert {task.objects[0].picture.plane.index for task in in_process} == {(0,), (1,), (3,)}
    stack = tifffile.imread(folder / "stack_labels.tif")
    assert (stack[0] == 8).any()
    assert not (stack[3] == 8).any()


def test_labels_of_somebody_else_are_not_overwritten(folder, in_process):
    theirs = np.full((40, 48), 5, np.int32)
    tifffile.imwrite(folder / "plane_labels.tif", theirs)
    plane, stack = batch(plans(folder), folder / "r.jsonl")
    assert "are there already" in plane.failures[0].sentence
    assert not plane.labels
    assert stack.objects
    np.testing.assert_array_equal(tifffile.imread(folder / "plane_labels.tif"), theirs)
    plane, _ = batch(plans(folder), folder / "r.jsonl", overwrite=True)
    assert plane.failures == ()
    assert (tifffile.imread(folder / "plane_labels.tif") != 5).all()


def test_labels_that_somebody_changed_are_not_overwritten_by_other_prompts(folder, in_process):
    batch(plans(folder), folder / "r.jsonl")
    corrected = tifffile.imread(folder / "plane_labels.tif") + 1
    tifffile.imwrite(folder / "plane_labels.tif", corrected)
    table = folder / "table.csv"
    table.write_text(table.read_text().replace("plane.tif,1,4,4", "plane.tif,1,5,5"))
    plane, _ = batch(plans(folder), folder / "r.jsonl")
    assert "are there already" in plane.failures[0].sentence
    np.testing.assert_array_equal(tifffile.imread(folder / "plane_labels.tif"), corrected)


def test_what_cannot_be_done_is_listed_and_the_rest_goes_on(folder, in_process):
    table = folder / "table.csv"
    text = table.read_text() + "none.tif,1,1,1,,fg\nbroken.tif,1,1,1,,fg\nfar.tif,1,9,1,1,fg\n"
    table.write_text(text + "stack.tif,9,0,99,99,fg\n")
    (folder / "broken.tif").write_bytes(b"no TIFF file")
    tifffile.imwrite(folder / "far.tif", bright(3), metadata={"axes": "ZYX"}, imagej=True)
    plane, stack, none, broken, far = batch(plans(folder), folder / "r.jsonl")
    assert plane.failures == ()
    assert [o.number for o in stack.objects] == [7, 8]
    (outside,) = stack.failures
    assert (outside.object, outside.plane) == (9, (0,))
    assert "outside" in outside.sentence
    assert "does not exist" in none.failures[0].sentence
    assert "is no TIFF file" in broken.failures[0].sentence
    assert "No prompt lies on a plane" in far.failures[0].sentence
    # the next call tries what failed, unless only the table can mend it
    (folder / "none.tif").write_bytes((folder / "plane.tif").read_bytes())
    in_process.clear()
    records = batch(plans(folder), folder / "r.jsonl")
    assert len(records[2].objects) == 1
    assert [t.objects[0].picture.plane.stack.path.name for t in in_process] == ["none.tif"]


def test_an_image_that_changed_is_done_again(folder, in_process):
    batch(plans(folder), folder / "r.jsonl")
    tifffile.imwrite(folder / "plane.tif", bright()[::-1].copy())
    os.utime(folder / "plane.tif", ns=(1, 1))
    in_process.clear()
    batch(plans(folder), folder / "r.jsonl")
    assert len(in_process) == 1


def test_labels_elsewhere_and_in_a_zarr(folder, in_process, tmp_path):
    places = Places(tmp_path / "labels", ".ome.zarr")
    places.folder.mkdir()
    records = batch(plans(folder, places), tmp_path / "r.jsonl")
    assert [r.labels for r in records] == [
        str(tmp_path / "labels" / f"{name}_labels.ome.zarr") for name in ("plane", "stack")
    ]
    found = zarr.open_group(records[1].labels, mode="r")["0"][:]
    assert set(np.unique(found[3])) == {0, 7, 8}
    in_process.clear()
    batch(plans(folder, places), tmp_path / "r.jsonl")
    assert in_process == []


def test_labels_in_the_zarr_of_the_image(folder, in_process):
    (folder / "table.csv").write_text("image,axis-0,axis-1,axis-2,label\nz.zarr,1,17,22,fg\n")
    group = zarr.open_group(str(folder / "z.zarr"), mode="w", zarr_format=2)
    axes = [{"name": name, "type": "space"} for name in "zyx"]
    scale = [{"type": "scale", "scale": [1.0, 1.0, 1.0]}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
    group.create_array("0", data=bright(3))
    (record,) = batch(plans(folder, Places(inside=True)), folder / "r.jsonl")
    assert record.failures == ()
    assert record.labels == str(folder / "z.zarr" / "labels" / "m2n2")
    found = read_image(record.labels, index=1).data
    np.testing.assert_array_equal(found == 1, square(bright(3)[1]).segment([(17, 22)], [1]).mask)
    # the labels are no part of the image: nothing is left to do
    in_process.clear()
    batch(plans(folder, Places(inside=True)), folder / "r.jsonl")
    assert in_process == []


def test_points_without_a_plane_count_for_all(folder, in_process):
    (folder / "table.csv").write_text("image,axis-0,axis-1,label\nstack.tif,17,22,fg\n")
    (record,) = batch(plans(folder), folder / "r.jsonl")
    assert record.objects[0].planes == ((0,), (1,), (2,), (3,))


def test_how_planes_are_looked_at(folder, in_process):
    (folder / "table.csv").write_text("image,axis-0,axis-1,axis-2,label\nc.tif,1,17,22,fg\n")
    data = np.stack([np.zeros((3, 40, 48), np.uint8), bright(3)], axis=1)
    tifffile.imwrite(folder / "c.tif", data, metadata={"axes": "ZCYX"}, imagej=True)
    (record,) = batch(plans(folder), folder / "r.jsonl")
    assert "choose one to three of them with --channels" in record.failures[0].sentence
    (record,) = batch(plans(folder, look=Look((1,), (10, 190))), folder / "r.jsonl")
    assert record.failures == ()
    segmenter = Segmenter(grid=ENGINE.grid, device="cpu", **QUICK)
    segmenter.set_image(data[1, 1], contrast=(10, 190))
    labels = tifffile.imread(record.labels)
    np.testing.assert_array_equal(labels[1] == 1, segmenter.segment([(17, 22)], [1]).mask)


def test_called_off_it_goes_on(folder, in_process):
    def stop(phase, fraction):
        if fraction > 0.5:
            raise Cancelled

    output = folder / "r.jsonl"
    with pytest.raises(Cancelled):
        batch(plans(folder), output, progress=stop)
    assert not output.exists()
    assert (folder / "plane_labels.tif").exists()
    done = len(in_process)
    assert 0 < done < 3
    in_process.clear()
    records = batch(plans(folder), output)
    assert len(in_process) == 3 - done
    assert [len(r.objects) for r in records] == [1, 2]


def test_progress_begins_with_what_is_known_and_ends_with_all(folder, in_process):
    told = []
    batch(plans(folder), folder / "r.jsonl", progress=lambda *report: told.append(report))
    assert told[0] == ("segmenting", 0.0)
    assert told[-1][0].startswith("segmenting, ")
    assert told[-1][1] == 1.0


def test_a_journal_of_something_else(folder, in_process):
    journal = journal_path(folder / "r.jsonl")
    journal.write_text('{"kind": "napari-m2n2 unfinished evaluation"}\n{"object": 1}\n')
    with pytest.raises(FileError, match="is damaged; remove it and segment again"):
        batch(plans(folder), folder / "r.jsonl")
    journal.write_text('{"kind": "napari-m2n2 unfinished batch", "format": 99}\n{"begin": "x"}\n')
    with pytest.raises(FileError, match="of another version"):
        batch(plans(folder), folder / "r.jsonl")


@pytest.mark.parametrize("text", ["my notes", '{"a": 1}\n', '{"format": 99, "image": "x"}\n'])
def test_records_of_something_else_are_left_alone(folder, in_process, text):
    (folder / "r.jsonl").write_text(text)
    with pytest.raises(FileError, match="is no file of records"):
        batch(plans(folder), folder / "r.jsonl")
    assert (folder / "r.jsonl").read_text() == text


def test_places_are_checked_before_the_work(folder, in_process, tmp_path):
    with pytest.raises(InputError, match="no image"):
        batch([], folder / "r.jsonl")
    (folder / "sub").mkdir()
    (folder / "sub" / "plane.tif").write_bytes((folder / "plane.tif").read_bytes())
    table = folder / "table.csv"
    table.write_text(table.read_text() + "sub/plane.tif,1,17,22,,fg\n")
    with pytest.raises(InputError, match="labels of 2 images would all be written"):
        batch(plans(folder, Places(tmp_path)), folder / "r.jsonl")
    with pytest.raises(FileError, match="does not exist"):
        batch(plans(folder), folder / "none" / "r.jsonl")
    assert in_process == []


def test_a_record_is_a_line(folder, in_process):
    batch(plans(folder), folder / "r.jsonl")
    lines = [json.loads(line) for line in (folder / "r.jsonl").read_text().splitlines()]
    assert [line["image"] for line in lines] == [
        str(folder / "plane.tif"),
        str(folder / "stack.tif"),
    ]


def test_labels_that_cannot_be_written(folder, in_process):
    (folder / "table.csv").write_text("image,object,axis-0,axis-1,label\np.png,70000,17,22,fg\n")
    import imageio.v3

    imageio.v3.imwrite(folder / "p.png", bright())
    (record,) = batch(plans(folder), folder / "r.jsonl")
    assert record.failures == (
        Failure("A PNG file holds labels up to 65535 but there is 70000; write a TIFF file."),
    )
