from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_m2n2.annotation import kept_attention
from napari_m2n2.annotation.encoding import Encoded, Useless
from napari_m2n2.annotation.jobs import Failed, Stopped
from napari_m2n2.annotation.newest import run_now
from napari_m2n2.attention.keeping import AttentionStore
from napari_m2n2.errors import Cancelled
from napari_m2n2.viewer.panels.stack import StackPanel


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_attention, "_store", None)
    monkeypatch.setenv("NAPARI_M2N2_STORE", str(tmp_path / "store"))


class Notes:
    """Takes notes of the planes that it is given; each has its number as its pixels."""

    def __init__(self):
        self.planes = []
        self.outcomes = {}
        self.size = 0
        self.problem = ""
        self.before = lambda: None

    def __call__(self, read, contrast, settings, progress):
        number = int(read().flat[0])
        self.planes.append(number)
        self.before()
        try:
            progress("attention", 0.0)
        except Cancelled:
            return Stopped()
        return self.outcomes.get(number, Encoded(True, self.size, self.problem))


@pytest.fixture
def notes():
    return Notes()


@pytest.fixture
def panel(controller, notes, qtbot):
    panel = StackPanel(controller, run_now, notes)
    qtbot.addWidget(panel)
    panel.show()
    yield panel
    panel.encoder.close()


@pytest.fixture
def stack(model, controller):
    data = np.broadcast_to(np.arange(5, dtype=np.uint8)[:, None, None], (5, 12, 16)).copy()
    image = model.add_image(data, name="stack")
    controller.state.image = image
    model.dims.set_point(0, 2)
    return image


def test_all_planes_the_one_on_screen_first(panel, stack, notes, controller):
    panel.button.click()
    assert notes.planes == [2, 3, 1, 4, 0]
    assert panel.text.text() == "5 of 5 planes are encoded."
    assert panel.button.isEnabled()
    assert not panel.stop.isEnabled()
    # no layer was made for it
    assert list(controller.viewer.layers) == [stack]
    assert kept_attention.kept_attention().folder is not None


def test_the_image_at_work(panel, stack, notes, controller):
    controller.new_pair(stack)
    controller.state.image = None
    panel.button.click()
    assert sorted(notes.planes) == [0, 1, 2, 3, 4]


def test_planes_that_were_there_and_planes_that_fail(panel, stack, notes):
    notes.outcomes = {2: Failed("It is torn."), 0: Encoded(False)}
    panel.button.click()
    assert notes.planes == [2, 3, 1, 4, 0, 2, 2]
    assert panel.text.text() == (
        "4 of 5 planes are encoded, 1 of them before. slice 2 of axis 0 could not be: It is torn."
    )


def test_what_concerns_all_planes_ends_it(panel, stack, notes):
    notes.outcomes = {3: Useless("There are no weights; download them.")}
    panel.button.click()
    assert notes.planes == [2, 3]
    assert panel.text.text() == "There are no weights; download them."
    assert panel.button.isEnabled()


def test_stopped_it_goes_on_next_time(panel, stack, notes):
    notes.before = lambda: panel.stop.click() if len(notes.planes) == 2 else None
    panel.button.click()
    assert panel.text.text() == "Stopped; 1 of 5 planes are encoded."
    assert not panel.encoder.busy
    panel.button.click()
    assert notes.planes[2:] == [2, 3, 1, 4, 0]


def test_an_image_that_is_removed_ends_it(panel, stack, notes, model):
    notes.before = lambda: model.layers.remove(stack) if len(notes.planes) == 2 else None
    panel.button.click()
    assert notes.planes == [2, 3]
    assert panel.text.text() == "Stopped; 2 of 5 planes are encoded."
    assert not panel.encoder.busy


def test_clicks_come_first(panel, stack, notes, controller):
    """A plane that is under way is called off and begun again once the clicks are done."""
    notes.before = lambda: controller.busy.emit(True) if len(notes.planes) == 2 else None
    panel.button.click()
    assert notes.planes == [2, 3]
    assert panel.encoder.busy
    controller.busy.emit(False)
    assert notes.planes == [2, 3, 3, 1, 4, 0]
    assert panel.text.text() == "5 of 5 planes are encoded."


def test_a_full_store_is_the_end(panel, stack, notes, monkeypatch):
    """Further planes would take the place of those near to the one on screen."""
    monkeypatch.setenv("NAPARI_M2N2_STORE_LIMIT", "1")
    notes.size = 400_000_000
    panel.button.click()
    assert notes.planes == [2, 3]
    assert panel.text.text().startswith("The store is full with 2 of 5 planes; set a larger")


def test_the_order_follows_the_slider(panel, stack, notes, model):
    notes.before = lambda: model.dims.set_point(0, 0)
    panel.button.click()
    assert notes.planes == [2, 0, 1, 3, 4]


def test_one_mask_for_channels_is_one_plane(panel, stack, notes, controller):
    controller.state.channel_axis = 0
    panel.button.click()
    assert len(notes.planes) == 1


def test_what_is_needed_is_said(panel, notes, controller, model, stack):
    controller.state.region = "view"
    panel.button.click()
    assert "Only whole planes" in panel.text.text()
    controller.state.region = "plane"
    model.layers.remove(stack)
    panel.button.click()
    assert panel.text.text() == "Open an image to begin."
    assert notes.planes == []


def test_a_store_that_cannot_be_used_is_said_and_it_goes_on_in_memory(
    panel, stack, notes, tmp_path
):
    (tmp_path / "store").write_text("a file")
    panel.button.click()
    assert notes.planes == [2, 3, 1, 4, 0]
    told = panel.text.text()
    assert told.startswith("5 of 5 planes are encoded. ")
    assert str(tmp_path / "store") in told
    assert "kept in memory only" in told


def test_a_disk_that_gets_full_is_said_and_it_goes_on_in_memory(panel, stack, notes, monkeypatch):
    def fill():
        notes.problem = "The disk is full." if len(notes.planes) > 2 else ""
        monkeypatch.setattr(AttentionStore, "room", 10**9 if notes.problem else 10**10)

    notes.before, notes.size = fill, 400_000_000
    panel.button.click()
    # two on the disk, and two that memory has room for
    assert notes.planes == [2, 3, 1, 4]
    assert panel.text.text() == (
        "There is no room in memory for more than 4 of 5 planes. The disk is full."
    )


def test_in_a_thread_a_click_is_not_kept_waiting(widget_with_gate, qtbot):
    panel, controller, gate, notes = widget_with_gate
    panel.button.click()
    qtbot.waitUntil(lambda: len(notes.planes) == 1)
    controller.busy.emit(True)
    gate.set()
    qtbot.waitUntil(lambda: not panel.encoder.at_work)
    assert notes.planes == [2]
    assert panel.encoder.busy
    controller.busy.emit(False)
    qtbot.waitUntil(lambda: not panel.encoder.busy)
    assert notes.planes == [2, 2, 3, 1, 4, 0]


@pytest.fixture
def widget_with_gate(controller, notes, qtbot, stack):
    from napari_m2n2.viewer.worker import run_in_thread

    gate = threading.Event()
    notes.before = lambda: gate.wait(10)
    panel = StackPanel(controller, run_in_thread, notes)
    qtbot.addWidget(panel)
    yield panel, controller, gate, notes
    gate.set()
    panel.encoder.close()
    qtbot.waitUntil(lambda: not panel.encoder.at_work)
