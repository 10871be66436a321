"""Segment everything in the window: proposals, their level, and objects made of them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_m2n2.annotation.jobs import Settings
from napari_m2n2.annotation.newest import run_now
from napari_m2n2.errors import InputError
from napari_m2n2.viewer.proposing import Proposer
from napari_m2n2.viewer.why_layers import OURS

GRID = Settings(grid=20, device="cpu")


def picture():
    """A dark plane with two bright squares, one of them in a grey frame."""
    data = np.full((40, 60), 20, np.uint8)
    data[4:36, 30:56] = 90
    data[10:30, 36:50] = 220
    data[14:26, 6:18] = 200
    return data


SMALL = np.s_[14:26, 6:18]


@pytest.fixture
def proposer(model, controller):
    """What finds regions of an image, without a window."""
    controller.state.image = model.add_image(picture(), name="squares")
    controller.state.settings = GRID
    made = Proposer(controller, run_now)
    made.texts = []
    made.said.connect(lambda text, failed: made.texts.append(text))
    yield made
    made.close()


def found(viewer):
    layers = [layer for layer in viewer.layers if layer.metadata.get(OURS) == "proposals"]
    assert len(layers) <= 1
    return layers[0] if layers else None


def act(layer, position, *kinds):
    """Do with the mouse on a layer what napari tells its callbacks."""
    event = SimpleNamespace(type="mouse_press", button=1, position=position)
    under_way = [callback(layer, event) for callback in list(layer.mouse_drag_callbacks)]
    for kind in ("mouse_press", *kinds):
        event.type = kind
        for steps in filter(None, under_way):
            next(steps, None)


def click(layer, *position):
    act(layer, position, "mouse_release")


def overlap(mask, window):
    truth = np.zeros(mask.shape, bool)
    truth[window] = True
    return (mask & truth).sum() / (mask | truth).sum()


def test_a_click_makes_an_object_whose_size_can_be_changed(model, controller, proposer):
    proposer.find("mis")
    proposer.show(8)
    click(found(model), 20, 12)
    taken = proposer.taken
    labels = controller.current.labels
    assert taken.number in controller.table
    first = labels.data == taken.number
    assert first[20, 12]
    assert overlap(first, SMALL) > 0.6
    record = controller.table[taken.number].records[controller.shown()]
    assert (record.made.method, record.made.way) == ("mis", "drawn")

    proposer.resize(99)
    whole = labels.data == taken.number
    assert whole.all()
    proposer.resize(taken.step)
    np.testing.assert_array_equal(labels.data == taken.number, first)
    controller.undo()
    np.testing.assert_array_equal(labels.data == taken.number, whole)
    controller.undo()
    controller.undo()
    assert not labels.data.any()
    assert taken.number not in controller.table
    proposer.resize(0)
    assert "click a region again" in proposer.texts[-1]
    assert proposer.taken is None


def test_objects_do_not_take_pixels_of_others(model, controller, proposer):
    proposer.find("mis")
    proposer.show(8)
    click(found(model), 20, 12)
    labels = controller.current.labels
    first = (labels.data > 0).copy()
    number = proposer.taken.number
    proposer.show(1)
    click(found(model), 2, 2)
    assert proposer.taken.number != number
    np.testing.assert_array_equal(labels.data == number, first)
    assert (labels.data > 0).all()


def test_proposals_of_a_plane_of_a_stack_lie_where_it_lies(model, controller, proposer):
    stack = np.stack([np.zeros((40, 60), np.uint8), picture(), np.zeros((40, 60), np.uint8)])
    controller.state.image = model.add_image(stack, scale=(3, 2, 2), translate=(5, 10, 20))
    model.dims.set_point(0, 8)
    proposer.find("mis")
    layer = found(model)
    assert layer.data.shape == (1, 40, 60)
    assert tuple(layer.scale) == (3, 2, 2)
    assert tuple(layer.translate) == (8, 10, 20)
    proposer.show(8)
    click(layer, 8, 10 + 2 * 20, 20 + 2 * 12)
    labels = controller.current.labels
    assert labels.data[1, 20, 12]
    assert not labels.data[[0, 2]].any()


def test_dragging_and_painting_take_nothing(model, controller, proposer):
    proposer.find("mis")
    layer = found(model)
    act(layer, (20, 12), "mouse_move", "mouse_release")
    click(layer, -5, 12)
    proposer._on_mouse(layer, SimpleNamespace(type="mouse_press", button=2, position=(20, 12)))
    assert proposer.taken is None
    assert not len(controller.table)


def test_layers_that_go_are_forgotten(model, controller, proposer):
    proposer.find("mis")
    model.layers.remove(found(model))
    assert proposer.regions is None
    proposer.find("mis")
    proposer.find("mis")
    assert found(model) is not None
    model.layers.selection = set(model.layers)
    model.layers.remove_selected()
    assert proposer.regions is None
    controller.state.image = None
    proposer.find("mis")
    assert "choose an image" in proposer.texts[-1]


def test_regions_of_another_image_are_not_taken(model, controller, proposer):
    proposer.find("mis")
    layer = found(model)
    controller.new_pair(model.add_image(picture()[:20]))
    click(layer, 20, 12)
    assert proposer.taken is None
    assert "another image" in proposer.texts[-1]


def test_what_fails_is_said_and_nothing_is_lost(model, controller, proposer, monkeypatch):
    for error, said in [
        (InputError("It cannot be; do something else."), "It cannot be; do something else."),
        (MemoryError(), "not enough memory for a grid of 20"),
        (ValueError("oh"), "unexpected went wrong (ValueError: oh)"),
    ]:

        def fail(*args, error=error, **kwargs):
            raise error

        monkeypatch.setattr("napari_m2n2.segmentation.finder.RegionFinder.find", fail)
        proposer.find("mis")
        assert said in proposer.texts[-1]
        assert not proposer.busy
        assert found(model) is None


def test_words_make_an_object(model, controller, proposer, monkeypatch):
    from napari_m2n2.segmenter import Segmenter

    asked = []
    monkeypatch.setattr(Segmenter, "set_image", lambda self, image, **others: None)

    def segment(self, points, labels, *, text, progress):
        asked.append(text)
        return SimpleNamespace(mask=picture() == 200)

    monkeypatch.setattr(Segmenter, "segment", segment)
    proposer.describe("square; ground")
    assert asked == ["square; ground"]
    labels = controller.current.labels
    np.testing.assert_array_equal(labels.data > 0, picture() == 200)
    assert "is what the words mean" in proposer.texts[-1]


def test_words_that_are_not_understood_are_said(controller, proposer):
    proposer.describe("square")
    assert "'texture' does not understand text" in proposer.texts[-1]


def test_it_can_be_stopped_and_keeps_what_was_found(model, proposer, monkeypatch):
    from napari_m2n2.segmentation import regions

    monkeypatch.setattr(regions, "_PAUSE", 0.0)
    seen = []

    def progressed(phase, fraction):
        if proposer.regions is not None:
            seen.append(proposer.regions.finest)
            if len(seen) == 2:
                proposer.stop()

    proposer.progressed.connect(progressed)
    proposer.find("dwc")
    assert proposer.texts[-1] == "Stopped."
    assert len(seen) == 2
    assert proposer.regions.finest == seen[-1]
    assert found(model) is not None


def test_the_panel_shows_and_sets_all_of_it(viewer, widget):
    window, panel = viewer.__wrapped__, widget.everything
    widget.image = window.add_image(picture(), name="squares")
    widget.controller.state.settings = GRID
    assert panel.wording.isHidden()
    assert not panel.level.isEnabled()
    for by in ("mis", "dwc", "diffseg"):
        panel.ways.setCurrentIndex(panel.ways.findData(by))
        panel.button.click()
        assert "Click a region" in panel.text.text()
        finest = panel.level.maximum()
        assert finest == panel.proposer.regions.finest >= 3
        for count in (1, 3, finest):
            panel.level.setValue(count)
            assert panel.many.text() == f"{count} regions"
            shown = found(window).data
            np.testing.assert_array_equal(shown, panel.proposer.regions.labels(count))
    click(found(window), 20, 12)
    number = panel.proposer.taken.number
    assert panel.large.text() == f"object {number}"
    panel.size.setValue(panel.size.maximum())
    assert (widget.controller.current.labels.data == number).all()
    found(window).mode = "paint"
    click(found(window), 2, 2)
    assert panel.proposer.taken.number == number

    widget.controller.state.settings = Settings(backbone="stable-diffusion-2", grid=20)
    assert not panel.wording.isHidden()


def test_it_works_in_a_thread(viewer, threaded, qtbot):
    window, panel = viewer.__wrapped__, threaded.everything
    threaded.image = window.add_image(picture())
    threaded.controller.state.settings = GRID
    panel.button.click()
    assert panel.proposer.busy
    assert panel.button.text() == "Stop"
    qtbot.waitUntil(lambda: not panel.proposer.busy, timeout=60_000)
    assert found(window) is not None
    panel.button.click()
    panel.button.click()
    qtbot.waitUntil(lambda: not panel.proposer.busy, timeout=60_000)
    threaded.close()
    assert found(window) is None
