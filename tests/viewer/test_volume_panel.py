"""The panels that carry objects on and that measure, in a real window."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_m2n2.evaluation.own_labels import Measured
from napari_m2n2.viewer.panels.fold import unfold


@pytest.fixture
def stack(viewer, widget):
    """A stack of noise in a window, with an object clicked on slice 2."""
    data = np.random.default_rng(0).random((5, 40, 60))
    widget.image = viewer.__wrapped__.add_image(data, name="noise")
    pair = widget.controller.new_pair(widget.image)
    viewer.dims.set_point(0, 2)
    pair.prompts.add((2, 20, 30))
    return pair


def planes_of(pair):
    return np.flatnonzero((pair.labels.data > 0).any(axis=(1, 2))).tolist()


# ------------------------------------------------------------------ through the stack
def test_a_button_carries_on_what_is_at_work(widget, stack):
    panel = widget.volume
    panel.carry.click()
    assert planes_of(stack) == [0, 1, 2, 3, 4]
    assert panel.text.text() == "Object 1 was carried on to 4 slices: the stack ends there."
    assert panel.object.count() == 2
    assert not panel.stop.isVisibleTo(panel)


def test_direction_and_range_are_those_of_the_panel(widget, stack):
    panel = widget.volume
    panel.ways.setCurrentIndex(1)
    panel.last.setValue(3)
    panel.carry.click()
    assert planes_of(stack) == [2, 3]


def test_a_button_fills_between(viewer, widget, stack):
    viewer.dims.set_point(0, 0)
    stack.prompts.add((0, 20, 30))
    widget.volume.fill.click()
    assert planes_of(stack) == [0, 1, 2]
    widget.controller.undo()
    assert planes_of(stack) == [0, 2]


def test_prompts_of_this_slice_or_of_all_are_cleared_and_come_back(viewer, widget, stack):
    viewer.dims.set_point(0, 3)
    stack.prompts.add((3, 10, 10))
    widget.volume.clear_here.click()
    assert np.asarray(stack.prompts.data).tolist() == [[2, 20, 30]]
    assert planes_of(stack) == [2]
    widget.controller.undo()
    assert planes_of(stack) == [2, 3]
    widget.volume.clear_all.click()
    assert not len(stack.prompts.data)
    assert planes_of(stack) == []
    widget.controller.undo()
    assert planes_of(stack) == [2, 3]


def test_a_plane_without_neighbours_has_nothing_to_carry_on_to(widget, pair):
    assert not widget.volume.carry.isEnabled()
    assert not widget.volume.fill.isEnabled()
    assert widget.volume.clear_here.isEnabled()


def test_one_axis_is_no_choice_and_two_are(viewer, widget, stack):
    assert not widget.volume.axis.isVisibleTo(widget.volume)
    data = np.zeros((2, 5, 20, 30))
    widget.image = viewer.__wrapped__.add_image(data, name="times")
    widget.controller.new_pair(widget.image)
    assert widget.volume.axis.isVisibleTo(widget.volume)
    assert [widget.volume.axis.itemData(row) for row in range(2)] == [1, 0]


def in_threads(viewer, threaded, qtbot):
    """A stack with a committed object, for a widget that works in threads."""
    data = np.random.default_rng(0).random((5, 40, 60))
    threaded.image = viewer.__wrapped__.add_image(data, name="noise")
    pair = threaded.controller.new_pair(threaded.image)
    viewer.dims.set_point(0, 2)
    pair.prompts.add((2, 20, 30))
    qtbot.waitUntil(lambda: planes_of(pair) == [2], timeout=20_000)
    assert threaded.controller.commit() is not None
    return pair


def test_it_works_in_a_thread_and_is_stopped_there(viewer, threaded, discs, qtbot):
    pair = in_threads(viewer, threaded, qtbot)
    panel, carrying = threaded.volume, threaded.carrying
    panel.carry.click()
    qtbot.waitUntil(lambda: not carrying.busy, timeout=20_000)
    assert planes_of(pair) == [0, 1, 2, 3, 4]
    for _ in range(4):
        threaded.controller.undo()
    discs.gate.clear()
    panel.carry.click()
    assert panel.stop.isVisibleTo(panel)
    qtbot.waitUntil(discs.waiting.is_set, timeout=20_000)
    panel.stop.click()
    assert not carrying.busy
    assert panel.text.text() == "Object 1 was carried on to 0 slices: it was stopped."
    assert planes_of(pair) == [2]


def test_closing_while_it_is_under_way_leaves_the_labels(viewer, threaded, discs, qtbot):
    pair = in_threads(viewer, threaded, qtbot)
    discs.gate.clear()
    threaded.volume.carry.click()
    qtbot.waitUntil(discs.waiting.is_set, timeout=20_000)
    threaded.close()
    discs.gate.set()
    qtbot.waitUntil(lambda: not threaded.carrying.at_work, timeout=20_000)
    assert planes_of(pair) == [2]


# ------------------------------------------------------------------ measure on my labels
def test_choices_and_labels_are_listed_and_what_is_found_is_shown(viewer, widget, stack):
    widget.controller.commit()
    panel, measurer = widget.measure, widget.measurer
    assert panel.labels.currentText() == "noise: labels"
    for row in range(1, panel.table.rowCount()):
        panel.table.item(row, 0).setCheckState(Qt.CheckState.Unchecked)
    (choice,) = panel.ticked
    measurer._measure = lambda choice, image, masks, **options: Measured(
        choice, iou=(0.5, 0.75), objects=1, click=0.125
    )
    panel.clicks.setValue(2)
    panel.measure.click()
    texts = [panel.table.item(0, column).text() for column in range(4)]
    assert texts == ["m2n2", "0.50", "0.75", "0.12"]
    assert panel.table.item(0, 0).toolTip() == choice.name
    assert "Best: texture, m2n2, default" in panel.text.text()
    assert panel.use.isEnabled()  # the best one is selected


@pytest.mark.parametrize("clicks", [1, 3, 5, 20])
def test_the_seconds_are_seen_however_many_clicks_there_are(widget, clicks):
    panel, table = widget.measure, widget.measure.table
    unfold(table)
    panel.clicks.setValue(clicks)
    panel._set_columns(clicks)
    for choice in panel._choices[:4]:
        panel._on_found(Measured(choice, iou=(0.25,) * clicks, objects=1, click=12.5))
    panel._on_found(Measured(panel._choices[5], problem="It cannot be used. " * 9))
    for width in (330, 1200):
        widget.resize(width, 900)
        widget.grab()
        assert table.horizontalScrollBar().maximum() == 0
        seen = [c for c in range(clicks + 2) if not table.isColumnHidden(c)]
        assert {0, 1, clicks, clicks + 1} <= set(seen)
        assert table.columnWidth(0) >= 60
        if width == 1200:
            assert len(seen) == clicks + 2
    assert table.item(0, 1).toolTip().count("0.25") == clicks


def test_a_row_can_be_used(widget):
    panel = widget.measure
    row = next(
        r for r, c in enumerate(panel._choices) if (c.method, c.preset) == ("mis", "default")
    )
    assert not panel.use.isEnabled()
    panel.table.selectRow(row)
    panel.use.click()
    assert widget.controller.state.settings.method == "mis"
    assert widget.advanced.method.currentText() == "mis"
