"""Undo and redo: in order, in groups, and when a step fails."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2.annotation.history import LEVELS, History, Step
from napari_m2n2.annotation.planes import Plane

PLANES = [Plane((4, 8, 9), (1, 2), ((0, index),)) for index in range(4)]


class Value:
    """Something that is changed step by step."""

    def __init__(self):
        self.history = History()
        self.now = 0

    def change(self, new, plane=None):
        before = self.now
        self.set(new)
        step = Step(f"{new}", lambda: self.set(before), lambda: self.set(new), plane)
        self.history.push(step)
        return step

    def set(self, new):
        self.now = new


def fails():
    raise RuntimeError


def test_there_and_back():
    value = Value()
    assert value.history.undo() is None
    assert value.history.redo() is None
    first, second = value.change(1), value.change(2, PLANES[2])
    assert value.history.next_undo is second
    assert value.history.undo() is second
    assert value.now == 1
    assert value.history.next_redo is second
    assert value.history.undo() is first
    assert value.now == 0
    value.history.redo()
    value.history.redo()
    assert value.now == 2
    assert value.history.next_undo.plane == PLANES[2]


def test_what_was_undone_is_gone_after_something_new():
    value = Value()
    value.change(1)
    value.change(2)
    value.history.undo()
    value.change(3)
    assert value.history.next_redo is None
    value.history.undo()
    assert value.now == 1


def test_a_hundred_levels_and_the_oldest_go_first():
    assert LEVELS >= 50
    value = Value()
    for new in range(1, LEVELS + 21):
        value.change(new)
    count = 0
    while value.history.undo() is not None:
        count += 1
    assert (count, value.now) == (LEVELS, 20)


def test_what_an_undo_causes_is_no_step():
    value = Value()
    step = value.change(1)
    echo = Step("", lambda: value.change(8), lambda: value.change(9))
    value.history.push(echo)
    value.history.undo()
    assert value.now == 8
    assert value.history.next_undo is step
    value.history.redo()
    assert value.now == 9
    assert value.history.next_undo is echo


def test_a_group_is_one_step():
    value = Value()
    with value.history.group("three", PLANES[1]):
        for new in (1, 2, 3):
            value.change(new)
        with value.history.group("inner"):
            value.change(4)
    assert value.history.next_undo.text == "three"
    assert value.history.next_undo.plane == PLANES[1]
    value.history.undo()
    assert value.now == 0
    assert value.history.next_undo is None
    value.history.redo()
    assert value.now == 4


def test_a_group_has_the_plane_of_its_steps_and_an_empty_one_is_none():
    value = Value()
    with value.history.group("nothing"):
        pass
    assert value.history.next_undo is None
    with value.history.group("same"):
        value.change(1, PLANES[0])
        value.change(2, PLANES[0])
    assert value.history.next_undo.plane == PLANES[0]
    with value.history.group("several"):
        value.change(3, PLANES[0])
        value.change(4, PLANES[1])
    assert value.history.next_undo.plane is None


def test_a_group_that_is_broken_off_can_be_undone():
    value = Value()

    def break_off():
        with value.history.group("broken"):
            value.change(1)
            fails()

    with pytest.raises(RuntimeError):
        break_off()
    value.history.undo()
    assert value.now == 0


def test_a_step_that_fails_stays_and_a_group_stays_whole():
    value = Value()
    with value.history.group("group"):
        value.history.push(Step("bad", fails, fails))
        value.change(5)
    with pytest.raises(RuntimeError):
        value.history.undo()
    assert value.now == 5
    assert value.history.next_undo.text == "group"


def test_it_tells_when_it_changed():
    value, told = Value(), []
    value.history.changed.connect(lambda: told.append(value.history.next_undo))
    first = value.change(1)
    value.history.undo()
    value.history.redo()
    value.history.clear()
    assert told == [first, None, first, None]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["change", "undo", "redo", "group"]), max_size=60))
def test_it_is_a_list_with_a_place_in_it(acts):
    value, states, place = Value(), [0], 0
    for number, act in enumerate(acts, start=1):
        if act == "undo":
            assert (value.history.undo() is None) == (place == 0)
            place = max(place - 1, 0)
        elif act == "redo":
            assert (value.history.redo() is None) == (place == len(states) - 1)
            place = min(place + 1, len(states) - 1)
        else:
            if act == "group":
                with value.history.group("group"):
                    value.change(-number)
                    value.change(number)
            else:
                value.change(number)
            states, place = [*states[: place + 1], number], place + 1
        assert value.now == states[place]
