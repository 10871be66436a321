"""`napari-m2n2 demo` and `napari-m2n2 [IMAGE]`."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import imageio.v3
import numpy as np
import pytest
import tifffile

from napari_m2n2.cli import demo
from napari_m2n2.errors import MissingError
from napari_m2n2.viewer import samples


@pytest.fixture(autouse=True)
def small_sample(monkeypatch, square):
    """One sample instead of those that come with scikit-image."""
    sample = samples.Sample(
        name="square",
        title="A square",
        loader=lambda: square,
        points=np.array([[17.0, 22.0], [4.0, 4.0]]),
        labels=np.array([True, False]),
    )
    monkeypatch.setattr(samples, "SAMPLES", {"square": sample})
    return sample


@pytest.fixture
def window(monkeypatch):
    """Draws no window but writes a file in its place."""
    drawn = []

    def draw(sample, result, path):
        drawn.append((sample.name, result.mask.shape))
        path.write_bytes(b"window")

    monkeypatch.setattr(demo, "draw_window", draw)
    return drawn


@pytest.fixture
def app(monkeypatch):
    """Stands in for the window."""
    shown = []
    fake = SimpleNamespace(open_viewer=shown.append, show_demo=shown.append)
    monkeypatch.setitem(sys.modules, "napari_m2n2.viewer.app", fake)
    monkeypatch.setattr("napari_m2n2.viewer.app", fake, raising=False)
    return shown


@pytest.fixture
def display(monkeypatch):
    """Sets whether there is a display."""

    def is_there(there):
        monkeypatch.setattr("napari_m2n2.viewer.display.has_display", lambda: there)

    return is_there


def test_headless_writes_three_files(command, window, tmp_path, square):
    folder = tmp_path / "new" / "folder"
    done = command("demo", "--headless", folder)
    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        str(folder / name) for name in ("labels.tif", "overlay.png", "window.png")
    ]
    labels = tifffile.imread(folder / "labels.tif")
    assert labels.shape == square.shape
    assert labels[17, 22] == 1
    assert labels[4, 4] == 0
    picture = imageio.v3.imread(folder / "overlay.png")
    assert picture.shape == (40 * 11, 48 * 11, 3)
    assert window == [("square", (40, 48))]


def test_without_a_window_the_other_files_stay(command, monkeypatch, tmp_path):
    def fail(*_args):
        raise MissingError("no screen; buy one.")

    monkeypatch.setattr(demo, "draw_window", fail)
    done = command("demo", "--headless", tmp_path)
    assert done.code == 1
    assert done.err.splitlines()[-1] == (
        "napari-m2n2: labels.tif and overlay.png were written, but not the window: "
        "no screen; buy one."
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels.tif", "overlay.png"]
    assert done.out.splitlines() == [str(tmp_path / n) for n in ("labels.tif", "overlay.png")]


def test_window_that_crashes_is_a_sentence(monkeypatch, tmp_path, small_sample):
    result = SimpleNamespace(mask=np.eye(3), score=np.eye(3), thresholds=np.zeros(1), timings={})
    monkeypatch.setattr("napari_m2n2.viewer.display.has_display", lambda: True)
    with pytest.raises(MissingError, match=r"napari could not open \(KeyError: 'square'\); run"):
        demo.draw_window(small_sample, result, tmp_path / "window.png")
    assert list(tmp_path.iterdir()) == []


def test_without_a_display_the_demo_is_written(command, window, display, tmp_path, monkeypatch):
    display(False)
    monkeypatch.chdir(tmp_path)
    done = command("demo", "--sample", "square")
    assert done.code == 0
    assert done.err.splitlines()[0] == (
        "napari-m2n2: There is no display to open a window on, "
        "so the demo is written to ./napari-m2n2-demo."
    )
    assert (tmp_path / "napari-m2n2-demo" / "labels.tif").exists()


def test_with_a_display_the_demo_is_shown(command, app, display, small_sample):
    display(True)
    assert command("demo").code == 0
    assert app == [small_sample]


def test_demo_that_cannot_be(command, tmp_path):
    assert command("demo", "--sample", "x").sentence == (
        "There is no sample 'x'; choose one of square."
    )
    (tmp_path / "file").write_text("")
    assert "cannot be made" in command("demo", "--headless", tmp_path / "file").sentence


def test_viewer_opens_with_and_without_an_image(command, app, display, work):
    display(True)
    assert command().code == 0
    assert command(work.image).code == 0
    assert app == [None, work.image]
    assert "does not exist" in command(work.folder / "no.tif").sentence
    display(False)
    assert command().sentence.startswith("There is no display to open a window on; use")
