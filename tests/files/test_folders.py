"""A folder is complete or not there at all."""

from __future__ import annotations

import pytest

from napari_m2n2.errors import FileError
from napari_m2n2.files.folders import replacing_folder


def test_it_takes_the_place_of_what_was_there(tmp_path):
    for content in ("old", "new"):
        with replacing_folder(tmp_path / "a.zarr") as temporary:
            assert temporary.suffix == ".zarr"
            (temporary / "file").write_text(content)
            (temporary / content).write_text("")
    assert (tmp_path / "a.zarr" / "file").read_text() == "new"
    assert not (tmp_path / "a.zarr" / "old").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def _begin_and_raise(path, error):
    with replacing_folder(path) as temporary:
        (temporary / "file").write_text("half")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_interruption_leaves_what_was_there(tmp_path, error):
    with replacing_folder(tmp_path / "a") as temporary:
        (temporary / "file").write_text("old")
    with pytest.raises(error):
        _begin_and_raise(tmp_path / "a", error)
    assert (tmp_path / "a" / "file").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_if_it_cannot_be_moved_the_old_one_comes_back(tmp_path, monkeypatch):
    target = tmp_path / "a"
    target.mkdir()
    (target / "file").write_text("old")
    rename = type(target).rename

    def fail(self, to):
        if self.name.startswith(".napari-m2n2-") and not self.joinpath("file").exists():
            raise OSError(28, "No space left on device")
        return rename(self, to)

    monkeypatch.setattr(type(target), "rename", fail)
    with (
        pytest.raises(FileError, match=r"could not be written \(No space left"),
        replacing_folder(target),
    ):
        pass
    assert (target / "file").read_text() == "old"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with (
        pytest.raises(FileError, match="cannot be written to"),
        replacing_folder(tmp_path / "no" / "a"),
    ):
        pass
