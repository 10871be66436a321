"""How far long work is, and how long it will take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from napari_m2n2.progress import Progress

_ENOUGH = 0.5
"""Tasks' worth of work after which the time left is told."""


class Pace(NamedTuple):
    """How far work is, counted in tasks.

    Attributes
    ----------
    tasks : int
        How many there are, at least 1.
    known : float
        How many are through, whoever did them.
    worked : float
        How many of them this call has done.
    begun : bool
        Whether this call has begun with one.
    """

    tasks: int
    known: float
    worked: float
    begun: bool


class Clock:
    """Reports the share of the tasks that are through, and the time left.

    Parameters
    ----------
    phase : str
        What is done: "evaluating".
    pace : callable
        Tells how far the work is.
    progress : callable
        Called by `tick` with a phase such as "evaluating, about 12 min left".
    """

    def __init__(self, phase: str, pace: Callable[[], Pace], progress: Progress) -> None:
        self._phase = phase
        self._pace = pace
        self._progress = progress
        self._began: float | None = None

    def tick(self) -> None:
        """Report; raises what `progress` raises."""
        pace = self._pace()
        if self._began is None and pace.begun:
            self._began = time.monotonic()
        phase = self._phase
        if self._began is not None and pace.worked >= _ENOUGH:
            # what an earlier call has finished takes no time and says nothing of the rest
            each = (time.monotonic() - self._began) / pace.worked
            phase += f", {about(each * (pace.tasks - pace.known))} left"
        self._progress(phase, pace.known / pace.tasks)


def about(seconds: float) -> str:
    """Return a time as people say it."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return f"about {minutes} min"
    return f"about {minutes // 60} h {minutes % 60} min"
