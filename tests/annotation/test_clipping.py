from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.annotation.clipping import clip_box, clip_path, draw_line, fill_polygon
from napari_m2n2.prompts import check_prompts, to_pixels

SIZE = (20, 30)
coordinates = st.floats(-60, 60)
paths = st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=6).map(np.array)


def test_a_box_is_cut_off():
    assert clip_box(np.array([25.0, -3, 5, 12]), SIZE) == pytest.approx([5, -0.5, 19.5, 12])
    inside = np.array([2.0, 3, 4, 5])
    np.testing.assert_array_equal(clip_box(inside, SIZE), inside)


@pytest.mark.parametrize("box", [(-9, 0, -2, 9), (0, 30, 9, 40), (np.nan, 0, 5, 5)])
def test_a_box_beside_the_plane_is_none(box):
    assert clip_box(np.array(box, dtype=float), SIZE) is None


@given(st.tuples(*[coordinates] * 4).map(np.array))
def test_a_cut_box_is_a_box_for_the_segmenter(box):
    found = clip_box(box, SIZE)
    if found is None:
        low, high = np.sort(box.reshape(2, 2), axis=0)
        assert (np.floor(high + 0.5) < 0).any() or (low > np.array(SIZE) - 0.6).any()
    else:
        check_prompts([], [], SIZE, boxes=found[np.newaxis])  # raises for what lies outside


@given(paths)
def test_parts_of_a_line_lie_on_the_plane_and_on_the_line(path):
    for part in clip_path(path, SIZE):
        to_pixels(part, SIZE)  # raises for what lies outside
        for point in part:
            assert distance_to_line(point, path) < 1e-6


def distance_to_line(point, path):
    if len(path) == 1:
        return np.hypot(*(point - path[0]))
    starts, steps = path[:-1], np.diff(path, axis=0)
    squares = (steps**2).sum(axis=1)
    along = ((point - starts) * steps).sum(axis=1) / np.where(squares, squares, 1)
    nearest = starts + np.clip(along, 0, 1)[:, np.newaxis] * steps
    return np.hypot(*(point - nearest).T).min()


@given(st.lists(st.sampled_from([(1.0, 2.0), (5.25, 7.5), (19.0, 29.0)]), min_size=2))
def test_a_line_on_the_plane_stays_as_it_is(points):
    (found,) = clip_path(np.array(points), SIZE)
    np.testing.assert_array_equal(found, points)


def test_a_line_that_leaves_and_comes_back_is_two():
    path = np.array([(5.0, 5), (5, 50), (10, 50), (10, 5)])
    first, second = clip_path(path, SIZE)
    np.testing.assert_allclose(first, [(5, 5), (5, 29.5)])
    np.testing.assert_allclose(second, [(10, 29.5), (10, 5)])


def test_the_pixels_of_a_line():
    drawn = draw_line(np.array([(2.0, 3), (2, 6), (4, 6)]), SIZE)
    assert np.argwhere(drawn).tolist() == [[2, 3], [2, 4], [2, 5], [2, 6], [3, 6], [4, 6]]
    assert draw_line(np.array([(2.4, 3.4)]), SIZE).sum() == 1


def test_a_polygon_is_filled_and_cut_off():
    square = np.array([(-10.0, -10), (-10, 4), (3, 4), (3, -10)])
    filled = fill_polygon(square, SIZE)
    assert filled[:4, :5].all()
    assert filled.sum() == 20


def test_a_polygon_finer_than_a_pixel_is_that_pixel():
    speck = np.array([(5.1, 7.1), (5.2, 7.1), (5.2, 7.2)])
    assert np.argwhere(fill_polygon(speck, SIZE)).tolist() == [[5, 7]]
    assert np.argwhere(fill_polygon(speck[:1], SIZE)).tolist() == [[5, 7]]
    assert not fill_polygon(np.zeros((0, 2)), SIZE).any()


@given(paths)
def test_any_polygon_can_be_filled(path):
    assert fill_polygon(path, SIZE).shape == SIZE
