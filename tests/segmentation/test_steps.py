from __future__ import annotations

import numpy as np

from napari_m2n2.prompts import check_prompts
from napari_m2n2.segmentation.steps import has_foreground, steps

SHAPE = (20, 30)


def prompts(points, labels, **more):
    return check_prompts(points, labels, SHAPE, **more)


def keys(found, by_hand=True):
    return [step.key for step in steps(found, by_hand=by_hand)]


def test_one_step_a_click():
    found = list(steps(prompts([(1, 2), (3, 4), (5, 6)], [0, 1, 0]), by_hand=True))
    assert [len(step.prompts.points) for step in found] == [1, 2, 3]
    assert [step.last for step in found] == [False, False, True]
    assert [has_foreground(step.prompts) for step in found] == [False, True, True]


def test_the_same_beginning_has_the_same_keys():
    short = keys(prompts([(1, 2), (3, 4)], [1, 0]))
    assert keys(prompts([(1, 2), (3, 4), (5, 6)], [1, 0, 0]))[:2] == short
    assert keys(prompts([(1, 2), (3, 4)], [1, 1]))[0] == short[0]
    assert keys(prompts([(1, 2), (3, 4)], [1, 1]))[1] != short[1]


def test_a_box_was_there_first():
    with_box = prompts([(1, 2)], [1], boxes=[(0, 0, 5, 5)])
    found = list(steps(with_box, by_hand=True))
    assert [len(step.prompts.points) for step in found] == [0, 1]
    assert all(has_foreground(step.prompts) for step in found)
    assert keys(with_box)[1] != keys(prompts([(1, 2)], [1]))[0]


def test_a_pixel_twice_has_its_first_place_and_its_last_label():
    twice = prompts([(1, 2), (3, 4), (1, 2)], [1, 1, 0])
    (first, second) = steps(twice, by_hand=True)
    np.testing.assert_array_equal(second.prompts.points, [(1, 2), (3, 4)])
    assert second.prompts.labels.tolist() == [False, True]
    assert not has_foreground(first.prompts)


def test_what_was_chosen_by_hand_counts_or_not():
    free = prompts([(1, 2), (3, 4)], [1, 0])
    chosen = prompts([(1, 2), (3, 4)], [1, 0], thresholds={1: 0.25})
    assert keys(free)[0] == keys(chosen)[0]
    assert keys(free)[1] != keys(chosen)[1]
    assert keys(free, by_hand=False) == keys(chosen, by_hand=False)
    last = list(steps(chosen, by_hand=True))[-1]
    np.testing.assert_array_equal(last.prompts.thresholds, [np.nan, 0.25])


def test_nothing():
    assert keys(prompts([], [])) == []
