"""Measuring on the labels of the window, without a window and without a method."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_m2n2.annotation.newest import run_now
from napari_m2n2.errors import MissingError
from napari_m2n2.evaluation.choices import Choice
from napari_m2n2.evaluation.own_labels import Measured

FIRST, SECOND = (Choice("texture", method, "default") for method in ("m2n2", "mis"))
SHAPE = (3, 40, 60)


class Measures:
    """Stands in for the evaluation; remembers what it was given."""

    def __init__(self):
        self.calls = []
        self.trouble = None

    def __call__(self, choice, image, masks, **options):
        self.calls.append(SimpleNamespace(choice=choice, image=image, masks=masks, **options))
        options["progress"](choice.name, 0.5)
        if self.trouble is not None:
            raise self.trouble
        good = 0.9 if choice == SECOND else 0.5
        return Measured(choice, iou=(good, good), objects=len(masks), click=0.1)


class Tasks:
    """A runner whose tasks are worked when the test says so."""

    def __init__(self):
        self.waiting = []

    def __call__(self, task, report, done):
        self.waiting.append(lambda: done(task(report)))


@pytest.fixture
def make(model, controller):
    from napari_m2n2.viewer.measuring import Measurer

    owners = []

    def make(runner=run_now, labels=True, **attributes):
        random = np.random.default_rng(0)
        data = random.random(SHAPE).astype(np.float32)
        image = model.add_image(data, name="noise", **attributes)
        controller.state.image = image
        measures = Measures()
        measurer = Measurer(controller, runner, measures)
        owners.append(measurer)
        it = SimpleNamespace(
            measurer=measurer, measures=measures, image=image, model=model, data=data
        )
        it.controller, it.said, it.found, it.shares = controller, [], [], []
        measurer.said.connect(lambda text, failed: it.said.append((text, failed)))
        measurer.found.connect(it.found.append)
        measurer.progressed.connect(lambda phase, share: it.shares.append(share))
        if labels:
            values = np.zeros(SHAPE, np.uint8)
            values[1, 5:15, 5:15], values[1, 20:35, 30:50] = 3, 8
            it.labels = model.add_labels(values, name="truth")
        model.dims.set_point(0, 1)
        return it

    yield make
    for owner in owners:
        owner.close()


def test_each_choice_is_clicked_on_the_objects_of_the_plane_on_screen(make):
    it = make()
    it.measurer.measure(it.labels, [FIRST, SECOND], 2)
    assert [call.choice for call in it.measures.calls] == [FIRST, SECOND]
    call = it.measures.calls[0]
    assert np.array_equal(call.image, it.data[1])
    assert [mask.sum() for mask in call.masks] == [300, 100]
    assert call.clicks == 2
    assert call.contrast == tuple(it.image.contrast_limits)
    assert [measured.choice for measured in it.found] == [FIRST, SECOND]
    assert it.said[0] == ("2 of 2 objects on slice 1 of axis 0 are clicked.", False)
    assert it.said[-1] == (
        "2 of 2 objects on slice 1 of axis 0 were clicked. "
        "Best: texture, mis, default, IoU 0.90 after 2 clicks.",
        False,
    )
    assert it.shares == sorted(it.shares)
    assert not it.measurer.busy


def test_only_labels_that_fit_are_offered_those_of_the_objects_first(make):
    it = make()
    it.model.add_labels(np.zeros((7, 7), int), name="another")
    assert it.measurer.layers() == [it.labels]
    pair = it.controller.new_pair(it.image)
    assert it.measurer.layers() == [pair.labels, it.labels]


def test_what_is_at_work_is_not_taken_for_the_truth(make):
    it = make(labels=False)
    pair = it.controller.new_pair(it.image)
    pair.prompts.add((1, 20, 20))
    it.controller.commit()
    pair.prompts.add((1, 10, 40))
    it.measurer.measure(pair.labels, [FIRST], 1)
    (mask,) = it.measures.calls[0].masks
    assert mask[20, 20]
    assert not mask[10, 40]
    assert pair.labels.data[1, 10, 40]  # and it is still there


def test_a_region_that_is_reduced_is_measured_as_it_is_outlined(make):
    it = make()
    it.controller.state.most_pixels = 600  # of 2400
    it.measurer.measure(it.labels, [FIRST], 1)
    call = it.measures.calls[0]
    assert call.image.shape == (20, 30)
    assert {mask.shape for mask in call.masks} == {(20, 30)}
    assert call.masks[0][12, 20]


@pytest.mark.parametrize(
    ("labels", "choices", "words"),
    [(False, [FIRST], "no labels that fit"), (True, [], "tick a row")],
)
def test_what_is_lacking_is_said(make, labels, choices, words):
    it = make()
    it.measurer.measure(it.labels if labels else None, choices, 1)
    text, failed = it.said[-1]
    assert failed
    assert words in text
    assert not it.measurer.busy


def test_a_slice_without_labels_is_said(make):
    it = make()
    it.model.dims.set_point(0, 0)
    it.measurer.measure(it.labels, [FIRST], 1)
    assert "There is no object of 16 pixels or more" in it.said[-1][0]


def test_stop_keeps_what_was_found(make):
    tasks = Tasks()
    it = make(tasks)
    it.measurer.measure(it.labels, [FIRST, SECOND], 2)
    tasks.waiting.pop(0)()
    it.measurer.stop()
    tasks.waiting.pop(0)()
    assert not tasks.waiting
    assert [measured.choice for measured in it.found] == [FIRST]
    assert it.said[-1][0].endswith("It was stopped.")
    assert not it.measurer.busy


def test_closing_says_nothing_more(make):
    tasks = Tasks()
    it = make(tasks)
    it.measurer.measure(it.labels, [FIRST, SECOND], 2)
    said = list(it.said)
    it.measurer.close()
    tasks.waiting.pop(0)()
    assert it.said == said
    assert not tasks.waiting


def test_an_image_that_cannot_be_read_ends_it(make):
    it = make()
    it.measures.trouble = MissingError("It is gone; open it again.")
    it.measurer.measure(it.labels, [FIRST, SECOND], 1)
    assert it.said[-1] == ("It is gone; open it again.", True)
    assert len(it.measures.calls) == 1


def test_what_nobody_has_foreseen_is_told_in_its_row_and_the_others_go_on(make, caplog):
    it = make()
    it.measures.trouble = RuntimeError("odd")
    it.measurer.measure(it.labels, [FIRST, SECOND], 1)
    assert [bool(measured.problem) for measured in it.found] == [True, True]
    assert "RuntimeError: odd" in it.found[0].problem


def test_the_best_can_be_used(make):
    it = make()
    it.measurer.use(SECOND)
    settings = it.controller.state.settings
    assert (settings.backbone, settings.method, settings.preset) == ("texture", "mis", "default")
