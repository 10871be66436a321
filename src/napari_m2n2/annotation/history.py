"""Undo and redo of what was done to prompts and objects, in both directions."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from psygnal import Signal

from napari_m2n2.annotation.planes import Plane

LEVELS = 100
"""Steps that can be undone."""


@dataclass(frozen=True, eq=False)
class Step:
    """One thing that was done.

    Attributes
    ----------
    text : str
        What it was, to follow “Undo ”, such as "commit of object 3".
    undo, redo : callable
        Take it back, and do it again.
    plane : Plane, optional
        The plane it concerns, if it is one.
    """

    text: str
    undo: Callable[[], object]
    redo: Callable[[], object]
    plane: Plane | None = None


class History:
    """The steps of one image, the last one undone first.

    What `Step.undo` and `Step.redo` do is no step itself: what they cause to be pushed is ignored.

    Signals
    -------
    changed
        After anything changed in what can be undone or redone.

    Parameters
    ----------
    levels : int
        Steps that are kept; the oldest go first.
    """

    changed: ClassVar[Signal] = Signal()

    def __init__(self, levels: int = LEVELS) -> None:
        self._done: deque[Step] = deque(maxlen=levels)
        self._undone: list[Step] = []
        self._group: list[Step] | None = None
        self._applying = False

    @property
    def next_undo(self) -> Step | None:
        """The step that would be undone."""
        return self._done[-1] if self._done else None

    @property
    def next_redo(self) -> Step | None:
        """The step that would be done again."""
        return self._undone[-1] if self._undone else None

    def push(self, step: Step) -> None:
        """Remember a step that was just done; what was undone before it is gone."""
        if self._applying:
            return
        if self._group is not None:
            self._group.append(step)
            return
        self._done.append(step)
        self._undone.clear()
        self.changed.emit()

    @contextmanager
    def group(self, text: str, plane: Plane | None = None) -> Iterator[None]:
        """Make one step of all that are pushed while it lasts, even if it ends by an exception.

        A group within a group belongs to the outer one.
        """
        if self._group is not None or self._applying:
            yield
            return
        self._group = []
        try:
            yield
        finally:
            steps, self._group = tuple(self._group), None
            if steps:
                self.push(_together(text, steps, plane))

    def undo(self) -> Step | None:
        """Undo the last step and return it, for its text and plane; None if there is none."""
        if not self._done:
            return None
        step = self._done[-1]
        with self._apply():
            step.undo()
        self._undone.append(self._done.pop())
        self.changed.emit()
        return step

    def redo(self) -> Step | None:
        """Do the step again that was undone last and return it; None if there is none."""
        if not self._undone:
            return None
        step = self._undone[-1]
        with self._apply():
            step.redo()
        self._done.append(self._undone.pop())
        self.changed.emit()
        return step

    def clear(self) -> None:
        """Forget all steps."""
        self._done.clear()
        self._undone.clear()
        self.changed.emit()

    @contextmanager
    def _apply(self) -> Iterator[None]:
        """While it lasts, nothing that is pushed counts."""
        self._applying = True
        try:
            yield
        finally:
            self._applying = False


def _together(text: str, steps: tuple[Step, ...], plane: Plane | None) -> Step:
    """Return one step of several; a failure on the way leaves all of them as they were."""
    planes = {step.plane for step in steps}
    only = planes.pop() if len(planes) == 1 else None
    return Step(
        text,
        lambda: _all([(step.undo, step.redo) for step in reversed(steps)]),
        lambda: _all([(step.redo, step.undo) for step in steps]),
        plane or only,
    )


def _all(acts: list[tuple[Callable[[], object], Callable[[], object]]]) -> None:
    """Do all acts; if one fails, take back those before it."""
    done: list[Callable[[], object]] = []
    try:
        for act, back in acts:
            act()
            done.append(back)
    except BaseException:
        for back in reversed(done):
            back()
        raise
