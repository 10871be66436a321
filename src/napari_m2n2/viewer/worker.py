"""Working a task in a thread of napari's, with all reports in the thread of the window."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, Qt, Signal

from napari_m2n2.annotation.jobs import Outcome, Stopped
from napari_m2n2.annotation.newest import Task
from napari_m2n2.errors import Cancelled
from napari_m2n2.progress import Progress

_SECONDS_BETWEEN_REPORTS = 0.04


class _Relay(QObject):
    """Lives in the thread of the window; what is emitted in another one arrives there."""

    reported = Signal(str, float)
    ended = Signal()

    def __init__(self, report: Progress, end: Callable[[], None]) -> None:
        super().__init__()
        self._report = report
        self._end = end
        queued = Qt.ConnectionType.QueuedConnection
        self.reported.connect(self._on_reported, queued)
        self.ended.connect(self._on_ended, queued)

    def _on_reported(self, phase: str, fraction: float) -> None:
        self._report(phase, fraction)

    def _on_ended(self) -> None:
        self._end()


class _Work:
    """What the thread calls; its text is what napari shows if the window is closed meanwhile."""

    def __init__(self, task: Task, relay: _Relay) -> None:
        self._task = task
        self._relay = relay
        self._last = 0.0
        self.worker: Any = None
        self.outcome: Outcome = Stopped()

    def __repr__(self) -> str:
        return "napari-m2n2: outlining an object"

    def __call__(self) -> None:
        # no `return` of the outcome and no exception: napari 0.9.2 answers an exception with a
        # second one of its own, and gives no value back from a worker that was told to quit
        self.outcome = self._task(self._report)
        self._relay.ended.emit()

    def _report(self, phase: str, fraction: float) -> None:
        """Pass a report to the window, not more often than anyone can see."""
        if self.worker.abort_requested:  # the window is closing
            raise Cancelled
        now = time.monotonic()
        if fraction in (0.0, 1.0) or now - self._last > _SECONDS_BETWEEN_REPORTS:
            self._last = now
            self._relay.reported.emit(phase, fraction)


def run_in_thread(task: Task, report: Progress, done: Callable[[Outcome], None]) -> None:
    """Work a task in a thread: a `napari_m2n2.annotation.newest.Runner`."""

    def end() -> None:
        _under_way.discard(work)
        done(work.outcome)

    relay = _Relay(report, end)
    work = _Work(task, relay)
    work.worker = create_worker(work, _start_thread=False)
    _under_way.add(work)
    work.worker.start()


_under_way: set[_Work] = set()
"""Keeps each relay alive until its last report has arrived."""
