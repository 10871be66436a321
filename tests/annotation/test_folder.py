"""Working through a folder."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_m2n2.annotation.folder import SessionFolder
from napari_m2n2.annotation.identity import ImageIdentity
from napari_m2n2.annotation.session import Session, to_text
from napari_m2n2.errors import FileError

NAMES = ["a2.tif", "a10.TIF", "b.png", "c.nii.gz"]


@pytest.fixture
def folder(tmp_path):
    for name in [*NAMES, "notes.txt", "points.csv", "a2.tif.m2n2.labels.tif", ".hidden.tif"]:
        (tmp_path / name).write_bytes(b"x")
    return SessionFolder(tmp_path)


def mark(folder, name, *, finished):
    session = replace(Session(ImageIdentity(name)), finished=finished)
    folder.session_path(folder.folder / name).write_text(to_text(session))


def names(paths):
    return [path.name for path in paths]


def test_images_in_the_order_of_people_without_our_own_files(folder):
    assert names(folder.images) == NAMES


def test_finished_images_are_skipped_and_after_the_last_comes_the_first(folder):
    assert folder.next().name == "a2.tif"
    mark(folder, "a2.tif", finished=True)
    mark(folder, "a10.TIF", finished=False)
    assert folder.next().name == "a10.TIF"
    assert folder.next(folder.folder / "a10.TIF").name == "b.png"
    mark(folder, "c.nii.gz", finished=True)
    assert folder.next(folder.folder / "b.png").name == "a10.TIF"
    assert folder.next(folder.folder / "c.nii.gz").name == "a10.TIF"
    assert folder.tally.sentence == "2 of 4 images are finished, 1 begun."
    for name in NAMES:
        mark(folder, name, finished=True)
    assert folder.next() is None
    mark(folder, "b.png", finished=False)
    assert folder.next(folder.folder / "b.png") is None
    assert folder.next().name == "b.png"


def test_each_image_comes_once_in_a_round(folder):
    seen, now = [], None
    while (now := folder.next(now)) is not None:
        seen.append(now.name)
        mark(folder, now.name, finished=True)
    assert seen == NAMES


def test_a_session_that_cannot_be_read_is_skipped_and_counted(folder):
    path = folder.session_path(folder.folder / "a2.tif")
    path.write_text("{")
    assert folder.standing(folder.folder / "a2.tif") == "unreadable"
    assert folder.next().name == "a10.TIF"
    assert folder.tally.sentence.endswith("1 have a session that cannot be read.")
    assert path.read_text() == "{"
    mark(folder, "a2.tif", finished=False)
    assert folder.next().name == "a2.tif"


def test_sessions_in_another_folder(folder, tmp_path):
    place = tmp_path / "sessions"
    place.mkdir()
    other = SessionFolder(tmp_path, place)
    mark(other, "a2.tif", finished=True)
    assert folder.next().name == "a2.tif"
    assert other.next().name == "a10.TIF"


def test_no_folder(tmp_path):
    with pytest.raises(FileError, match="no folder"):
        SessionFolder(tmp_path / "nowhere").next()
