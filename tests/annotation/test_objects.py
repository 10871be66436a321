"""The table of objects: numbers that are given once, names, states, merging, and going back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2.annotation.masks import Mask, union
from napari_m2n2.annotation.objects import AnnotatedObject, ObjectTable, largest
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.provenance import Provenance
from napari_m2n2.annotation.records import PlaneRecord, StoredPoint
from napari_m2n2.errors import InputError

FLAT = Plane((8, 9), (0, 1))


def square(row, column, side=3, size=(8, 9)):
    mask = np.zeros(size, bool)
    mask[row : row + side, column : column + side] = True
    return mask


def made(number, plane=FLAT, row=0, column=0, **more):
    record = PlaneRecord(
        (StoredPoint(row, column, True, None, 1),),
        mask=Mask.pack(square(row, column, size=plane.size)),
        made=Provenance(backbone=f"b{number}"),
    )
    return AnnotatedObject(number, number, records={plane: record}, clicks=1, **more)


def table(*objects):
    found = ObjectTable()
    for known in objects:
        found.add(known)
    return found


# ------------------------------------------------------------------ numbers
def test_numbers_are_given_once():
    found = table()
    assert found.next_id(np.uint16) == found.next_id(np.uint16) == 1
    found.add(made(1))
    assert found.next_id(np.uint16) == 2
    found.add(made(2))
    found.remove(2)
    assert found.next_id(np.uint16) == 3


def test_numbers_lie_above_what_a_layer_holds():
    found = table()
    found.reserve(np.unique(np.array([0, 4, 17])))
    assert found.next_id(np.uint16) == 18
    assert found.used == {4, 17}


def test_where_the_type_ends_the_lowest_free_number_is_taken():
    found = table()
    found.reserve([1, 2, 255])  # 255 often stands for “do not care”
    assert found.next_id(np.uint8) == 3
    assert found.next_id(np.uint16) == 256
    found.reserve(range(1, 255))
    with pytest.raises(InputError, match=r"All 255 numbers .* uint8 .* larger type\.$"):
        found.next_id(np.uint8)


@pytest.mark.parametrize(
    ("dtype", "most"),
    [(bool, 1), (np.uint8, 255), (np.int16, 32767), (np.uint64, 2**64 - 1)],
)
def test_what_types_hold(dtype, most):
    assert largest(dtype) == most


def test_labels_of_real_numbers_are_refused():
    with pytest.raises(InputError, match="whole numbers"):
        largest(np.float32)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["add", "remove", "undo", "reserve"]), max_size=40), st.randoms())
def test_no_number_is_ever_given_twice(acts, random):
    found, given_before, contents = table(), set(), []
    for act in acts:
        if act == "add":
            number = found.next_id(np.uint16)
            assert number not in given_before
            given_before.add(number)
            contents.append(found.content)
            found.add(AnnotatedObject(number, number))
        elif act == "remove" and len(found):
            found.remove(random.choice([known.id for known in found]))
        elif act == "undo" and contents:
            found.restore(contents.pop())
        elif act == "reserve":
            number = random.randrange(1, 60)
            given_before.add(number)
            found.reserve([number])


# ------------------------------------------------------------------ objects
def test_adding_and_asking():
    found = table(made(1), made(5))
    assert [known.id for known in found] == [1, 5]
    assert len(found) == 2
    assert 5 in found
    assert 2 not in found
    assert found[5].id == 5
    with pytest.raises(InputError, match="no object 2"):
        found[2]
    with pytest.raises(InputError, match="an object 5 already"):
        found.add(made(5))
    with pytest.raises(InputError, match="number 0"):
        found.add(AnnotatedObject(0, 1))
    with pytest.raises(InputError, match="number 0"):
        found.add(AnnotatedObject(9, 0))


def test_names_and_states():
    found = table(made(1))
    found.rename(1, "  a  large\nnucleus ")
    assert found[1].name == "a large nucleus"
    found.set_state(1, "flagged")
    assert found[1].state == "flagged"
    with pytest.raises(InputError, match="'lost' is unknown; choose one of to do, done, flagged"):
        found.set_state(1, "lost")
    assert found[1].state == "flagged"


def test_an_object_knows_its_size_and_who_made_it():
    slices = [Plane((4, 8, 9), (1, 2), ((0, index),)) for index in (1, 2)]
    known = replace(made(1, slices[0]), records={})
    assert (known.area, known.prompts, known.made, known.planes) == (0, 0, None, ())
    records = {**made(1, slices[0]).records, **made(2, slices[1]).records}
    known = replace(known, records=records)
    assert known.areas == dict.fromkeys(slices, 9)
    assert known.area == 18
    assert known.prompts == 2
    assert known.made.backbone == "b2"


def test_an_object_cannot_be_changed_from_outside():
    records = {FLAT: PlaneRecord()}
    known = AnnotatedObject(1, 1, records=records)
    records.clear()
    assert known.planes == (FLAT,)
    with pytest.raises(TypeError):
        known.records[FLAT] = PlaneRecord()


def test_they_stand_by_their_ids_however_they_come_back():
    found = table(made(2), made(5))
    gone = found.remove(2)
    before = found.content
    found.add(gone)
    assert [known.id for known in found] == [2, 5]
    found.restore(replace(before, objects=(made(5), gone)))
    assert [known.id for known in found.content.objects] == [2, 5]


# ------------------------------------------------------------------ merging
def test_merging_on_one_plane_leaves_the_common_mask():
    found = table(made(1), made(2, row=4, column=5, seconds=2.0), made(3))
    merged = found.merge([2, 1, 2])
    assert [known.id for known in found] == [2, 3]
    assert found[2] == merged
    record = merged.records[FLAT]
    assert np.array_equal(record.mask.unpack(), square(0, 0) | square(4, 5))
    assert record.start == record.mask
    assert record.made.way == "merged"
    assert (merged.clicks, merged.seconds, record.points) == (2, 2.0, ())
    assert [part.id for part in merged.parts] == [2, 1]


def test_merging_across_planes_keeps_the_prompts():
    slices = [Plane((4, 8, 9), (1, 2), ((0, index),)) for index in (1, 2)]
    first, second = made(1, slices[0]), made(2, slices[1])
    merged = table(first, second).merge([1, 2])
    assert merged.records == {**first.records, **second.records}


def test_one_object_cannot_be_merged():
    found = table(made(1))
    with pytest.raises(InputError, match="two or more"):
        found.merge([1, 1])
    with pytest.raises(InputError, match="no object 7"):
        found.merge([1, 7])
    assert [known.id for known in found] == [1]


# ------------------------------------------------------------------ signals, and going back
def test_it_tells_of_what_changed_and_of_nothing_else():
    found, told = table(made(1), made(2), made(3)), []
    found.changed.connect(told.append)
    found.rename(1, "")
    assert told == []
    found.rename(1, "a")
    found.replace(replace(found[2], clicks=9))
    found.merge([3, 2])
    found.remove(1)
    found.set_class(1, "nucleus")
    assert told == [(1,), (2,), (3, 2), (1,), ()]


def test_going_back_and_forward():
    found, told = table(made(1), made(2)), []
    found.set_class(1, "nucleus")
    before = found.content
    found.merge([1, 2])
    found.set_class(2, "cell")
    after = found.content
    found.changed.connect(told.append)
    found.restore(before)
    assert [known.id for known in found] == [1, 2]
    assert found.classes == {1: "nucleus"}
    assert set(told[-1]) == {1, 2}
    found.restore(after)
    assert found.content == after
    found.restore(after)
    assert told[-1] == ()


def test_classes():
    found = table()
    with pytest.raises(InputError, match="number 0"):
        found.set_class(0, "background")
    found.set_class(3, " a  b")
    assert found.classes == {3: "a b"}


# ------------------------------------------------------------------ masks
@settings(max_examples=100, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_masks_packed_and_back(rows, columns, seed, density):
    random = np.random.default_rng(seed)
    mask = random.random((rows, columns)) < density
    packed = Mask.pack(mask)
    assert np.array_equal(packed.unpack(), mask)
    assert packed.area == mask.sum()
    assert packed == Mask.pack(np.asfortranarray(mask))
    other = random.random((rows, columns)) < density
    assert np.array_equal(union([packed, Mask.pack(other)]).unpack(), mask | other)
    assert (packed == Mask.pack(other)) == np.array_equal(mask, other)


@pytest.mark.parametrize("box", [(0, 0, 9, 3), (-1, 0, 2, 3), (2, 0, 1, 3), (0, 0, 3, 3)])
def test_a_mask_that_does_not_fit_its_plane_is_refused(box):
    with pytest.raises(InputError, match="does not fit"):
        Mask((8, 9), box, b"\x00")
