"""A user who does anything at random, and what must hold after each of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from napari_m2n2.annotation.objects import STATES
from napari_m2n2.annotation.resume import resume
from napari_m2n2.viewer.kept import work_of

SHAPE = (3, 24, 32)
"""Small, so that objects and strokes often meet."""

ACTIONS = {
    "click": 30,
    "box": 3,
    "take_back": 4,
    "reach": 3,
    "move_point": 3,
    "slide": 10,
    "commit": 12,
    "undo": 12,
    "redo": 6,
    "reopen": 5,
    "delete": 3,
    "merge": 2,
    "rename": 2,
    "mark": 2,
    "paint": 4,
    "erase": 3,
    "undo_in_layer": 4,
    "redo_in_layer": 2,
    "overwrite": 2,
    "semantic": 1,
    "clear": 1,
    "flush": 6,
    "go_to": 2,
    "other_colour": 1,
}
CHANGES = {"commit", "undo", "redo", "delete", "merge", "paint", "erase"} | {
    "undo_in_layer",
    "redo_in_layer",
    "reopen",  # which commits what is at work
}
"""What may change the committed labels."""
BY_HAND = {"paint", "erase", "undo_in_layer", "redo_in_layer"}


class User:
    """Does one thing after the other with a controller.

    Parameters
    ----------
    controller : Controller
    keeping : Keeping
    seed : int
    """

    def __init__(self, controller, keeping, image, seed):
        self.controller = controller
        self.keeping = keeping
        self.random = np.random.default_rng(seed)
        self.pair = controller.new_pair(image)
        self.done = Counter()
        self.trail = []
        # what was committed after each step that can be undone, as far as it is known
        self.known = {None: (self.pair.writer.previews.committed(), {})}
        self.seen = set()
        self.compared = 0
        # what was painted by hand; -1 elsewhere
        self.by_hand = np.full(SHAPE, -1)
        self.pair.history.changed.connect(self._on_history)

    @property
    def table(self):
        return {known.id: known for known in self.pair.table}

    def act(self):
        """Do something, and check what must hold."""
        weights = np.array([*ACTIONS.values()], float)
        name = str(self.random.choice([*ACTIONS], p=weights / weights.sum()))
        self.trail.append(name)
        self.done[name] += 1
        before = self.pair.writer.previews.committed()
        self.ids = set(self.table)
        getattr(self, name)()
        after = self.pair.writer.previews.committed()
        self.check(name, before, after)

    # what a user does

    def place(self):
        return self.random.integers(SHAPE[1]), self.random.integers(SHAPE[2])

    @property
    def slice(self):
        return int(self.controller.viewer.dims.current_step[0])

    def some(self, count=1):
        ids = [known.id for known in self.pair.table]
        if len(ids) < count:
            return None
        return [int(n) for n in self.random.choice(ids, count, replace=False)]

    def click(self):
        self.controller.state.foreground = bool(self.random.random() < 0.8)
        self.pair.prompts.add([self.slice, *self.place()])

    def box(self):
        self.controller.state.foreground = True
        (top, left), (bottom, right) = self.place(), self.place()
        z = self.slice
        corners = [(z, top, left), (z, top, right), (z, bottom, right), (z, bottom, left)]
        self.controller.take(self.tool("Box"))
        self.pair.shapes.add_rectangles(np.array(corners, float))

    def tool(self, name):
        from napari_m2n2.viewer.tools import TOOLS

        return next(tool for tool in TOOLS if tool.name == name)

    def take_back(self):
        self.controller.take_back()

    def reach(self):
        self.controller.set_threshold(float(self.random.random()))

    def move_point(self):
        if len(self.pair.prompts.data):
            data = self.pair.prompts.data.copy()
            data[-1, 1:] = self.place()
            self.pair.prompts.data = data

    def slide(self):
        self.controller.viewer.dims.set_current_step(0, int(self.random.integers(SHAPE[0])))

    def commit(self):
        self.controller.commit()

    def undo(self):
        self.controller.undo()

    def redo(self):
        self.controller.redo()

    def reopen(self):
        for number in self.some() or ():
            self.controller.reopen(number)

    def delete(self):
        for number in self.some() or ():
            self.controller.delete(number)

    def merge(self):
        numbers = self.some(2)
        if numbers:
            self.controller.merge(numbers)

    def rename(self):
        for number in self.some() or ():
            self.controller.rename(number, f"name {self.random.integers(9)}")

    def mark(self):
        for number in self.some() or ():
            self.controller.set_state_of(number, str(self.random.choice(STATES)))

    def go_to(self):
        for number in self.some() or ():
            self.controller.go_to(number)

    def paint(self):
        self.stroke(int(self.random.integers(1, 60)))

    def erase(self):
        self.stroke(0)

    def stroke(self, value):
        row, column = self.place()
        rows = slice(row, row + 4)
        index = np.zeros(SHAPE, bool)
        index[self.slice, rows, column : column + 6] = True
        index &= self.pair.labels.data != value  # as napari leaves out what is so already
        self.pair.labels.data_setitem(np.nonzero(index), value)
        self.by_hand[index] = value

    def undo_in_layer(self):
        self.press(self.pair.labels, "Ctrl+Z")

    def redo_in_layer(self):
        self.press(self.pair.labels, "Ctrl+Shift+Z")

    def press(self, layer, key):
        (action,) = (f for binding, f in layer.keymap.items() if str(binding) == key)
        action(layer)

    def overwrite(self):
        self.controller.state.overwrite = not self.controller.state.overwrite

    def semantic(self):
        self.controller.state.semantic = not self.controller.state.semantic
        self.controller.state.class_value = int(self.random.integers(1, 4))

    def clear(self):
        self.controller.clear_prompts()

    def other_colour(self):
        self.pair.labels.new_colormap(int(self.random.integers(99)))

    def flush(self):
        assert self.keeping.flush(), self.keeping.sentence

    # what must hold

    def check(self, name, before, after):
        trail = self.trail[-12:]
        if name not in CHANGES:
            assert np.array_equal(before, after), trail
        if name == "commit":
            self.check_commit(before, after, trail)
        self.check_ids(trail)
        self.check_undo(name, before, after, trail)
        if name == "flush":
            self.check_disk(after, trail)

    def check_commit(self, before, after, trail):
        """A commit that keeps others writes where nothing was, or where the object was."""
        changed = before != after
        if set(self.table) - self.ids:
            assert not (changed & (before == self.by_hand)).any(), trail
        if not self.controller.state.overwrite:
            ours = {0, self.committed_value} if self.committed_value else {0}
            assert set(np.unique(before[changed])) <= ours, trail

    @property
    def committed_value(self):
        step = self.pair.history.next_undo
        words = [] if step is None else step.text.split()
        number = int(words[-1]) if words and words[0] == "commit" else 0
        return self.pair.table[number].value if number in self.pair.table else 0

    def check_ids(self, trail):
        ids = [known.id for known in self.pair.table]
        assert len(set(ids)) == len(ids), trail
        assert 0 not in ids, trail
        assert all(known.value > 0 for known in self.pair.table), trail

    def check_undo(self, name, before, after, trail):
        """Undo and redo give back the exact array, as long as nobody painted meanwhile."""
        if name in BY_HAND and not np.array_equal(before, after):
            self.known = {}
            self.by_hand[after != self.by_hand] = -1
            return
        top = self.pair.history.next_undo
        if top in self.known:
            self.compared += name in ("undo", "redo")
            array, table = self.known[top]
            assert np.array_equal(after, array), (trail, top)
            assert self.table == table, (trail, top)

    def _on_history(self):
        """Remember what every new step has led to."""
        top = self.pair.history.next_undo
        if top is not None and top not in self.seen:
            self.seen.add(top)
            self.known[top] = self.pair.writer.previews.committed(), self.table

    def check_disk(self, after, trail):
        """The disk has all that the window has."""
        path = self.keeping.path
        if path is None:
            return
        found = resume(path)
        assert found.notes == (), trail
        assert found.session.objects == tuple(self.pair.table), trail
        work, there = work_of(self.controller), found.session.work
        assert (work is None) == (there is None), trail
        if work is not None:  # time goes on
            assert replace(work, seconds=0) == replace(there, seconds=0), trail
        assert found.session.used == self.pair.table.used, trail
        if found.labels is None:
            assert not after.any(), trail
        else:
            assert found.labels.dtype == after.dtype, trail
            assert np.array_equal(found.labels, after), trail
