"""Boxes, scribbles and lassos: drawn with a mouse, read on their plane, signed, and taken back."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import Qt

from napari_m2n2.viewer.signs import ORDER, SIGN, read_signs

from .conftest import dock, run_now
from .mouse import Mouse

BOX = [[5, 8], [5, 30], [25, 30], [25, 8]]


@pytest.fixture
def pair(begin):
    return begin(np.random.default_rng(0).random((40, 60)))


def on_screen(controller):
    return controller.current.prompts_on(controller.shown())


def signs(layer):
    return read_signs(layer).tolist()


def add(pair, kind, corners, **more):
    pair.shapes.add(np.array(corners, dtype=float), shape_type=kind, **more)


def flat(z, corners):
    return [[z, *corner] for corner in corners]


# ------------------------------------------------------------------ by script


def test_each_kind_of_shape_is_a_kind_of_prompt(controller, pair, screen):
    add(pair, "rectangle", BOX)
    add(pair, "path", [[10, 10], [12, 20], [14, 22]])
    add(pair, "line", [[20, 10], [22, 20]])
    add(pair, "polygon", [[5, 5], [5, 20], [20, 10]])
    add(pair, "ellipse", BOX)
    found = on_screen(controller)
    assert found.boxes.tolist() == [[5, 8, 25, 30]]
    assert [len(path) for path, _ in found.scribbles] == [3, 2]
    assert [len(lasso) for lasso in found.lassos] == [3, 64]
    assert found.foreground == 5
    assert "Outlined from 1 box, 2 scribbles and 2 lassos" in screen.text


def test_background_shapes_take_away(controller, pair):
    controller.state.foreground = False
    add(pair, "rectangle", BOX)
    add(pair, "path", [[10, 10], [12, 20]])
    found = on_screen(controller)
    assert len(found.boxes) == 0
    assert len(found.excluded) == 1
    assert [label for _, label in found.scribbles] == [False]


def test_each_shape_keeps_its_sign(controller, pair):
    add(pair, "rectangle", BOX)
    controller.state.foreground = False
    add(pair, "rectangle", BOX)
    controller.state.foreground = True
    add(pair, "path", [[10, 10], [12, 20]])
    assert signs(pair.shapes) == [True, False, True]
    pair.shapes.remove([0])
    assert signs(pair.shapes) == [False, True]


def test_signs_differ_by_colour_by_text_and_by_what_is_filled(controller, pair):
    add(pair, "rectangle", BOX)
    controller.state.foreground = False
    add(pair, "rectangle", BOX)
    edges, faces = pair.shapes.edge_color, pair.shapes.face_color
    assert not np.array_equal(edges[0], edges[1])
    assert faces[0][3] == 0
    assert 0 < faces[1][3] < 0.5
    assert pair.shapes.text.values.tolist() == ["+", "−"]


def test_a_sign_changed_in_the_table_counts(controller, pair, discs):
    add(pair, "rectangle", BOX)
    pair.shapes.features = pd.DataFrame({SIGN: ["bg"]})
    assert len(on_screen(controller).excluded) == 1
    assert pair.shapes.text.values.tolist() == ["−"]


def test_the_switch_leaves_a_selected_shape_alone(controller, pair):
    add(pair, "rectangle", BOX)
    pair.shapes.mode = "select"
    pair.shapes.selected_data = {0}
    before = pair.shapes.edge_color.copy()
    controller.state.foreground = False
    assert signs(pair.shapes) == [True]
    assert np.array_equal(pair.shapes.edge_color, before)
    add(pair, "path", [[10, 10], [12, 20]])
    assert signs(pair.shapes) == [True, False]


def test_a_moved_shape_is_another_prompt(controller, pair, discs):
    add(pair, "rectangle", BOX)
    asked = len(discs.clicks)
    pair.shapes.data = [np.array(BOX) + 3.0]
    assert on_screen(controller).boxes.tolist() == [[8, 11, 28, 33]]
    assert len(discs.clicks) == asked + 1
    assert signs(pair.shapes) == [True]


def test_all_shapes_taken_away_ask_for_nothing_more(controller, pair):
    add(pair, "rectangle", BOX)
    pair.shapes.data = []
    assert not on_screen(controller)
    controller.state.foreground = False
    add(pair, "path", [[10, 10], [12, 20]])
    assert signs(pair.shapes) == [False]


def test_shapes_beside_the_image_are_counted(controller, pair, screen):
    add(pair, "rectangle", np.array(BOX) + 500)
    assert on_screen(controller).outside == 1
    assert "beside the image" in screen.text


def test_shapes_count_on_the_plane_they_were_drawn_on(begin, controller, model):
    pair = begin(np.random.default_rng(0).random((6, 40, 60)))
    add(pair, "rectangle", flat(2, BOX))
    add(pair, "path", flat(4, [[10, 10], [12, 20]]))
    model.dims.current_step = (2, 0, 0)
    assert len(on_screen(controller).boxes) == 1
    assert not on_screen(controller).scribbles
    model.dims.current_step = (4, 0, 0)
    assert len(on_screen(controller).scribbles) == 1
    model.dims.current_step = (3, 0, 0)
    assert not on_screen(controller)


def test_shapes_on_a_plane_seen_from_the_side(begin, controller, model):
    pair = begin(np.random.default_rng(0).random((30, 40, 60)))
    model.dims.order = (1, 0, 2)
    model.dims.current_step = (0, 7, 0)
    add(pair, "rectangle", [[5, 7, 8], [5, 7, 30], [25, 7, 30], [25, 7, 8]])
    assert on_screen(controller).boxes.tolist() == [[5, 8, 25, 30]]
    model.dims.order = (0, 1, 2)
    assert not on_screen(controller)


@pytest.mark.parametrize(
    "transform",
    [
        {"scale": (2.0, 0.5)},
        {"scale": (2.0, 0.5), "translate": (100, -7), "rotate": 30, "shear": [0.3]},
        {"affine": np.array([[1.5, 0.2, 7], [-0.1, 0.8, -3], [0, 0, 1]])},
    ],
)
def test_shapes_lie_where_the_image_lies(begin, controller, transform):
    pair = begin(np.random.default_rng(0).random((40, 60)), **transform)
    world = pair.image.data_to_world((20, 30))
    assert pair.shapes.world_to_data(world) == pytest.approx((20, 30))
    add(pair, "rectangle", BOX)
    assert on_screen(controller).boxes == pytest.approx(np.array([[5, 8, 25, 30]]), abs=1e-5)
    pair.image.translate = (5, 5)
    assert on_screen(controller).boxes == pytest.approx(np.array([[5, 8, 25, 30]]), abs=1e-5)


def test_shapes_on_a_multiscale_image_are_in_pixels_of_the_level(begin, controller, monkeypatch):
    from napari_m2n2.annotation import planes

    monkeypatch.setattr(planes, "SENSIBLE_PIXELS", 50 * 60)
    random = np.random.default_rng(0)
    levels = [random.random((80, 100)), random.random((40, 50))]
    pair = begin(levels, multiscale=True, contrast_limits=(0, 1))
    add(pair, "rectangle", [[20.5, 40.5], [20.5, 60.5], [30.5, 60.5], [30.5, 40.5]])
    assert on_screen(controller).boxes.tolist() == [[10, 20, 15, 30]]


# ------------------------------------------------------------------ taking back


def test_prompts_are_taken_back_in_the_order_they_were_made(controller, pair):
    pair.prompts.add([10, 20])
    add(pair, "rectangle", BOX)
    pair.prompts.add([12, 22])
    add(pair, "path", [[10, 10], [12, 20]])
    left = []
    for _ in range(5):
        left.append((len(pair.prompts.data), len(pair.shapes.data)))
        controller.take_back()
    assert left == [(2, 2), (2, 1), (1, 1), (1, 0), (0, 0)]
    assert not pair.labels.data.any()


def test_taking_back_leaves_other_planes_alone(begin, controller, model):
    pair = begin(np.random.default_rng(0).random((6, 40, 60)))
    model.dims.current_step = (2, 0, 0)
    pair.prompts.add([2, 10, 20])
    model.dims.current_step = (3, 0, 0)
    add(pair, "rectangle", flat(3, BOX))
    model.dims.current_step = (2, 0, 0)
    controller.take_back()
    controller.take_back()
    assert (len(pair.prompts.data), len(pair.shapes.data)) == (0, 1)


def test_what_is_drawn_after_a_deletion_is_the_last(controller, pair):
    add(pair, "rectangle", BOX)
    add(pair, "path", [[10, 10], [12, 20]])
    pair.prompts.add([10, 20])
    pair.shapes.remove([1])
    add(pair, "line", [[20, 10], [22, 20]])
    assert pair.shapes.features[ORDER].tolist() == [1, 4]
    controller.take_back()
    assert (len(pair.prompts.data), len(pair.shapes.data)) == (1, 1)


# ------------------------------------------------------------------ with a mouse in a window


@pytest.fixture
def shown(make_napari_viewer_proxy, discs, qtbot):
    """A function that opens a window with an image; it gives the object, a mouse, and so on."""

    def show(data, **attributes):
        viewer = make_napari_viewer_proxy(show=True)
        viewer.window.resize(1100, 800)
        image = viewer.__wrapped__.add_image(data, **attributes)
        widget = dock(viewer, discs, runner=run_now)
        pair = widget.controller.new_pair(image)
        mouse = Mouse(viewer, qtbot)
        mouse.settle()
        return viewer, widget, pair, mouse

    return show


def noise(*shape):
    return np.random.default_rng(0).random(shape)


def test_box_scribble_and_lasso_drawn_with_the_mouse(shown):
    viewer, widget, pair, mouse = shown(noise(40, 60))
    controller = widget.controller
    mouse.key(Qt.Key.Key_Q)
    assert viewer.layers.selection.active == pair.shapes
    mouse.drag((5, 10), (20, 30))
    assert on_screen(controller).boxes == pytest.approx(np.array([[5, 10, 20, 30]]), abs=0.3)
    mouse.key(Qt.Key.Key_Q)
    mouse.drag((10, 12), (12, 25), (18, 28))
    ((path, foreground),) = on_screen(controller).scribbles
    assert foreground
    assert path[0] == pytest.approx((10, 12), abs=0.3)
    assert path[-1] == pytest.approx((18, 28), abs=2.5)
    mouse.key(Qt.Key.Key_Q)
    mouse.drag((25, 30), (25, 50), (36, 50), (36, 30), (26, 30))
    (lasso,) = on_screen(controller).lassos
    assert lasso.min(axis=0) == pytest.approx((25, 30), abs=1)
    assert lasso.max(axis=0) == pytest.approx((36, 50), abs=1)
    assert signs(pair.shapes) == [True, True, True]
    mouse.key(Qt.Key.Key_Q)
    assert viewer.layers.selection.active == pair.prompts
    mouse.click((30, 55))
    assert len(pair.prompts.data) == 1
    for left in ((0, 3), (0, 2), (0, 1), (0, 0)):
        mouse.key(Qt.Key.Key_U)
        assert (len(pair.prompts.data), len(pair.shapes.data)) == left


@pytest.mark.parametrize(
    "modifier", [Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ControlModifier]
)
def test_a_modifier_makes_one_background_prompt(shown, modifier):
    _, widget, pair, mouse = shown(noise(40, 60))
    controller = widget.controller
    mouse.click((12, 33))
    mouse.click((12, 40), modifier=modifier)
    mouse.click((20, 33))
    assert signs(pair.prompts) == [True, False, True]
    controller.take(controller_tool("Box"))
    mouse.drag((5, 10), (20, 30), modifier=modifier)
    mouse.drag((25, 10), (35, 30))
    assert signs(pair.shapes) == [False, True]
    assert controller.state.foreground


def controller_tool(name):
    from napari_m2n2.viewer.tools import TOOLS

    return next(tool for tool in TOOLS if tool.name == name)


def test_the_right_button_places_background(shown):
    _, _, pair, mouse = shown(noise(40, 60))
    mouse.click((12, 33))
    mouse.click((12, 40), button=Qt.MouseButton.RightButton)
    mouse.click((20, 33))
    assert signs(pair.prompts) == [True, False, True]


def test_a_drag_with_a_modifier_that_places_nothing_changes_nothing(shown):
    _, _, pair, mouse = shown(noise(40, 60))
    mouse.drag((5, 10), (20, 30), modifier=Qt.KeyboardModifier.AltModifier)
    assert len(pair.prompts.data) == 0
    mouse.click((12, 33))
    assert signs(pair.prompts) == [True]


def test_a_drawing_too_short_to_be_one_leaves_no_trace(shown):
    """napari keeps its row in the table; the next shape would have its sign."""
    _, widget, pair, mouse = shown(noise(40, 60))
    controller = widget.controller
    controller.state.foreground = False
    controller.take(controller_tool("Box"))
    pair.shapes.mode = "add_polygon"
    mouse.click((10, 10))
    mouse.key(Qt.Key.Key_Escape)  # gives the polygon up after one corner
    assert len(pair.shapes.data) == len(pair.shapes.features) == 0
    controller.state.foreground = True
    controller.take(controller_tool("Box"))
    mouse.drag((5, 10), (20, 30))
    assert signs(pair.shapes) == [True]


def test_a_shape_that_is_being_drawn_does_not_count_yet(shown):
    _, widget, pair, mouse = shown(noise(40, 60))
    controller = widget.controller
    controller.take(controller_tool("Box"))
    mouse.drag((5, 10), (20, 30))
    pair.shapes.mode = "add_polygon"
    for corner in ((25, 30), (25, 50), (36, 50)):
        mouse.click(corner)
    found = on_screen(controller)
    assert (len(found.boxes), len(found.scribbles), len(found.lassos)) == (1, 0, 0)
    mouse.key(Qt.Key.Key_Escape)  # finishes it
    assert len(on_screen(controller).lassos) == 1


@pytest.mark.parametrize("tool", ["Scribble", "Lasso"])
@pytest.mark.parametrize("key", [Qt.Key.Key_Q, Qt.Key.Key_U])
def test_a_key_after_a_click_that_began_a_drawing(shown, tool, key):
    """napari keeps the drawing open when another layer is taken, and fails when it is removed."""
    _, widget, pair, mouse = shown(noise(40, 60))
    widget.controller.take(controller_tool(tool))
    mouse.click((5, 10))
    mouse.key(key)
    mouse.key(Qt.Key.Key_U)
    widget.controller.take(controller_tool("Points"))
    mouse.click((30, 50))
    assert len(pair.prompts.data) == 1
    assert len(pair.shapes.data) == len(pair.shapes.features) == 0


@pytest.mark.parametrize("key", [Qt.Key.Key_Q, Qt.Key.Key_U])
def test_a_key_while_the_mouse_draws_does_nothing(shown, qtbot, key):
    _, widget, pair, mouse = shown(noise(40, 60))
    widget.controller.take(controller_tool("Lasso"))
    native = mouse._canvas.native
    qtbot.mousePress(native, Qt.MouseButton.LeftButton, pos=mouse.place((5, 10)))
    for corner in ((5, 30), (20, 40), (30, 20)):
        mouse._move(mouse.place(corner), Qt.KeyboardModifier.NoModifier)
    mouse.key(key)
    qtbot.mouseRelease(native, Qt.MouseButton.LeftButton, pos=mouse.place((30, 20)))
    assert pair.shapes.mode == "add_polygon_lasso"
    assert len(on_screen(widget.controller).lassos) == len(pair.shapes.data) == 1


def test_a_shape_drawn_on_a_slice_of_a_turned_stack(shown):
    viewer, widget, pair, mouse = shown(
        noise(6, 40, 60),
        scale=(3, 0.5, 0.5),
        translate=(0, 10, 10),
        rotate=[[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]],
    )
    controller = widget.controller
    viewer.dims.current_step = (2, 0, 0)
    controller.take(controller_tool("Box"))
    start, end = (np.array(pair.image.data_to_world((2, *at)))[1:] for at in ((5, 10), (20, 30)))
    mouse.drag(start, end)
    assert on_screen(controller).boxes == pytest.approx(np.array([[5, 10, 20, 30]]), abs=0.4)
    viewer.dims.current_step = (3, 0, 0)
    assert not on_screen(controller)
    viewer.dims.current_step = (2, 0, 0)
    assert len(on_screen(controller).boxes) == 1


def test_deleting_a_selected_shape_with_the_key(shown):
    _, widget, pair, mouse = shown(noise(40, 60))
    controller = widget.controller
    controller.take(controller_tool("Box"))
    mouse.drag((5, 10), (20, 30))
    mouse.drag((25, 10), (35, 30), modifier=Qt.KeyboardModifier.AltModifier)
    pair.shapes.mode = "select"
    mouse.click((10, 10))
    mouse.key(Qt.Key.Key_Delete)
    assert len(pair.shapes.data) == 1
    assert signs(pair.shapes) == [False]
    assert len(on_screen(controller).excluded) == 1
