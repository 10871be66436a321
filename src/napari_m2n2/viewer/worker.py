"""Working a task in a thread of napari's, with all reports in the thread of the window."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, Qt, QTimerEvent, Signal

from napari_m2n2.annotation.jobs import Outcome, Stopped
from napari_m2n2.annotation.newest import Task
from napari_m2n2.errors import Cancelled
from napari_m2n2.progress import Progress
from napari_m2n2.viewer.garbage import COLLECTOR

_SECONDS_BETWEEN_REPORTS = 0.04

_MILLISECONDS_BETWEEN_COLLECTIONS = 250


class _Relay(QObject):
    """Lives in the thread of the window; what is emitted in another one arrives there.

    There is one for all threads and as long as the program runs, so that none is ever freed in a
    thread, or while it hears of something.
    """

    reported = Signal(object, str, float)
    ended = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._under_way: set[_Work] = set()
        self._timer = 0
        queued = Qt.ConnectionType.QueuedConnection
        self.reported.connect(self._on_reported, queued)
        self.ended.connect(self._on_ended, queued)

    def begin(self, work: _Work) -> None:
        """Take note of work that begins; it is kept until its last report has arrived."""
        if not self._under_way:
            self._timer = self.startTimer(_MILLISECONDS_BETWEEN_COLLECTIONS)
        self._under_way.add(work)
        COLLECTOR.begin()

    def _on_reported(self, work: _Work, phase: str, fraction: float) -> None:
        work.report(phase, fraction)

    def _on_ended(self, work: _Work) -> None:
        self._under_way.discard(work)
        if not self._under_way:
            self.killTimer(self._timer)
        COLLECTOR.end()
        work.worker = None  # which knows the work in its turn
        work.done(work.outcome)

    def timerEvent(self, _event: QTimerEvent) -> None:
        """Collect garbage, which no other thread may."""
        COLLECTOR.collect()


class _Work:
    """What the thread calls; its text is what napari shows if the window is closed meanwhile."""

    def __init__(self, task: Task, report: Progress, done: Callable[[Outcome], None]) -> None:
        self._task = task
        self._relay = _relay()
        self._last = 0.0
        self.report = report
        self.done = done
        self.worker: Any = None
        self.outcome: Outcome = Stopped()

    def __repr__(self) -> str:
        return "napari-m2n2: outlining an object"

    def __call__(self) -> None:
        # no `return` of the outcome and no exception: napari 0.9.2 answers an exception with a
        # second one of its own, and gives no value back from a worker that was told to quit
        self.outcome = self._task(self._hear)
        self._relay.ended.emit(self)

    def _hear(self, phase: str, fraction: float) -> None:
        """Pass a report to the window, not more often than anyone can see."""
        if self.worker.abort_requested:  # the window is closing
            raise Cancelled
        now = time.monotonic()
        if fraction in (0.0, 1.0) or now - self._last > _SECONDS_BETWEEN_REPORTS:
            self._last = now
            self._relay.reported.emit(self, phase, fraction)


def run_in_thread(task: Task, report: Progress, done: Callable[[Outcome], None]) -> None:
    """Work a task in a thread: a `napari_m2n2.annotation.newest.Runner`."""
    work = _Work(task, report, done)
    work.worker = create_worker(work, _start_thread=False)
    _relay().begin(work)
    work.worker.start()


@cache
def _relay() -> _Relay:
    """Return the one there is; made in the thread of the window."""
    return _Relay()
