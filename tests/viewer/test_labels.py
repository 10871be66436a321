"""What is written, what is never touched, and what undo brings back."""

from __future__ import annotations

import numpy as np
import pytest

from .conftest import disc


@pytest.fixture
def pair(begin):
    return begin(np.random.default_rng(0).random((40, 60)), name="noise")


def paint(labels, value, *pixels):
    """Paint as the brush does."""
    labels.selected_label = value
    labels.brush_size = 1
    for pixel in pixels:
        labels.paint(pixel, value)


def test_the_layer_is_a_fresh_numpy_array_named_after_the_image(pair):
    assert isinstance(pair.labels.data, np.ndarray)
    assert pair.labels.data.dtype == np.uint16
    assert pair.labels.name == "noise: labels"
    assert pair.prompts.name == "noise: prompts"
    assert pair.labels.selected_label == 1


def test_a_click_is_one_step_of_undo(pair, controller):
    pair.prompts.add([10, 20])
    first = pair.labels.data.copy()
    pair.prompts.add([12, 22])
    second = pair.labels.data.copy()
    moved = pair.prompts.data.copy()
    moved[0] = (30, 50)
    pair.prompts.data = moved  # clears and writes at once
    controller.undo()
    assert np.array_equal(pair.labels.data, second)
    controller.undo()
    assert np.array_equal(pair.labels.data, first)
    controller.undo()
    assert not pair.labels.data.any()
    controller.redo()
    assert np.array_equal(pair.labels.data, first)


def test_a_click_is_no_step_of_the_layer_s_own_history(pair):
    paint(pair.labels, 7, (35, 5))
    pair.prompts.add([10, 20])
    pair.prompts.add([12, 22])
    shown = pair.labels.data.copy()
    pair.labels.undo()
    shown[35, 5] = 0
    assert np.array_equal(pair.labels.data, shown)


def test_after_undo_the_next_click_outlines_as_if_nothing_had_been(pair, controller):
    pair.prompts.add([10, 20])
    pair.prompts.add([30, 50])
    controller.undo()
    controller.undo()
    pair.prompts.add([20, 35])
    assert np.array_equal(pair.labels.data != 0, disc((40, 60), (20, 35)))


def test_undo_after_a_shrunken_outline_leaves_no_litter(pair, controller):
    pair.prompts.add([[10, 20], [30, 50]])
    pair.prompts.selected_data = {1}
    pair.prompts.remove_selected()
    controller.undo()  # both discs are back
    pair.prompts.add([20, 35])
    expected = disc((40, 60), (10, 20), (30, 50), (20, 35))
    assert np.array_equal(pair.labels.data != 0, expected)


def test_pixels_painted_by_hand_stay(pair, screen):
    paint(pair.labels, 7, (10, 20), (10, 21))
    pair.prompts.add([10, 20])
    assert pair.labels.data[10, 20] == 7
    assert pair.labels.data[10, 19] == 1
    assert "2 pixels painted by hand or of another object stay as they are." in screen.text
    pair.prompts.data = np.zeros((0, 2))
    assert np.unique(pair.labels.data).tolist() == [0, 7]


def test_pixels_erased_by_hand_stay_empty(pair):
    pair.prompts.add([10, 20])
    paint(pair.labels, 0, (10, 20))
    pair.prompts.add([30, 50])
    expected = disc((40, 60), (10, 20), (30, 50))
    expected[10, 20] = False
    assert np.array_equal(pair.labels.data != 0, expected)


def test_pixels_added_by_hand_to_the_object_stay(pair):
    pair.prompts.add([10, 20])
    paint(pair.labels, 1, (35, 5))
    pair.prompts.data = np.zeros((0, 2))
    assert np.argwhere(pair.labels.data).tolist() == [[35, 5]]


def test_our_own_pixels_painted_over_are_the_user_s(pair):
    pair.prompts.add([10, 20])
    paint(pair.labels, 9, (10, 20))
    pair.prompts.data = np.zeros((0, 2))
    assert pair.labels.data[10, 20] == 9
    assert np.count_nonzero(pair.labels.data) == 1


def test_a_stroke_undone_is_forgotten(pair):
    pair.prompts.add([10, 20])
    paint(pair.labels, 0, (10, 20))
    pair.labels.undo()
    pair.prompts.add([30, 50])
    assert np.array_equal(pair.labels.data != 0, disc((40, 60), (10, 20), (30, 50)))


@pytest.mark.parametrize("value", [0, 1, 9])
def test_a_stroke_done_again_counts_again(pair, value):
    pair.prompts.add([10, 20])
    paint(pair.labels, value, (10, 20))
    pair.labels.undo()
    assert np.array_equal(pair.labels.data, disc((40, 60), (10, 20)))
    pair.labels.redo()
    expected = disc((40, 60), (10, 20), (30, 50)).astype(int)
    pair.prompts.add([30, 50])
    expected[10, 20] = value
    assert np.array_equal(pair.labels.data, expected)


def test_the_bucket_counts_as_painting(pair):
    pair.prompts.add([10, 20])
    pair.labels.fill((10, 20), 5)
    pair.prompts.data = np.zeros((0, 2))
    assert np.array_equal(pair.labels.data == 5, disc((40, 60), (10, 20)))


def test_a_brush_in_another_slice_and_the_same_spot(begin, model):
    pair = begin(np.random.default_rng(0).random((16, 20, 24)))
    model.dims.current_step = (3, 0, 0)
    paint(pair.labels, 7, (3, 9, 8))
    model.dims.current_step = (4, 0, 0)
    pair.prompts.add([4, 9, 8])
    assert pair.labels.data[3, 9, 8] == 7
    assert np.array_equal(pair.labels.data[4] != 0, disc((20, 24), (9, 8)))


def test_crossing_planes_do_not_clear_each_other(begin, model):
    pair = begin(np.random.default_rng(0).random((16, 20, 24)))
    model.dims.current_step = (8, 0, 0)
    pair.prompts.add([8, 10, 12])
    front = pair.labels.data.copy()
    model.dims.order = (1, 0, 2)
    model.dims.current_step = (8, 12, 0)
    pair.prompts.add([8, 12, 12])  # on both planes
    pair.prompts.selected_data = {1}
    pair.prompts.remove_selected()
    assert np.array_equal(pair.labels.data, front)


def test_a_second_object_leaves_the_first_alone(controller, pair):
    pair.prompts.add([10, 20])
    assert controller.new_pair(pair.image) is pair
    pair.prompts.add([10, 22])
    first = disc((40, 60), (10, 20))
    assert np.array_equal(pair.labels.data == 1, first)
    assert np.array_equal(pair.labels.data == 2, disc((40, 60), (10, 22)) & ~first)
    pair.prompts.add([30, 50])
    assert np.array_equal(pair.labels.data == 1, first)
    second = disc((40, 60), (10, 22), (30, 50)) & ~first
    assert np.array_equal(pair.labels.data == 2, second)


def test_labels_given_other_data_are_refused(pair, screen):
    pair.labels.data = np.zeros((10, 10), int)
    pair.prompts.add([10, 20])
    assert "no longer fits the image" in screen.text
    assert screen.failed
    assert not pair.labels.data.any()


def test_labels_that_cannot_be_written_are_refused(pair, screen):
    frozen = np.zeros((40, 60), np.uint16)
    frozen.flags.writeable = False
    pair.labels.data = frozen
    pair.prompts.add([10, 20])
    assert "read-only" in screen.text


def test_hidden_labels_are_written_too(pair):
    pair.labels.visible = False
    pair.prompts.add([10, 20])
    pair.labels.visible = True
    assert np.array_equal(pair.labels.data, disc((40, 60), (10, 20)))


def test_no_memory_for_labels_is_a_sentence(model, controller, screen, monkeypatch):
    from napari_m2n2.viewer import pair

    def too_much(*_args):
        raise MemoryError

    monkeypatch.setattr(pair, "make_labels", too_much)
    image = model.add_image(np.zeros((4, 4)))
    assert controller.new_pair(image) is None
    assert "not enough memory for labels" in screen.text
    assert len(model.layers) == 1
