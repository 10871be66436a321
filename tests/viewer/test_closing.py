"""A window that is closed is freed at once and in its thread, whatever the garbage collector does.

Objects that hold each other in a circle live until the collector comes, in any thread; parts of
Qt that are freed in another thread than the window's take the process down.
"""

from __future__ import annotations

import gc
import weakref
from contextlib import contextmanager
from importlib import import_module

import numpy as np
import pytest
from qtpy.QtCore import QCoreApplication, QEvent, QObject

from napari_m2n2.viewer.garbage import Collector
from napari_m2n2.viewer.kept import FILE

from .conftest import dock, run_now


@contextmanager
def no_collector():
    """While it lasts, nothing is freed but what nobody knows."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def let_qt_delete():
    """Do what the event loop of a real window does soon."""
    for _ in range(5):
        QCoreApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def ours():
    """Return all objects of the viewer's classes that there are, by weak references."""
    found = [
        known
        for known in gc.get_objects()
        if str(type(known).__module__).startswith("napari_m2n2.viewer")
        and getattr(type(known), "__weakrefoffset__", 0)
    ]
    return {id(known): weakref.ref(known) for known in found}


def left_of(known):
    return sorted({type(ref()).__name__ for ref in known.values() if ref() is not None})


def work(widget, viewer, image):
    """Do a bit of everything."""
    controller = widget.controller
    pair = controller.new_pair(image)
    viewer.dims.set_point(0, 1)
    pair.prompts.add([1, 10, 20])
    controller.commit()
    pair.prompts.add([1, 30, 40])
    controller.undo()
    controller.redo()
    controller.state.overlay = "score"
    controller.state.region = "view"
    controller.take_back()
    pair.prompts.add([1, 30, 40])
    widget.carrying.carry_on()
    widget.session.text.text()
    return controller


def begun(viewer, discs):
    import_module("napari_m2n2.viewer.widget")  # whose constants are made once
    known = set(ours())
    widget = dock(viewer, discs, runner=run_now)
    image = viewer.__wrapped__.add_image(np.random.default_rng(0).random((3, 40, 60)))
    widget.image = image
    work(widget, viewer, image)
    made = {number: ref for number, ref in ours().items() if number not in known}
    assert len(made) > 50
    return widget, made


STAY = {"_Counter", "_Relay"}
"""What counts the changes of an image belongs to the image; what hears of threads, to Qt."""


@pytest.mark.parametrize("way", ["cross", "closed", "script"])
def test_closing_the_dock_frees_all_of_it(viewer, discs, way):
    with no_collector():
        widget, made = begun(viewer, discs)
        if way == "cross":
            widget.parent().destroyOnClose()
        elif way == "script":
            viewer.window.remove_dock_widget(widget)
        else:
            widget.close()
        del widget
        let_qt_delete()
        assert not set(left_of(made)) - STAY


def test_closing_the_window_frees_all_of_it(make_napari_viewer_proxy, discs):
    with no_collector():
        viewer = make_napari_viewer_proxy()
        widget, made = begun(viewer, discs)
        del widget
        viewer.close()
        let_qt_delete()
        left = [ref() for ref in made.values() if ref() is not None]
        assert not [type(known).__name__ for known in left if isinstance(known, QObject)]
        assert not set(left_of(made)) - STAY


def test_a_cross_in_the_dock_ends_the_work(viewer, discs):
    """napari takes the widget out of its dock and does not close it."""
    widget, _ = begun(viewer, discs)
    pair = widget.controller.current
    widget.parent().destroyOnClose()
    let_qt_delete()
    clicks = len(discs.clicks)
    pair.prompts.add([1, 12, 12])
    assert len(discs.clicks) == clicks
    assert not pair.prompts.keymap


def test_a_widget_that_is_docked_elsewhere_goes_on(viewer, discs):
    widget, _ = begun(viewer, discs)
    viewer.window.remove_dock_widget(widget)
    viewer.window.add_dock_widget(widget, name="elsewhere")
    let_qt_delete()
    clicks = len(discs.clicks)
    widget.controller.current.prompts.add([1, 12, 12])
    assert len(discs.clicks) > clicks


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    gc.enable()


def test_while_a_thread_works_nothing_is_collected_in_it(collector):
    collector.begin()
    assert not gc.isenabled()
    collector.begin()
    collector.end()
    assert not gc.isenabled()
    collector.end()
    assert gc.isenabled()
    collector.end()  # once too often does nothing
    assert gc.isenabled()


def test_who_has_switched_the_collector_off_finds_it_off(collector):
    gc.disable()
    collector.begin()
    collector.end()
    assert not gc.isenabled()


class _Circle:
    def __init__(self):
        self.me = self


def test_the_window_collects_young_garbage_meanwhile(collector):
    collector.begin()
    circle = weakref.ref(_Circle())
    many = [[] for _ in range(2 * gc.get_threshold()[0])]
    assert circle() is not None
    collector.collect()
    assert circle() is None
    assert many
    collector.end()


def names(viewer):
    return [layer.name for layer in viewer.layers]


def test_what_was_left_when_it_was_closed_does_not_lie_about(viewer, discs, tmp_path):
    file = tmp_path / "a.tif"
    file.touch()
    widget = dock(viewer, discs, runner=run_now)
    pixels = np.random.default_rng(0).random((40, 60))
    image = viewer.__wrapped__.add_image(pixels, name="a", metadata={FILE: str(file)})
    pair = widget.controller.new_pair(image)
    pair.prompts.add([10, 20])
    widget.close()
    let_qt_delete()
    again = dock(viewer, discs, runner=run_now)
    assert again.session.offer.isVisibleTo(again)
    assert "a.tif.m2n2.json" in again.session.found.text()
    again.session.resume.click()
    assert names(viewer) == ["a", "a: labels", "a: prompts"]
    assert again.controller.current.prompts.data.tolist() == [[10, 20]]
    assert not again.session.offer.isVisibleTo(again)
    again.close()
    let_qt_delete()
    third = dock(viewer, discs, runner=run_now)
    third.controller.new_pair(image)  # without an answer, which leaves the session aside
    prompts = [layer for layer in viewer.layers if "prompts" in layer.name]
    assert [layer.visible for layer in prompts] == [False, True]
    third.close()
