"""Carrying an object on from plane to plane, with a method whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays
from scipy.ndimage import distance_transform_edt

from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.volume import (
    Carried,
    Limits,
    Propagation,
    at,
    axes_to_go,
    carry_prompts,
    index_along,
    iou,
    middles,
    neighbour,
    propagate,
)
from napari_m2n2.errors import Cancelled, InputError

SIZE = (30, 40)
STACK = (12, *SIZE)


def disc(radius, row=15, column=20):
    rows, columns = np.indices(SIZE)
    return np.hypot(rows - row, columns - column) <= radius


def plane(index):
    return Plane(STACK, (1, 2), ((0, index),))


class Method:
    """Outlines a stack of known masks, and remembers what it was asked."""

    def __init__(self, masks):
        self.masks = masks
        self.asked = []

    def __call__(self, where, prompts):
        self.asked.append((index_along(where, 0), prompts))
        return self.masks[index_along(where, 0)]


def ball(radii):
    return [disc(radius) if radius else np.zeros(SIZE, bool) for radius in radii]


def carried_to(masks, start, **options):
    found = propagate(plane(start), masks[start], 0, Method(masks), **options)
    return [index_along(carried.plane, 0) for carried in found]


# ------------------------------------------------------------------ where it goes
def test_it_goes_both_ways_until_nothing_is_found():
    masks = ball([0, 0, 6, 7, 8, 9, 9, 8, 7, 0, 0, 0])
    assert carried_to(masks, 5) == [6, 7, 8, 4, 3, 2]


def test_it_ends_at_the_sides_of_the_stack():
    assert carried_to(ball([9] * 12), 5) == [6, 7, 8, 9, 10, 11, 4, 3, 2, 1, 0]


def test_one_direction_alone():
    assert carried_to(ball([9] * 12), 9, steps=(1,)) == [10, 11]
    assert carried_to(ball([9] * 12), 2, steps=(-1,)) == [1, 0]


def test_a_range_is_kept_on_both_sides():
    masks = ball([9] * 12)
    assert carried_to(masks, 5, limits=Limits(first=4, last=7)) == [6, 7, 4]


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (disc(3), "covers too little"),  # the top of something else below
        (np.ones(SIZE, bool), "covers too little"),  # a leak
        (disc(9, column=32), "overlap 0.1"),  # another object
        (np.zeros(SIZE, bool), "nothing was found on slice 6 of axis 0"),
    ],
)
def test_it_stops_where_the_outline_jumps(after, words):
    masks = [*ball([9] * 6), after, *ball([9] * 5)]
    going = Propagation(plane(5), masks[5], 0, 1)
    assert going.answer(masks[6]) is None
    assert going.plane is None
    assert words in going.reason


@pytest.mark.parametrize(("radius", "kind"), [(14, "larger"), (6, "smaller")])
def test_area_alone_stops_it_where_overlap_may_be_small(radius, kind):
    going = Propagation(plane(5), disc(10), 0, 1, Limits(overlap=0.0, change=1.5))
    assert going.answer(disc(radius)) is None
    assert f"times {kind}" in going.reason


def test_an_object_that_shrinks_slowly_is_followed_to_its_end():
    masks = ball([0, 3, 4, 5, 6, 8, 10, 12, 10, 8, 6, 4])
    assert carried_to(masks, 7, limits=Limits(overlap=0.4, change=3)) == [
        8,
        9,
        10,
        11,
        *range(6, 0, -1),
    ]


def test_what_the_user_outlined_is_not_gone_over():
    going = Propagation(plane(5), disc(9), 0, 1, is_taken=lambda p: index_along(p, 0) == 7)
    assert going.answer(disc(9)) is not None
    assert going.plane is None
    assert going.reason == "it is outlined on slice 7 of axis 0 already"


def test_who_stops_asking_calls_it_off():
    method = Method(ball([9] * 12))
    found = propagate(plane(5), disc(9), 0, method)
    next(found)
    assert [index for index, _ in method.asked] == [6]


def test_a_method_that_is_called_off_ends_it():
    def cancelled(where, prompts):
        raise Cancelled

    with pytest.raises(Cancelled):
        next(propagate(plane(5), disc(9), 0, cancelled))


def test_nothing_to_begin_with_is_said():
    with pytest.raises(InputError, match="not on slice 5 of axis 0; go to a slice"):
        Propagation(plane(5), np.zeros(SIZE, bool), 0, 1)


def test_a_single_plane_has_no_neighbour():
    only = Plane((1, *SIZE), (1, 2), ((0, 0),))
    with pytest.raises(InputError, match="no other slice"):
        Propagation(only, disc(9), 0, 1)


def test_an_answer_after_the_end_is_refused():
    going = Propagation(plane(11), disc(9), 0, 1)
    assert going.reason == "the stack ends there"
    with pytest.raises(InputError, match="has ended"):
        going.answer(disc(9))


@pytest.mark.parametrize("wrong", [{"overlap": -0.1}, {"overlap": 1.1}, {"change": 0.5}])
def test_limits_that_cannot_be_are_said(wrong):
    with pytest.raises(InputError, match="cannot be"):
        Limits(**wrong)


# ------------------------------------------------------------------ what the next plane is told
def test_each_plane_begins_with_the_mask_of_the_one_before():
    masks = ball([0, 0, 6, 7, 8, 9, 8, 8, 7, 0, 0, 0])
    method = Method(masks)
    found = list(propagate(plane(5), masks[5], 0, method, steps=(1,)))
    for (index, prompts), carried in zip(method.asked[:-1], found, strict=True):
        assert np.array_equal(prompts.start, masks[index - 1])
        assert carried.prompts is prompts
        assert carried.overlap == iou(masks[index], masks[index - 1])


def test_every_part_has_a_point_in_its_middle_the_largest_first():
    mask = disc(8, row=15, column=30) | disc(4, row=8, column=6)
    mask[28, 2] = True  # a crumb
    prompts = carry_prompts(mask)
    assert prompts.points[:2].tolist() == [[15, 30], [8, 6]]
    assert prompts.labels.all()


def test_further_points_lie_well_inside_and_apart_so_that_a_core_is_not_all_that_is_seen():
    rows, columns = np.indices((60, 80))
    mask = ((rows - 30) / 20) ** 2 + ((columns - 40) / 26) ** 2 <= 1
    points = carry_prompts(mask).points
    assert points[0].tolist() == [30, 40]
    assert len(points) == 5
    depth = distance_transform_edt(mask)
    assert min(depth[tuple(point)] for point in points.astype(int)) >= 0.5 * depth.max()
    between = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    assert between[~np.eye(5, dtype=bool)].min() >= 0.5 * depth.max()


@given(arrays.arrays(bool, (9, 11)))
def test_all_points_lie_in_the_mask(mask):
    points = carry_prompts(mask).points.astype(int)
    assert mask[tuple(points.T)].all()
    assert len({*map(tuple, points.tolist())}) == len(points)
    assert bool(len(points)) == mask.any()


@given(arrays.arrays(bool, (9, 11)))
def test_points_lie_in_the_mask_one_in_each_part(mask):
    from scipy.ndimage import label

    parts, _ = label(mask, np.ones((3, 3)))
    found = [parts[pixel] for pixel in middles(mask)]
    assert 0 not in found
    assert len(set(found)) == len(found)
    assert bool(found) == mask.any()


# ------------------------------------------------------------------ planes
def test_along_which_axes_there_is_somewhere_to_go():
    where = Plane((5, 1, 7, 20, 30), (3, 4), ((0, 2), (1, 0), (2, 6)))
    assert axes_to_go(where) == (2, 0)
    assert neighbour(where, 2, 1) is None
    assert neighbour(where, 2, -1) == at(where, 2, 5)
    assert neighbour(where, 0, 1).hidden == ((0, 3), (1, 0), (2, 6))


def test_the_planes_of_a_view_from_the_side_are_gone_along_too():
    masks = np.zeros((20, 30, 40), bool)
    masks[5:15, :, 8:33] = True
    where = Plane(masks.shape, (2, 0), ((1, 15),))
    found = list(propagate(where, masks[:, 15].T, 1, lambda p, _: masks[:, index_along(p, 1)].T))
    assert len(found) == 29
    assert all(isinstance(carried, Carried) and carried.overlap == 1 for carried in found)
