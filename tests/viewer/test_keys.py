"""The keys, on the canvas of a real window and in every layer of ours."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_m2n2.viewer import keys
from napari_m2n2.viewer.panels.table_model import NAME
from napari_m2n2.viewer.tools import TOOLS, in_hand, take

from .conftest import dock, run_now
from .mouse import Mouse

CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def window(make_napari_viewer_proxy, discs, qtbot):
    """A shown window with an object in a stack; the viewer, the widget, the object, the mouse."""
    viewer = make_napari_viewer_proxy(show=True)
    viewer.window.resize(1100, 800)
    image = viewer.__wrapped__.add_image(np.random.default_rng(0).random((5, 40, 60)))
    widget = dock(viewer, discs, runner=run_now)
    pair = widget.controller.new_pair(image)
    take(TOOLS[1], viewer.__wrapped__, pair)
    take(TOOLS[0], viewer.__wrapped__, pair)
    mouse = Mouse(viewer, qtbot)
    mouse.settle()
    return viewer, widget, pair, mouse


@pytest.mark.parametrize("which", ["prompts", "shapes", "labels"])
def test_every_key_works_in_every_layer_of_ours(window, which):
    viewer, widget, pair, mouse = window
    controller, state = widget.controller, widget.controller.state
    plane = controller.shown()
    z = dict(plane.hidden)[0]
    pair.prompts.add([[z, 10, 20], [z, 30, 40]])
    viewer.layers.selection.active = getattr(pair, which)
    mouse.key(Qt.Key.Key_G)
    assert not state.foreground
    chosen = []
    for key in (Qt.Key.Key_J, Qt.Key.Key_K, Qt.Key.Key_K):
        mouse.key(key)
        chosen.append(set(pair.prompts.selected_data))
    assert chosen == [{0}, {1}, {0}]
    mouse.key(Qt.Key.Key_H)
    assert not pair.labels.visible
    mouse.key(Qt.Key.Key_H)
    assert pair.labels.visible
    shown = []
    for _ in range(4):
        mouse.key(Qt.Key.Key_W)
        shown.append(state.overlay)
    assert shown == ["map", "score", "uncertainty", "none"]
    viewer.layers.selection.active = getattr(pair, which)
    mouse.key(Qt.Key.Key_U)
    assert pair.prompts.data.tolist() == [[z, 10, 20]]
    mouse.key(Qt.Key.Key_N)
    assert [known.id for known in controller.table] == [1]
    viewer.layers.selection.active = getattr(pair, which)
    mouse.key(Qt.Key.Key_Z, CONTROL)
    assert not len(controller.table)
    mouse.key(Qt.Key.Key_Z, CONTROL | Qt.KeyboardModifier.ShiftModifier)
    assert [known.id for known in controller.table] == [1]


@pytest.mark.parametrize("which", ["prompts", "shapes", "labels"])
def test_the_key_goes_through_the_tools(window, which):
    viewer, _, pair, mouse = window
    viewer.layers.selection.active = getattr(pair, which)
    pair.prompts.mode = pair.shapes.mode = "select"
    names = []
    for _ in range(5):
        mouse.key(Qt.Key.Key_Q)
        names.append(in_hand(viewer, pair).name)
    assert names == ["Points", "Box", "Scribble", "Lasso", "Points"]


def test_the_window_lists_every_key(window):
    _, widget, _, _ = window
    shown = widget.keys.text.text()
    for key in keys.KEYS:
        assert key.key in shown
        assert key.title in shown


def test_the_buttons_of_the_tools_follow_what_is_done_elsewhere(window, qtbot):
    viewer, widget, pair, mouse = window
    buttons = dict(zip([tool.name for tool in TOOLS], widget.prompts.tools.buttons(), strict=True))

    def down():
        return [name for name, button in buttons.items() if button.isChecked()]

    assert down() == ["Points"]
    qtbot.mouseClick(buttons["Lasso"], Qt.MouseButton.LeftButton)
    assert viewer.layers.selection.active == pair.shapes
    assert pair.shapes.mode == "add_polygon_lasso"
    assert down() == ["Lasso"]
    pair.shapes.mode = "add_rectangle"  # as napari's own button does
    assert down() == ["Box"]
    pair.shapes.mode = "select"
    assert down() == []
    mouse.key(Qt.Key.Key_Q)
    assert down() == ["Points"]
    viewer.layers.selection.active = pair.labels
    assert down() == []


def test_a_layer_of_shapes_that_was_removed_comes_back_with_its_tool(window):
    viewer, widget, pair, mouse = window
    mouse.key(Qt.Key.Key_Q)
    mouse.drag((5, 10), (20, 30))
    viewer.layers.remove(pair.shapes)
    assert widget.controller.pairs == (pair,)
    assert not pair.prompts_on(widget.controller.shown())
    viewer.layers.selection.active = pair.prompts
    mouse.key(Qt.Key.Key_Q)
    assert viewer.layers.selection.active == pair.shapes
    mouse.drag((5, 10), (20, 30))
    assert len(pair.prompts_on(widget.controller.shown()).boxes) == 1


def test_no_tool_is_taken_in_3d(window):
    viewer, widget, _, mouse = window
    viewer.dims.ndisplay = 3
    mouse.key(Qt.Key.Key_Q)
    assert "switch it to 2D" in widget.status.text.text()


def test_keys_work_after_a_click_on_the_table(window, qtbot):
    """A letter neither renames what was clicked nor looks for a row."""
    _, widget, _, mouse = window
    mouse.click((20, 30))
    mouse.key(Qt.Key.Key_N)
    mouse.click((30, 50))
    view = widget.table.view
    widget.window().activateWindow()
    place = view.visualRect(widget.table.sorted.index(0, NAME)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(view.hasFocus, timeout=3000)
    qtbot.keyClick(view, Qt.Key.Key_N)
    assert [known.id for known in widget.controller.table] == [1, 2]
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.keyClick(view, Qt.Key.Key_3)
    assert view.state() != view.State.EditingState
    qtbot.keyClick(view, Qt.Key.Key_F2)
    assert view.state() == view.State.EditingState
