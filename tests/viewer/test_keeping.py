"""Sessions in the window: what is on the disk, and what comes back from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tifffile

from napari_m2n2.annotation.compute import Computer
from napari_m2n2.annotation.newest import run_now
from napari_m2n2.annotation.places import labels_path, session_path
from napari_m2n2.annotation.resume import resume
from napari_m2n2.annotation.session import read_session
from napari_m2n2.viewer.kept import FILE, file_of, work_of

from .conftest import disc

SIZE = (40, 60)


@pytest.fixture
def file(tmp_path):
    return write(tmp_path / "cells.tif", 0)


def write(path, seed, shape=SIZE):
    pixels = np.random.default_rng(seed).integers(0, 255, shape, dtype=np.uint8)
    tifffile.imwrite(path, pixels, photometric="minisblack")
    return path


def add(viewer, path):
    """Open a file as napari does, which reads none without a window."""
    return viewer.add_image(tifffile.imread(path), name=path.stem, metadata={FILE: str(path)})


@pytest.fixture(autouse=True)
def _reads_without_a_window(monkeypatch):
    monkeypatch.setattr("napari_m2n2.viewer.walking.add_file", add)


class Window:
    """All but a window: a viewer's model, and what works on it."""

    def __init__(self, discs, **options):
        from napari.components import ViewerModel

        from napari_m2n2.viewer.controller import Controller
        from napari_m2n2.viewer.keeping import Keeping
        from napari_m2n2.viewer.walking import Walking

        self.viewer = ViewerModel()
        compute = Computer(discs.create)
        self.controller = Controller(self.viewer, compute=compute, runner=run_now)
        self.keeping = Keeping(self.controller, **options)
        self.walking = Walking(self.controller, self.keeping)
        self.said = ""
        self.controller.said.connect(self._say)

    def _say(self, text, _failed):
        self.said = text

    def open(self, file):
        image = add(self.viewer, file)
        self.controller.state.image = image
        return image

    def close(self):
        self.keeping.close()
        self.controller.close()


@pytest.fixture
def window(discs):
    window = Window(discs)
    yield window
    window.close()


@pytest.fixture
def another(discs):
    """Open further windows, as after a crash."""
    windows = []

    def another(**options):
        windows.append(Window(discs, **options))
        return windows[-1]

    yield another
    for window in windows:
        window.close()


def annotate(window, file):
    """Commit an object, and leave another at work."""
    pair = window.controller.new_pair(window.open(file))
    pair.prompts.add([10, 20])
    window.controller.commit()
    pair.prompts.add([25, 40])
    return pair


def test_every_click_and_commit_is_on_the_disk(window, file):
    pair = window.controller.new_pair(window.open(file))
    path = session_path(file)
    assert not path.exists()
    pair.prompts.add([10, 20])
    assert window.keeping.flush()
    found = read_session(path)
    assert found.objects == ()
    assert replace(found.work, seconds=0) == replace(work_of(window.controller), seconds=0)
    assert [p.row for record in found.work.records.values() for p in record.points] == [10]
    window.controller.commit()
    assert window.keeping.flush()
    found = read_session(path)
    assert found.objects == tuple(pair.table)
    assert found.work is None
    assert np.array_equal(resume(path).labels, disc(SIZE, (10, 20)))
    assert window.keeping.path == path


def test_previews_are_not_among_the_labels(window, file):
    pair = annotate(window, file)
    window.keeping.flush()
    assert pair.labels.data[25, 40] == 2
    labels = resume(session_path(file)).labels
    assert np.array_equal(labels, disc(SIZE, (10, 20)))


def test_strokes_of_the_brush_are_saved(window, file):
    pair = annotate(window, file)
    pair.labels.data_setitem((np.array([1, 2]), np.array([3, 4])), 9)
    window.keeping.flush()
    labels = resume(session_path(file)).labels
    assert labels[1, 3] == labels[2, 4] == 9
    pair.labels.undo()
    window.keeping.flush()
    assert not (resume(session_path(file)).labels == 9).any()


def test_what_was_saved_is_gone_on_with(window, file, another):
    annotate(window, file)
    window.controller.rename(1, "nucleus")
    window.controller.state.overwrite = True
    window.keeping.flush()
    labels = window.controller.current.labels.data.copy()
    table = tuple(window.controller.table)

    later = another()
    image = later.open(file)
    assert later.keeping.found == session_path(file)
    assert "resume" in later.keeping.sentence
    later.keeping.resume_found()
    pair = later.controller.current
    assert later.keeping.found is None
    assert pair.image is image
    assert tuple(pair.table) == table
    assert pair.table[1].name == "nucleus"
    assert later.controller.state.overwrite
    assert pair.prompts.data.tolist() == [[25, 40]]
    assert np.array_equal(pair.labels.data, labels)
    pair.prompts.add([26, 41])
    later.controller.commit()
    assert [known.id for known in pair.table] == [1, 2]
    assert later.keeping.flush(), later.keeping.sentence
    assert len(read_session(session_path(file)).objects) == 2


def test_a_session_that_nobody_resumed_is_put_aside(window, file, another):
    annotate(window, file)
    window.close()
    before = session_path(file).read_bytes()
    later = another()
    pair = later.controller.new_pair(later.open(file))
    assert session_path(file).read_bytes() == before
    pair.prompts.add([5, 5])
    later.keeping.flush()
    aside = file.with_name("cells.tif.aside-1.m2n2.json")
    assert aside.read_bytes() == before
    assert read_session(session_path(file)).objects == ()
    assert np.array_equal(resume(aside).labels, disc(SIZE, (10, 20)))


def test_begin_anew_leaves_the_old_one_aside(window, file, another):
    annotate(window, file)
    window.close()
    later = another()
    later.open(file)
    later.keeping.begin_anew()
    assert later.keeping.found is None
    assert not session_path(file).exists()
    assert file.with_name("cells.tif.aside-1.m2n2.json").exists()
    assert labels_path(file.with_name("cells.tif.aside-1.m2n2.json")).exists()


def test_an_image_in_no_file_is_saved_into_a_chosen_folder(window, tmp_path):
    image = window.viewer.add_image(np.zeros(SIZE), name="made up: a/b")
    pair = window.controller.new_pair(image)
    pair.prompts.add([10, 20])
    assert "choose a folder" in window.keeping.sentence
    assert not window.keeping.can_save
    window.keeping.folder = tmp_path
    assert window.keeping.flush()
    assert read_session(tmp_path / "made up_ a_b.m2n2.json").work is not None


def test_a_folder_that_cannot_be_written_to_is_one_sentence(window, file, tmp_path):
    folder = tmp_path / "gone"
    window.keeping.folder = folder
    annotate(window, file)
    assert window.keeping.failed
    assert "does not exist" in window.keeping.sentence
    assert not window.keeping.save()
    folder.mkdir()
    assert window.keeping.save()
    assert read_session(session_path(file, folder)).objects == tuple(window.controller.table)


def test_switched_off_it_saves_when_it_is_asked_to(discs, file, another):
    window = another(automatic=False)
    annotate(window, file)
    assert not session_path(file).exists()
    assert window.keeping.save()
    assert session_path(file).exists()


@pytest.mark.parametrize("what", ["cut", "foreign", "newer"])
def test_a_file_that_is_no_session_is_left_as_it_is(window, file, another, what):
    annotate(window, file)
    window.close()
    path = session_path(file)
    text = path.read_text(encoding="utf-8")
    broken = {
        "cut": text[: len(text) // 2],
        "foreign": '{"a": 1}',
        "newer": text.replace('"schema": 1', '"schema": 99'),
    }[what]
    path.write_text(broken, encoding="utf-8")
    later = another()
    later.open(file)
    later.keeping.resume_found()
    assert later.keeping.failed
    assert path.name in later.keeping.sentence
    assert path.read_text(encoding="utf-8") == broken
    assert later.controller.current is None


def test_the_session_of_another_image_is_refused(window, file, another, tmp_path):
    annotate(window, file)
    window.close()
    write(file, 1)
    later = another()
    later.open(file)
    later.keeping.resume_found()
    assert "has changed" in later.keeping.sentence
    assert later.controller.current is None


def test_two_images_have_a_session_each(window, file, tmp_path):
    annotate(window, file)
    other = write(tmp_path / "other.tif", 1)
    pair = window.controller.new_pair(window.open(other))
    pair.prompts.add([30, 30])
    assert window.keeping.flush()
    assert len(read_session(session_path(file)).objects) == 1
    assert read_session(session_path(other)).objects == ()
    assert read_session(session_path(other)).work is not None


def test_two_layers_of_a_file_have_a_session_each(window, file):
    for place in (10, 30):
        pair = window.controller.new_pair(window.open(file))
        pair.prompts.add([place, 20])
    assert window.keeping.flush()
    names = sorted(path.name for path in file.parent.glob("*.json"))
    assert names == ["cells.tif.cells [1].m2n2.json", "cells.tif.m2n2.json"]
    rows = [
        [
            p.row
            for record in read_session(file.parent / name).work.records.values()
            for p in record.points
        ]
        for name in names
    ]
    assert rows == [[30], [10]]


def test_an_image_that_is_removed_is_saved_first(window, file):
    pair = annotate(window, file)
    window.viewer.layers.remove(pair.image)
    found = read_session(session_path(file))
    assert len(found.objects) == 1
    assert found.work is not None


class Folder:
    """Three images."""

    def __init__(self, folder):
        self.files = [write(folder / f"{name}.tif", name) for name in (1, 2, 10)]

    def shown(self, window):
        (image,) = window.controller.images()
        return self.files.index(file_of(image))


def test_a_folder_is_gone_through_and_finished_images_are_skipped(window, tmp_path):
    images = Folder(tmp_path)
    window.walking.go_through(tmp_path)
    assert images.shown(window) == 0
    assert "0 of 3" in window.walking.sentence
    window.controller.current.prompts.add([10, 20])
    window.controller.commit()
    window.walking.next(finished=True)
    assert images.shown(window) == 1
    window.controller.current.prompts.add([20, 20])
    window.walking.next(finished=False)
    assert images.shown(window) == 2
    window.walking.next(finished=True)
    assert images.shown(window) == 1
    assert window.controller.current.prompts.data.tolist() == [[20, 20]]
    assert "2 of 3" in window.walking.sentence
    window.walking.next(finished=True)
    assert images.shown(window) == 1
    assert "All other images" in window.said
    assert "3 of 3" in window.walking.sentence


def test_only_layers_of_the_image_at_hand_are_left(window, tmp_path):
    Folder(tmp_path)
    window.controller.state.overlay = "score"
    window.walking.go_through(tmp_path)
    mine = window.viewer.add_labels(np.zeros((5, 5), int), name="mine")
    window.controller.current.prompts.add([10, 20])
    window.walking.next(finished=False)
    names = [layer.name for layer in window.viewer.layers]
    assert names == ["mine", "2", "2: labels", "2: prompts"]
    assert mine in window.viewer.layers


def test_an_image_that_cannot_be_saved_is_not_left(window, tmp_path):
    images = Folder(tmp_path)
    window.walking.go_through(tmp_path)
    window.keeping.folder = tmp_path / "gone"
    window.controller.current.prompts.add([10, 20])
    window.walking.next(finished=True)
    assert images.shown(window) == 0
    assert window.keeping.failed


def test_a_session_is_opened_with_its_image(window, file, another):
    annotate(window, file)
    window.close()
    later = another()
    later.walking.open_session(session_path(file))
    assert len(later.controller.table) == 1
    assert later.controller.current.image.name == "cells"
    later.walking.open_session(session_path(file))
    assert len(later.controller.images()) == 1
    file.unlink()
    last = another()
    last.walking.open_session(session_path(file))
    assert "does not exist" in last.said


def test_images_of_other_places_stay_open(window, tmp_path, file):
    folder = tmp_path / "folder"
    folder.mkdir()
    images = Folder(folder)
    mine = window.open(file)
    window.walking.go_through(folder)
    window.controller.state.image = mine
    window.walking.next(finished=False)
    assert mine in window.viewer.layers
    assert [layer.name for layer in window.controller.images()] == ["cells", "2"]
    assert len(images.files) == 3


@pytest.mark.parametrize("end", ["close", "deleteLater"])
def test_a_widget_that_goes_saves_what_was_done_by_hand(end, viewer, widget, file, qtbot):
    widget.image = add(viewer.__wrapped__, file)
    widget.controller.new_pair(widget.image).prompts.add([10, 20])
    labels = widget.controller.current.labels
    encoder, path = widget.stack.encoder, session_path(file)
    assert widget.keeping.flush()
    labels.data_setitem((np.array([1, 2]), np.array([3, 4])), 9)
    gone = []
    widget.destroyed.connect(lambda: gone.append(end))
    getattr(widget, end)()
    if end == "deleteLater":
        qtbot.waitUntil(lambda: bool(gone))
    assert resume(path).labels[1, 3] == 9
    assert len(encoder.said) == 0


def test_napari_tells_which_file_an_image_is_of(file):
    import napari

    viewer = napari.Viewer(show=False)
    try:
        (image,) = viewer.open(file)
        assert file_of(image) == file
    finally:
        viewer.close()


def test_a_program_that_ends_saves_the_last_click(file):
    import subprocess
    import sys

    program = f"""
import tifffile
from napari.components import ViewerModel
from napari_m2n2.annotation.newest import run_now
from napari_m2n2.annotation.jobs import Failed
from napari_m2n2.viewer.controller import Controller
from napari_m2n2.viewer.keeping import Keeping
from napari_m2n2.viewer.kept import FILE
viewer = ViewerModel()
controller = Controller(viewer, compute=lambda *_: Failed("no"), runner=run_now)
keeping = Keeping(controller)
image = viewer.add_image(tifffile.imread({str(file)!r}), metadata={{FILE: {str(file)!r}}})
controller.new_pair(image).prompts.add([10, 20])
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    assert read_session(session_path(file)).work.prompts == 1
