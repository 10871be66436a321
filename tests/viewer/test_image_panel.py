"""The panel of the image for the model, in a real window."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt

from .conftest import disc
from .views import look_at


def noise(*shape):
    return np.random.default_rng(0).random(shape)


@pytest.fixture
def add(viewer):
    return viewer.__wrapped__.add_image


@pytest.fixture
def panel(widget):
    return widget.image_panel


@pytest.fixture
def state(widget):
    return widget.controller.state


def choose(box, value):
    box.setCurrentIndex(box.findData(value))


def test_what_is_chosen_is_passed_on_and_shown(panel, state):
    choose(panel.contrast, "percentile")
    choose(panel.region.regions, "view")
    panel.region.most.setValue(2.5)
    panel.show_image.setChecked(True)
    assert (state.contrast, state.region) == ("percentile", "view")
    assert (state.most_pixels, state.show_image) == (2_500_000, True)
    state.contrast, state.region = "layer", "plane"
    state.most_pixels, state.show_image = 1_000_000, False
    assert panel.contrast.currentData() == "layer"
    assert panel.region.regions.currentData() == "plane"
    assert panel.region.most.value() == 1
    assert not panel.show_image.isChecked()


def test_channels_along_an_axis_are_chosen(panel, state, add, widget):
    image = add(noise(5, 40, 60), name="cells")
    widget.image = image
    choose(panel.channels.ways, 0)
    assert state.channel_axis == 0
    assert [box.currentData() for box in panel.channels.colours] == [0, 1, 2]
    red, green, blue = panel.channels.colours
    choose(blue, None)
    choose(red, 4)
    assert state.channels == (4, 1)
    choose(green, None)
    assert state.channels == (4,)
    choose(panel.channels.ways, "as it is")
    assert state.channel_axis is None
    assert state.channels == ()


def test_layers_as_channels_are_chosen(panel, state, add, widget, discs):
    first, second = add(noise(40, 60), name="first"), add(noise(40, 60), name="second")
    widget.image = first
    pair = widget.controller.new_pair(first)
    pair.prompts.add([20, 30])
    choose(panel.channels.ways, "layers")
    assert len(discs.images) == 1
    assert panel.channels.layers.count() == 1
    panel.channels.layers.item(0).setCheckState(Qt.CheckState.Checked)
    assert state.more_images == (second,)
    assert len(discs.images) == 2
    assert discs.images[-1][0].shape == (40, 60, 3)
    second.name = "renamed"
    assert panel.channels.layers.item(0).text() == "renamed"


def test_a_channel_layer_that_is_removed_is_no_channel(panel, state, add, widget, viewer):
    first, second = add(noise(40, 60)), add(noise(40, 60))
    widget.image = first
    state.more_images = (second,)
    viewer.layers.remove(second)
    assert state.more_images == ()


def test_every_image_keeps_its_channels(panel, state, add, widget, discs):
    stack, plain = add(noise(4, 40, 60)), add(noise(40, 60))
    widget.image = stack
    choose(panel.channels.ways, 0)
    choose(panel.channels.colours[0], 3)
    pair = widget.controller.new_pair(stack)
    pair.prompts.add([0, 20, 30])
    widget.image = plain
    assert (state.channel_axis, state.channels) == (None, ())
    other = widget.controller.new_pair(plain)
    other.prompts.add([20, 30])
    before = len(discs.clicks)
    widget.controller.viewer.layers.selection.active = pair.prompts
    assert widget.image is stack
    assert (state.channel_axis, state.channels) == (0, (3, 1, 2))
    assert len(discs.clicks) == before


def test_colours_have_no_channels_to_choose(panel, add, widget):
    widget.image = add((noise(40, 60, 3) * 255).astype(np.uint8), rgb=True)
    assert panel.channels.ways.count() == 1


def test_an_object_of_channels_is_the_same_on_all_of_them(panel, add, widget, viewer):
    widget.image = image = add(noise(4, 40, 60))
    choose(panel.channels.ways, 0)
    pair = widget.controller.new_pair(image)
    for channel in range(4):
        viewer.dims.set_current_step(0, channel)
        pair.prompts.add([0, 20, 20 + channel])
        for layer in (pair.prompts, pair.labels):
            shown = layer.get_value(
                (viewer.dims.point[0], 20.0, 20.0), world=True, dims_displayed=[1, 2]
            )
            assert shown is not None
    assert pair.labels.data.shape == (1, 40, 60)
    expected = disc((40, 60), *[(20, 20 + channel) for channel in range(4)])
    assert np.array_equal(pair.labels.data[0] != 0, expected)


def test_contrast_limits_that_are_dragged_ask_once(add, widget, discs, qtbot):
    image = add(noise(40, 60))
    widget.controller.new_pair(image).prompts.add([20, 30])
    for low in np.linspace(0.01, 0.2, 20):
        image.contrast_limits = (low, 0.9)
    assert len(discs.images) == 1
    qtbot.waitUntil(lambda: len(discs.images) == 2, timeout=5000)
    assert discs.images[-1][1] == pytest.approx((0.2, 0.9))


def test_contrast_limits_changed_while_closing_are_no_trouble(add, widget, qtbot, discs):
    image = add(noise(40, 60))
    widget.controller.new_pair(image).prompts.add([20, 30])
    image.contrast_limits = (0.1, 0.9)
    widget.close()
    qtbot.wait(400)
    assert len(discs.images) == 1


def test_what_is_outlined_is_told(panel, add, widget, state, viewer):
    image = add(noise(400, 600))
    pair = widget.controller.new_pair(image)
    assert panel.text.text() == ""
    choose(panel.region.regions, "drawn")
    assert "No rectangle is drawn yet" in panel.text.text()
    choose(panel.region.regions, "view")
    assert "what is in view is outlined" in panel.text.text()
    look_at(viewer, 200, 300, 30)
    pair.prompts.add([200, 300])
    assert panel.text.text() == ""
    assert "not reduced" in widget.status.text.text()


def test_a_rectangle_drawn_with_the_mouse_is_outlined(panel, add, widget, state, viewer, discs):
    image = add(noise(400, 600))
    pair = widget.controller.new_pair(image)
    pair.prompts.add([200, 300])
    panel.region.draw.click()
    frame = widget.controller.frame.layer_of(image)
    assert viewer.layers.selection.active == frame
    drag(viewer, frame, (150, 250), (250, 350))
    assert state.region == "drawn"
    region = pair.source.region_of(next(iter(pair.asked)))
    assert abs(np.array(region.rows) - (150, 251)).max() <= 3
    assert abs(np.array(region.columns) - (250, 351)).max() <= 3
    assert discs.images[-1][0].shape == region.size


def drag(viewer, layer, start, stop):
    """Drag the mouse over the canvas, as far as the layer is concerned."""
    from napari.utils._test_utils import read_only_mouse_event
    from napari.utils.interactions import (
        mouse_move_callbacks,
        mouse_press_callbacks,
        mouse_release_callbacks,
    )

    middle = tuple((np.array(start) + stop) / 2)
    steps = [
        ("mouse_press", start, mouse_press_callbacks),
        ("mouse_move", middle, mouse_move_callbacks),
        ("mouse_move", stop, mouse_move_callbacks),
        ("mouse_release", stop, mouse_release_callbacks),
    ]
    for kind, position, callbacks in steps:
        event = read_only_mouse_event(
            type=kind, is_dragging=kind != "mouse_press", position=position, pos=position
        )
        callbacks(layer, event)
