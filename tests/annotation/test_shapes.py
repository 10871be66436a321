from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.annotation.planes import Affine, Plane
from napari_m2n2.annotation.prompts import NO_PROMPTS, PlanePrompts
from napari_m2n2.annotation.region import Region
from napari_m2n2.annotation.shapes import Shape, label_mask, prompts_on
from napari_m2n2.errors import InputError
from napari_m2n2.prompts import check_prompts

PLANE = Plane((9, 20, 30), (1, 2), ((0, 4),))
SAME = Affine(np.eye(3), np.zeros(3))
SQUARE = [(4, 2, 3), (4, 2, 12), (4, 8, 12), (4, 8, 3)]


def shapes(*given, plane=PLANE, to_pixels=SAME):
    return prompts_on(plane, to_pixels, np.zeros((0, len(plane.shape))), [], shapes=given)


def test_points_of_the_plane_with_their_thresholds():
    found = prompts_on(
        PLANE,
        SAME,
        [(4, 1, 2), (5, 1, 2), (4.3, 3, 4), (4, 50, 2), (5, 50, 2)],
        [True, True, False, True, True],
        thresholds=[np.nan, 0.1, 0.2, 0.3, 0.4],
    )
    np.testing.assert_array_equal(found.points, [(1, 2), (3, 4)])
    assert found.labels.tolist() == [True, False]
    np.testing.assert_array_equal(found.thresholds, [np.nan, 0.2])
    assert found.origin.tolist() == [0, 2]
    assert found.outside == 1
    assert found.foreground == 1


def test_world_coordinates_are_turned_into_pixels():
    scaled = Affine(np.diag([0.5, 2, 4]), np.array([0, -1.0, 0]))
    found = prompts_on(PLANE, scaled, [(8, 2, 3)], [True], shapes=[Shape("line", [(8, 1, 1)] * 2)])
    np.testing.assert_array_equal(found.points, [(3, 12)])
    np.testing.assert_array_equal(found.scribbles[0][0], [(1, 4), (1, 4)])


def test_shapes_may_be_in_coordinates_of_their_own():
    twice = Affine(np.diag([1.0, 2, 2]), np.zeros(3))
    found = prompts_on(
        PLANE, SAME, [], [], shapes=[Shape("rectangle", SQUARE)], shapes_to_pixels=twice
    )
    np.testing.assert_array_equal(found.boxes, [(4, 6, 16, 24)])


def test_a_rectangle_is_a_box():
    found = shapes(Shape("rectangle", SQUARE))
    np.testing.assert_array_equal(found.boxes, [(2, 3, 8, 12)])
    assert found.foreground == 1
    assert found
    np.testing.assert_array_equal(found.arguments(PLANE.size)["boxes"], found.boxes)


def test_on_a_transposed_view_rows_and_columns_change_places():
    plane = Plane((9, 20, 30), (2, 1), ((0, 4),))
    found = shapes(Shape("rectangle", SQUARE), plane=plane)
    np.testing.assert_array_equal(found.boxes, [(3, 2, 12, 8)])


def test_a_turned_rectangle_is_a_lasso():
    turned = [(4, 2, 10), (4, 8, 16), (4, 14, 10), (4, 8, 4)]
    found = shapes(Shape("rectangle", turned))
    assert len(found.boxes) == 0
    mask = found.arguments(PLANE.size)["mask"]
    assert mask.shape == (1, 20, 30)
    assert mask[0, 8, 10]
    assert not mask[0, 3, 5]


def test_an_ellipse_is_a_lasso_within_its_corners():
    found = shapes(Shape("ellipse", [(4, 2, 4), (4, 2, 16), (4, 12, 16), (4, 12, 4)]))
    (mask,) = found.arguments(PLANE.size)["mask"]
    rows, columns = np.indices(PLANE.size)
    truth = ((rows - 7) / 5) ** 2 + ((columns - 10) / 6) ** 2 <= 1
    assert (mask & truth).sum() / (mask | truth).sum() > 0.85


def test_lines_and_paths_are_scribbles_of_either_sign():
    found = shapes(
        Shape("path", [(4, 1, 1), (4, 5, 1), (4, 5, 9)]), Shape("line", SQUARE[:2], False)
    )
    assert [label for _, label in found.scribbles] == [True, False]
    assert found.foreground == 1
    assert found.arguments(PLANE.size).keys() == {"scribbles"}


def test_a_polygon_is_a_lasso_and_several_stay_apart():
    triangle = [(4, 1, 1), (4, 1, 9), (4, 9, 1)]
    found = shapes(Shape("polygon", triangle), Shape("polygon", [(4, 12, 20), *triangle[1:]]))
    assert found.arguments(PLANE.size)["mask"].shape == (2, 20, 30)


@pytest.mark.parametrize("kind", ["rectangle", "polygon", "ellipse"])
def test_background_shapes_take_pixels_away(kind):
    found = shapes(Shape(kind, SQUARE, False), Shape("line", [(4, 5, 0), (4, 5, 29)]))
    assert found.foreground == 1
    assert found.arguments(PLANE.size).keys() == {"scribbles"}
    excluded = found.excluded_mask(PLANE.size)
    assert excluded[4, 8]
    assert not excluded[5].any()  # what was scribbled as the object has the last word
    assert not excluded[15, 20]


def test_shapes_of_other_planes_are_left_alone():
    other = [(3, *corner[1:]) for corner in SQUARE]
    across = [(3, 1, 1), (4, 1, 5)]
    found = shapes(Shape("rectangle", other), Shape("line", across), Shape("path", []))
    assert not found
    assert found == NO_PROMPTS
    assert found.outside == 0


def test_shapes_beside_the_image_are_counted():
    away = [(4, row + 100, column) for _, row, column in SQUARE]
    found = shapes(Shape("rectangle", away), Shape("polygon", away), Shape("line", away[:2]))
    assert not found
    assert found.outside == 3


def test_shapes_are_cut_off_at_the_sides():
    over = [(4, row - 5, column + 20) for _, row, column in SQUARE]
    found = shapes(Shape("rectangle", over), Shape("path", over))
    assert found.boxes[0] == pytest.approx([-0.5, 23, 3, 29.5])
    assert len(found.scribbles) == 1
    check_prompts(found.points, found.labels, PLANE.size, **found.arguments(PLANE.size))


@pytest.mark.parametrize(
    "change",
    [
        {"points": np.array([(1.0, 2.0), (3.0, 4.5)])},
        {"labels": np.array([True, True])},
        {"thresholds": np.array([np.nan, 0.2])},
        {"boxes": np.zeros((1, 4))},
        {"scribbles": ((np.zeros((2, 2)), True),)},
        {"lassos": (np.zeros((3, 2)),)},
        {"excluded": (np.zeros((3, 2)),)},
        {"start": np.zeros((20, 30), bool)},
    ],
)
def test_prompts_are_equal_if_they_ask_for_the_same(change):
    prompts = PlanePrompts(np.array([(1.0, 2.0), (3.0, 4.0)]), np.array([True, False]))
    assert prompts == replace(prompts, outside=3, origin=np.array([7, 9]))
    assert prompts != replace(prompts, **change)
    assert prompts != 3


def test_the_sign_of_a_scribble_counts():
    path = np.zeros((2, 2))
    assert PlanePrompts(scribbles=((path, True),)) != PlanePrompts(scribbles=((path, False),))


def test_a_label_to_begin_with():
    labels = np.zeros((20, 30), np.uint16)
    labels[3:6, 4:9] = 7
    start = label_mask(labels, 7)
    found = prompts_on(PLANE, SAME, [], [], start=start)
    assert found.foreground == 1
    np.testing.assert_array_equal(found.arguments(PLANE.size)["mask"], [start])
    for label in (0, 8):
        with pytest.raises(InputError, match=f"no object {label} on this plane"):
            label_mask(labels, label)


REGION = Region((5, 15), (10, 30), 2)
EVERYTHING = PlanePrompts(
    points=np.array([(6.0, 11.0), (2.0, 2.0), (14.0, 29.0)]),
    labels=np.array([True, True, False]),
    thresholds=np.array([np.nan, 0.1, 0.2]),
    origin=np.array([3, 5, 8]),
    boxes=np.array([(0.0, 0, 9, 19), (0, 0, 3, 3)]),
    scribbles=((np.array([(7.0, 0), (7, 29)]), True), (np.array([(0.0, 0), (0, 29)]), False)),
    lassos=(np.array([(5.0, 10), (9, 10), (9, 19), (5, 19)]),),
    excluded=(np.array([(11.0, 20), (14, 20), (14, 29), (11, 29)]),),
    start=np.ones((20, 30), bool),
)


def test_a_region_keeps_what_lies_in_it_and_cuts_off_the_rest():
    found, kept = EVERYTHING.within(REGION)
    assert kept.tolist() == [True, False, True]
    np.testing.assert_array_equal(found.points, [(0.25, 0.25), (4.25, 9.25)])
    np.testing.assert_array_equal(found.thresholds, [np.nan, 0.2])
    assert found.origin.tolist() == [3, 8]
    assert found.boxes.shape == (1, 4)
    assert len(found.scribbles) == 1
    assert found.start.shape == REGION.size
    assert found.outside == 3  # a point, a box and a scribble
    checked = check_prompts(
        found.points, found.labels, REGION.size, **found.arguments(REGION.size)
    )
    np.testing.assert_array_equal(checked.points, [(0, 0), (4, 9)])
    box, lasso, start = checked.regions
    assert np.argwhere(box).max(axis=0).tolist() == [2, 4]
    assert np.argwhere(lasso).max(axis=0).tolist() == [1, 4]
    assert start.all()
    assert found.excluded_mask(REGION.size)[3:, 5:].sum() > 5


def test_a_start_beside_the_region_is_left_out():
    start = np.zeros((20, 30), bool)
    start[0, 0] = True
    found, _ = PlanePrompts(start=start).within(REGION)
    assert found.start is None
    assert found.outside == 1


def test_the_whole_plane_leaves_all_as_it_is():
    found, kept = EVERYTHING.within(Region((0, 20), (0, 30)))
    assert kept.all()
    assert found == EVERYTHING
    assert found.outside == 0


numbers = st.floats(-40, 60)
corner = st.tuples(st.just(4.0), numbers, numbers)


@given(
    st.lists(st.tuples(corner, st.booleans()), max_size=4),
    st.lists(
        st.builds(
            Shape,
            st.sampled_from(["rectangle", "ellipse", "polygon", "path", "line"]),
            st.lists(corner, min_size=1, max_size=5),
            st.booleans(),
        ),
        max_size=4,
    ),
    st.builds(
        lambda top, left, height, width, factor: Region(
            (top, min(20, top + height)), (left, min(30, left + width)), factor
        ),
        st.integers(0, 19),
        st.integers(0, 29),
        st.integers(1, 20),
        st.integers(1, 30),
        st.integers(1, 7),
    ),
)
def test_whatever_is_drawn_the_segmenter_takes_it(points, drawn, region):
    found = prompts_on(
        PLANE, SAME, [p for p, _ in points], [label for _, label in points], shapes=drawn
    )
    within, kept = found.within(region)
    assert len(within.points) == kept.sum()
    for prompts, size in ((found, PLANE.size), (within, region.size)):
        check_prompts(prompts.points, prompts.labels, size, **prompts.arguments(size))
        assert prompts.excluded_mask(size).shape == size
