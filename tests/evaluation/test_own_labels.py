"""Measuring on one's own labels: which objects, what is told, and what is called best."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.attention import registry
from napari_m2n2.errors import Cancelled, InputError, MissingError
from napari_m2n2.evaluation.choices import Choice, ready_choices
from napari_m2n2.evaluation.own_labels import (
    Measured,
    best,
    measure,
    measure_choice,
    pick_objects,
)

CHOICE = Choice("texture", "m2n2", "default")


def squares(*sides):
    """Return labels of squares in a row, numbered from 1."""
    labels = np.zeros((40, 42 * len(sides)), np.int32)
    for place, side in enumerate(sides):
        labels[2 : 2 + side, 42 * place : 42 * place + side] = place + 1
    return labels


class Grown:
    """Outlines squares around foreground clicks, larger with each click."""

    def __init__(self, settings):
        self.settings = settings
        self.images = []

    def set_image(self, image, *, contrast=None, progress=None):
        progress("attention", 0.0)
        progress("attention", 1.0)
        self.images.append((image, contrast))
        self.shape = image.shape[:2]

    def segment(self, points, labels, **more):
        mask = np.zeros(self.shape, bool)
        for (row, column), label in zip(points.astype(int), labels, strict=True):
            reach = 3 * len(points)
            mask[max(0, row - reach) : row + reach, max(0, column - reach) : column + reach] = (
                label
            )
        return SimpleNamespace(mask=mask)


# ------------------------------------------------------------------ what there is to choose
def test_every_ready_backbone_is_there_and_the_default_comes_first():
    choices = ready_choices()
    assert choices[0] == CHOICE
    assert CHOICE.name == "texture, m2n2, default"
    assert len(set(choices)) == len(choices)
    assert Choice("texture", "m2n2", "published") in choices


def test_backbones_that_are_not_here_are_left_out(monkeypatch):
    monkeypatch.setattr(
        "napari_m2n2.attention.registry.status",
        lambda name: SimpleNamespace(ready=name == "texture"),
    )
    assert {choice.backbone for choice in ready_choices()} == {"texture"}


def test_presets_that_come_to_the_same_are_one(monkeypatch):
    monkeypatch.setattr(
        "napari_m2n2.attention.registry.status", lambda name: SimpleNamespace(ready=True)
    )
    presets = {
        backbone: [
            c.preset for c in ready_choices() if (c.backbone, c.method) == (backbone, "m2n2")
        ]
        for backbone in registry.names()
    }
    assert presets.pop("texture") == ["default", "published"]
    assert all(found == ["default"] for found in presets.values())


# ------------------------------------------------------------------ which objects
def test_a_few_objects_of_each_size_are_picked_the_largest_first():
    numbers, count = pick_objects(squares(5, 30, 10, 20, 15, 25, 3), most=3)
    assert count == 6  # one is too small
    assert (numbers[0], numbers[-1]) == (2, 1)
    assert numbers[1] in (4, 5, 6)


@given(st.lists(st.integers(4, 30), min_size=1, max_size=8), st.integers(1, 6))
def test_picked_objects_are_there_and_differ(sides, most):
    labels = squares(*sides)
    numbers, count = pick_objects(labels, most)
    assert count == len(sides)
    assert len(numbers) == len(set(numbers)) == min(most, count)
    assert set(numbers) <= set(np.unique(labels)) - {0}
    assert np.count_nonzero(labels == numbers[0]) == max(side**2 for side in sides)


@pytest.mark.parametrize("labels", [squares(3), np.zeros((20, 20), int)])
def test_nothing_to_click_is_said(labels):
    with pytest.raises(InputError, match=r"no object of 16 pixels.*outline an object"):
        pick_objects(labels)


# ------------------------------------------------------------------ what is found
def test_overlap_is_the_mean_over_the_objects_after_each_click():
    labels = squares(12, 24)
    made = []

    def create(settings):
        made.append(Grown(settings))
        return made[-1]

    image = np.zeros(labels.shape)
    (found,) = measure([CHOICE], image, labels, clicks=3, contrast=(0, 1), create=create)
    assert len(found.iou) == 3
    assert found.objects == 2
    assert found.iou[1] > found.iou[0]
    assert not found.problem
    assert min(found.prepare, found.click) >= 0
    assert made[0].images == [(image, (0, 1))]
    assert (made[0].settings.backbone, made[0].settings.method) == ("texture", "m2n2")


def test_progress_rises_to_one_and_calls_it_off():
    labels = squares(12, 24)
    masks = [labels == number for number in (1, 2)]
    told = []
    measure_choice(
        CHOICE,
        np.zeros(labels.shape),
        masks,
        create=Grown,
        progress=lambda phase, fraction: told.append((phase, fraction)),
    )
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert {phase for phase, _ in told} == {CHOICE.name}

    def stop(phase, fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        measure_choice(CHOICE, np.zeros(labels.shape), masks, create=Grown, progress=stop)


def test_what_cannot_be_used_is_told_and_the_others_go_on():
    def create(settings):
        if settings.method == "mis":
            raise MissingError("Something is missing; fetch it.")
        return Grown(settings)

    labels = squares(12)
    choices = [Choice("texture", "mis", "default"), CHOICE]
    broken, good = measure(choices, np.zeros(labels.shape), labels, clicks=1, create=create)
    assert broken.problem == "Something is missing; fetch it."
    assert not broken.iou
    assert len(good.iou) == 1


def test_the_fastest_of_those_nearly_as_good_is_best():
    slow = Measured(CHOICE, iou=(0.9, 0.95), click=3.0)
    fast = Measured(Choice("texture", "mis", "default"), iou=(0.89, 0.94), click=0.1)
    poor = Measured(Choice("texture", "dwc", "default"), iou=(0.2, 0.3), click=0.01)
    none = Measured(Choice("texture", "iseg", "default"), problem="It failed.")
    assert best([slow, fast, poor, none]) is fast
    assert best([none]) is None


def test_the_real_thing_outlines_a_square():
    labels = squares(30)
    (found,) = measure([CHOICE], labels.astype(np.float32), labels, clicks=2, grid=16)
    assert found.iou[-1] > 0.9
