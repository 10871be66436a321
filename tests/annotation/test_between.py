"""Planes between two outlined ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.annotation.between import Gap, fill, find_gaps, interpolate
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.volume import index_along, iou

SIZE = (60, 80)


def disc(radius, row=30, column=40):
    rows, columns = np.indices(SIZE)
    return np.hypot(rows - row, columns - column) <= radius


def plane(index):
    return Plane((12, *SIZE), (1, 2), ((0, index),))


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_a_cone_is_filled_as_it_is(share):
    wanted = disc(10 + 10 * share)
    assert iou(interpolate(disc(10), disc(20), share), wanted) > 0.93


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_an_object_that_moves_is_followed(share):
    found = interpolate(disc(9, column=20), disc(9, column=60), share)
    assert iou(found, disc(9, column=20 + 40 * share)) > 0.95


@given(
    st.tuples(*[st.integers(2, 15)] * 2),
    st.tuples(*[st.integers(20, 40)] * 2),
    st.floats(0, 1),
)
def test_the_ends_are_what_was_outlined_and_the_rest_lies_between(radii, rows, share):
    low, high = (disc(r, row=row) for r, row in zip(radii, rows, strict=True))
    assert np.array_equal(interpolate(low, high, 0), low)
    assert np.array_equal(interpolate(low, high, 1), high)
    found = interpolate(low, high, share)
    assert found.any()
    areas = sorted(np.count_nonzero(mask) for mask in (low, high))
    assert 0.8 * areas[0] - 6 <= np.count_nonzero(found) <= 1.2 * areas[1] + 6


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.95))
def test_what_is_in_both_stays_and_what_is_in_neither_is_left_out(seed, share):
    random = np.random.default_rng(seed)
    low = disc(12) & (random.random(SIZE) < 0.9)
    found = interpolate(low, low, share)
    assert np.array_equal(found, low)


def test_an_object_at_the_side_of_the_plane_stays_there():
    low, high = (np.zeros(SIZE, bool) for _ in range(2))
    low[:, :20] = high[:, :30] = True
    assert np.array_equal(interpolate(low, high, 0.5), np.indices(SIZE)[1] < 25)


def test_gaps_lie_between_outlined_planes_and_neighbours_have_none():
    gaps = find_gaps([plane(8), plane(2), plane(3), plane(6)], plane(0), 0)
    assert [list(gap.indices) for gap in gaps] == [[4, 5], [7]]
    assert gaps[0].share(4) == pytest.approx(1 / 3)


def test_planes_of_other_views_and_other_times_are_no_ends_of_a_gap():
    def at(time, index):
        return Plane((3, 12, *SIZE), (2, 3), ((0, time), (1, index)))

    from_the_side = Plane((3, 12, *SIZE), (1, 3), ((0, 0), (2, 5)))
    gaps = find_gaps([at(0, 2), at(1, 6), from_the_side, at(0, 9)], at(0, 0), 1)
    assert gaps == (Gap(at(0, 2), at(0, 9), 1),)


def test_all_gaps_are_filled_plane_by_plane():
    masks = {plane(2): disc(10), plane(4): disc(12), plane(7): disc(9)}
    filled = dict(fill(find_gaps(masks, plane(0), 0), masks))
    assert [index_along(where, 0) for where in filled] == [3, 5, 6]
    assert iou(filled[plane(3)], disc(11)) > 0.9
    assert np.count_nonzero(filled[plane(5)]) > np.count_nonzero(filled[plane(6)])
