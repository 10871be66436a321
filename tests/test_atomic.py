"""A file is complete or not there."""

from __future__ import annotations

import os
import sys

import pytest

from napari_m2n2 import atomic
from napari_m2n2.atomic import check_writable, replacing
from napari_m2n2.errors import FileError


def test_file_appears_when_it_is_complete(tmp_path):
    path = tmp_path / "a.txt"
    with replacing(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".txt"
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("durable", [True, False])
def test_the_disk_is_waited_for_where_it_matters(tmp_path, monkeypatch, durable):
    waited = []
    monkeypatch.setattr(atomic.os, "fsync", waited.append)
    with replacing(tmp_path / "a.txt", durable=durable) as temporary:
        temporary.write_text("new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert len(waited) == durable


def test_double_ending_is_kept(tmp_path):
    with replacing(tmp_path / "a.b.nii.gz") as temporary:
        assert temporary.name.endswith(".nii.gz")


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_old_file_stays_when_the_work_fails(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def work():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(type(error)):
        work()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk_is_a_sentence(tmp_path):
    with (
        pytest.raises(FileError, match=r"could not be written .*No space.*choose another place"),
        replacing(tmp_path / "a.txt"),
    ):
        raise OSError(28, "No space left on device")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_link_keeps_pointing_to_the_file(tmp_path):
    target, link = tmp_path / "target.txt", tmp_path / "link.txt"
    target.write_text("old")
    link.symlink_to(target)
    with replacing(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert target.read_text() == "new"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no file mode")
def test_others_may_read_what_a_new_file_lets_them(tmp_path):
    plain, path = tmp_path / "plain.txt", tmp_path / "a.txt"
    plain.write_text("")
    with replacing(path):
        pass
    assert path.stat().st_mode == plain.stat().st_mode


def test_check_leaves_nothing_behind(tmp_path):
    check_writable(tmp_path / "a.txt")
    assert list(tmp_path.iterdir()) == []


def test_check_names_what_is_wrong(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="does not exist; make it first"):
        check_writable(tmp_path / "missing" / "a.txt")
    with pytest.raises(FileError, match="is not a folder"):
        check_writable(tmp_path / "file" / "a.txt")
    with pytest.raises(FileError, match="is a folder; give the name of a file"):
        check_writable(tmp_path)

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(
        FileError, match=r"cannot be written to .Permission denied.; choose another"
    ):
        check_writable(tmp_path / "a.txt")
