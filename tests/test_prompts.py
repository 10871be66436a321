from __future__ import annotations

import numpy as np
import pytest

from napari_m2n2.errors import InputError
from napari_m2n2.prompts import check_prompts, to_pixels

SHAPE = (10, 20)


def test_a_point_counts_for_the_pixel_it_lies_in():
    points = [(0, 0), (-0.5, -0.5), (0.5, 1.5), (9.49, 19.49), (2.4999, 2.5)]
    np.testing.assert_array_equal(
        to_pixels(points, SHAPE), [(0, 0), (0, 0), (1, 2), (9, 19), (2, 3)]
    )


@pytest.mark.parametrize(
    "point", [(-0.51, 0), (9.5, 0), (0, 19.5), (0, -1), (1e30, 0), (np.nan, 0), (0, np.inf)]
)
def test_outside_is_an_error(point):
    with pytest.raises(InputError, match="outside the plane of 10 rows and 20 columns"):
        to_pixels([(1, 1), point], SHAPE)


@pytest.mark.parametrize(
    "labels",
    [
        [True, False],
        [np.True_, np.False_],
        [1, 0],
        np.array([1.0, 0.0]),
        np.array([1, 0], ">i2"),
        (np.uint8(1), np.uint8(0)),
    ],
)
def test_labels_of_any_type_mean_the_same(labels):
    prompts = check_prompts([(1, 1), (2, 2)], labels, SHAPE)
    assert prompts.labels.tolist() == [True, False]


def test_none_at_all():
    prompts = check_prompts([], [], SHAPE)
    assert prompts.points.shape == (0, 2)
    assert prompts.labels.shape == (0,)
    assert check_prompts(np.zeros((0, 2)), np.zeros(0), SHAPE).points.shape == (0, 2)


def test_the_later_of_two_labels_counts():
    points = [(1, 1), (2, 2), (1.2, 0.9), (2, 2), (1, 1)]
    prompts = check_prompts(points, [1, 1, 0, 1, 0], SHAPE)
    assert prompts.superseded.tolist() == [True, False, False, False, False]


def test_boxes_in_any_order_of_corners():
    prompts = check_prompts([], [], SHAPE, boxes=[(5, 7, 2, 3)])
    (region,) = prompts.regions
    expected = np.zeros(SHAPE, bool)
    expected[2:6, 3:8] = True
    np.testing.assert_array_equal(region, expected)


def test_scribbles_are_connected():
    prompts = check_prompts([], [], SHAPE, scribbles=[([(1, 1), (1, 6), (4, 6)], False)])
    (stroke,) = prompts.strokes
    assert {(1, 3), (3, 6)} <= set(map(tuple, stroke.tolist()))
    assert len(stroke) == 9
    assert prompts.stroke_labels.tolist() == [False]


def test_mask():
    mask = np.zeros(SHAPE, np.uint8)
    assert check_prompts([], [], SHAPE, mask=mask).regions == ()
    mask[3:5, 3:5] = 7
    assert check_prompts([], [], SHAPE, mask=mask).regions[0].sum() == 4


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (([(1, 1)], []), {}, "1 points but 0 labels"),
        (([(1, 1, 1)], [1]), {}, "shape (1, 3)"),
        (([1, 1], [1, 1]), {}, "shape (2,)"),
        (([(1, 1)], [2]), {}, "neither True nor False"),
        (([(1, 1)], ["fg"]), {}, "neither True nor False"),
        (([(1, 1)], [[1]]), {}, "shape (1, 1)"),
        (([], []), {"boxes": [(1, 2, 3)]}, "shape (1, 3)"),
        (([], []), {"boxes": [(1, 2, 3, 20)]}, "outside"),
        (([], []), {"scribbles": [([], True)]}, "no points"),
        (([], []), {"mask": np.zeros((3, 3))}, "shape (3, 3)"),
    ],
)
def test_what_does_not_fit_is_said_in_a_sentence(arguments, options, words):
    with pytest.raises(InputError) as caught:
        check_prompts(*arguments, SHAPE, **options)
    assert words in str(caught.value)
