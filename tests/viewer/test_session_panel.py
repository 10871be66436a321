"""The panel of sessions, with a viewer that has no window."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_m2n2.annotation.places import session_path
from napari_m2n2.annotation.preferences import Preferences
from napari_m2n2.annotation.session import read_session
from napari_m2n2.viewer.keeping import Keeping
from napari_m2n2.viewer.kept import FILE
from napari_m2n2.viewer.panels import session as panels
from napari_m2n2.viewer.walking import Walking


def add(viewer, path):
    return viewer.add_image(tifffile.imread(path), name=path.stem, metadata={FILE: str(path)})


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_m2n2.viewer.walking.add_file", add)
    files = [tmp_path / "a.tif", tmp_path / "b.tif"]
    for seed, path in enumerate(files):
        pixels = np.random.default_rng(seed).integers(0, 255, (40, 60), dtype=np.uint8)
        tifffile.imwrite(path, pixels, photometric="minisblack")
    return files


@pytest.fixture
def keeping(controller):
    keeping = Keeping(controller)
    yield keeping
    keeping.close()


@pytest.fixture
def panel(controller, keeping, qtbot):
    panel = panels.SessionPanel(keeping, Walking(controller, keeping))
    qtbot.addWidget(panel)
    panel.resize(320, 400)
    panel.show()
    return panel


def press(button):
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def answer(monkeypatch, name, path):
    """Let a dialog be answered."""
    monkeypatch.setattr(panels, name, lambda *_given: path)


def test_without_an_image_there_is_nothing_to_save(panel):
    assert panel.text.text() == "Nothing to save yet."
    assert panel.offer.isHidden()
    assert not panel.save.isEnabled()
    assert not panel.finish.isEnabled()
    assert panel.progress.isHidden()


def test_it_says_what_is_saved_and_where(panel, controller, keeping, model, files, qtbot):
    pair = controller.new_pair(add(model, files[0]))
    pair.prompts.add([10, 20])
    controller.commit()
    press(panel.save)
    qtbot.waitUntil(lambda: "1 object and all prompts" in panel.text.text(), timeout=5000)
    assert session_path(files[0]).name in panel.text.text()
    assert panel.text.toolTip() == str(session_path(files[0]))


def test_it_offers_to_go_on(panel, controller, keeping, model, files):
    pair = controller.new_pair(add(model, files[0]))
    pair.prompts.add([10, 20])
    model.layers.clear()
    add(model, files[0])
    controller.state.image = model.layers[0]
    assert panel.offer.isVisible()
    press(panel.resume)
    assert panel.offer.isHidden()
    assert controller.current.prompts.data.tolist() == [[10, 20]]


def test_it_offers_to_begin_anew(panel, controller, model, files):
    session_path(files[0]).write_text("whatever it is")
    controller.state.image = add(model, files[0])
    press(panel.anew)
    assert panel.offer.isHidden()
    aside = files[0].with_name("a.tif.aside-1.m2n2.json")
    assert aside.read_text() == "whatever it is"


def test_the_folder_of_sessions_is_asked_for(panel, keeping, tmp_path, monkeypatch):
    answer(monkeypatch, "ask_for_folder", None)
    panel.where.setCurrentIndex(1)
    panel.where.activated.emit(1)
    assert panel.where.currentIndex() == 0
    assert keeping.folder is None
    answer(monkeypatch, "ask_for_folder", tmp_path)
    panel.where.setCurrentIndex(1)
    panel.where.activated.emit(1)
    assert keeping.folder == tmp_path
    assert str(tmp_path) in panel.where.currentText()
    panel.where.setCurrentIndex(0)
    panel.where.activated.emit(0)
    assert keeping.folder is None


def test_saving_by_itself_is_switched_off(panel, keeping):
    press(panel.automatic)
    assert panel.automatic.isChecked() == keeping.automatic


def test_a_folder_is_gone_through_by_its_buttons(panel, controller, files, tmp_path, monkeypatch):
    answer(monkeypatch, "ask_for_folder", tmp_path)
    press(panel.folder)
    assert controller.current.image.name == "a"
    assert panel.progress.isVisible()
    press(panel.skip)
    assert controller.current.image.name == "b"
    press(panel.finish)
    assert controller.current.image.name == "a"
    assert read_session(session_path(files[1])).finished
    assert panel.progress.text().startswith("1 of 2")


def test_an_image_counts_as_begun_once_it_is_saved(
    panel, controller, keeping, files, tmp_path, monkeypatch, qtbot
):
    answer(monkeypatch, "ask_for_folder", tmp_path)
    press(panel.folder)
    assert panel.progress.text() == "0 of 2 images are finished, 0 begun."
    controller.current.prompts.add([10, 20])
    keeping.flush()
    qtbot.waitUntil(lambda: panel.progress.text().endswith("1 begun."), timeout=5000)


def test_a_session_is_opened_by_its_button(panel, controller, model, files, monkeypatch):
    pair = controller.new_pair(add(model, files[0]))
    pair.prompts.add([10, 20])
    controller.commit()
    model.layers.clear()
    answer(monkeypatch, "ask_for_session", session_path(files[0]))
    press(panel.open)
    assert [known.id for known in controller.table] == [1]


def test_it_begins_as_the_user_prefers(controller, tmp_path):
    chosen = Preferences(autosave=False, session_folder=str(tmp_path))
    keeping = Keeping.from_preferences(controller, chosen)
    assert not keeping.automatic
    assert keeping.folder == tmp_path
    keeping.close()
    keeping = Keeping.from_preferences(controller, Preferences())
    assert keeping.automatic
    assert keeping.folder is None
    keeping.close()
