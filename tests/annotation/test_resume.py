"""Opening a session again: its image must be there and the same, its labels are made whole."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2.annotation import identity, labels_file
from napari_m2n2.annotation.autosave import Autosave
from napari_m2n2.annotation.identity import (
    ImageIdentity,
    check_array,
    check_image,
    digest_file,
    identify,
)
from napari_m2n2.annotation.masks import Mask
from napari_m2n2.annotation.objects import AnnotatedObject
from napari_m2n2.annotation.places import labels_path, session_path
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.records import PlaneRecord
from napari_m2n2.annotation.resume import draw_objects, plane_view, resume
from napari_m2n2.annotation.session import Session
from napari_m2n2.errors import FileError

SHAPE = (5, 8, 9)


@pytest.fixture
def saved(tmp_path):
    """A stack on the disk, and its session with one object on two planes."""
    image = tmp_path / "stack.tif"
    pixels = np.random.default_rng(0).integers(0, 99, SHAPE, np.uint16)
    tifffile.imwrite(image, pixels)
    labels, records = np.zeros(SHAPE, np.uint8), {}
    for index in (0, 2):
        labels[index, 2:5, 3:7] = 4
        plane = Plane(SHAPE, (1, 2), ((0, index),))
        records[plane] = PlaneRecord(mask=Mask.pack(labels[index] == 4))
    path = session_path(image)
    labels[1, 0, 0] = 77  # painted by hand
    known = AnnotatedObject(4, 4, records=records)
    session = Session(
        identify(pixels, path=image, layer="stack", session=path),
        objects=(known,),
        used=frozenset({4, 77}),
    )
    saving = Autosave(path)
    saving.submit(session, labels)
    saving.close()
    return image, path, labels


def fails(path, words, **more):
    """Opening says it in one sentence and changes no file."""
    before = {p: p.read_bytes() for p in path.parent.rglob("*") if p.is_file()}
    with pytest.raises(FileError) as failed:
        resume(path, **more)
    sentence = str(failed.value)
    assert words in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert before == {p: p.read_bytes() for p in path.parent.rglob("*") if p.is_file()}


def test_all_is_as_it_was(saved):
    image, path, labels = saved
    found = resume(path)
    assert np.array_equal(found.labels, labels)
    assert found.labels.dtype == labels.dtype
    assert found.image == image
    assert found.notes == ()


def test_a_missing_image(saved):
    image, path, labels = saved
    moved = image.rename(image.with_name("moved.tif"))
    fails(path, "does not exist; put it back, or give the place")
    assert np.array_equal(resume(path, image=moved).labels, labels)


def test_a_changed_image(saved):
    image, path, _ = saved
    pixels = tifffile.imread(image)
    pixels[1, 4, 4] += 1
    tifffile.imwrite(image, pixels)
    fails(path, "has changed since the session was saved")


def test_another_image(saved, tmp_path):
    image, path, _ = saved
    other = tmp_path / "other.tif"
    tifffile.imwrite(other, np.zeros((9, 9), np.uint8))
    fails(path, "has changed", image=other)
    fails(path, "another one than that of the session", data=np.zeros((9, 9), np.uint8))
    assert resume(path, data=tifffile.imread(image)).image == image


def test_a_session_moves_together_with_its_image(saved, tmp_path):
    image, path, labels = saved
    there = tmp_path / "elsewhere"
    shutil.copytree(image.parent, there, ignore=shutil.ignore_patterns("elsewhere"))
    image.unlink()
    found = resume(there / path.name)
    assert found.image == there / image.name
    assert np.array_equal(found.labels, labels)


@pytest.mark.parametrize("harm", ["missing", "cut off", "empty", "no labels"])
def test_labels_that_are_lost_are_made_anew_from_the_objects(saved, harm):
    _, path, labels = saved
    file = labels_path(path)
    if harm == "missing":
        file.unlink()
    elif harm == "cut off":
        file.write_bytes(file.read_bytes()[:150])
    elif harm == "empty":
        file.write_bytes(b"")
    else:
        tifffile.imwrite(file, np.zeros((5, 5), np.float32))
    found = resume(path)
    assert np.array_equal(found.labels, np.where(labels == 77, 0, labels))
    assert found.labels.dtype == labels.dtype
    assert "made anew from the objects" in found.notes[0]


def test_labels_that_another_program_changed_are_taken_as_they_are(saved):
    _, path, labels = saved
    labels[0, 0, 0] = 9
    tifffile.imwrite(labels_path(path), labels)
    found = resume(path)
    assert np.array_equal(found.labels, labels)
    assert "changed by another program" in found.notes[0]


def test_objects_of_another_image_are_refused():
    plane = Plane((8, 9), (0, 1))
    record = PlaneRecord(mask=Mask.pack(np.ones((8, 9), bool)))
    known = AnnotatedObject(1, 1, records={plane: record})
    with pytest.raises(FileError, match=r"Object 1 .* begin a new session\."):
        draw_objects(np.zeros(SHAPE, np.uint8), [known])


def test_the_first_object_keeps_a_pixel():
    plane = Plane((2, 3), (1, 0))
    records = [
        {plane: PlaneRecord(mask=Mask.pack(np.arange(6).reshape(3, 2) < limit))}
        for limit in (3, 5)
    ]
    labels = np.zeros((2, 3), np.uint8)
    draw_objects(labels, [AnnotatedObject(n + 1, n + 1, records=r) for n, r in enumerate(records)])
    assert np.array_equal(plane_view(labels, plane), [[1, 1], [1, 2], [2, 0]])


# ------------------------------------------------------------------ labels on the disk
@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([bool, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64]),
    st.sampled_from([(4, 5), (1, 1), (3, 4, 5), (2, 1, 4, 5), (1, 4, 5)]),
    st.integers(0, 2**32 - 1),
)
def test_labels_of_any_type_there_and_back(tmp_path_factory, dtype, shape, seed):
    random = np.random.default_rng(seed)
    high = 2 if dtype is bool else int(np.iinfo(dtype).max)
    labels = random.integers(0, high, shape, np.int64).astype(dtype)
    path = tmp_path_factory.mktemp("labels") / "a.tif"
    known = labels_file.write_next(path, labels)
    found, exact = labels_file.read_labels(path, known)
    assert exact
    assert found.dtype == labels.dtype
    assert np.array_equal(found, labels)


def test_the_largest_labels_of_all(tmp_path):
    labels = np.array([[0, 2**64 - 1]], np.uint64)
    known = labels_file.write_next(tmp_path / "a.tif", labels)
    assert labels_file.read_labels(tmp_path / "a.tif", known)[0].tolist() == labels.tolist()


# ------------------------------------------------------------------ which image it is
def test_a_large_file_is_looked_at_in_parts_with_its_ends(tmp_path, monkeypatch):
    monkeypatch.setattr(identity, "_WHOLE_BYTES", 160)
    path = tmp_path / "a.raw"
    content = bytearray(range(256)) * 8
    path.write_bytes(content)
    first = digest_file(path)
    for place, other in ((0, True), (len(content) - 1, True), (len(content) // 30, False)):
        content[place] ^= 255
        path.write_bytes(content)
        assert (digest_file(path) != first) == other
        content[place] ^= 255


def test_arrays_in_memory_are_told_apart(monkeypatch):
    first = np.arange(24, dtype=np.uint16).reshape(4, 6)
    known = identify(first, layer="a")
    assert (known.path, known.shape, known.dtype, known.layer) == ("", (4, 6), "uint16", "a")
    check_array(known, np.asfortranarray(first))
    with pytest.raises(FileError, match="another one"):
        check_array(known, first + 1)
    with pytest.raises(FileError, match="another one"):
        check_array(known, first.astype(np.int32))
    monkeypatch.setattr(identity, "_WHOLE_BYTES", 32)
    small = identify(first)
    assert small.digest == identify(np.asfortranarray(first)).digest
    first[0, 0] = 7
    assert small.digest != identify(first).digest


def test_a_zarr_is_named_by_what_it_says_of_itself(tmp_path):
    import zarr

    path = tmp_path / "a.zarr"
    store = zarr.create_array(store=str(path), shape=(8, 9), chunks=(4, 4), dtype="u2")
    known = identify(store, path=path, session=tmp_path / "s.json")
    assert known.path == "a.zarr"
    check_image(known, path)
    zarr.create_array(store=str(path), shape=(8, 8), chunks=(4, 4), dtype="u2", overwrite=True)
    with pytest.raises(FileError, match="has changed"):
        check_image(known, path)


def test_where_an_image_is(tmp_path):
    known = identify(np.zeros((2, 2)), path=tmp_path / "gone.tif")
    assert known.located(tmp_path / "a.m2n2.json") is None
    inside = ImageIdentity("../images/a.tif")
    assert inside.located(tmp_path / "s" / "a.json") == tmp_path / "images" / "a.tif"
