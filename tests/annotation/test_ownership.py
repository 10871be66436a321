from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_m2n2.annotation.ownership import Ownership, Painted, compose, plan
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.region import Region

PLANE = Plane((4, 6), (0, 1))


def apply(current, change):
    result = current.copy()
    result[tuple(change.pixels.T)] = change.values
    return result


def disc(*pixels):
    mask = np.zeros((4, 6), bool)
    for pixel in pixels:
        mask[pixel] = True
    return mask


def test_an_empty_plane_takes_the_mask():
    current = np.zeros((4, 6), np.uint16)
    change = plan(current, disc((1, 1), (1, 2)), 3)
    assert change.values.dtype == np.uint16
    assert apply(current, change).tolist() == (3 * disc((1, 1), (1, 2))).tolist()
    assert change.kept == 0


def test_other_objects_and_painted_pixels_stay():
    current = np.zeros((4, 6), np.uint16)
    current[1, 1] = 9
    painted = disc((1, 2))  # erased by hand
    change = plan(current, disc((1, 1), (1, 2), (1, 3)), 3, None, painted)
    result = apply(current, change)
    assert result[1].tolist() == [0, 9, 0, 3, 0, 0]
    assert change.kept == 2


def test_only_our_own_pixels_are_cleared():
    current = np.zeros((4, 6), np.uint16)
    current[0, 0] = 3  # painted with our number, never written by us
    first = plan(current, disc((2, 2), (2, 3)), 3)
    current = apply(current, first)
    current[2, 3] = 5  # taken over by another object
    second = plan(current, disc((3, 3)), 3, first.ours)
    result = apply(current, second)
    assert result[0, 0] == 3
    assert result[2, 3] == 5
    assert result[2, 2] == 0
    assert result[3, 3] == 3


def test_the_same_mask_again_changes_nothing():
    current = np.zeros((4, 6), np.uint16)
    first = plan(current, disc((1, 1)), 1)
    again = plan(apply(current, first), disc((1, 1)), 1, first.ours)
    assert len(again.pixels) == 0


def test_what_undo_brings_back_is_still_ours():
    empty = np.zeros((4, 6), np.uint16)
    first = plan(empty, disc((1, 1)), 1)
    after_first = apply(empty, first)
    second = plan(after_first, disc((2, 2)), 1, first.ours)
    assert apply(after_first, second)[1, 1] == 0
    # the user undoes the second: pixel (1, 1) holds our number again
    third = plan(after_first, disc((3, 3)), 1, second.ours)
    assert apply(after_first, third).tolist() == disc((3, 3)).astype(int).tolist()


arrays = hnp.arrays(np.uint16, (4, 6), elements=st.integers(0, 3))
masks = hnp.arrays(bool, (4, 6))


@given(arrays, masks, masks, masks)
def test_nothing_but_our_own_ever_changes(current, mask, ours, painted):
    change = plan(current, mask, 1, ours, painted)
    result = apply(current, change)
    changed = result != current
    assert changed.sum() == len(change.pixels)
    assert not (changed & painted).any()
    assert not (changed & ~np.isin(current, (0, 1))).any()
    assert not (changed & (current == 1) & ~ours).any()
    free = (current == 0) & ~painted
    assert (result[mask & free] == 1).all()
    assert not (result[~mask & ours & ~painted] == 1).any()


def test_a_stroke_counts_while_the_pixel_holds_it():
    painted = Painted((4, 6))
    painted.add((np.array([1, 1]), np.array([2, 3])), 7)
    current = np.zeros((4, 6), np.uint16)
    assert not painted.on(PLANE, current).any()  # undone
    current[1, 2:4] = 7
    assert painted.on(PLANE, current).tolist() == disc((1, 2), (1, 3)).tolist()


def test_the_last_stroke_on_a_pixel_counts():
    painted = Painted((4, 6))
    painted.add((np.array([1]), np.array([2])), 7)
    painted.add((np.array([1, 2]), np.array([2, 2])), np.array([0, 5]))
    current = np.zeros((4, 6), np.uint16)
    current[2, 2] = 5
    assert painted.on(PLANE, current).tolist() == disc((1, 2), (2, 2)).tolist()


@pytest.mark.parametrize("displayed", [(1, 2), (2, 1)])
def test_strokes_in_other_planes_do_not_count(displayed):
    painted = Painted((3, 4, 6))
    painted.add((np.array([0, 1]), np.array([2, 3]), np.array([4, 5])), 7)
    plane = Plane((3, 4, 6), displayed, ((0, 1),))
    current = np.full(plane.size, 7, np.uint16)
    expected = (3, 5) if displayed == (1, 2) else (5, 3)
    assert np.argwhere(painted.on(plane, current)).tolist() == [list(expected)]


def test_planes_are_owned_one_by_one():
    ownership = Ownership(1, Painted((2, 4, 6)))
    first, second = (Plane((2, 4, 6), (1, 2), ((0, z),)) for z in (0, 1))
    empty = np.zeros((4, 6), np.uint16)
    change = ownership.plan(first, empty, disc((1, 1)))
    assert ownership.planes == ()
    ownership.adopt(first, change.ours)
    assert ownership.planes == (first,)
    filled = np.ones((4, 6), np.uint16)  # as if somebody else had written our number there
    assert len(ownership.plan(second, filled, disc()).pixels) == 0
    assert len(ownership.plan(first, filled, disc()).pixels) == 1


def test_outside_the_region_all_stays_as_it_is():
    before = disc((0, 0), (2, 3))
    region = Region((1, 4), (2, 6))
    inside = disc((3, 5))[region.window]
    assert np.array_equal(compose(before, inside, region), disc((0, 0), (3, 5)))
    assert np.array_equal(before, disc((0, 0), (2, 3)))
    assert np.array_equal(compose(before, disc((1, 1)), None), disc((1, 1)))


@given(arrays, masks, masks, st.booleans())
def test_a_plane_is_changed_as_if_all_of_it_were_looked_at(current, mask, ours, overwrite):
    ownership = Ownership(1, Painted((4, 6)))
    ownership.adopt(PLANE, ours)
    change = ownership.plan(PLANE, current, mask, overwrite=overwrite)
    oracle = plan(current, mask, 1, ours, overwrite=overwrite)
    assert np.array_equal(apply(current, change), apply(current, oracle))
    assert np.array_equal(change.ours, oracle.ours)
    assert change.kept == oracle.kept


@given(arrays, masks, masks, masks)
def test_overwriting_takes_all_but_what_was_painted(current, mask, ours, painted):
    change = plan(current, mask, 1, ours, painted, overwrite=True)
    result = apply(current, change)
    assert (result[mask & ~painted] == 1).all()
    assert np.array_equal(result[painted], current[painted])
    assert np.array_equal(result[~mask & ~ours], current[~mask & ~ours])


@given(hnp.arrays(np.int64, 9, elements=st.integers(0, 23)), arrays)
def test_positions_tell_the_same_as_planes(where, current):
    painted = Painted((4, 6))
    painted.add(np.unravel_index(where, (4, 6)), 2)
    every = np.arange(24)
    held = painted.holds(every, current.reshape(-1))
    assert np.array_equal(held.reshape(4, 6), painted.on(PLANE, current))


def test_an_object_that_is_refined_may_be_cleared():
    ownership = Ownership(3, Painted((4, 6)))
    current = (3 * disc((1, 1), (1, 2))).astype(np.uint16)
    current[2, 2] = 5
    ownership.painted.add((np.array([1, 2]), np.array([2, 2])), np.array([3, 5]))
    assert len(ownership.plan(PLANE, current, disc((0, 0))).pixels) == 1
    ownership.adopt(PLANE, current == 3)
    assert not ownership.ours_on(PLANE, np.zeros((4, 6), np.uint16)).any()
    stays = apply(current, ownership.plan(PLANE, current, disc((0, 0))))
    assert stays[1].tolist() == [0, 0, 3, 0, 0, 0]  # as it was painted by hand
    ownership.adopt(PLANE, current == 3, painted_too=True)
    assert ownership.planes == (PLANE,)
    result = apply(current, ownership.plan(PLANE, current, disc((0, 0), (2, 2))))
    assert result.tolist() == (3 * disc((0, 0)) + 5 * disc((2, 2))).tolist()
    # what is painted later is kept as ever
    ownership.painted.add((np.array([1]), np.array([1])), 3)
    assert apply(current, ownership.plan(PLANE, current, disc()))[1].tolist() == [0, 3, 0, 0, 0, 0]
