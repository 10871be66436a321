from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_m2n2.errors import Cancelled, InputError
from napari_m2n2.evaluation import metrics
from napari_m2n2.evaluation.clicks import Click, next_click
from napari_m2n2.evaluation.simulation import click_object


class Known:
    """Gives the masks of a list, one more with each click."""

    def __init__(self, masks):
        self.masks, self.calls = masks, []

    def segment(self, points, labels):
        points, labels = np.asarray(points), np.asarray(labels)
        self.calls.append((points.tolist(), labels.tolist()))
        return SimpleNamespace(mask=self.masks[min(len(points), len(self.masks)) - 1])


def square(size):
    mask = np.zeros((20, 24), bool)
    mask[4 : 4 + size, 4 : 4 + size] = True
    return mask


TRUTH = square(10)


def test_scores_are_those_of_the_masks():
    masks = [square(5), square(12), square(9)]
    valid = np.ones_like(TRUTH)
    valid[0] = False
    found = click_object(Known(masks), TRUTH, valid, clicks=3, spacing=(2.0, 1.0))
    assert found.iou == tuple(metrics.iou(m, TRUTH, valid) for m in masks)
    assert found.iou == (25 / 100, 100 / 144, 81 / 100)
    assert found.dice == tuple(metrics.dice(m, TRUTH, valid) for m in masks)
    assert found.boundary_f == tuple(
        metrics.boundary_f(m, TRUTH, valid, (2.0, 1.0)) for m in masks
    )
    assert found.surface == tuple(
        metrics.surface_distance(m, TRUTH, valid, (2.0, 1.0)) for m in masks
    )
    assert len(found.seconds) == 3
    assert all(second >= 0 for second in (*found.seconds, found.rescore))


@pytest.mark.parametrize("protocol", ["ritm", "m2n2"])
def test_clicks_are_those_of_the_protocol(protocol):
    masks = [square(5), square(12), square(9), square(8)]
    predictor = Known(masks)
    found = click_object(predictor, TRUTH, clicks=4, protocol=protocol)
    mask, given = np.zeros_like(TRUTH), []
    for click, after in zip(found.clicks, masks, strict=True):
        assert click == next_click(mask, TRUTH, None, protocol=protocol, given=given)
        given.append(click)
        mask = after
    wanted = [[[c.row, c.column] for c in given[:k]] for k in range(1, 5)]
    # the last prompts are asked for once more, for the time that takes
    assert [points for points, _ in predictor.calls] == [*wanted, wanted[-1]]
    assert predictor.calls[-1][1] == [c.label for c in given]


def test_ritm_stops_clicking_what_is_right():
    predictor = Known([square(5), TRUTH])
    found = click_object(predictor, TRUTH, clicks=6, protocol="ritm")
    assert len(found.clicks) == len(found.seconds) == 2
    assert found.iou == (0.25, 1, 1, 1, 1, 1)
    assert len(found.dice) == len(found.boundary_f) == len(found.surface) == 6
    assert len(predictor.calls) == 3


def test_m2n2_goes_on_clicking():
    found = click_object(Known([TRUTH]), TRUTH, clicks=5, protocol="m2n2")
    assert len(found.clicks) == 5
    assert found.iou == (1.0,) * 5


def test_an_object_of_one_pixel():
    truth = np.zeros((5, 5), bool)
    truth[1, 3] = True
    found = click_object(Known([truth]), truth, clicks=3)
    assert found.clicks == (Click(1, 3, True),)
    assert found.iou == (1, 1, 1)


@pytest.mark.parametrize(
    ("truth", "valid", "sentence"),
    [
        (np.zeros((5, 5), bool), None, "no pixel; leave it out"),
        (TRUTH, ~TRUTH, "no pixel; leave it out"),
        (TRUTH, np.ones((3, 3), bool), "two planes of one shape"),
        (np.ones((2, 2, 2), bool), None, "two planes of one shape"),
    ],
)
def test_what_cannot_be_clicked(truth, valid, sentence):
    with pytest.raises(InputError, match=sentence):
        click_object(Known([TRUTH]), truth, valid)


def test_a_mask_of_another_size():
    with pytest.raises(InputError, match="image and masks have to be of one size"):
        click_object(Known([np.ones((3, 3), bool)]), TRUTH)


def test_it_can_be_called_off():
    predictor = Known([square(5)])

    def progress(phase, fraction):
        if fraction >= 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        click_object(predictor, TRUTH, clicks=4, progress=progress)
    assert len(predictor.calls) == 2
