"""What is shown above the image: on its plane, in its place, as long as there is something."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Vectors

from napari_m2n2.annotation.overlays import RANGES
from napari_m2n2.viewer.overlays import Overlays
from napari_m2n2.viewer.why_layers import LOOKS, OURS

from .conftest import RADIUS, away

STACK = (5, 40, 60)


@pytest.fixture
def overlays(model, controller):
    overlays = Overlays(model, controller)
    yield overlays
    overlays.close()


def ours(viewer):
    return [layer for layer in viewer.layers if OURS in layer.metadata]


def only(viewer):
    (layer,) = ours(viewer)
    return layer


def random_image(shape=STACK):
    return np.random.default_rng(0).random(shape)


def begin_at(begin, model, point, data=None, name="image", **attributes):
    """Begin an object with one point on the first plane, which the sliders are moved to."""
    pair = begin(random_image() if data is None else data, name=name, **attributes)
    for axis in range(len(point) - 2):
        model.dims.set_current_step(axis, 0)
    pair.prompts.add(point)
    return pair


# ------------------------------------------------------------------ what is shown
def test_nothing_is_shown_unless_it_is_wanted(overlays, begin, model):
    begin_at(begin, model, [0, 20, 30])
    assert ours(model) == []


@pytest.mark.parametrize("overlay", RANGES)
def test_an_overlay_shows_what_was_found_out(overlays, begin, model, controller, overlay):
    begin_at(begin, model, [0, 20, 30])
    controller.state.overlay = overlay
    layer = only(model)
    distance = away((40, 60), (20, 30))
    score = np.clip(1 - distance / RADIUS, -1, 1)
    expected = {
        "map": np.minimum(distance / 40, 1),
        "score": score,
        "uncertainty": 1 - np.abs(score),
    }[overlay]
    assert layer.data.shape == (1, 40, 60)
    assert layer.data[0] == pytest.approx(expected, abs=1e-6)
    assert tuple(layer.contrast_limits) == RANGES[overlay]
    assert layer.opacity == controller.state.opacity
    assert layer.name == "image: why"


def test_turning_the_overlays_over_uses_one_layer(overlays, begin, model, controller):
    begin_at(begin, model, [0, 20, 30])
    seen = []
    for _ in range(4):
        controller.next_overlay()
        seen.append([(layer.metadata[OURS], layer.colormap.name) for layer in ours(model)])
    assert seen == [[(name, f"napari-m2n2-{name}")] for name in RANGES] + [[]]


def test_the_overlay_follows_every_click(overlays, begin, model, controller):
    pair = begin_at(begin, model, [0, 20, 30])
    controller.state.overlay = "score"
    layer = only(model)
    pair.prompts.add([0, 5, 5])
    assert only(model) is layer
    assert layer.data[0, 5, 5] == 1
    pair.prompts.data = pair.prompts.data[1:]
    assert layer.data[0, 20, 30] == -1


def test_the_contour_lies_where_the_outline_is_unsure(overlays, begin, model, controller):
    begin_at(begin, model, [0, 20, 30])
    controller.state.contour = True
    layer = only(model)
    assert isinstance(layer, Vectors)
    radii = np.hypot(layer.data[:, 0, 1] - 20, layer.data[:, 0, 2] - 30)
    assert set((radii / RADIUS).round(1)) == {0.9, 1.1}
    assert (layer.data[:, 0, 0] == 0).all()
    assert (layer.data[:, 1, 0] == 0).all()
    inner = radii < RADIUS
    assert len(np.unique(layer.edge_color[inner], axis=0)) == 1
    assert len(np.unique(layer.edge_color, axis=0)) == 2


def test_the_image_is_shown_as_the_model_sees_it(overlays, begin, model, controller):
    begin_at(begin, model, [0, 20, 30])
    controller.state.show_image = True
    layer = only(model)
    assert layer.rgb
    assert layer.data.shape == (1, 40, 60, 3)
    assert layer.name == "image: seen by the model"
    assert layer.opacity == 1


def test_all_of_them_lie_between_the_image_and_the_labels(overlays, begin, model, controller):
    pair = begin_at(begin, model, [0, 20, 30])
    controller.state.contour = True
    controller.state.overlay = "score"
    controller.state.show_image = True
    kinds = [layer.metadata.get(OURS) for layer in model.layers]
    assert kinds[:4] == [None, "image", "score", "contour"]
    assert model.layers[0] is pair.image
    assert model.layers.index(pair.labels) > 3


def test_the_opacity_is_that_of_overlay_and_labels(overlays, begin, model, controller):
    pair = begin_at(begin, model, [0, 20, 30])
    controller.state.overlay = "score"
    controller.state.opacity = 0.8
    assert only(model).opacity == pair.labels.opacity == 0.8


def test_colours_at_both_ends_differ_in_brightness_or_in_blue():
    """Red and green alone are the same to one man in twelve."""
    for look in LOOKS.values():
        low, high = (np.array(look.colours[end]) for end in (0, -1))
        brightness = np.abs((low[:3] - high[:3]) @ [0.3, 0.6, 0.1])
        assert brightness > 0.3 or abs(low[2] - high[2]) > 0.3 or abs(low[3] - high[3]) > 0.5


# ------------------------------------------------------------------ planes and places
def test_it_is_shown_on_its_plane_only(overlays, begin, model, controller):
    begin_at(begin, model, [0, 20, 30])
    controller.state.overlay = "score"
    model.dims.set_current_step(0, 3)
    assert ours(model) == []
    model.dims.set_current_step(0, 0)
    assert only(model).data[0, 20, 30] == 1


def test_each_plane_has_its_own(overlays, begin, model, controller, discs):
    pair = begin_at(begin, model, [0, 20, 30])
    controller.state.overlay = "score"
    model.dims.set_current_step(0, 3)
    pair.prompts.add([3, 5, 5])
    layer = only(model)
    assert layer.data[0, 5, 5] == 1
    assert layer.data_to_world([0, 0, 0])[0] == 3
    asked = len(discs.clicks)
    model.dims.set_current_step(0, 0)
    assert only(model).data[0, 20, 30] == 1
    assert len(discs.clicks) == asked, "what is known is not computed again"


def test_a_map_that_was_not_asked_for_is_asked_for_once(overlays, begin, model, controller, discs):
    pair = begin_at(begin, model, [0, 20, 30])
    model.dims.set_current_step(0, 3)
    pair.prompts.add([3, 5, 5])
    controller.state.overlay = "map"
    asked = len(discs.clicks)
    model.dims.set_current_step(0, 0)
    assert only(model).data[0, 20, 30] == 0
    assert len(discs.clicks) == asked + 1
    model.dims.set_current_step(0, 3)
    model.dims.set_current_step(0, 0)
    assert len(discs.clicks) == asked + 1


def test_a_map_that_cannot_be_had_is_not_asked_for_again_and_again(
    overlays, begin, model, controller, discs
):
    pair = begin_at(begin, model, [0, 20, 30])
    for answer in pair.answers.values():
        object.__setattr__(answer.outcome, "distance", None)
    discs.trouble = [MemoryError() for _ in range(9)]
    controller.state.overlay = "map"
    left = len(discs.trouble)
    for _ in range(3):
        overlays.look()
    assert len(discs.trouble) == left
    assert ours(model) == []


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (2, 0, 1), (2, 1, 0)])
def test_every_plane_of_a_volume_gets_it_where_it_is(overlays, begin, model, controller, order):
    pair = begin(random_image((20, 30, 40)), scale=(3, 1, 2), translate=(5, 6, 7))
    model.dims.order = order
    model.dims.point = np.array(pair.image.data_to_world([9, 12, 14]))
    pair.prompts.add([9, 12, 14])
    controller.state.overlay = "score"
    controller.state.contour = True
    image, contour = (
        next(layer for layer in ours(model) if isinstance(layer, kind))
        for kind in (Image, Vectors)
    )
    best = np.unravel_index(np.argmax(image.data), image.data.shape)
    here = np.array(pair.image.data_to_world([9, 12, 14]))
    assert np.array(image.data_to_world(best)) == pytest.approx(here)
    ends = np.array([contour.data_to_world(end) for end in contour.data[:, 0]])
    assert ends.mean(axis=0) == pytest.approx(here, abs=1.5)
    assert np.ptp(ends[:, order[0]]) == pytest.approx(0, abs=1e-9)


def test_it_moves_with_the_image(overlays, begin, model, controller):
    pair = begin_at(begin, model, [0, 20, 30])
    controller.state.overlay = "score"
    controller.state.contour = True
    pair.image.scale = (1, 2, 3)
    pair.image.rotate = (0, 0, 30)
    pair.image.translate = (0, 7, -5)
    for layer in ours(model):
        for corner in np.eye(3):
            expected = np.array(pair.image.data_to_world(corner))
            assert np.array(layer.data_to_world(corner)) == pytest.approx(expected)


def test_a_reduced_region_lies_where_it_is(overlays, begin, model, controller):
    controller.state.most_pixels = 600
    pair = begin_at(begin, model, [20, 30], random_image((40, 60)), scale=(2, 3))
    controller.state.show_image = True
    controller.state.overlay = "score"
    seen, why = ours(model)
    assert seen.data.shape == (20, 30, 3)
    assert why.data.shape == (40, 60)
    # corners of pixels meet, whatever their size
    for layer in (seen, why):
        corners = [
            layer.data_to_world(np.array(layer.data.shape[:2]) * end - 0.5) for end in (0, 1)
        ]
        expected = [pair.image.data_to_world(np.array([40, 60]) * end - 0.5) for end in (0, 1)]
        assert np.array(corners) == pytest.approx(np.array(expected))


def test_a_drawn_region_has_it_where_it_is(overlays, begin, model, controller):
    pair = begin_at(begin, model, [20, 30], random_image((40, 60)))
    controller.state.overlay = "score"
    plane = controller.shown()
    whole = only(model).data
    cut(pair, plane, (10, 32), (15, 50))
    overlays.look()
    layer = only(model)
    assert layer.data.shape == (22, 35)
    assert np.array(layer.data_to_world([0, 0])) == pytest.approx([10, 15])
    assert np.array_equal(layer.data, whole[10:32, 15:50])


def cut(pair, plane, rows, columns):
    """Let an answer be of a region, as if it had been drawn."""
    from dataclasses import replace

    from napari_m2n2.annotation.region import Region

    answer = pair.answers[plane]
    window = slice(*rows), slice(*columns)
    outcome = replace(
        answer.outcome, mask=answer.outcome.mask[window], score=answer.outcome.score[window]
    )
    pair.answers[plane] = replace(answer, outcome=outcome, region=Region(rows, columns))


def test_in_3d_nothing_is_shown(overlays, begin, model, controller):
    begin_at(begin, model, [0, 20, 30])
    controller.state.overlay = "score"
    model.dims.ndisplay = 3
    assert ours(model) == []
    model.dims.ndisplay = 2
    assert only(model)


# ------------------------------------------------------------------ nobody's data
def test_it_is_no_image_to_outline_objects_in(overlays, begin, model, controller):
    pair = begin_at(begin, model, [0, 20, 30])
    controller.state.overlay = "score"
    controller.state.show_image = True
    assert controller.images() == [pair.image]


def test_the_layer_in_hand_stays_in_hand(overlays, begin, model, controller):
    pair = begin_at(begin, model, [0, 20, 30])
    assert model.layers.selection.active is pair.prompts
    controller.state.overlay = "score"
    assert model.layers.selection.active is pair.prompts
    assert pair.prompts.mode == "add"
    pair.prompts.add([0, 5, 5])
    assert model.layers.selection == {pair.prompts}


def test_without_prompts_it_goes(overlays, begin, model, controller):
    pair = begin_at(begin, model, [0, 20, 30])
    controller.state.overlay = "score"
    controller.state.contour = True
    controller.take_back()
    assert len(pair.prompts.data) == 0
    assert ours(model) == []


@pytest.mark.parametrize("which", ["image", "prompts", "labels"])
def test_it_goes_with_the_object(overlays, begin, model, controller, which):
    pair = begin_at(begin, model, [0, 20, 30])
    controller.state.overlay = "score"
    controller.state.show_image = True
    model.layers.remove(getattr(pair, which))
    assert ours(model) == []
    assert controller.state.overlay == "score"


def test_it_goes_with_all_layers(overlays, begin, model, controller):
    begin_at(begin, model, [0, 20, 30])
    controller.state.overlay = "score"
    model.layers.clear()
    assert len(model.layers) == 0


@pytest.mark.parametrize("repetition", range(4))  # napari goes through a set
def test_it_may_be_deleted_together_with_the_image(overlays, begin, model, controller, repetition):
    pair = begin_at(begin, model, [0, 20, 30])
    controller.state.overlay = "score"
    model.layers.selection = {only(model), pair.image}
    model.layers.remove_selected()
    assert ours(model) == []
    begin_at(begin, model, [0, 20, 30])
    controller.state.overlay = "score"
    assert only(model)


def test_chosen_while_the_image_goes_it_goes_a_little_later(overlays, begin, model, controller):
    pair = begin_at(begin, model, [0, 20, 30])
    controller.state.overlay = "score"
    layer = only(model)
    model.layers.selection.active = layer
    model.layers.remove(pair.image)
    assert not layer.visible
    model.layers.selection.active = pair.labels
    assert ours(model) == []


def test_who_deletes_it_has_switched_it_off(overlays, begin, model, controller):
    pair = begin_at(begin, model, [0, 20, 30])
    controller.state.overlay = "score"
    controller.state.contour = True
    controller.state.show_image = True
    for layer in ours(model):
        model.layers.remove(layer)
    state = controller.state
    assert (state.overlay, state.contour, state.show_image) == ("none", False, False)
    pair.prompts.add([0, 5, 5])
    assert ours(model) == []
    state.overlay = "map"
    assert only(model)


def test_it_turns_to_the_object_at_work(overlays, begin, model, controller):
    first = begin_at(begin, model, [0, 20, 30])
    controller.state.overlay = "score"
    assert controller.new_pair(first.image) is first
    assert ours(model) == []
    first.prompts.add([0, 5, 5])
    assert only(model).data[0, 20, 30] == -1
    controller.reopen(1)
    assert only(model).data[0, 20, 30] == 1
    controller.undo()
    assert ours(model) == []


def test_another_image_has_a_layer_of_its_own(overlays, begin, model, controller):
    first = begin_at(begin, model, [0, 20, 30])
    controller.state.overlay = "score"
    begin_at(begin, model, [0, 5, 5], name="other")
    assert only(model).name == "other: why"
    model.layers.selection.active = first.prompts
    assert only(model).name == "image: why"


def test_what_the_user_changes_about_the_layer_stays(overlays, begin, model, controller):
    pair = begin_at(begin, model, [0, 20, 30])
    controller.state.overlay = "score"
    layer = only(model)
    layer.colormap, layer.visible = "gray", False
    pair.prompts.add([0, 5, 5])
    assert only(model) is layer
    assert (layer.colormap.name, layer.visible) == ("gray", False)


def test_closing_takes_it_away_and_lets_go(overlays, begin, model, controller):
    pair = begin_at(begin, model, [0, 20, 30])
    controller.state.overlay = "score"
    overlays.close()
    assert ours(model) == []
    pair.prompts.add([0, 5, 5])
    assert ours(model) == []


# ------------------------------------------------------------------ in a window
def test_it_is_seen_in_a_window(viewer, widget, pair, qtbot):
    """napari hands the widget a proxy of the viewer."""
    state = widget.controller.state
    state.overlay, state.contour, state.show_image = "score", True, True
    pair.prompts.add([20.0, 30.0])
    assert len(ours(viewer)) == 3
    assert viewer.layers.selection.active == pair.prompts
    assert widget.image == pair.image
    viewer.layers.selection.active = ours(viewer)[1]
    viewer.__wrapped__.layers.remove_selected()
    assert len(ours(viewer)) == 2
    assert state.overlay == "none"
    widget.close()
    assert ours(viewer) == []


def test_the_window_may_be_closed_with_it(widget, pair):
    """The viewer's fixture closes the window and fails if anything goes wrong or is left."""
    widget.controller.state.overlay = "score"
    pair.prompts.add([20.0, 30.0])
    assert len(ours(widget.controller.viewer)) == 1


def test_the_widget_may_be_deleted_with_it(viewer, widget, pair, qtbot):
    widget.controller.state.overlay = "score"
    pair.prompts.add([20.0, 30.0])
    viewer.window.remove_dock_widget(widget)
    gone = []
    # not waitSignal: it disconnects from what is being destroyed, at which PySide takes offence
    widget.destroyed.connect(lambda: gone.append(True))
    widget.deleteLater()
    qtbot.waitUntil(lambda: bool(gone), timeout=20000)
    assert ours(viewer) == []
