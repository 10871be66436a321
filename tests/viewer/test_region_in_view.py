"""Outlining a part of a plane: what is in view, or a rectangle that is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from .conftest import disc
from .test_planes_on_screen import put
from .views import look_at


def noise(*shape):
    return np.random.default_rng(0).random(shape)


@pytest.fixture
def large(begin, model, controller):
    """An object in a large image, outlined in view; the view is at (500, 500)."""
    pair = begin(noise(2000, 2400))
    controller.state.region = "view"
    look_at(model, 500, 500, 150)
    return pair


# ------------------------------------------------------------------ following the view
def test_what_is_in_view_is_given_to_the_model(large, discs):
    large.prompts.add([500, 510])
    image, _ = discs.images[-1]
    region = large.source.region_of(next(iter(large.asked)))
    assert region.factor == 1
    assert np.array_equal(image, large.image.data[region.window])
    assert max(image.shape) < 500
    assert np.array_equal(large.labels.data != 0, disc((2000, 2400), (500, 510)))


def test_panning_within_the_region_encodes_nothing_again(large, model, discs):
    """In one run: many clicks and small moves of the view cost one encoding, not one each."""
    for n in range(10):
        look_at(model, 500 + 3 * n, 500 - 2 * n, 150)
        large.prompts.add([500 + n, 510])
    assert len(discs.clicks) == 10
    assert len(discs.images) == 1


def test_coming_back_to_a_region_encodes_nothing_again(large, model, discs):
    large.prompts.add([500, 510])
    look_at(model, 1500, 1800, 150)
    large.prompts.add([1500, 1800])
    assert len(discs.images) == 2
    look_at(model, 510, 495, 150)
    large.prompts.add([505, 500])
    assert len(discs.clicks) == 3
    assert len(discs.images) == 2


def test_moving_the_view_asks_for_nothing(large, model, discs):
    large.prompts.add([500, 510])
    before = large.labels.data.copy()
    for place in (600, 1200, 1800):
        look_at(model, place, place, 100)
    assert len(discs.clicks) == 1
    assert np.array_equal(large.labels.data, before)


def test_a_prompt_outside_the_region_is_left_out_with_a_sentence(
    large, model, controller, discs, screen
):
    large.prompts.add([500, 510])
    look_at(model, 1500, 1800, 150)
    # a region for both would have to be reduced
    controller.state.most_pixels = 200_000
    large.prompts.add([1500, 1800])
    assert len(discs.clicks[-1][0]) == 1
    assert "1 prompt lies outside the region and was left out" in screen.text
    assert "Only rows" in screen.text


def test_a_result_changes_nothing_outside_its_region(large, model, controller):
    controller.state.most_pixels = 200_000
    large.prompts.add([500, 510])
    look_at(model, 1500, 1800, 150)
    large.prompts.add([1500, 1800])
    expected = disc((2000, 2400), (500, 510), (1500, 1800))
    assert np.array_equal(large.labels.data != 0, expected)
    # without foreground in its region, what was written elsewhere still stays
    large.prompts.data = [[500, 510]]
    assert large.labels.data[500, 510] == 1


def test_prompts_close_by_are_in_the_region_of_a_detail(large, model, discs):
    large.prompts.add([500, 510])
    look_at(model, 640, 640, 40)
    large.prompts.add([640, 640])
    assert len(discs.clicks[-1][0]) == 2
    assert np.array_equal(large.labels.data != 0, disc((2000, 2400), (500, 510), (640, 640)))


def test_what_was_painted_is_kept_in_a_region(large):
    large.labels.data_setitem((np.array([500]), np.array([509])), 7)
    large.prompts.add([500, 510])
    assert large.labels.data[500, 509] == 7
    assert large.labels.data[500, 511] == 1


def test_the_region_is_shown_as_a_rectangle(large, model, controller):
    large.prompts.add([500, 510])
    frame = controller.frame.layer_of(large.image)
    assert frame in model.layers
    assert model.layers.selection.active is large.prompts
    region = large.source.region_of(next(iter(large.asked)))
    corners = frame.data[0]
    assert corners.min(axis=0).tolist() == [region.rows[0] - 0.5, region.columns[0] - 0.5]
    assert corners.max(axis=0).tolist() == [region.rows[1] - 0.5, region.columns[1] - 0.5]
    assert not frame.editable
    controller.state.region = "plane"
    assert not len(frame.data)


def test_a_rectangle_that_was_removed_does_not_come_back(large, model, controller):
    large.prompts.add([500, 510])
    model.layers.remove(controller.frame.layer_of(large.image))
    large.prompts.add([500, 520])
    assert controller.frame.layer_of(large.image) is None


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 0, 1), (0, 2, 1)])
def test_any_plane_is_followed(begin, model, controller, discs, order):
    pair = begin(noise(110, 160, 210))
    model.dims.order = order
    model.dims.current_step = (60, 80, 100)
    controller.state.region = "view"
    centre = [(60, 80, 100)[axis] for axis in order[1:]]
    look_at(model, *centre, 20)
    put(pair, model, *centre)
    plane = next(iter(pair.asked))
    region = pair.source.region_of(plane)
    assert discs.images[-1][0].shape == region.size
    assert max(region.extent) < 150
    assert pair.labels.data[60, 80, 100] == 1
    assert np.count_nonzero(pair.labels.data) == np.count_nonzero(disc((20, 20), (10, 10)))


def test_each_slice_has_a_region_of_its_own(begin, model, controller, discs):
    pair = begin(noise(4, 900, 900))
    controller.state.region = "view"
    for z, place in [(0, 200), (1, 700), (0, 205), (1, 695)]:
        model.dims.current_step = (z, 0, 0)
        look_at(model, place, place, 60)
        pair.prompts.add([z, place, place])
    assert len(discs.images) == 2


def test_scale_translation_and_a_larger_world_are_followed(begin, model, controller, discs):
    model.add_image(noise(3, 10, 10))
    pair = begin(noise(1000, 1200), scale=(0.5, 0.25), translate=(100, -50))
    controller.state.region = "view"
    row, column = pair.image.data_to_world((600, 300))
    look_at(model, row, column, 25)
    pair.prompts.add([600, 300])
    region = pair.source.region_of(next(iter(pair.asked)))
    assert region.holds(np.array([[600.0, 300.0]])).all()
    assert max(region.extent) < 500
    assert pair.labels.data[600, 300] == 1


# ------------------------------------------------------------------ drawn
def rectangle(top, left, bottom, right, *before):
    corners = [(top, left), (top, right), (bottom, right), (bottom, left)]
    return np.array([(*before, *corner) for corner in corners], dtype=float)


def draw(controller, image, corners):
    """Draw as a mouse does, as far as a viewer without a window can tell."""
    controller.frame.draw()
    controller.frame.layer_of(image).add_rectangles(corners)


def test_a_drawn_rectangle_is_outlined(begin, controller, discs, screen):
    pair = begin(noise(300, 400))
    pair.prompts.add([100, 100])
    draw(controller, pair.image, rectangle(79.7, 80.2, 150.1, 160.4))
    assert controller.state.region == "drawn"
    assert np.array_equal(discs.images[-1][0], pair.image.data[80:151, 80:161])
    assert np.array_equal(pair.labels.data != 0, disc((300, 400), (100, 100)))
    assert "Only rows 80 to 150 and columns 80 to 160" in screen.text


def test_after_drawing_the_next_click_is_a_prompt(begin, model, controller):
    pair = begin(noise(300, 400))
    controller.frame.draw()
    frame = controller.frame.layer_of(pair.image)
    assert model.layers.selection.active is frame
    assert frame.mode == "add_rectangle"
    frame.add_rectangles(rectangle(80, 80, 150, 160))
    assert model.layers.selection.active is pair.prompts
    assert pair.prompts.mode == "add"


def test_the_rectangle_drawn_last_counts(begin, controller, discs):
    pair = begin(noise(300, 400))
    pair.prompts.add([100, 100])
    draw(controller, pair.image, rectangle(80, 80, 150, 160))
    draw(controller, pair.image, rectangle(60, 70, 140, 130))
    assert discs.images[-1][0].shape == (81, 61)
    assert len(controller.frame.layer_of(pair.image).data) == 1


def test_a_rectangle_moved_by_hand_counts_anew(begin, controller, discs):
    pair = begin(noise(300, 400))
    pair.prompts.add([100, 100])
    draw(controller, pair.image, rectangle(80, 80, 150, 160))
    controller.frame.layer_of(pair.image).data = [rectangle(70, 80, 150, 160)]
    assert discs.images[-1][0].shape == (81, 81)


def test_without_its_rectangle_the_whole_plane_is_outlined(begin, controller, discs):
    pair = begin(noise(300, 400))
    pair.prompts.add([100, 100])
    draw(controller, pair.image, rectangle(80, 80, 150, 160))
    frame = controller.frame.layer_of(pair.image)
    frame.selected_data = {0}
    frame.remove_selected()
    assert controller.state.region == "plane"
    assert discs.clicks[-1][0].tolist() == [[100, 100]]
    assert len(discs.images) == 2


def test_without_its_layer_the_whole_plane_is_outlined(begin, model, controller, discs):
    pair = begin(noise(300, 400))
    pair.prompts.add([100, 100])
    draw(controller, pair.image, rectangle(80, 80, 150, 160))
    model.layers.remove(controller.frame.layer_of(pair.image))
    assert controller.state.region == "plane"
    assert controller.state.drawn == ()
    assert len(discs.clicks) == 3
    assert controller.frame.layer_of(pair.image) is None
    controller.state.region = "drawn"
    assert "whole plane" in pair.source.sentence(controller.shown())


def test_the_rectangle_goes_along_with_the_slices(begin, model, controller, discs):
    pair = begin(noise(5, 300, 400))
    model.dims.current_step = (1, 0, 0)
    draw(controller, pair.image, rectangle(80, 80, 150, 160, 1))
    model.dims.current_step = (4, 0, 0)
    frame = controller.frame.layer_of(pair.image)
    assert (frame.data[0][:, 0] == 4).all()
    put(pair, model, 100, 100)
    assert np.array_equal(discs.images[-1][0], pair.image.data[4, 80:151, 80:161])
    model.dims.order = (1, 0, 2)
    assert not len(frame.data)


def test_a_point_outside_the_rectangle_says_so(begin, controller, discs, screen):
    pair = begin(noise(300, 400))
    draw(controller, pair.image, rectangle(80, 80, 150, 160))
    pair.prompts.add([200, 200])
    assert "1 prompt lies outside the region and was left out" in screen.text
    assert not pair.labels.data.any()


def test_a_region_before_the_first_object(model, controller, discs):
    image = model.add_image(noise(300, 400))
    controller.state.image = image
    draw(controller, image, rectangle(80, 80, 150, 160))
    pair = controller.new_pair(image)
    pair.prompts.add([100, 100])
    assert discs.images[-1][0].shape == (71, 81)


def test_drawing_without_an_image_does_nothing(model, controller):
    controller.frame.draw()
    assert not len(model.layers)


def test_the_rectangle_follows_the_image(begin, controller):
    pair = begin(noise(300, 400))
    draw(controller, pair.image, rectangle(80, 80, 150, 160))
    pair.image.scale = (2, 3)
    frame = controller.frame.layer_of(pair.image)
    assert tuple(frame.scale) == (2, 3)


def test_the_keys_work_while_drawing(begin, controller):
    pair = begin(noise(300, 400))
    controller.frame.draw()
    frame = controller.frame.layer_of(pair.image)
    actions = {str(key): action for key, action in frame.keymap.items()}
    actions["G"](frame)
    assert not controller.state.foreground


def test_another_image_has_a_rectangle_of_its_own(begin, model, controller):
    first, second = begin(noise(300, 400)), begin(noise(300, 400))
    controller.state.drawn = ((80, 80), (150, 160))
    controller.state.region = "drawn"
    frames = [controller.frame.layer_of(pair.image) for pair in (first, second)]
    assert frames[0] is None
    assert len(frames[1].data) == 1
    model.layers.selection.active = first.prompts
    assert len(controller.frame.layer_of(first.image).data) == 1
    assert not frames[1].visible


def test_taking_all_layers_away_is_no_trouble(large, model, controller):
    large.prompts.add([500, 510])
    model.layers.clear()
    assert controller.current is None
    assert not len(model.layers)
