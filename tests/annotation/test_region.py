from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from napari_m2n2.annotation.region import (
    Region,
    around,
    block_means,
    follow_view,
    reduced,
    whole_plane,
)
from napari_m2n2.errors import InputError
from napari_m2n2.prompts import to_pixels


@st.composite
def sides(draw):
    start = draw(st.integers(0, 10_000))
    return start, start + draw(st.integers(1, 60))


regions = st.builds(Region, sides(), sides(), st.integers(1, 9))


def points_in(region):
    """Points anywhere in the pixels of a region, their far edges left out."""
    along = [
        st.floats(start - 0.5, stop - 0.5, exclude_max=True)
        for start, stop in (region.rows, region.columns)
    ]
    return st.lists(st.tuples(*along), min_size=1, max_size=5).map(np.array)


@given(regions, st.data())
def test_a_point_there_and_back_is_where_it_was(region, data):
    points = data.draw(points_in(region))
    there = region.from_plane(points)
    if region.factor == 1:
        np.testing.assert_array_equal(region.to_plane(there), points)
    np.testing.assert_allclose(region.to_plane(there), points, rtol=0, atol=1e-9)
    np.testing.assert_allclose(region.from_plane(region.to_plane(there)), there, atol=1e-9)


@given(regions, st.data())
def test_a_point_stays_in_the_block_of_its_pixel(region, data):
    points = data.draw(points_in(region))
    assume(region.holds(points).all())  # the largest float below an edge may round to it
    pixels = np.floor(points + 0.5).astype(int)
    # to_pixels refuses what lies outside
    found = to_pixels(region.from_plane(points), region.size)
    start = (region.rows[0], region.columns[0])
    np.testing.assert_array_equal(found, (pixels - start) // region.factor)


@pytest.mark.parametrize("factor", range(2, 10))
def test_the_last_point_before_the_next_block_stays(factor):
    region = Region((7, 7 + 40 * factor), (0, 1), factor)
    edges = 7 + factor * np.arange(1, 41) - 0.5
    rows = np.array([np.nextafter(edge, -np.inf) for edge in edges])
    points = np.stack([rows, np.zeros(40)], axis=1)
    assert (np.floor(rows + 0.5) < edges).all()
    found = to_pixels(region.from_plane(points), region.size)
    assert found[:, 0].tolist() == list(range(40))


@given(regions)
def test_every_pixel_gets_the_value_of_its_block(region):
    blocks = np.arange(np.prod(region.size)).reshape(region.size)
    placed = region.enlarge(blocks)
    assert placed.shape == region.extent
    start = np.array([region.rows[0], region.columns[0]])
    pixels = start + np.argwhere(np.ones(region.extent, bool))
    there = to_pixels(region.from_plane(pixels.astype(float)), region.size)
    np.testing.assert_array_equal(placed.ravel(), blocks[tuple(there.T)])
    np.testing.assert_array_equal(block_means(placed, region.factor), blocks)


@given(st.tuples(st.integers(1, 400), st.integers(1, 400)), st.integers(1, 200_000))
def test_a_reduced_plane_is_within_the_limit_and_no_smaller_than_needed(size, limit):
    region = whole_plane(size, limit)
    assert np.prod(region.size) <= limit
    if region.factor > 1:
        finer = Region(region.rows, region.columns, region.factor - 1)
        assert np.prod(finer.size) > limit


def test_a_limit_of_nothing_is_refused():
    with pytest.raises(InputError, match="leaves none"):
        whole_plane((5, 5), 0)


def test_a_whole_plane_needs_no_sentence():
    assert whole_plane((50, 60)).sentence((50, 60)) == ""


def test_the_sentence_says_what_and_how_much():
    assert whole_plane((9000, 6000), 2000 * 2000).sentence((9000, 6000)) == (
        "The plane of 9000 × 6000 pixels is outlined 4 × reduced, as 2250 × 1500 pixels; choose a "
        "smaller region to have it less reduced."
    )
    assert Region((10, 20), (30, 50)).sentence((100, 100)) == (
        "Only rows 10 to 19 and columns 30 to 49 are outlined, not reduced."
    )
    assert "columns 0 to 99 are outlined 2 × reduced, as 10 × 50" in Region(
        (0, 20), (0, 100), 2
    ).sentence((100, 100))


def test_a_drawn_region_holds_the_pixels_it_touches():
    corners = [(2.4, 3.6), (2.4, 9.0), (7.5, 9.0), (7.5, 3.6)]
    assert around(corners, (20, 20)) == Region((2, 9), (4, 10))
    assert around([(-50, -50), (50, 3)], (20, 20)) == Region((0, 20), (0, 4))
    assert around([(4, 4)], (20, 20)) == Region((4, 5), (4, 5))


@pytest.mark.parametrize("corners", [[], [(-9, -9), (-2, 5)], [(25, 0), (30, 5)], [(np.nan, 1)]])
def test_a_region_beside_the_plane_is_none(corners):
    assert around(corners, (20, 20)) is None


def view(top, left, bottom, right):
    return [(top, left), (bottom, right)]


def test_the_region_reaches_further_than_the_view():
    region = follow_view(view(1000, 2000, 1400, 2600), (10_000, 10_000))
    assert region.rows[0] <= 900
    assert region.rows[1] >= 1500
    assert region.columns[0] <= 1850
    assert region.columns[1] >= 2750
    assert region.factor == 1


def test_small_moves_of_the_view_keep_the_region():
    first = follow_view(view(1000, 2000, 1400, 2600), (10_000, 10_000))
    assert follow_view(view(1050, 1950, 1450, 2550), (10_000, 10_000), before=first) is first
    moved = follow_view(view(3000, 1950, 3400, 2550), (10_000, 10_000), before=first)
    assert moved != first


def test_zooming_in_gives_back_what_was_reduced():
    size, limit = (10_000, 10_000), 1000 * 1000
    far = follow_view(view(0, 0, 9999, 9999), size, limit)
    assert far == Region((0, 10_000), (0, 10_000), 10)
    a_little = follow_view(view(2000, 2000, 7000, 7000), size, limit, before=far)
    assert a_little is far
    near = follow_view(view(2000, 2000, 2500, 2500), size, limit, before=far)
    assert near.factor == 1
    # where nothing is reduced there is nothing to gain
    nearer = follow_view(view(2200, 2200, 2210, 2210), size, limit, before=near)
    assert nearer is near


def test_a_closer_look_is_worth_a_new_region_where_it_halves_the_reduction():
    size, limit = (3000, 3000), 1000 * 1000
    far = follow_view(view(0, 0, 2999, 2999), size, limit)
    assert far.factor == 3
    assert follow_view(view(500, 500, 1700, 1700), size, limit, before=far) is far
    assert follow_view(view(500, 500, 1000, 1000), size, limit, before=far).factor == 1


def test_another_limit_is_heeded():
    before = follow_view(view(0, 0, 999, 999), (1000, 1000))
    after = follow_view(view(0, 0, 999, 999), (1000, 1000), 500 * 500, before=before)
    assert (before.factor, after.factor) == (1, 2)


def test_a_view_beside_the_plane_keeps_the_region():
    before = Region((0, 9), (0, 9))
    assert follow_view(view(-90, -90, -5, -5), (20, 20), before=before) is before
    assert follow_view(view(-90, -90, -5, -5), (20, 20)) is None


@given(st.integers(1, 3000), st.integers(1, 3000), st.data())
def test_a_region_that_follows_lies_on_the_plane_and_holds_the_view(rows, columns, data):
    corners = data.draw(
        st.lists(st.tuples(st.floats(-500, 3500), st.floats(-500, 3500)), min_size=2, max_size=4)
    )
    seen = around(corners, (rows, columns))
    region = follow_view(corners, (rows, columns), 10_000)
    assert (region is None) == (seen is None)
    if region is not None:
        assert 0 <= region.rows[0] <= seen.rows[0] < seen.rows[1] <= region.rows[1] <= rows
        assert 0 <= region.columns[0] <= seen.columns[0]
        assert seen.columns[1] <= region.columns[1] <= columns
        assert np.prod(region.size) <= 10_000


def test_a_mask_is_reduced_by_majority():
    mask = np.zeros((5, 6), bool)
    mask[0, :3] = mask[1, 0] = mask[4, 5] = True
    region = Region((0, 5), (0, 6), 2)
    assert region.reduce_mask(mask).tolist() == [
        [True, False, False],
        [False, False, False],
        [False, False, True],
    ]
    assert np.shares_memory(whole_plane((5, 6)).reduce_mask(mask), mask)


def test_what_was_segmented_has_to_fit():
    with pytest.raises(InputError, match="segment the region anew"):
        Region((0, 5), (0, 6), 2).enlarge(np.zeros((5, 6)))


def test_a_reduction_is_reckoned_from_the_limit_alone():
    assert reduced(Region((0, 100), (0, 100), 7), 1e9).factor == 1
