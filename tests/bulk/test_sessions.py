"""Batches from session files."""

from __future__ import annotations

from dataclasses import replace

import bulk_work
import numpy as np
import pytest
import tifffile

from napari_m2n2.annotation.compute import Computer
from napari_m2n2.annotation.identity import identify
from napari_m2n2.annotation.jobs import Job, Settings
from napari_m2n2.annotation.masks import Mask
from napari_m2n2.annotation.objects import AnnotatedObject
from napari_m2n2.annotation.places import session_path
from napari_m2n2.annotation.planes import Plane, read_plane
from napari_m2n2.annotation.provenance import Provenance
from napari_m2n2.annotation.reading import read_region
from napari_m2n2.annotation.records import PlaneRecord, StoredPoint
from napari_m2n2.annotation.region import Region
from napari_m2n2.annotation.session import Session, to_text, write_session
from napari_m2n2.bulk.batch import batch
from napari_m2n2.bulk.engine import Engine
from napari_m2n2.bulk.plan import Places
from napari_m2n2.bulk.sessions import plan_sessions
from napari_m2n2.errors import FileError, InputError
from napari_m2n2.progress import ignore

SETTINGS = Settings(grid=10, device="cpu")
ENGINE = Engine(device="cpu")
CONTRAST = (10.0, 190.0)


def record(stack, plane, *points, region=None, way="prompts"):
    """What is kept of an object on a plane, with its mask."""
    found = PlaneRecord(tuple(StoredPoint(*point) for point in points), region=region)
    read = read_region if region is not None else read_plane
    arguments = (stack, plane) if region is None else (stack, plane, region)
    job = Job(
        lambda: read(*arguments), (plane, region), found.on(plane), CONTRAST, SETTINGS, region
    )
    outcome = Computer()(job, ignore, ignore)
    mask = np.zeros(plane.size, bool)
    mask[(slice(None), slice(None)) if region is None else region.window] = outcome.mask
    made = Provenance.of(SETTINGS, outcome, contrast=CONTRAST, way=way)
    return replace(found, mask=Mask.pack(mask), made=made)


@pytest.fixture
def made(folder):
    """The session of stack.tif: an object on two planes, another in a region of one."""
    stack = bulk_work.bright(4)
    planes = [Plane(stack.shape, (1, 2), ((0, index),)) for index in range(4)]
    region = Region((0, 32), (8, 48), 1)
    objects = (
        AnnotatedObject(
            3,
            3,
            "first",
            records={p: record(stack, p, (17, 22, True), (4, 4, False)) for p in planes[:2]},
        ),
        AnnotatedObject(
            5, 5, "second", records={planes[1]: record(stack, planes[1], (3, 40), region=region)}
        ),
    )
    image = folder / "stack.tif"
    path = session_path(image)
    session = Session(identify(stack, path=image, session=path), objects=objects)
    write_session(path, to_text(session))
    return path, session


def expected(session):
    """The labels that the objects of a session have, the first one first."""
    labels = np.zeros((4, 40, 48), int)
    for known in session.objects:
        for plane, found in known.records.items():
            view = read_plane(labels, plane)
            view[found.mask.unpack() & (view == 0)] = known.value
    return labels


def test_the_objects_of_a_session_are_made_once_more(made, in_process, tmp_path):
    path, session = made
    (result,) = batch(plan_sessions([path], ENGINE, Places()), tmp_path / "r.jsonl")
    assert result.failures == ()
    assert [(o.number, o.name, o.planes) for o in result.objects] == [
        (3, "first", ((0,), (1,))),
        (5, "second", ((1,),)),
    ]
    np.testing.assert_array_equal(tifffile.imread(result.labels), expected(session))


def test_the_prompts_for_other_images(made, in_process, folder, tmp_path):
    path, _ = made
    flipped = bulk_work.bright(4)[:, ::-1].copy()
    tifffile.imwrite(folder / "other.tif", flipped, photometric="minisblack")
    images = [folder / "other.tif", folder / "plane.tif"]
    other, plane = batch(plan_sessions([path], ENGINE, Places(), images), tmp_path / "r.jsonl")
    labels = tifffile.imread(other.labels)
    assert (labels[0, 17, 22], labels[2].any()) == (3, False)
    assert "the session was made on one of (4, 40, 48)" in plane.failures[0].sentence


def test_with_other_axes_on_screen(folder, in_process, tmp_path):
    stack = bulk_work.bright(4)
    # columns run down, and rows are the hidden axis of the second object
    turned = Plane(stack.shape, (2, 1), ((0, 1),))
    across = Plane(stack.shape, (0, 2), ((1, 17),))
    objects = (
        AnnotatedObject(1, 1, records={turned: record(stack, turned, (22, 17, True))}),
        AnnotatedObject(2, 2, records={across: record(stack, across, (3, 22, True))}),
    )
    image = folder / "stack.tif"
    session = Session(identify(stack, path=image), objects=objects)
    write_session(session_path(image), to_text(session))
    plans = plan_sessions([session_path(image)], ENGINE, Places())
    (result,) = batch(plans, tmp_path / "r.jsonl")
    assert result.failures == ()
    np.testing.assert_array_equal(tifffile.imread(result.labels), expected(session))


def test_what_no_prompt_can_make_is_listed(made, in_process, tmp_path):
    path, session = made
    first, second = session.objects
    (plane, found), *others = first.records.items()
    drawn = replace(found, made=replace(found.made, way="drawn"))
    level = {p: replace(f, made=replace(f.made, level=2)) for p, f in second.records.items()}
    objects = (
        replace(first, records={plane: drawn, **dict(others)}),
        replace(second, records=level),
    )
    write_session(path, to_text(replace(session, objects=objects)))
    (result,) = batch(plan_sessions([path], ENGINE, Places()), tmp_path / "r.jsonl")
    assert [o.number for o in result.objects] == [3]
    assert [(f.object, f.plane) for f in result.failures] == [(3, (0,)), (5, (1,))]
    assert "was drawn by hand" in result.failures[0].sentence
    assert "level 2" in result.failures[1].sentence


def test_what_cannot_be_is_one_sentence(made, in_process, folder, tmp_path):
    path, session = made
    with pytest.raises(InputError, match="several sessions cannot count for one image"):
        plan_sessions([path, path], ENGINE, Places(), [folder / "stack.tif"])
    lost = replace(session, image=replace(session.image, path=""))
    write_session(path, to_text(lost))
    with pytest.raises(FileError, match="was in no file; name it with --images"):
        plan_sessions([path], ENGINE, Places())
    write_session(path, to_text(replace(session, objects=())))
    (plan,) = plan_sessions([path], ENGINE, Places())
    assert "has no object with prompts" in plan.sentence
    write_session(path, to_text(session))
    tifffile.imwrite(folder / "stack.tif", bulk_work.bright(4) + 1, photometric="minisblack")
    (plan,) = plan_sessions([path], ENGINE, Places())
    assert "has changed since the session was saved" in plan.sentence


def test_settings_are_those_of_the_session_and_the_store_that_of_the_command(made, tmp_path):
    path, _ = made
    engine = Engine(backbone="dinov2-base", grid=99, device="cpu", store=str(tmp_path))
    (plan,) = plan_sessions([path], engine, Places())
    settings = plan.planes[0].objects[0].settings
    assert (settings.backbone, settings.grid, settings.device) == ("texture", 10, "cpu")
    assert settings.store == str(tmp_path)
