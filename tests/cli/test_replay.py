"""`napari-m2n2 replay`, end to end with the real engine."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import tifffile

from napari_m2n2.annotation.autosave import Autosave
from napari_m2n2.annotation.compute import Computer
from napari_m2n2.annotation.identity import identify
from napari_m2n2.annotation.jobs import Job, Settings
from napari_m2n2.annotation.masks import Mask
from napari_m2n2.annotation.objects import AnnotatedObject
from napari_m2n2.annotation.places import labels_path, session_path
from napari_m2n2.annotation.planes import Plane, read_plane
from napari_m2n2.annotation.provenance import Provenance
from napari_m2n2.annotation.records import PlaneRecord, StoredPoint
from napari_m2n2.annotation.resume import resume
from napari_m2n2.annotation.session import Session
from napari_m2n2.progress import ignore

SETTINGS = Settings(grid=12)


@pytest.fixture
def made(tmp_path, square):
    """A stack with a square on its second plane, and the session of who outlined it."""
    image = tmp_path / "stack.tif"
    stack = np.stack([square * 0, square, square[::-1]])
    tifffile.imwrite(image, stack, photometric="minisblack", metadata={"axes": "ZYX"})
    plane = Plane(stack.shape, (1, 2), ((0, 1),))
    points = (StoredPoint(17.0, 22.0, True, None, 1), StoredPoint(4.0, 4.0, False, None, 2))
    record = PlaneRecord(points)
    job = Job(lambda: read_plane(stack, plane), "a", record.on(plane), (0.0, 255.0), SETTINGS)
    outcome = Computer()(job, ignore, ignore)
    record = replace(
        record,
        mask=Mask.pack(outcome.mask),
        made=Provenance.of(SETTINGS, outcome, contrast=(0.0, 255.0)),
    )
    labels = np.zeros(stack.shape, np.uint16)
    labels[1][outcome.mask] = 1
    path = session_path(image)
    objects = (AnnotatedObject(1, 1, "a square", records={plane: record}),)
    saving = Autosave(path)
    saving.submit(Session(identify(stack, path=image, session=path), objects=objects), labels)
    saving.close()
    return path


def change(path, **changes):
    """Let another labels file, or another document, be there."""
    found = resume(path)
    saving = Autosave(path, found.session)
    saving.submit(replace(found.session, **changes), found.labels)
    saving.close()


def test_equal_to_the_pixel_and_nothing_is_written(command, made):
    before = {p: p.read_bytes() for p in made.parent.iterdir()}
    done = command("replay", made)
    assert done.code == 0, done.err
    line, total = done.out.splitlines()
    assert line.startswith("object 1 (a square), slice 1 of axis 0: equal (")
    assert total == f"{made}: 1 of 1 objects are equal to the pixel"
    assert before == {p: p.read_bytes() for p in made.parent.iterdir()}


def test_an_object_that_is_another_one(command, made):
    (known,) = resume(made).session.objects
    ((plane, record),) = known.records.items()
    moved = replace(record, points=(StoredPoint(4.0, 40.0, True, None, 1),))
    change(made, objects=(replace(known, records={plane: moved}),))
    done = command("replay", made, "--json")
    assert done.code == 1
    summary = json.loads(done.out)
    assert summary["equal"] is False
    assert summary["objects"][0]["iou"] < 0.5
    assert summary["objects"][0]["planes"][0]["plane"] == [[0, 1]]
    assert command("replay", made, "--iou", 0).code == 0


def test_an_object_without_prompts_is_told(command, made):
    change(made, objects=(AnnotatedObject(1, 1),))
    done = command("replay", made)
    assert done.code == 0
    assert done.out.splitlines()[0] == "object 1: has no prompts, so it was not made again"


def test_labels_that_are_gone_are_told(command, made):
    labels_path(made).unlink()
    done = command("replay", made)
    assert done.code == 0
    assert "made anew from the objects" in done.err


def test_what_cannot_be(command, made, work):
    assert "does not exist" in command("replay", work.folder / "no.m2n2.json").sentence
    assert "no session file" in command("replay", work.image).sentence
    assert "--iou 3 cannot be" in command("replay", made, "--iou", 3).sentence
    assert "has changed" in command("replay", made, "--image", work.image).sentence
    image = made.parent / "stack.tif"
    image.rename(made.parent / "moved.tif")
    assert "does not exist; put it back" in command("replay", made).sentence
    assert command("replay", made, "--image", made.parent / "moved.tif").code == 0


def test_an_image_that_was_in_no_file(command, made):
    found = resume(made)
    change(made, image=replace(found.session.image, path=""))
    done = command("replay", made)
    assert done.code == 1
    assert "was never in a file" in done.out + done.err
