"""What leads the work on many planes of an object, and what is kept of it."""

from __future__ import annotations

import numpy as np
import pytest

from napari_m2n2 import Segmenter
from napari_m2n2.annotation.carried import (
    axis_along,
    carried_record,
    interpolated_record,
    lacks,
    mask_on,
    may_be_made,
)
from napari_m2n2.annotation.courses import Onward, Refit
from napari_m2n2.annotation.masks import Mask
from napari_m2n2.annotation.objects import AnnotatedObject, ObjectTable
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.provenance import Provenance
from napari_m2n2.annotation.records import PlaneRecord
from napari_m2n2.annotation.volume import (
    Limits,
    Propagation,
    carry_prompts,
    index_along,
    iou,
    propagate,
)
from napari_m2n2.viewer import made_stack

SIZE = (30, 40)


def disc(radius, row=15, column=20):
    rows, columns = np.indices(SIZE)
    return np.hypot(rows - row, columns - column) <= radius


def plane(index):
    return Plane((8, *SIZE), (1, 2), ((0, index),))


def lead(course, masks):
    """Work a course with known masks; return the planes it gave something, and what was left."""
    found, left = [], []
    while course.plane is not None:
        index = index_along(course.plane, 0)
        left.append(course.left)
        if course.answer(masks[index]) is not None:
            found.append(index)
    return found, left


def test_onward_goes_one_way_and_then_the_other():
    course = Onward([Propagation(plane(3), disc(9), 0, step) for step in (1, -1)])
    assert course.prompts.start is not None
    found, left = lead(course, {index: disc(9) for index in range(8)})
    assert found == [4, 5, 6, 7, 2, 1, 0]
    assert left == [7, 6, 5, 4, 3, 2, 1]
    assert course.left == 0
    assert course.reason == "the stack ends there"


def test_what_is_left_is_what_the_range_holds():
    limits = Limits(first=2, last=5)
    course = Onward([Propagation(plane(3), disc(9), 0, step, limits) for step in (1, -1)])
    assert lead(course, {index: disc(9) for index in range(8)}) == ([4, 5, 2], [3, 2, 1])


def test_an_end_on_one_side_goes_on_with_the_other():
    course = Onward([Propagation(plane(3), disc(9), 0, step) for step in (1, -1)])
    masks = {index: disc(9) for index in range(8)} | {5: disc(2)}
    assert lead(course, masks)[0] == [4, 2, 1, 0]
    assert "slice 5" in course.reason
    assert course.reason.endswith("; the stack ends there")


def test_refit_keeps_to_what_there_was():
    masks = {plane(2): disc(8), plane(3): disc(9), plane(4): disc(10)}
    course = Refit(masks, 0.5)
    assert course.left == 3
    assert np.array_equal(course.prompts.start, disc(8))
    found, _ = lead(course, {2: disc(9), 3: disc(2), 4: disc(9)})
    assert found == [2, 4]
    assert course.reason.startswith("on slice 3 of axis 0 the image says something else")
    assert course.plane is None
    assert not course.prompts


def test_refit_with_nothing_to_do_is_at_its_end():
    course = Refit({}, 0.5)
    assert (course.plane, course.left, course.reason) == (None, 0, "")


# ------------------------------------------------------------------ what is kept
def test_a_record_gives_the_prompts_back():
    prompts = carry_prompts(disc(8))
    made = Provenance(way="propagated")
    record = carried_record(prompts, disc(7), made, None)
    assert record.on(plane(4)) == prompts
    assert np.array_equal(record.mask.unpack(), disc(7))
    assert record.made is made


@pytest.mark.parametrize(
    ("record", "may"),
    [
        (None, True),
        (PlaneRecord(), True),
        (interpolated_record(disc(5)), True),
        (PlaneRecord(mask=Mask.pack(disc(5)), made=Provenance(way="propagated")), True),
        (PlaneRecord(mask=Mask.pack(disc(5)), made=Provenance(way="prompts")), False),
        (PlaneRecord(mask=Mask.pack(disc(5)), made=Provenance(way="drawn")), False),
        (PlaneRecord(mask=Mask.pack(disc(5))), False),
    ],
)
def test_only_what_the_machine_made_is_made_anew(record, may):
    assert may_be_made(record) is may


def test_an_object_lacks_what_was_undone():
    table = ObjectTable()
    assert lacks(table, 1, plane(2))
    table.add(AnnotatedObject(1, 1, records={plane(2): interpolated_record(disc(5))}))
    assert not lacks(table, 1, plane(2))
    assert lacks(table, 1, plane(3))


def test_no_record_is_an_empty_mask():
    assert not mask_on(None, plane(2)).any()
    assert mask_on(interpolated_record(disc(5)), plane(2)).sum() == disc(5).sum()


def test_the_axis_chosen_counts_if_it_can_be_one():
    where = Plane((5, 7, 20, 30), (2, 3), ((0, 2), (1, 6)))
    assert axis_along(where, None) == 1
    assert axis_along(where, 0) == 0
    assert axis_along(where, 3) == 1
    assert axis_along(Plane((20, 30), (0, 1)), None) not in range(2)


# ------------------------------------------------------------------ the real thing
def test_a_cell_of_the_computed_stack_is_followed_and_left_at_its_end():
    stack, truth = made_stack.make_stack(), made_stack.stack_truth() == 5
    areas = truth.sum(axis=(1, 2))
    there = np.flatnonzero(areas)
    first = int(areas.argmax())

    def segment(where, prompts):
        segmenter = Segmenter(grid=24)
        segmenter.set_image(stack[index_along(where, 0)])
        return segmenter.segment(prompts.points, prompts.labels, mask=prompts.start).mask

    start = Plane(truth.shape, (1, 2), ((0, first),))
    found = {
        index_along(carried.plane, 0): iou(carried.mask, truth[index_along(carried.plane, 0)])
        for carried in propagate(start, truth[first], 0, segment)
    }
    assert set(found) <= {*there.tolist()}
    assert len(found) >= len(there) - 3
    # at its ends a cell is a few pixels, where one more slice of it may be found, and badly
    clear = [k for k in there if k != first and areas[k] > areas[first] / 4]
    assert np.mean([found[int(k)] for k in clear]) > 0.9
