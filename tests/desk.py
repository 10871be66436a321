"""A desk without a window: somebody who annotates at random, for tests of objects and sessions."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial

import numpy as np

from napari_m2n2.annotation.history import History, Step
from napari_m2n2.annotation.identity import ImageIdentity
from napari_m2n2.annotation.masks import Mask
from napari_m2n2.annotation.objects import STATES, AnnotatedObject, ObjectTable
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.provenance import Provenance
from napari_m2n2.annotation.records import PlaneRecord, StoredPoint, StoredShape
from napari_m2n2.annotation.resume import plane_view
from napari_m2n2.annotation.session import Session

SHAPE = (3, 40, 56)
PLANES = [Plane(SHAPE, (1, 2), ((0, index),)) for index in range(SHAPE[0])]


def disc(points, size):
    """The compute of this desk: discs around foreground, less those around background."""
    rows, columns = np.indices(size)
    mask = np.zeros(size, bool)
    for point in points:
        near = (rows - point.row) ** 2 + (columns - point.column) ** 2 <= 6**2
        mask = mask | near if point.foreground else mask & ~near
    return mask


class Desk:
    """One image being annotated.

    `act` does one thing at random; what it did is its name. Pixels are written as the window
    does: changed ones only, in one step for a commit.
    """

    def __init__(self, seed=0, autosave=None):
        self.random = random.Random(seed)
        self.labels = np.zeros(SHAPE, np.uint16)
        self.table = ObjectTable()
        self.history = History(levels=100)
        self.records = {}
        self.clicks = 0
        self.acts = 0
        self.overwrite = False
        self.finished = False
        self.autosave = autosave
        self._touched = False

    # what there is

    @property
    def session(self):
        work = None
        if self.records:
            number = self.table.next_id(self.labels.dtype)
            work = AnnotatedObject(
                number, number, "", "to do", self.records, self.clicks, float(self.clicks)
            )
        start = Session(
            ImageIdentity("", SHAPE, "uint8", "desk"),
            overwrite=self.overwrite,
            work=work,
            finished=self.finished,
        )
        return start.with_table(self.table)

    def save(self):
        """What the window does after each thing that was done."""
        copy = self.labels.copy() if self._touched else None
        self.autosave.submit(self.session, copy)
        self._touched = False

    # what is done

    ACTS = ("click", "click", "click", "click", "draw", "take_back", "commit", "commit", "undo")
    ACTS += ("undo", "redo", "delete", "merge", "rename", "mark", "paint", "reopen", "switch")

    def act(self, name=None):
        name = self.random.choice(self.ACTS) if name is None else name
        self.acts += 1
        getattr(self, name)()
        if self.autosave is not None:
            self.save()
        return name

    def click(self):
        plane = self.random.choice(PLANES)
        row = self.random.uniform(0, SHAPE[1] - 1)
        column = self.random.uniform(0, SHAPE[2] - 1)
        self.clicks += 1
        point = StoredPoint(row, column, self.random.random() < 0.8, None, self.clicks)
        before = self.records.get(plane, PlaneRecord())
        self._prompt("a click", plane, replace(before, points=(*before.points, point)))

    def draw(self):
        plane = self.random.choice(PLANES)
        self.clicks += 1
        corners = ((1.5, 2.0), (1.5, 9.0), (8.0, 9.0), (8.0, 2.0))
        shape = StoredShape("rectangle", corners, True, self.clicks)
        before = self.records.get(plane, PlaneRecord())
        self._prompt("a box", plane, replace(before, shapes=(*before.shapes, shape)))

    def take_back(self):
        if self.records:
            plane = self.random.choice(list(self.records))
            before = self.records[plane]
            self._prompt("taking back", plane, replace(before, points=before.points[:-1]))

    def commit(self):
        number = self.table.next_id(self.labels.dtype)
        if not self.records:
            return
        after, records = self.labels.copy(), {}
        made = Provenance(version="desk", cells=(8, 8), device="cpu")
        for plane, record in self.records.items():
            part = plane_view(after, plane)
            mask = disc(record.points, plane.size)
            if not self.overwrite:
                mask &= part == 0
            part[mask] = number
            records[plane] = replace(record, mask=Mask.pack(mask), made=made)
        new = AnnotatedObject(number, number, "", "done", records, self.clicks, float(self.clicks))
        table = ObjectTable()
        table.restore(self.table.content)
        table.add(new)
        self._change("commit", after, table.content, {}, 0)

    def delete(self):
        if len(self.table):
            gone = self.random.choice([known.id for known in self.table])
            table = ObjectTable()
            table.restore(self.table.content)
            table.remove(gone)
            self._change("delete", np.where(self.labels == gone, 0, self.labels), table.content)

    def merge(self):
        if len(self.table) >= 2:
            first, second = self.random.sample([known.id for known in self.table], 2)
            table = ObjectTable()
            table.restore(self.table.content)
            table.merge([first, second])
            after = np.where(self.labels == second, first, self.labels)
            self._change("merge", after, table.content)

    def rename(self):
        if len(self.table):
            number = self.random.choice([known.id for known in self.table])
            table = ObjectTable()
            table.restore(self.table.content)
            table.rename(number, f"cell {self.acts}")
            self._change("rename", self.labels, table.content)

    def mark(self):
        if len(self.table):
            number = self.random.choice([known.id for known in self.table])
            table = ObjectTable()
            table.restore(self.table.content)
            table.set_state(number, self.random.choice(STATES))
            self._change("mark", self.labels, table.content)

    def reopen(self):
        if len(self.table) and not self.records:
            number = self.random.choice([known.id for known in self.table])
            known = self.table[number]
            table = ObjectTable()
            table.restore(self.table.content)
            table.remove(number)
            records = {plane: record.without_mask() for plane, record in known.records.items()}
            after = np.where(self.labels == number, 0, self.labels)
            self._change("re-open", after, table.content, records, known.clicks)

    def paint(self):
        """By hand, and so no step of ours."""
        row, column = self.random.randrange(SHAPE[1]), self.random.randrange(SHAPE[2])
        part = self.labels[self.random.randrange(SHAPE[0]), row : row + 3, column : column + 3]
        part[part == 0] = 999
        self._touched = True
        self.history.clear()

    def switch(self):
        self.overwrite = not self.overwrite

    def undo(self):
        self.history.undo()

    def redo(self):
        self.history.redo()

    # how

    def _prompt(self, text, plane, record):
        before, after = dict(self.records), {**self.records, plane: record}
        if before == after:
            return
        step = partial(self._set, "records")
        self.records = after
        self.history.push(Step(text, partial(step, before), partial(step, after), plane))

    def _change(self, text, labels, content, records=None, clicks=None):
        before = self.labels, self.table.content, self.records, self.clicks
        if content == before[1] and np.array_equal(labels, self.labels):
            return
        where = np.nonzero(self.labels != labels)
        old, new = self.labels[where], labels[where]
        after = (
            labels,
            content,
            self.records if records is None else records,
            self.clicks if clicks is None else clicks,
        )
        back = partial(self._go, where, old, *before[1:])
        again = partial(self._go, where, new, *after[1:])
        again()
        self.history.push(Step(text, back, again))

    def _go(self, where, values, content, records, clicks):
        self.labels[where] = values
        self.table.restore(content)
        self.records, self.clicks = records, clicks
        self._touched = True

    def _set(self, name, value):
        setattr(self, name, value)
