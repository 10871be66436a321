"""With the real threads: responsive, newest wins, and nothing is left behind."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from qtpy.QtCore import QTimer

from napari_m2n2.errors import InputError

from .conftest import disc


@pytest.fixture
def pair(viewer, threaded):
    data = np.random.default_rng(0).random((3, 40, 60))
    viewer.__wrapped__.add_image(data, name="noise")
    viewer.dims.current_step = (1, 0, 0)
    return threaded.controller.new_pair(threaded.image)


@pytest.fixture
def settle(qtbot, threaded):
    """Wait until there is no work left."""

    def settle():
        qtbot.waitUntil(lambda: not threaded.controller._outliner.busy, timeout=5000)

    return settle


def test_labels_arrive_from_another_thread(pair, discs, settle, viewer):
    seen = []
    create = discs.create

    def spy(settings):
        seen.append(threading.current_thread())
        return create(settings)

    discs.create = spy
    pair.labels.events.set_data.connect(lambda event: seen.append(threading.current_thread()))
    pair.prompts.add([1, 10, 20])
    settle()
    assert np.array_equal(pair.labels.data[1], disc((40, 60), (10, 20)))
    assert seen[-1] is threading.main_thread()


def test_the_window_ticks_while_a_slow_method_computes(pair, discs, settle, qtbot, threaded):
    ticks = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(1))
    timer.start(10)
    discs.gate.clear()
    pair.prompts.add([1, 10, 20])
    qtbot.waitUntil(discs.waiting.is_set, timeout=5000)
    assert "Working on slice 1" in threaded.status.text.text()
    assert threaded.status.stop.isEnabled()
    ticks.clear()
    qtbot.wait(500)
    assert len(ticks) >= 20
    assert threaded.status.bar.value() == 50
    assert "Markov map" in threaded.status.bar.format()
    discs.gate.set()
    settle()
    timer.stop()
    assert pair.labels.data[1].any()
    assert not threaded.status.stop.isEnabled()
    assert threaded.status.bar.value() == 0


def test_of_many_quick_clicks_the_newest_wins(pair, discs, settle, qtbot):
    discs.gate.clear()
    centres = [(10, 5 + 6 * i) for i in range(8)]
    pair.prompts.add([1, *centres[0]])
    qtbot.waitUntil(discs.waiting.is_set, timeout=5000)
    for centre in centres[1:]:
        pair.prompts.add([1, *centre])
    discs.gate.set()
    settle()
    assert np.array_equal(pair.labels.data[1], disc((40, 60), *centres))
    assert [len(points) for points, _ in discs.clicks] == [1, 8]
    assert len(discs.images) == 1


def test_a_click_overtaken_by_one_on_another_slice_is_made_up_for(
    pair, discs, settle, qtbot, viewer
):
    discs.gate.clear()
    pair.prompts.add([1, 10, 20])
    qtbot.waitUntil(discs.waiting.is_set, timeout=5000)
    viewer.dims.current_step = (2, 0, 0)
    pair.prompts.add([2, 20, 30])
    discs.gate.set()
    settle()
    assert np.array_equal(pair.labels.data[2], disc((40, 60), (20, 30)))
    assert np.array_equal(pair.labels.data[1], disc((40, 60), (10, 20)))


def test_points_removed_while_working_leave_nothing(pair, discs, settle, qtbot):
    discs.gate.clear()
    pair.prompts.add([1, 10, 20])
    qtbot.waitUntil(discs.waiting.is_set, timeout=5000)
    pair.prompts.data = np.zeros((0, 3))
    discs.gate.set()
    settle()
    assert not pair.labels.data.any()


def test_stop_calls_off_and_the_next_click_works(pair, discs, settle, qtbot, threaded):
    discs.gate.clear()
    pair.prompts.add([1, 10, 20])
    qtbot.waitUntil(discs.waiting.is_set, timeout=5000)
    threaded.status.stop.click()
    settle()
    assert "Stopped" in threaded.status.text.text()
    assert not pair.labels.data.any()
    discs.gate.set()
    pair.prompts.add([1, 20, 30])
    settle()
    assert np.array_equal(pair.labels.data[1], disc((40, 60), (10, 20), (20, 30)))


def test_a_failure_in_the_thread_is_a_sentence_and_no_notification(
    pair, discs, settle, threaded, caplog
):
    from napari.utils.notifications import notification_manager

    before = len(notification_manager.records)
    discs.trouble.append(InputError("The image is odd; use another one."))
    pair.prompts.add([1, 10, 20])
    settle()
    assert threaded.status.text.text() == "The image is odd; use another one."
    discs.trouble.append(ZeroDivisionError("by zero"))
    pair.prompts.add([1, 20, 30])
    settle()
    assert "unexpected" in threaded.status.text.text()
    assert len(notification_manager.records) == before


@pytest.mark.parametrize("shape", [(3, 40, 60), (3, 50, 60)], ids=["same", "other"])
def test_an_image_swapped_while_working(pair, discs, settle, qtbot, shape):
    discs.gate.clear()
    pair.prompts.add([1, 10, 20])
    qtbot.waitUntil(discs.waiting.is_set, timeout=5000)
    pair.image.data = np.random.default_rng(1).random(shape)
    discs.shift = 5
    discs.gate.set()
    settle()
    same = shape == (3, 40, 60)
    expected = disc((40, 60), (15, 20)) if same else np.zeros((40, 60), bool)
    assert np.array_equal(pair.labels.data[1], expected)
    assert len(discs.images) == (2 if same else 1)


@pytest.mark.parametrize("which", ["image", "prompts", "labels"])
def test_a_layer_removed_while_working(pair, discs, settle, qtbot, viewer, threaded, which):
    discs.gate.clear()
    pair.prompts.add([1, 10, 20])
    qtbot.waitUntil(discs.waiting.is_set, timeout=5000)
    viewer.layers.remove(getattr(pair, which))
    assert "was removed" in threaded.status.text.text()
    assert threaded.controller.pairs == ()
    settle()
    discs.gate.set()
    pair.prompts.add([1, 20, 30])
    assert not pair.labels.data.any()
    assert len(discs.clicks) == 1


def test_the_work_of_another_image_survives_a_removed_layer(
    pair, discs, settle, qtbot, viewer, threaded
):
    image = viewer.__wrapped__.add_image(np.random.default_rng(1).random((4, 40, 60)))
    other = threaded.controller.new_pair(image)
    discs.gate.clear()
    other.prompts.add([1, 10, 20])
    qtbot.waitUntil(discs.waiting.is_set, timeout=5000)
    viewer.layers.remove(pair.labels)
    discs.gate.set()
    settle()
    assert np.array_equal(other.labels.data[1], disc((40, 60), (10, 20)))


def test_a_commit_waits_for_the_outline(pair, discs, settle, qtbot, threaded):
    controller = threaded.controller
    discs.gate.clear()
    pair.prompts.add([1, 10, 20])
    qtbot.waitUntil(discs.waiting.is_set, timeout=5000)
    assert controller.commit() is None
    assert "as soon as its outline is ready" in threaded.status.text.text()
    assert pair.prompts.mode == "pan_zoom"
    discs.gate.set()
    settle()
    assert [known.id for known in controller.table] == [1]
    assert pair.prompts.mode == "add"
    assert np.array_equal(pair.labels.data[1], disc((40, 60), (10, 20)))
    pair.labels.undo()
    assert not pair.labels.data.any()


def test_a_commit_that_waits_is_called_off_by_stop(pair, discs, settle, qtbot, threaded):
    controller = threaded.controller
    discs.gate.clear()
    pair.prompts.add([1, 10, 20])
    qtbot.waitUntil(discs.waiting.is_set, timeout=5000)
    controller.commit()
    controller.stop()
    discs.gate.set()
    settle()
    assert not len(controller.table)
    assert pair.prompts.data.tolist() == [[1, 10, 20]]


def test_undo_while_there_is_work(pair, discs, settle, qtbot, threaded):
    controller = threaded.controller
    pair.prompts.add([1, 10, 20])
    settle()
    first = pair.labels.data.copy()
    discs.gate.clear()
    pair.prompts.add([1, 30, 50])
    qtbot.waitUntil(discs.waiting.is_set, timeout=5000)
    controller.undo()
    discs.gate.set()
    settle()
    assert np.array_equal(pair.labels.data, first)
    assert pair.prompts.data.tolist() == [[1, 10, 20]]


def test_the_widget_closed_while_working(pair, discs, settle, qtbot, viewer, threaded):
    discs.gate.clear()
    pair.prompts.add([1, 10, 20])
    qtbot.waitUntil(discs.waiting.is_set, timeout=5000)
    viewer.window.remove_dock_widget(threaded)
    threaded.close()
    settle()  # it stops by itself, behind a closed gate
    assert not pair.labels.data.any()
    assert not pair.prompts.keymap
    pair.prompts.add([1, 20, 30])
    viewer.dims.current_step = (2, 0, 0)
    viewer.__wrapped__.add_image(np.zeros((5, 5)))
    assert len(discs.clicks) == 1


def test_the_widget_deleted_without_being_closed(pair, discs, settle, qtbot, viewer, threaded):
    discs.gate.clear()
    pair.prompts.add([1, 10, 20])
    qtbot.waitUntil(discs.waiting.is_set, timeout=5000)
    controller = threaded.controller
    viewer.window.remove_dock_widget(threaded)
    gone = []
    # not waitSignal: it disconnects from what is being destroyed, at which PySide takes offence
    threaded.destroyed.connect(lambda: gone.append(True))
    threaded.deleteLater()
    qtbot.waitUntil(lambda: bool(gone), timeout=5000)
    assert controller.pairs == ()
    settle()
    viewer.__wrapped__.add_image(np.zeros((5, 5)))
    assert not pair.labels.data.any()


def test_the_window_closed_while_working(pair, discs, settle, qtbot, viewer):
    discs.gate.clear()
    pair.prompts.add([1, 10, 20])
    qtbot.waitUntil(discs.waiting.is_set, timeout=5000)
    viewer.close()
    settle()
    assert len(discs.clicks) == 1
