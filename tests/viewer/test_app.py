"""Whole windows, and the real method from click to label."""

from __future__ import annotations

import re

import imageio.v3 as iio
import nibabel
import numpy as np
import pytest
import tifffile

from napari_m2n2.viewer import app
from napari_m2n2.viewer.layers import OBJECT_COLOURS
from napari_m2n2.viewer.samples import SAMPLES
from napari_m2n2.viewer.signs import MARKS


@pytest.fixture
def no_loop(monkeypatch, make_napari_viewer):
    """Open windows without waiting until a person closes them; a list of what was opened."""
    import napari

    opened = []

    def viewer(**options):
        opened.append(make_napari_viewer(**options))
        return opened[-1]

    monkeypatch.setattr(napari, "Viewer", viewer)
    monkeypatch.setattr(napari, "run", lambda: None)
    yield opened
    opened.clear()


def test_a_picture_of_the_whole_window(no_loop, tmp_path):
    from types import SimpleNamespace

    sample = SAMPLES["coins"]
    mask = np.zeros((303, 384), bool)
    mask[50:100, 250:300] = True
    result = SimpleNamespace(mask=mask, score=mask.astype(np.float32), timings={"total": 0.25})
    path = tmp_path / "window.tmp"
    app.save_window(sample, result, path)
    picture = iio.imread(path, extension=".png")
    assert picture.shape[0] >= 600
    assert picture.shape[1] >= 1000
    orangest = np.abs(picture[..., :3].astype(int) - rgb(MARKS[False].colour)).sum(axis=2)
    bluest = np.abs(picture[..., :3].astype(int) - rgb(MARKS[True].colour)).sum(axis=2)
    assert orangest.min() < 40
    assert bluest.min() < 40
    shade = picture[..., :3].astype(int) - rgb(OBJECT_COLOURS[0])
    cyan = (shade[..., 0] < 120) & (np.abs(shade[..., 1:]).sum(axis=2) < 200)
    assert np.count_nonzero(cyan) > 2000


def rgb(colour):
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])


def test_the_demo_from_click_to_label_with_the_real_method(no_loop, qtbot):
    sample = SAMPLES["coins"]
    app.show_demo(sample)
    (viewer,) = no_loop
    (widget,) = [w for name, w in viewer.window.dock_widgets.items() if app.WIDGET in name]
    qtbot.waitUntil(lambda: "Outlined from" in widget.status.text.text(), timeout=600_000)
    (pair,) = widget.controller.pairs
    for (row, column), wanted in zip(sample.points.astype(int), sample.labels, strict=True):
        assert (pair.labels.data[row, column] == 1) == wanted
    assert 200 < np.count_nonzero(pair.labels.data) < 10000
    assert re.search(r"grid \d+ × \d+, \w+", widget.status.text.text())
    widget.close()


@pytest.mark.parametrize("path", [None, "stack.tif"])
def test_napari_opens_with_the_widget_and_an_image(no_loop, tmp_path, path):
    if path is not None:
        path = tmp_path / path
        tifffile.imwrite(path, np.zeros((3, 40, 60), np.uint16), photometric="minisblack")
    app.open_viewer(path)
    (viewer,) = no_loop
    assert any(app.WIDGET in name for name in viewer.window.dock_widgets)
    assert [layer.data.shape for layer in viewer.layers] == ([] if path is None else [(3, 40, 60)])


def test_nifti_files_come_with_slices_first_and_their_spacing(model, tmp_path):
    voxels = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
    path = tmp_path / "scan.nii.gz"
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([2.0, 3.0, 4.0, 1.0])), path)
    app.add_file(model, path)
    (layer,) = model.layers
    assert layer.name == "scan"
    assert np.array_equal(np.asarray(layer.data), voxels.transpose(2, 1, 0))
    assert layer.scale == pytest.approx([4, 3, 2])
