"""Hundreds of things done at random, without a window; what must hold is looked at after each."""

from __future__ import annotations

import gc

import numpy as np
import psutil
import pytest
from desk import Desk

from napari_m2n2.annotation.autosave import Autosave
from napari_m2n2.annotation.resume import resume

ACTIONS = 500
FLUSH_EVERY = 10
UNASKED = {"click", "draw", "take_back", "rename", "mark", "switch"}


class Watch:
    """Looks at a desk after each thing that was done to it."""

    def __init__(self, desk):
        self.desk = desk
        self.given = set()
        self.before = self.states = None
        self.done, self.undone = [], []
        self.take()

    def state(self):
        desk = self.desk
        return desk.labels.copy(), desk.table.content, dict(desk.records), desk.clicks

    def take(self):
        self.before = self.state()

    def check(self, name):
        """Compare with what was before, by rules that know nothing of how it is done."""
        desk, before, now = self.desk, self.before, self.state()
        if name in UNASKED:
            assert np.array_equal(before[0], now[0])
        if name == "commit" and not desk.overwrite:
            held = before[0] != 0
            assert np.array_equal(before[0][held], now[0][held])
        if name == "delete":
            gone = {o.id for o in before[1].objects} - {o.id for o in now[1].objects}
            changed = before[0] != now[0]
            assert set(before[0][changed].tolist()) <= gone
        ids = [known.id for known in desk.table]
        assert len(set(ids)) == len(ids)
        assert set(np.unique(now[0]).tolist()) - {0, 999} <= set(ids)
        new = {o.id for o in now[1].objects} - {o.id for o in before[1].objects}
        if name in ("commit", "paint", "click"):
            assert not new & self.given
        self.given |= new
        self.follow(name, before, now)
        self.take()

    def follow(self, name, before, now):
        """An undo gives back what was before the step, a redo what was after it."""
        if name == "paint":
            self.done, self.undone = [], []
        elif name == "undo":
            if self.done:
                step = self.done.pop()
                self.undone.append(step)
                self.equal(now, step[0])
        elif name == "redo":
            if self.undone:
                step = self.undone.pop()
                self.done.append(step)
                self.equal(now, step[1])
        elif name != "switch" and not self.same(before, now):
            self.done, self.undone = [*self.done, (before, now)][-100:], []
        assert (self.desk.history.next_undo is None) == (not self.done)
        assert (self.desk.history.next_redo is None) == (not self.undone)

    def equal(self, now, then):
        assert np.array_equal(now[0], then[0])
        assert now[1] == then[1]
        assert now[2] == then[2]

    def same(self, before, now):
        return np.array_equal(before[0], now[0]) and before[1:] == now[1:]


@pytest.mark.parametrize("seed", range(4))
def test_a_soak_without_a_window(tmp_path, seed):
    process = psutil.Process()
    path = tmp_path / "desk.m2n2.json"
    autosave = Autosave(path)
    desk = Desk(seed, autosave)
    watch = Watch(desk)
    names, objects, committed = set(), 0, None
    for number in range(ACTIONS):
        name = desk.act()
        names.add(name)
        objects = max(objects, len(desk.table))
        watch.check(name)
        if number % FLUSH_EVERY == 0:
            autosave.flush()
            found = resume(path)
            assert found.session.same == desk.session
            assert found.session.table().next_id() == desk.table.next_id()
            if found.labels is not None:
                assert found.labels.dtype == desk.labels.dtype
            on_disk = np.zeros_like(desk.labels) if found.labels is None else found.labels
            assert np.array_equal(on_disk, desk.labels)
            assert found.notes == ()
        if number == 100:
            gc.collect()
            committed = process.memory_info().rss
    autosave.close()
    gc.collect()
    assert process.memory_info().rss - committed < 200e6
    assert names == set(Desk.ACTS)
    assert objects >= 3
    again = resume(path)
    with_rest = Autosave(path, again.session)
    with_rest.submit(again.session)
    with_rest.close()
    assert resume(path).session.same == desk.session


def test_fifty_levels_there_and_back():
    desk = Desk(7)
    states = []
    while len(states) < 60:
        before = desk.labels.copy(), desk.table.content, dict(desk.records)
        desk.act("commit" if len(states) % 3 == 2 else "click")
        if desk.history.next_undo is not None:
            states.append((before, (desk.labels.copy(), desk.table.content, dict(desk.records))))
    for before, _ in reversed(states):
        assert desk.history.undo() is not None
        assert np.array_equal(desk.labels, before[0])
        assert (desk.table.content, desk.records) == before[1:]
    assert desk.history.undo() is None
    assert not desk.labels.any()
    for _, after in states:
        assert desk.history.redo() is not None
        assert np.array_equal(desk.labels, after[0])
        assert (desk.table.content, desk.records) == after[1:]
    assert desk.history.redo() is None
