"""The table of objects, before a controller that only takes notes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_m2n2.annotation.masks import Mask
from napari_m2n2.annotation.objects import STATES, AnnotatedObject, ObjectTable
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.records import PlaneRecord, StoredPoint
from napari_m2n2.viewer.panels.table_model import CLASS, COLUMNS, ID, NAME, STATE, TableModel
from napari_m2n2.viewer.state import State

from .conftest import disc

SHAPE = (5, 40, 60)


def made(number, planes=1, **more):
    mask = Mask.pack(disc((40, 60), (20, 20)))
    records = {
        Plane(SHAPE, (1, 2), ((0, index),)): PlaneRecord(
            points=(StoredPoint(20.0, 20.0),) * (index + 1), mask=mask
        )
        for index in range(planes)
    }
    return AnnotatedObject(number, number, records=records, **more)


class Notes:
    """Does nothing of what the table asks for, and remembers it."""

    table_changed = Signal()
    pair_changed = Signal(object)

    def __init__(self):
        self.asked = []
        self.state = State()
        self.table = ObjectTable()
        self.table.changed.connect(lambda _ids: self.table_changed.emit())
        labels = SimpleNamespace(get_color=self._colour_of)
        self.current = SimpleNamespace(table=self.table, work=SimpleNamespace(id=0), labels=labels)

    def _colour_of(self, value):
        return (1.0, 0.5, 0.0, 1.0) if value == 2 else None

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *given: self.asked.append((name, *given))


@pytest.fixture
def notes():
    notes = Notes()
    for number in (1, 2, 3):
        notes.table.add(made(number, planes=number, clicks=10 - number, seconds=61.4 * number))
    return notes


@pytest.fixture
def panel(notes, qtbot):
    from napari_m2n2.viewer.panels.table import TablePanel

    panel = TablePanel(notes)
    qtbot.addWidget(panel)
    panel.resize(600, 500)
    panel.show()
    return panel


def texts(panel, title):
    """Return what a column shows, from the first row to the last."""
    place = next(i for i, column in enumerate(COLUMNS) if column.title == title)
    model = panel.sorted
    return [model.index(row, place).data() for row in range(model.rowCount())]


def click(panel, row, title="id", modifier=Qt.KeyboardModifier.NoModifier):
    place = next(i for i, column in enumerate(COLUMNS) if column.title == title)
    where = panel.view.visualRect(panel.sorted.index(row, place)).center()
    QTest.mouseClick(panel.view.viewport(), Qt.MouseButton.LeftButton, modifier, where)


def test_a_row_tells_all_of_an_object(panel):
    area = int(disc((40, 60), (20, 20)).sum())
    assert texts(panel, "id") == [1, 2, 3]
    assert texts(panel, "area") == [area, 2 * area, 3 * area]
    assert texts(panel, "planes") == [1, 2, 3]
    assert texts(panel, "prompts") == [1, 3, 6]
    assert texts(panel, "clicks") == [9, 8, 7]
    assert texts(panel, "time") == ["1:01", "2:02", "3:04"]
    assert texts(panel, "state") == ["done"] * 3
    assert panel.summary.text() == "3 of 3 done"


def test_the_colour_of_the_labels_is_beside_the_number(panel):
    role = Qt.ItemDataRole.DecorationRole
    colours = [panel.sorted.index(row, ID).data(role) for row in range(3)]
    assert colours[0] is None
    assert colours[1].getRgbF()[:3] == pytest.approx((1.0, 0.5, 0.0), abs=1e-3)


def test_the_object_at_work_is_bold(panel, notes):
    role = Qt.ItemDataRole.FontRole
    assert panel.sorted.index(1, ID).data(role) is None
    notes.current.work.id = 2
    notes.pair_changed.emit(None)
    assert panel.sorted.index(1, ID).data(role).bold()


def test_it_follows_the_objects_and_keeps_what_is_selected(panel, notes):
    panel.select([2])
    notes.table.add(made(4))
    assert texts(panel, "id") == [1, 2, 3, 4]
    assert panel.selected == (2,)
    notes.table.rename(2, "left lung")
    assert texts(panel, "name") == ["", "left lung", "", ""]
    assert panel.selected == (2,)
    notes.table.remove(1)
    assert panel.selected == (2,)
    notes.table.remove(2)
    assert panel.selected == ()
    assert not panel.delete.isEnabled()


def test_a_click_goes_to_the_object(panel, notes):
    click(panel, 1)
    assert notes.asked == [("go_to", 2)]
    click(panel, 2, modifier=Qt.KeyboardModifier.ControlModifier)
    assert panel.selected == (2, 3)
    assert len(notes.asked) == 1


def test_a_name_is_given_in_the_table(panel, notes):
    name = panel.sorted.index(2, NAME)
    assert panel.sorted.flags(name) & Qt.ItemFlag.ItemIsEditable
    assert not panel.sorted.flags(panel.sorted.index(2, ID)) & Qt.ItemFlag.ItemIsEditable
    panel.sorted.setData(name, " right lung ")
    assert notes.asked == [("rename", 3, "right lung")]


def test_buttons_do_what_they_say_to_what_is_selected(panel, notes):
    def press(button):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    panel.select([3])
    press(panel.reopen)
    press(panel.marks["flagged"])
    panel.select([1, 3])
    press(panel.merge)
    press(panel.delete)
    press(panel.marks["done"])
    assert notes.asked == [
        ("reopen", 3),
        ("set_state_of", (3,), "flagged"),
        ("merge", (1, 3)),
        ("delete", 1, 3),
        ("set_state_of", (1, 3), "done"),
    ]


@pytest.mark.parametrize(
    ("chosen", "reopen", "merge", "delete"),
    [((), False, False, False), ((2,), True, False, True), ((1, 2), False, True, True)],
)
def test_only_buttons_that_do_something_can_be_pressed(panel, chosen, reopen, merge, delete):
    panel.select(chosen)
    assert panel.reopen.isEnabled() == reopen
    assert panel.merge.isEnabled() == merge
    assert panel.delete.isEnabled() == delete
    assert all(button.isEnabled() == delete for button in panel.marks.values())


def test_the_delete_key_deletes_what_is_selected(panel, notes, qtbot):
    panel.activateWindow()
    panel.view.setFocus()
    panel.select([2])
    qtbot.waitUntil(panel.view.hasFocus, timeout=3000)
    QTest.keyClick(panel.view, Qt.Key.Key_Delete)
    assert notes.asked == [("delete", 2)]


def test_it_lists_one_state_alone(panel, notes):
    notes.table.set_state(2, "flagged")
    panel.shown.setCurrentIndex(panel.shown.findData("flagged"))
    assert texts(panel, "id") == [2]
    panel.select([2])
    click(panel, 0)
    assert notes.asked == [("go_to", 2)]
    notes.table.set_state(1, "flagged")
    assert texts(panel, "id") == [1, 2]
    panel.shown.setCurrentIndex(0)
    assert texts(panel, "id") == [1, 2, 3]


def test_it_is_sorted_by_numbers_and_not_by_their_digits(panel, notes):
    for number in (10, 21):
        notes.table.add(made(number, seconds=9.0, clicks=number))
    panel.view.sortByColumn(ID, Qt.SortOrder.DescendingOrder)
    assert texts(panel, "id") == [21, 10, 3, 2, 1]
    time = next(i for i, column in enumerate(COLUMNS) if column.title == "time")
    panel.view.sortByColumn(time, Qt.SortOrder.AscendingOrder)
    assert texts(panel, "time")[-1] == "3:04"
    assert set(texts(panel, "time")[:2]) == {"0:09"}


def test_classes_are_listed_in_semantic_mode(panel, notes):
    assert panel.view.isColumnHidden(CLASS)
    notes.state.semantic = True
    assert not panel.view.isColumnHidden(CLASS)


def shown(panel):
    return [c.title for i, c in enumerate(COLUMNS) if not panel.view.isColumnHidden(i)]


@pytest.mark.parametrize("semantic", [False, True])
def test_a_narrow_table_shows_less_rather_than_be_scrolled_sideways(panel, notes, semantic):
    notes.state.semantic = semantic
    for number in range(4, 30):  # so that there is a bar to scroll down
        notes.table.add(made(number, name="a long name of an object"))
    everything = [column.title for column in COLUMNS if semantic or column.title != "class"]
    for width in (340, 400, 460, 700, 340):
        panel.resize(width, 500)
        panel.grab()  # which lays it out
        assert panel.view.horizontalScrollBar().maximum() == 0, width
        assert {"id", "name", "state", "area"} <= set(shown(panel))
        assert ("class" in shown(panel)) == semantic
        assert panel.view.columnWidth(NAME) >= 60
        assert (shown(panel) == everything) == (width == 700)
    tip = panel.sorted.index(0, ID).data(Qt.ItemDataRole.ToolTipRole)
    assert "1 plane, 1 prompt, 9 clicks, 1:01 minutes" in tip


def test_all_states_can_be_given(panel):
    assert tuple(panel.marks) == STATES
    assert panel.sorted.filterKeyColumn() == STATE


def test_the_model_keeps_the_rules_of_qt(notes, qtmodeltester):
    model = TableModel(lambda number, name: None, lambda value: None)
    model.show(tuple(notes.table), None)
    qtmodeltester.check(model)
    assert (model.rowCount(), model.columnCount()) == (3, len(COLUMNS))


def test_without_an_image_it_is_empty(panel, notes):
    notes.current = None
    notes.pair_changed.emit(None)
    assert texts(panel, "id") == []
