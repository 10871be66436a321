"""λ of the point chosen: shown, moved live, and left to the method again."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_m2n2.viewer.points_layer import read_thresholds


@pytest.fixture
def panel(widget):
    return widget.prompts


@pytest.fixture
def asked(monkeypatch):
    """What the method is asked for besides points: the λ of each click, and whether a draft."""
    from . import conftest

    jobs = []
    segment = conftest._DiscSegmenter.segment

    def listen(self, points, labels, *, thresholds=None, draft=False, **more):
        known = np.full(len(points), np.nan) if thresholds is None else np.asarray(thresholds)
        jobs.append((known.tolist(), draft))
        result = segment(self, points, labels, **more)
        result.thresholds = np.where(np.isnan(known), 0.5, known)
        return result

    monkeypatch.setattr(conftest._DiscSegmenter, "segment", listen)
    return jobs


def thresholds(pair):
    return read_thresholds(pair.prompts).tolist()


def same(found, *expected):
    assert found == pytest.approx(list(expected), nan_ok=True)


def test_without_a_point_there_is_nothing_to_move(pair, panel):
    assert not panel.slider.isEnabled()
    assert not panel.following.isEnabled()
    assert panel.which.text() == "Reach of a point"


def test_the_slider_shows_what_the_method_chose(pair, panel, asked):
    pair.prompts.add([10, 20])
    assert panel.which.text() == "Reach of point 1 of 1"
    assert panel.automatic.isChecked()
    assert panel.slider.value() == 500
    assert panel.value.value() == 0.5


def test_when_no_point_is_left_it_shows_none(pair, panel, asked):
    pair.prompts.add([10, 20])
    pair.prompts.data = np.empty((0, 2))
    assert (panel.slider.value(), panel.value.value()) == (0, 0)
    assert not panel.slider.isEnabled()


def test_moving_it_is_a_draft_and_letting_go_is_none(pair, panel, asked):
    pair.prompts.add([10, 20])
    asked.clear()
    panel.slider.setSliderDown(True)
    panel.slider.setValue(300)
    panel.slider.setValue(310)
    same([draft for _, draft in asked], True, True)
    same(thresholds(pair), 0.31)
    panel.slider.setSliderDown(False)
    known, draft = asked[-1]
    assert not draft
    same(known, 0.31)
    assert len(asked) == 3
    assert not panel.automatic.isChecked()


def test_the_arrow_keys_move_it_too(pair, panel, asked, qtbot):
    pair.prompts.add([10, 20])
    panel.slider.setFocus()
    qtbot.keyClick(panel.slider, Qt.Key.Key_Right)
    same(thresholds(pair), 0.501)
    assert asked[-1][1] is False


def test_a_number_can_be_typed(pair, panel, asked):
    pair.prompts.add([10, 20])
    panel.value.setValue(0.125)
    same(thresholds(pair), 0.125)
    assert panel.slider.value() == 125


def test_auto_leaves_it_to_the_method_again(pair, panel, asked):
    pair.prompts.add([10, 20])
    panel.value.setValue(0.125)
    panel.automatic.setChecked(True)
    same(thresholds(pair), np.nan)
    same(asked[-1][0], np.nan)
    assert panel.value.value() == 0.5
    panel.automatic.setChecked(False)
    same(thresholds(pair), 0.5)


def test_it_follows_the_point_chosen(pair, panel, asked, widget):
    pair.prompts.add([10, 20])
    pair.prompts.add([30, 40])
    panel.value.setValue(0.125)
    assert panel.which.text() == "Reach of point 2 of 2"
    panel.previous.click()
    assert panel.which.text() == "Reach of point 1 of 2"
    assert panel.automatic.isChecked()
    assert panel.value.value() == 0.5
    panel.following.click()
    assert panel.value.value() == 0.125
    pair.prompts.selected_data = {0}  # as a click in napari's select mode does
    assert panel.which.text() == "Reach of point 1 of 2"
    panel.slider.setValue(700)
    same(thresholds(pair), 0.7, 0.125)


def test_choosing_asks_for_nothing(pair, panel, asked):
    pair.prompts.add([[10, 20], [30, 40]])
    asked.clear()
    panel.previous.click()
    panel.previous.click()
    assert asked == []


def test_only_the_points_of_the_plane_on_screen_are_gone_through(begin, controller, model):
    from napari_m2n2.viewer import prompting

    pair = begin(np.random.default_rng(0).random((5, 40, 60)))
    pair.prompts.add([[1, 10, 20], [2, 10, 20], [1, 30, 40], [1, -30, 40]])
    model.dims.current_step = (1, 0, 0)
    pair.prompts.selected_data = set()
    gone_through = []
    for _ in range(3):
        controller.choose(1)
        gone_through.append(prompting.chosen(pair, controller.shown()).index)
    assert gone_through == [0, 2, 0]
    model.dims.current_step = (4, 0, 0)
    controller.choose(1)
    controller.set_threshold(0.5)
    assert np.isnan(read_thresholds(pair.prompts)).all()


def test_a_point_made_after_one_with_its_own_threshold_is_left_to_the_method(pair, panel, asked):
    pair.prompts.add([10, 20])
    panel.value.setValue(0.125)
    pair.prompts.add([30, 40])
    same(thresholds(pair), 0.125, np.nan)
    assert panel.automatic.isChecked()
