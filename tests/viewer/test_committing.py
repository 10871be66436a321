"""Commit, undo and redo by buttons, and what is written."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_m2n2.viewer.panels.committing import CommitPart

from .conftest import disc


@pytest.fixture
def part(controller, qtbot):
    part = CommitPart(controller)
    qtbot.addWidget(part)
    part.show()
    return part


@pytest.fixture
def pair(begin):
    return begin(np.random.default_rng(0).random((40, 60)))


def press(button):
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_without_an_image_there_is_nothing_to_press(part):
    assert not any(button.isEnabled() for button in (part.commit, part.undo, part.redo))


def test_commit_undo_and_redo(part, pair):
    pair.prompts.add([10, 20])
    shown = disc((40, 60), (10, 20))
    press(part.commit)
    assert [known.id for known in pair.table] == [1]
    assert len(pair.prompts.data) == 0
    assert "commit of object 1" in part.undo.toolTip()
    press(part.undo)
    assert len(pair.table) == 0
    assert pair.prompts.data.tolist() == [[10, 20]]
    assert not pair.writer.previews.committed().any()
    assert np.array_equal(pair.labels.data == 1, shown)
    assert "commit of object 1" in part.redo.toolTip()
    press(part.undo)
    assert not pair.labels.data.any()
    assert not part.undo.isEnabled()
    press(part.redo)
    press(part.redo)
    assert np.array_equal(pair.writer.previews.committed() == 1, shown)
    assert not part.redo.isEnabled()


def test_others_are_overwritten_if_it_is_wanted(part, pair, controller):
    pair.prompts.add([10, 20])
    press(part.commit)
    first = disc((40, 60), (10, 20))
    pair.prompts.add([10, 23])
    second = disc((40, 60), (10, 23))
    press(part.commit)
    assert np.array_equal(pair.labels.data == 1, first)
    press(part.undo)
    press(part.overwrite)
    assert controller.state.overwrite
    press(part.commit)
    assert np.array_equal(pair.labels.data == 2, second)
    assert pair.table[1].area == (first & ~second).sum()
    press(part.undo)
    assert np.array_equal(pair.writer.previews.committed() == 1, first)


def test_classes_are_numbered_and_named(part, pair, controller):
    assert part.class_row.isHidden()
    part.mode.setCurrentIndex(1)
    assert part.class_row.isVisible()
    part.number.setValue(3)
    part.name.setText("stroma")
    part.name.editingFinished.emit()
    assert pair.table.classes == {3: "stroma"}
    for place in ([10, 20], [30, 40]):
        pair.prompts.add(place)
        press(part.commit)
    assert {known.value for known in pair.table} == {3}
    assert len(pair.table) == 2
    assert set(np.unique(pair.labels.data)) == {0, 3}
    part.number.setValue(4)
    assert part.name.text() == ""
    part.number.setValue(3)
    assert part.name.text() == "stroma"


def test_a_number_that_objects_have_already_is_said(part, pair, controller):
    pair.prompts.add([10, 20])
    press(part.commit)  # in its own number, 1
    assert part.shared.isHidden()
    part.mode.setCurrentIndex(1)
    assert part.shared.isVisible()
    assert part.shared.text() == "Object 1 has the number 1 already."
    part.number.setValue(2)
    assert part.shared.isHidden()
    for place in range(4):
        pair.prompts.add([30, 10 + 10 * place])
        press(part.commit)
    assert part.shared.text() == "4 objects have the number 2 already."


def test_it_shows_what_others_choose(part, controller):
    controller.state.overwrite = True
    controller.state.semantic = True
    controller.state.class_value = 7
    assert part.overwrite.isChecked()
    assert part.mode.currentIndex() == 1
    assert part.number.value() == 7
