"""What is shown can always be taken back, whatever was shown, painted and undone before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2.annotation.ownership import Painted
from napari_m2n2.annotation.pixels import PixelChange, positions_of, take
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.previews import Previews
from napari_m2n2.annotation.region import Region

SHAPE = (3, 4, 5)
PLANES = (
    *(Plane(SHAPE, (1, 2), ((0, z),)) for z in range(3)),
    *(Plane(SHAPE, (0, 2), ((1, y),)) for y in range(4)),
    Plane(SHAPE, (2, 1), ((0, 1),)),
)


def start(seed=0, values=3):
    array = np.random.default_rng(seed).integers(0, values, SHAPE).astype(np.uint16)
    previews = Previews(array, Painted(SHAPE))
    previews.begin(7)
    return array, previews


def voxels(plane, mask):
    """Return the voxels that a mask of a plane means, by going through all of them."""
    found = np.zeros(SHAPE, bool)
    for index in np.ndindex(SHAPE):
        if all(index[axis] == i for axis, i in plane.hidden):
            found[index] = mask[index[plane.displayed[0]], index[plane.displayed[1]]]
    return found


shown = st.lists(
    st.tuples(st.integers(0, len(PLANES) - 1), st.integers(0, 2**20)), min_size=1, max_size=8
)


@given(st.integers(0, 99), shown, st.booleans())
@settings(deadline=None)
def test_the_preview_is_the_last_mask_of_each_plane_and_leaves_nothing(seed, steps, overwrite):
    array, previews = start(seed)
    base = array.copy()
    previews.overwrite = overwrite
    last = {}
    for number, bits in steps:
        plane = PLANES[number]
        mask = np.random.default_rng(bits).random(plane.size) < 0.4
        previews.preview(plane, mask)
        last[plane] = mask
    asked = np.logical_or.reduce([voxels(plane, mask) for plane, mask in last.items()])
    expected = np.where(asked & ((base == 0) | overwrite), 7, base)
    assert np.array_equal(array, expected)
    assert np.array_equal(previews.committed(), base)
    where, values = previews.shown_pixels
    assert np.array_equal(take(array, where), values)
    assert (take(base, where) != 7).all()
    assert previews.take_back()
    assert np.array_equal(array, base)
    assert not previews.take_back()


def test_a_region_leaves_the_rest_of_the_plane():
    array, previews = start(values=1)
    plane = PLANES[0]
    previews.preview(plane, np.ones((4, 5), bool))
    previews.preview(plane, np.zeros((2, 5), bool), Region((0, 2), (0, 5)))
    assert array[0].tolist() == [[0] * 5] * 2 + [[7] * 5] * 2


def test_what_is_adopted_can_be_cleared_and_comes_back():
    array, previews = start(values=1)
    array[0, 1, 1:4] = 7
    array[0, 2, 2] = 5
    base = array.copy()
    mask = previews.adopt(PLANES[0], painted_too=False)
    assert np.array_equal(mask, base[0] == 7)
    assert previews.adopt(PLANES[1], painted_too=False) is None
    previews.clear(PLANES[0])
    assert array[0].tolist() == (5 * (base[0] == 5)).tolist()
    assert not previews.mask_on(PLANES[0]).any()
    previews.clear(PLANES[0], mask)
    assert np.array_equal(array, base)
    previews.take_back()
    assert np.array_equal(array, base)


def test_only_its_own_part_of_a_shared_value_is_adopted():
    array, previews = start(values=1)
    array[0, :2] = 7
    own = np.zeros((4, 5), bool)
    own[0] = True
    assert np.array_equal(previews.adopt(PLANES[0], own, painted_too=False), own)
    previews.clear(PLANES[0])
    assert array[0].tolist() == [[0] * 5, [7] * 5, [0] * 5, [0] * 5]


def paint(array, previews, index, value):
    """Paint one voxel, and return what brings back what was there."""
    before = int(array[index])
    array[index] = value
    indices = tuple(np.array([i]) for i in index)
    previews.painted.add(indices, value)
    previews.cover(positions_of(indices, SHAPE))
    return before


@pytest.mark.parametrize("value", [0, 9])
def test_a_stroke_stays_and_is_forgotten_once_it_is_undone(value):
    array, previews = start(values=1)
    mask = np.ones((4, 5), bool)
    previews.preview(PLANES[0], mask)
    before = paint(array, previews, (0, 1, 1), value)
    assert not previews.mend()
    previews.preview(PLANES[0], mask)
    assert array[0, 1, 1] == value
    array[0, 1, 1] = before  # as napari's undo does
    assert previews.mend()
    assert (array[0] == 7).all()
    array[0, 1, 1] = value  # and its redo
    assert previews.mend()
    previews.preview(PLANES[0], mask)
    assert array[0, 1, 1] == value
    previews.take_back()
    assert np.count_nonzero(array) == (value != 0)


def test_what_undo_writes_on_a_preview_is_committed_there():
    array, previews = start(values=1)
    previews.preview(PLANES[0], np.ones((4, 5), bool))
    array[0, 2] = 3  # the layer's redo brings another object back
    assert previews.mend()
    previews.take_back()
    assert array[0].tolist() == [[0] * 5, [0] * 5, [3] * 5, [0] * 5]


def test_what_is_committed_under_a_preview_is_known():
    array, previews = start(values=1)
    array[0, 2] = 3
    where = np.flatnonzero(array.reshape(-1) == 3)
    change = PixelChange(where, np.zeros(5, np.uint16), np.full(5, 3, np.uint16))
    previews.overwrite = True
    previews.preview(PLANES[0], np.ones((4, 5), bool))
    assert previews.holds(change, change.after)
    assert not previews.holds(change, change.before)
    assert not change.is_done(array)
    previews.take_back()
    assert change.is_done(array)
    assert not change.is_undone(array)
