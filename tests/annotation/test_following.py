from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.annotation.following import Following, extent_of
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.prompts import NO_PROMPTS, PlanePrompts
from napari_m2n2.annotation.region import Region, whole_plane

PLANE = Plane((9000, 9000), (0, 1))
MOST = 1000 * 1000


def view(row, column, side=300):
    """The corners of a square view around (row, column)."""
    return np.array([row, column]) + side / 2 * np.array([(-1, -1), (-1, 1), (1, -1), (1, 1)])


def at(*points):
    return PlanePrompts(np.array(points, dtype=float), np.ones(len(points), bool))


def test_panning_within_the_region_keeps_it():
    following = Following()
    first = following.region(PLANE, view(4000, 4000), at((4000, 4000)), MOST)
    for n, (row, column) in enumerate([(4030, 4000), (4000, 3960), (3980, 4040)]):
        prompts = at((4000, 4000), *[(4000 + k, 4000) for k in range(1, n + 2)])
        assert following.region(PLANE, view(row, column), prompts, MOST) == first


def test_going_away_takes_another_and_coming_back_the_same_region():
    following = Following()
    first = following.region(PLANE, view(4000, 4000), at((4000, 4000)), MOST)
    far = following.region(PLANE, view(7000, 7000), at((4000, 4000), (7000, 7000)), MOST)
    assert far != first
    back = following.region(PLANE, view(4020, 3990), at((4010, 4000)), MOST)
    assert back == first


def test_looking_around_changes_nothing_for_the_same_prompts():
    following = Following()
    first = following.region(PLANE, view(4000, 4000), at((4000, 4000)), MOST)
    assert following.region(PLANE, view(7000, 7000), at((4000, 4000)), MOST) == first
    following.release()
    assert following.region(PLANE, view(7000, 7000), at((4000, 4000)), MOST) != first


def test_the_region_reaches_to_the_prompts_where_that_costs_nothing():
    prompts = at((4000, 4000), (4400, 4400))
    region = Following().region(PLANE, view(4400, 4400, 100), prompts, MOST)
    assert region.factor == 1
    assert region.holds(prompts.points).all()


def test_prompts_far_away_are_left_out_rather_than_the_view_reduced():
    prompts = at((4000, 4000), (8800, 8800))
    region = Following().region(PLANE, view(4000, 4000), prompts, MOST)
    assert region.factor == 1
    assert region.holds(prompts.points).tolist() == [True, False]


def test_a_lower_limit_takes_another_region():
    following = Following()
    first = following.region(PLANE, view(4000, 4000, 900), at((4000, 4000)), 4 * MOST)
    second = following.region(PLANE, view(4000, 4000, 900), at((4000, 4000)), MOST)
    assert (first.factor, second.factor) == (1, 2)


def test_a_view_beside_the_plane_takes_all_of_it_or_what_was_there():
    following = Following()
    beside = view(-5000, 0)
    assert following.region(PLANE, beside, NO_PROMPTS, MOST) == whole_plane(PLANE.size, MOST)


def test_every_plane_has_regions_of_its_own():
    following = Following()
    stack = [Plane((2, 9000, 9000), (1, 2), ((0, z),)) for z in (0, 1)]
    regions = [
        following.region(plane, view(row, row), NO_PROMPTS, MOST)
        for plane, row in zip(stack, (2000, 7000), strict=True)
    ]
    assert regions[0] != regions[1]
    assert following.region(stack[0], view(2010, 2000), NO_PROMPTS, MOST) == regions[0]


@given(
    st.lists(st.tuples(st.integers(0, 8999), st.integers(0, 8999)), max_size=4),
    st.integers(10, 8000),
    st.tuples(st.integers(0, 8999), st.integers(0, 8999)),
)
def test_the_view_is_always_within_the_region(points, side, centre):
    corners = view(*centre, side)
    region = Following().region(PLANE, corners, at(*points) if points else NO_PROMPTS, MOST)
    seen = np.clip(corners, 0, 8999)
    assert region.holds(seen).all()
    assert np.prod(region.size) <= MOST


def test_all_kinds_of_prompts_are_reached():
    path = np.array([(1.0, 2.0), (3.0, 4.0)])
    prompts = PlanePrompts(
        boxes=np.array([(5.0, 6.0, 7.0, 8.0)]), scribbles=((path, True),), lassos=(path + 10,)
    )
    assert extent_of(prompts).tolist() == [[5, 6], [7, 8], [1, 2], [3, 4], [11, 12], [13, 14]]
    assert not len(extent_of(NO_PROMPTS))


@pytest.mark.parametrize("corners", [view(4000, 4000), view(100, 8900)])
def test_a_region_is_whole_numbers_within_the_plane(corners):
    region = Following().region(PLANE, corners, NO_PROMPTS, MOST)
    assert isinstance(region, Region)
    for start, stop in (region.rows, region.columns):
        assert 0 <= start < stop <= 9000
