"""Points in, labels out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import QPoint, Qt

from .conftest import disc


def status(widget):
    return widget.status.text.text()


def test_a_point_outlines_and_a_second_one_adds(pair, widget):
    pair.prompts.add([10, 20])
    assert np.array_equal(pair.labels.data, disc((40, 60), (10, 20)))
    pair.prompts.add([30, 40])
    assert np.array_equal(pair.labels.data, disc((40, 60), (10, 20), (30, 40)))
    assert "Outlined from 2 points" in status(widget)
    assert "grid 64 × 64, cpu" in status(widget)


def test_a_real_click_on_the_canvas_outlines(make_napari_viewer_proxy, discs, qtbot):
    from .conftest import dock, run_now

    viewer = make_napari_viewer_proxy(show=True)
    viewer.window.resize(1200, 800)
    layer = viewer.__wrapped__.add_image(np.random.default_rng(0).random((40, 60)))
    widget = dock(viewer, discs, runner=run_now)
    qtbot.mouseClick(widget.objects.new, Qt.MouseButton.LeftButton)
    (pair,) = widget.controller.pairs
    assert pair.image is layer
    assert viewer.layers.selection.active == pair.prompts
    qtbot.wait(200)  # until the window is laid out
    viewer.reset_view()
    qtbot.wait(50)
    click(viewer, qtbot, (12, 33))
    qtbot.waitUntil(lambda: len(pair.prompts.data) == 1, timeout=5000)
    row, column = pair.prompts.data[0]
    assert (row, column) == pytest.approx((12, 33), abs=0.6)
    assert pair.labels.data[12, 33] == 1
    assert np.array_equal(pair.labels.data, disc((40, 60), (row, column)))
    canvas_key(viewer, qtbot, Qt.Key.Key_G)
    assert widget.prompts.background.isChecked()
    click(viewer, qtbot, (12, 36))
    qtbot.waitUntil(lambda: len(pair.prompts.data) == 2, timeout=5000)
    assert pair.labels.data[12, 36] == 0
    assert pair.labels.data[12, 30] == 1
    canvas_key(viewer, qtbot, Qt.Key.Key_U)
    assert np.array_equal(pair.labels.data, disc((40, 60), (row, column)))


def click(viewer, qtbot, point):
    """Click where a point of the world is on the canvas."""
    canvas = viewer.__wrapped__.window._qt_viewer.canvas
    to_world = canvas._map_canvas2world

    def world(x, y):
        return np.array(to_world((x, y), canvas.view))[-2:]

    origin = world(0, 0)
    matrix = np.stack([world(1, 0) - origin, world(0, 1) - origin], axis=1)
    x, y = np.linalg.solve(matrix, np.array(point) - origin)
    qtbot.mouseMove(canvas.native, QPoint(round(x), round(y)))
    qtbot.mouseClick(canvas.native, Qt.MouseButton.LeftButton, pos=QPoint(round(x), round(y)))


def canvas_key(viewer, qtbot, key):
    qtbot.keyClick(viewer.__wrapped__.window._qt_viewer.canvas.native, key)


def test_a_moved_point_moves_the_outline(pair):
    pair.prompts.add([10, 20])
    moved = pair.prompts.data.copy()
    moved[0] = (30, 40)
    pair.prompts.data = moved
    assert np.array_equal(pair.labels.data, disc((40, 60), (30, 40)))


def test_a_removed_point_is_forgotten(pair, widget):
    pair.prompts.add([[10, 20], [30, 40]])
    pair.prompts.selected_data = {0}
    pair.prompts.remove_selected()
    assert np.array_equal(pair.labels.data, disc((40, 60), (30, 40)))
    pair.prompts.selected_data = {0}
    pair.prompts.remove_selected()
    assert not pair.labels.data.any()
    assert "Click on the object" in status(widget)


def test_points_taken_away_by_script_clear_the_plane(pair):
    pair.prompts.add([10, 20])
    pair.prompts.data = np.zeros((0, 2))
    assert not pair.labels.data.any()


def test_points_set_by_script_outline(pair):
    pair.prompts.data = np.array([[10.0, 20], [30, 40]])
    assert np.array_equal(pair.labels.data, disc((40, 60), (10, 20), (30, 40)))


def test_background_takes_away(pair, widget):
    pair.prompts.add([10, 20])
    widget.prompts.background.setChecked(True)
    pair.prompts.add([10, 23])
    expected = disc((40, 60), (10, 20)) & ~disc((40, 60), (10, 23))
    assert np.array_equal(pair.labels.data, expected)


def test_background_alone_outlines_nothing(pair, widget):
    widget.prompts.background.setChecked(True)
    pair.prompts.add([10, 20])
    assert not pair.labels.data.any()
    assert "without a foreground point" in status(widget)


def test_one_click_is_one_job(pair, discs):
    pair.prompts.add([10, 20])
    assert len(discs.clicks) == 1
    pair.prompts.add([[11, 21], [12, 22], [13, 23]])
    assert len(discs.clicks) == 2
    assert len(discs.images) == 1


def test_selecting_a_point_asks_for_nothing(pair, discs):
    pair.prompts.add([10, 20])
    pair.prompts.selected_data = {0}
    pair.prompts.mode = "select"
    assert len(discs.clicks) == 1


def test_the_switch_leaves_placed_points_alone(pair, widget):
    pair.prompts.add([10, 20])  # napari selects it
    widget.prompts.background.setChecked(True)
    assert pair.prompts.features["label"].tolist() == ["fg"]
    assert [str(symbol) for symbol in pair.prompts.symbol] == ["disc"]
    pair.prompts.add([30, 40])
    assert pair.prompts.features["label"].tolist() == ["fg", "bg"]
    assert [str(symbol) for symbol in pair.prompts.symbol] == ["disc", "x"]
    assert len({tuple(colour) for colour in pair.prompts.face_color}) == 2


def test_selecting_a_point_does_not_turn_the_switch(pair, widget):
    pair.prompts.add([10, 20])
    widget.prompts.background.setChecked(True)
    pair.prompts.selected_data = {0}  # a foreground point: napari would place more of them
    pair.prompts.add([30, 40])
    assert pair.prompts.features["label"].tolist() == ["fg", "bg"]
    assert widget.prompts.background.isChecked()


def test_a_sign_changed_in_the_table_outlines_anew(pair):
    pair.prompts.add([[10, 20], [10, 23]])
    pair.prompts.features = pd.DataFrame({"label": ["fg", "bg"]})
    expected = disc((40, 60), (10, 20)) & ~disc((40, 60), (10, 23))
    assert np.array_equal(pair.labels.data, expected)
    assert [str(symbol) for symbol in pair.prompts.symbol] == ["disc", "x"]


@pytest.mark.parametrize(
    "features",
    [{}, {"label": [np.nan]}, {"label": ["who knows"]}, {"other": [1]}],
    ids=["none", "gap", "unknown", "other column"],
)
def test_what_does_not_say_background_is_foreground(pair, features):
    pair.prompts.add([10, 20])
    pair.prompts.features = pd.DataFrame(features, index=[0])
    assert np.array_equal(pair.labels.data, disc((40, 60), (10, 20)))


def test_signs_survive_clearing_the_layer(pair, widget):
    widget.prompts.background.setChecked(True)
    pair.prompts.add([10, 20])
    pair.prompts.data = np.zeros((0, 2))
    pair.prompts.add([10, 20])
    widget.prompts.foreground.setChecked(True)
    pair.prompts.add([30, 40])
    assert np.array_equal(pair.labels.data, disc((40, 60), (30, 40)))


def test_points_beside_the_image_are_left_out_and_named(pair, widget):
    pair.prompts.add([10, 20])
    pair.prompts.add([-30, 20])
    assert np.array_equal(pair.labels.data, disc((40, 60), (10, 20)))
    assert "1 point lies beside the image and was left out." in status(widget)
    pair.prompts.add([10, 500])
    assert "2 points lie beside the image and were left out." in status(widget)


def test_the_last_point_is_taken_back(pair, widget):
    pair.prompts.add([10, 20])
    pair.prompts.add([30, 40])
    widget.controller.take_back()
    assert np.array_equal(pair.labels.data, disc((40, 60), (10, 20)))
    widget.controller.take_back()
    widget.controller.take_back()
    assert not pair.labels.data.any()


@pytest.mark.parametrize(("seconds", "words"), [(0.001, " at once,"), (1.234, " in 1.23 s,")])
def test_the_time_of_the_click_is_told(pair, seconds, words):
    from napari_m2n2.annotation.jobs import Segmented
    from napari_m2n2.annotation.planes import Plane
    from napari_m2n2.viewer.sentences import outlined

    pair.prompts.add([10, 20])
    plane = Plane((40, 60), (0, 1))
    outcome = Segmented(
        np.zeros((40, 60), bool),
        np.zeros((40, 60), np.float32),
        {"total": seconds},
        (64, 64),
        "cpu",
    )
    assert words in outlined(plane, outcome, pair.prompts_on(plane))


def test_a_failure_is_shown_and_the_next_click_works(pair, widget, discs):
    from napari_m2n2.errors import InputError

    pair.prompts.add([10, 20])
    discs.trouble.append(InputError("The image is odd; use another one."))
    pair.prompts.add([30, 40])
    assert status(widget) == "The image is odd; use another one."
    assert widget.status.text.property("failed")
    assert np.array_equal(pair.labels.data, disc((40, 60), (10, 20)))
    pair.prompts.add([20, 50])
    assert np.array_equal(pair.labels.data, disc((40, 60), (10, 20), (30, 40), (20, 50)))
    assert not widget.status.text.property("failed")


def test_an_unexpected_error_is_a_sentence_too(pair, widget, discs):
    discs.trouble.append(RuntimeError("shapes (3,) and (4,)"))
    pair.prompts.add([10, 20])
    assert "unexpected" in status(widget)
    assert "shapes (3,) and (4,)" in status(widget)


def test_other_settings_outline_what_is_on_screen_anew(pair, widget, discs):
    pair.prompts.add([10, 20])
    widget.advanced.grid.setValue(96)
    assert [settings.grid for settings in discs.settings] == [None, 96]
    assert "grid 96 × 96" in status(widget)
    widget.advanced.method.setCurrentText("kl-nn")
    assert discs.settings[-1].method == "kl-nn"
    assert len(discs.clicks) == 3


def test_settings_alone_ask_for_nothing(pair, widget, discs):
    widget.advanced.grid.setValue(96)
    assert discs.clicks == []


def test_a_pixel_changed_in_place_is_seen(pair, discs):
    pair.prompts.add([10, 20])
    pair.image.data[5, 5] = 7
    pair.prompts.add([30, 40])
    assert len(discs.images) == 2
    assert discs.images[-1][0][5, 5] == 7


def test_the_limits_of_contrast_are_passed_on(pair, discs):
    pair.image.contrast_limits = (0.25, 0.75)
    pair.prompts.add([10, 20])
    assert discs.images[-1][1] == (0.25, 0.75)
