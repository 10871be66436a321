"""Going on with a label that is there already, and prompts that are drafts."""

from __future__ import annotations

import numpy as np
import pytest

from napari_m2n2.annotation.jobs import Segmented

from .conftest import disc


def noise(*shape):
    return np.random.default_rng(0).random(shape)


@pytest.fixture
def labels(model):
    """Labels that somebody else has made: object 5, and a neighbour 7."""
    model.add_image(noise(40, 60), name="noise")
    data = np.zeros((40, 60), np.int32)
    data[10:20, 10:30] = 5
    data[30:35, 40:50] = 7
    return model.add_labels(data, name="made elsewhere")


def test_the_selected_label_is_gone_on_with(controller, labels, discs, screen):
    labels.selected_label = 5
    before = labels.data.copy()
    pair = controller.refine()
    assert pair.labels is labels
    assert np.array_equal(labels.data, before)
    assert discs.clicks == []
    assert "Refining label 5" in screen.text
    pair.prompts.add([12, 50])
    assert np.array_equal(labels.data == 5, disc((40, 60), (12, 50)))
    assert np.array_equal(labels.data == 7, before == 7)
    assert np.array_equal(discs.starts[-1], before == 5)


def test_taking_all_prompts_back_brings_the_label_back(controller, labels):
    before = labels.data.copy()
    pair = controller.refine(5)
    pair.prompts.add([12, 50])
    controller.take_back()
    assert np.array_equal(labels.data, before)


@pytest.mark.parametrize("by", ["our undo", "the layer's own undo"])
def test_one_undo_brings_the_label_back(controller, labels, by):
    before = labels.data.copy()
    controller.refine(5).prompts.add([12, 50])
    if by == "our undo":
        controller.undo()
    else:
        controller.commit()
        labels.undo()
    assert np.array_equal(labels.data, before)


def test_the_start_of_each_plane_is_its_own(controller, model, discs):
    model.add_image(noise(3, 40, 60))
    data = np.zeros((3, 40, 60), np.uint8)
    data[1, 5:9, 5:9] = data[2, 20:30, 20:30] = 4
    model.add_labels(data.copy())
    model.dims.current_step = (1, 0, 0)
    pair = controller.refine(4)
    pair.prompts.add([1, 30, 40])
    model.dims.current_step = (2, 0, 0)
    pair.prompts.add([2, 30, 40])
    model.dims.current_step = (0, 0, 0)
    pair.prompts.add([0, 30, 40])
    first, second, third = discs.starts
    assert np.array_equal(first, data[1] == 4)
    assert np.array_equal(second, data[2] == 4)
    assert third is None


def test_an_own_object_is_gone_on_with_and_has_its_prompts(begin, controller, discs):
    first = begin(noise(40, 60))
    first.prompts.add([10, 20])
    assert controller.refine() is first  # it is at work
    controller.commit()
    assert not len(first.prompts.data)
    pair = controller.refine(1)
    assert controller.pairs == (pair,)
    assert pair.prompts.data.tolist() == [[10, 20]]
    assert len(discs.clicks) == 1
    pair.prompts.add([30, 50])
    assert discs.starts[-1] is None
    assert np.array_equal(pair.labels.data, disc((40, 60), (10, 20), (30, 50)))


def test_two_objects_of_one_layer_leave_each_other_alone(controller, labels):
    pair = controller.refine(5)
    pair.prompts.add([12, 20])
    assert controller.refine(7) is pair
    assert len(controller.pairs) == 1
    pair.prompts.add([12, 40])
    controller.refine(5)
    pair.prompts.add([30, 45])
    controller.take_back()
    controller.refine(7)
    pair.prompts.add([30, 46])
    controller.commit()
    assert np.array_equal(labels.data == 5, disc((40, 60), (12, 20)))
    assert np.array_equal(labels.data == 7, disc((40, 60), (12, 40), (30, 46)))


@pytest.mark.parametrize(
    ("label", "sentence"),
    [(0, "Label 0 is empty"), (3, "no label 3; pick a label that is on screen")],
)
def test_a_label_that_is_not_there_is_refused(controller, labels, screen, label, sentence):
    assert controller.refine(label) is None
    assert sentence in screen.text
    assert screen.failed
    assert controller.pairs == ()


def test_labels_that_fit_no_image_are_refused(controller, model, screen):
    model.add_image(noise(40, 60))
    model.add_labels(np.ones((40, 50), int), name="other")
    assert controller.refine(1) is None
    assert "“other” has not the shape and place of any image" in screen.text
    model.add_labels(np.ones((40, 60), int), name="beside", translate=(0, 5))
    assert controller.refine(1) is None
    assert "“beside” has not" in screen.text


def test_without_labels_it_is_said(controller, screen):
    assert controller.refine() is None
    assert "There are no labels" in screen.text


# drafts


@pytest.fixture
def pair(begin):
    return begin(noise(40, 60))


def test_a_slider_that_is_dragged_is_one_step_of_undo(pair, controller, discs):
    pair.prompts.add([10, 20])
    before = pair.labels.data.copy()
    discs.shift = 3
    controller.set_threshold(0.4, draft=True)
    discs.shift = 6
    controller.set_threshold(0.45, draft=True)
    assert np.array_equal(pair.labels.data, disc((40, 60), (16, 20)))
    discs.shift = 9
    controller.set_threshold(0.45)
    assert np.array_equal(pair.labels.data, disc((40, 60), (19, 20)))
    assert discs.drafts == [False, True, True, False]
    discs.shift = 0
    controller.undo()
    assert np.array_equal(pair.labels.data, before)
    assert pair.prompts.features["threshold"].isna().all()


def test_a_stroke_over_a_draft_is_the_user_s(pair, controller, discs):
    pair.prompts.add([10, 20])
    discs.shift = 3
    controller.set_threshold(0.4, draft=True)
    pair.labels.paint((13, 20), 9)
    discs.shift = 0
    controller.set_threshold(0.5)
    assert pair.labels.data[13, 20] == 9
    assert np.array_equal(
        pair.labels.data == 1, disc((40, 60), (10, 20)) & (pair.labels.data != 9)
    )


# answers


def test_answers_are_kept_for_the_planes_used_last(begin, model):
    from napari_m2n2.viewer.work import KEPT_ANSWERS

    pair = begin(noise(KEPT_ANSWERS + 2, 20, 24))
    for z in range(KEPT_ANSWERS + 2):
        model.dims.current_step = (z, 0, 0)
        pair.prompts.add([z, 9, 8])
    kept = [plane.hidden[0][1] for plane in pair.answers]
    assert kept == list(range(2, KEPT_ANSWERS + 2))
    assert all(isinstance(answer.outcome, Segmented) for answer in pair.answers.values())


@pytest.mark.parametrize("kind", ["read-only", "piece by piece"])
def test_labels_that_cannot_be_written_to_are_named(controller, model, screen, kind):
    import dask.array

    model.add_image(noise(40, 60))
    data = np.ones((40, 60), np.uint8)
    data.flags.writeable = False
    model.add_labels(data if kind == "read-only" else dask.array.from_array(data), name="theirs")
    assert controller.refine(1) is None
    assert screen.failed
    assert "“theirs” cannot be written to" in screen.text
    assert kind in screen.text
