"""Saving again and again: complete or not at all, and never over what somebody else wrote."""

from __future__ import annotations

import os
import threading
from dataclasses import replace

import numpy as np
import pytest

from napari_m2n2.annotation import autosave as module
from napari_m2n2.annotation import labels_file
from napari_m2n2.annotation.autosave import Autosave
from napari_m2n2.annotation.identity import ImageIdentity
from napari_m2n2.annotation.masks import Mask
from napari_m2n2.annotation.objects import AnnotatedObject
from napari_m2n2.annotation.places import labels_path, put_aside, session_path
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.records import PlaneRecord
from napari_m2n2.annotation.resume import resume
from napari_m2n2.annotation.session import Session, read_session
from napari_m2n2.errors import FileError

SHAPE = (6, 7)
PLANE = Plane(SHAPE, (0, 1))
EMPTY = Session(ImageIdentity("", SHAPE, "uint8", "a"))


def with_objects(count):
    """A session, and its labels: a row of pixels for each object."""
    labels = np.zeros(SHAPE, np.uint16)
    objects = []
    for number in range(1, count + 1):
        labels[number] = number
        record = PlaneRecord(mask=Mask.pack(labels == number))
        objects.append(AnnotatedObject(number, number, records={PLANE: record}))
    return replace(EMPTY, objects=tuple(objects), used=frozenset(range(1, count + 1))), labels


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.tif.m2n2.json"


def same(found, session, labels):
    on_disk = np.zeros_like(labels) if found.labels is None else found.labels
    return found.session.same == session and np.array_equal(on_disk, labels)


def test_what_was_submitted_is_on_the_disk_after_a_flush(path):
    session, labels = with_objects(2)
    told = []
    saving = Autosave(path, told=told.append)
    saving.submit(EMPTY)
    assert saving.flush()
    assert resume(path).labels is None
    saving.submit(session, labels)
    saving.flush()
    found = resume(path)
    assert same(found, session, labels)
    assert found.labels.dtype == np.uint16
    assert found.session.labels.path == "a.tif.m2n2.labels.tif"
    assert (found.session.revision, found.session.saved[-6:]) == (2, "+00:00")
    finished = replace(session, finished=True)
    saving.submit(finished)  # the labels stay those that were saved
    saving.close()
    assert same(resume(path), finished, labels)
    assert told[-1].sentence == "Saved: 2 objects and all prompts in a.tif.m2n2.json."
    assert sorted(p.name for p in path.parent.iterdir()) == [
        "a.tif.m2n2.json",
        "a.tif.m2n2.labels.tif",
    ]


def test_the_newest_wins_and_labels_are_never_left_out(path, monkeypatch):
    session, labels = with_objects(1)
    written, held, goes_on = [], threading.Event(), threading.Event()

    def slow(place, text):
        held.set()
        assert goes_on.wait(30)
        written.append(text)
        write(place, text)

    write = module.write_session
    monkeypatch.setattr(module, "write_session", slow)
    saving = Autosave(path)
    saving.submit(EMPTY)
    assert held.wait(30)
    saving.submit(session, labels)
    assert not saving.flush(timeout=0.01)
    for name in "abc":
        saving.submit(replace(session, classes=((1, name),)))
    goes_on.set()
    saving.close()
    assert len(written) == 2
    assert same(resume(path), replace(session, classes=((1, "c"),)), labels)


def test_a_file_that_was_not_opened_is_never_written_over(path):
    path.write_text("somebody's")
    with pytest.raises(FileError, match=r"was not opened; open it to go on, or put it aside .*\."):
        Autosave(path)
    assert path.read_text() == "somebody's"


def test_a_file_that_another_program_changed_is_left_as_it_is(path):
    session, labels = with_objects(1)
    first = Autosave(path)
    first.submit(EMPTY)
    first.flush()
    other = Autosave(path, read_session(path))
    other.submit(session, labels)
    other.close()
    first.submit(replace(EMPTY, finished=True))
    with pytest.raises(FileError, match="changed by another program and is left as it is"):
        first.flush()
    with pytest.raises(FileError, match="changed by another program"):
        first.close()
    assert same(resume(path), session, labels)


def test_a_file_that_only_looks_other_or_was_deleted_is_written(path):
    session, labels = with_objects(1)
    saving = Autosave(path)
    saving.submit(EMPTY)
    saving.flush()
    os.utime(path, (1, 1))
    saving.submit(session, labels)
    saving.flush()
    path.unlink()
    finished = replace(session, finished=True)
    saving.submit(finished)
    saving.close()
    assert same(resume(path), finished, labels)


def test_a_disk_that_is_full_for_a_while(path, monkeypatch):
    session, labels = with_objects(2)
    told = []
    saving = Autosave(path, told=told.append)
    saving.submit(EMPTY)
    saving.flush()
    full = FileError("The disk is full; make room.")

    def refuse(*_):
        raise full

    monkeypatch.setattr(labels_file, "_write", refuse)
    saving.submit(session, labels)
    with pytest.raises(FileError, match="disk is full"):
        saving.flush()
    assert told[-1].sentence == "The disk is full; make room."
    assert same(resume(path), EMPTY, np.zeros(SHAPE))
    monkeypatch.undo()
    saving.close()  # the labels of before go with the last attempt
    assert same(resume(path), session, labels)


def test_something_unexpected_is_told_and_the_thread_goes_on(path, monkeypatch, caplog):
    saving = Autosave(path, told=lambda _: 1 / 0)
    monkeypatch.setattr(module, "to_text", lambda *_: 1 / 0)
    saving.submit(EMPTY)
    with pytest.raises(FileError, match=r"could not be written \(ZeroDivisionError"):
        saving.flush()
    monkeypatch.undo()
    saving.submit(EMPTY)
    saving.close()
    assert read_session(path).same == EMPTY
    assert "unexpected error while saving" in caplog.text


def test_a_folder_that_cannot_be_written_is_said_at_once(tmp_path):
    with pytest.raises(FileError, match="does not exist"):
        Autosave(tmp_path / "nowhere" / "a.m2n2.json")


def test_after_it_was_closed_nothing_is_taken(path):
    saving = Autosave(path)
    saving.close()
    with pytest.raises(FileError, match="is closed"):
        saving.submit(EMPTY)
    assert not path.exists()


class Cut(BaseException):
    """As if the power was cut."""


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("moment", range(1, 9))
def test_cut_off_at_every_move_of_a_file(path, monkeypatch, moment, after):
    states = [with_objects(count) for count in range(1, 5)]
    saving = Autosave(path)
    replace_file, moves = os.replace, []

    def cut(source, target):
        moves.append(target)
        if len(moves) == moment and not after:
            raise Cut
        replace_file(source, target)
        if len(moves) == moment:
            raise Cut

    monkeypatch.setattr(os, "replace", cut)
    done = 0
    try:
        for session, labels in states:
            saving._write(session, labels)
            done += 1
    except Cut:
        pass
    monkeypatch.undo()
    assert len(moves) == moment
    if not path.exists():
        assert done == 0
        return
    found = resume(path)
    assert found.notes == ()
    held = [done] if same(found, *states[min(done, 3)]) else [done - 1]
    assert same(found, *states[held[0]])
    # whoever goes on finds the labels settled, even if it is cut off once more
    again = Autosave(path, found.session)
    waiting = labels_path(path).with_name("a.tif.m2n2.labels.next.tif")
    waiting.write_bytes(b"half of the next labels")
    assert same(resume(path), *states[held[0]])
    again.submit(*with_objects(4))
    again.close()
    assert same(resume(path), *with_objects(4))


# ------------------------------------------------------------------ where files lie
def test_where_files_lie(tmp_path):
    assert session_path("/data/a.nii.gz").as_posix() == "/data/a.nii.gz.m2n2.json"
    assert session_path("/data/a.tif", "/home").as_posix() == "/home/a.tif.m2n2.json"
    assert labels_path(session_path("/a.tif")).name == "a.tif.m2n2.labels.tif"


def test_what_is_put_aside_can_be_opened(path):
    kept = []
    for count in (1, 2, 3):
        saving = Autosave(path)
        saving.submit(*with_objects(count))
        saving.close()
        moved = put_aside(path)
        assert not path.exists()
        assert not labels_path(path).exists()
        kept.append(moved[0])
    assert len(set(kept)) == 3
    assert put_aside(path) == ()
    for count, file in enumerate(kept, start=1):
        found = resume(file)
        assert same(found, *with_objects(count))
        assert found.notes == ()
