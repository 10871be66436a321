"""Exporting labels from the window."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pandas
import pytest
import tifffile

from napari_m2n2.annotation.newest import run_now
from napari_m2n2.files import read_label_image
from napari_m2n2.viewer import exporting
from napari_m2n2.viewer.kept import FILE
from napari_m2n2.viewer.panels import export as panel_module
from napari_m2n2.viewer.panels.export import ExportPanel, ask_for_path

from .conftest import disc

AFFINE = np.array([[0, -1.5, 0, 9], [2, 0, 0, -3], [0, 0, 4, 5], [0, 0, 0, 1.0]])


@pytest.fixture
def panel(controller, qtbot):
    made = ExportPanel(controller, run_now)
    qtbot.addWidget(made)
    return made


@pytest.fixture
def answer(monkeypatch):
    """Answers the dialogs: where to export to, and whether that may be replaced."""

    class Answers:
        path = None
        replace = True
        asked = 0

    def ask_to_replace(_parent, _path):
        Answers.asked += 1
        return Answers.replace

    monkeypatch.setattr(panel_module, "ask_for_path", lambda _parent, _suggested: Answers.path)
    monkeypatch.setattr(panel_module, "ask_to_replace", ask_to_replace)
    return Answers


@pytest.fixture
def pair(begin):
    """An image, 40 x 60, with an object at work."""
    pair = begin(np.random.default_rng(0).random((40, 60)), name="noise")
    pair.prompts.add([20, 30])
    return pair


def test_what_is_on_screen_is_written(panel, answer, pair, tmp_path):
    answer.path = tmp_path / "a.tif"
    panel.button.click()
    np.testing.assert_array_equal(tifffile.imread(answer.path) > 0, disc((40, 60), (20, 30)))
    assert panel.text.text() == "a.tif: 1 label."
    assert not answer.asked
    assert panel.button.isEnabled()
    assert not panel.stop.isEnabled()


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.zarr", "a.png", "a.nii.gz"])
def test_every_format(panel, answer, pair, tmp_path, name):
    answer.path = tmp_path / name
    panel.button.click()
    assert answer.path.exists(), panel.text.text()
    if name == "a.csv":
        assert "mean" in pandas.read_csv(answer.path)
    if name == "a.json":
        (image,) = json.loads(answer.path.read_text())["images"]
        assert image["file_name"] == "noise"


def test_nothing_is_replaced_unasked(panel, answer, pair, tmp_path):
    answer.path, answer.replace = tmp_path / "a.tif", False
    answer.path.write_text("mine")
    panel.button.click()
    assert (answer.path.read_text(), answer.asked) == ("mine", 1)
    answer.replace = True
    panel.button.click()
    assert tifffile.imread(answer.path).any()


def test_files_that_are_open_and_those_of_sessions_are_never_replaced(
    panel, answer, model, controller, tmp_path
):
    data = np.random.default_rng(0).integers(0, 200, (40, 60)).astype(np.uint8)
    tifffile.imwrite(tmp_path / "image.tif", data)
    controller.new_pair(model.add_image(data, metadata={FILE: str(tmp_path / "image.tif")}))
    before = (tmp_path / "image.tif").read_bytes()
    answer.path = tmp_path / "image.tif"
    panel.button.click()
    assert "is open in this window" in panel.text.text()
    assert (tmp_path / "image.tif").read_bytes() == before
    answer.path = tmp_path / "image.tif.m2n2.labels.tif"
    panel.button.click()
    assert "is the name of a session's file" in panel.text.text()
    assert not answer.asked
    assert panel.exporter.suggested == tmp_path / "image_labels.tif"


def test_names_that_cannot_be_written_are_said(panel, answer, pair, tmp_path):
    answer.path = tmp_path / "no" / "a.tif"
    panel.button.click()
    assert "does not exist; make it first" in panel.text.text()


def test_without_labels_there_is_nothing_to_ask(panel, answer):
    panel.button.click()
    assert panel.text.text() == exporting.NO_LABELS


def test_names_of_objects_are_in_the_table(panel, answer, controller, pair, tmp_path):
    controller.commit()
    (known,) = pair.table
    controller.rename(known.id, "left")
    answer.path = tmp_path / "a.csv"
    panel.button.click()
    table = pandas.read_csv(answer.path)
    assert table[["label", "name", "state"]].to_numpy().tolist() == [[known.value, "left", "done"]]


def test_the_affine_of_the_file(panel, answer, model, controller, tmp_path):
    data = np.random.default_rng(0).integers(0, 200, (4, 40, 60)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(data.T, AFFINE), tmp_path / "scan.nii.gz")
    image = model.add_image(data, metadata={FILE: str(tmp_path / "scan.nii.gz")})
    pair = controller.new_pair(image)
    model.dims.set_point(0, 2)
    pair.prompts.add([2, 20, 30])
    answer.path = tmp_path / "a.nii.gz"
    panel.button.click()
    written = nibabel.load(answer.path)
    np.testing.assert_array_equal(written.affine, AFFINE)
    stored = np.asarray(written.dataobj).T
    np.testing.assert_array_equal(stored[2] > 0, disc((40, 60), (20, 30)))


def test_a_labels_layer_of_the_users(panel, answer, model, tmp_path):
    layer = model.add_labels(np.eye(9, dtype=int), scale=(0.5, 0.5), units="um")
    model.layers.selection.active = layer
    answer.path = tmp_path / "a.ome.zarr"
    panel.button.click()
    back, geometry = read_label_image(answer.path)
    np.testing.assert_array_equal(back, np.eye(9))
    assert (geometry.spacing, geometry.unit) == ((0.5, 0.5), "micron")


def test_it_can_be_stopped(controller, pair, tmp_path, qtbot):
    begun = []

    def runner(task, report, done):
        begun.append((task, report, done))

    panel = ExportPanel(controller, runner)
    qtbot.addWidget(panel)
    panel.exporter.write(tmp_path / "a.tif")
    assert panel.stop.isEnabled()
    assert not panel.button.isEnabled()
    panel.exporter.write(tmp_path / "b.tif")
    assert len(begun) == 1
    panel.stop.click()
    (task, report, done), *_ = begun
    done(task(report))
    assert panel.text.text() == exporting.STOPPED
    assert not list(tmp_path.iterdir())
    assert panel.button.isEnabled()


def test_closing_the_window_calls_it_off(controller, pair, tmp_path, qtbot):
    begun = []
    panel = ExportPanel(controller, lambda *given: begun.append(given))
    qtbot.addWidget(panel)
    panel.exporter.write(tmp_path / "a.tif")
    panel.exporter.close()
    task, report, done = begun[0]
    done(task(report))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("chosen", "kind", "expected"),
    [
        ("a", "Table of measurements (CSV) (*.csv)", "a.csv"),
        ("a.b", "NIfTI label image (*.nii.gz *.nii)", "a.b.nii.gz"),
        ("a.zarr", "TIFF label image (*.tif *.tiff)", "a.zarr"),
        ("a", "", "a.tif"),
    ],
)
def test_the_dialog_gives_an_ending(panel, monkeypatch, tmp_path, chosen, kind, expected):
    asked = {}

    def save_name(_parent, title, suggested, filters, **options):
        asked.update(title=title, suggested=suggested, filters=filters.split(";;"))
        return str(tmp_path / chosen), kind

    monkeypatch.setattr(panel_module.QFileDialog, "getSaveFileName", save_name)
    assert ask_for_path(panel, tmp_path / "x.tif") == tmp_path / expected
    assert not kind or kind in asked["filters"]
    monkeypatch.setattr(panel_module.QFileDialog, "getSaveFileName", lambda *_a, **_k: ("", ""))
    assert ask_for_path(panel, tmp_path / "x.tif") is None


def test_it_is_in_the_window_and_works_in_a_thread(threaded, viewer, tmp_path, qtbot):
    data = np.random.default_rng(0).random((40, 60))
    pair = threaded.controller.new_pair(viewer.__wrapped__.add_image(data))
    pair.labels.data[3:5, 3:5] = 1
    threaded.export.exporter.write(tmp_path / "a.tif")
    qtbot.waitUntil(lambda: not threaded.export.exporter.busy, timeout=20000)
    assert threaded.export.text.text() == "a.tif: 1 label."
    assert (tifffile.imread(tmp_path / "a.tif") == 1).sum() == 4


def test_no_memory_is_a_sentence(controller, pair, tmp_path, monkeypatch):
    def fail(*_args, **_options):
        raise MemoryError

    said = []
    exporter = exporting.Exporter(controller, run_now)
    exporter.said.connect(lambda text, failed: said.append((text, failed)))
    monkeypatch.setattr(exporting, "export", fail)
    exporter.write(tmp_path / "a.tif")
    with monkeypatch.context() as patch:
        patch.setattr(exporting.np, "array", fail)
        exporter.write(tmp_path / "a.tif")
    assert said.count((exporting.NO_MEMORY, True)) == 2
