"""How far an evaluation is, and how long it will take."""

from __future__ import annotations

import time

from napari_m2n2.evaluation.findings import Findings
from napari_m2n2.progress import Progress

_ENOUGH = 0.5
"""Images' worth of work after which the time left is told."""


class Clock:
    """Reports the share of the images that are through, and the time left.

    Parameters
    ----------
    findings : Findings
    progress : callable
        Called by `tick` with a phase such as "evaluating, about 12 min left".
    """

    def __init__(self, findings: Findings, progress: Progress) -> None:
        self._findings = findings
        self._progress = progress
        self._began: float | None = None

    def tick(self) -> None:
        """Report; raises what `progress` raises."""
        places = range(len(self._findings.cases))
        settled = self._findings.settled
        worked = sum(self._findings.share(place) for place in self._findings.new)
        if self._began is None and self._findings.new:
            self._began = time.monotonic()
        known = sum(1.0 if p in settled else self._findings.share(p) for p in places)
        left = len(places) - known
        phase = "evaluating"
        if self._began is not None and worked >= _ENOUGH:
            # images that an earlier call has finished take no time and say nothing of the others
            phase += f", {_about((time.monotonic() - self._began) / worked * left)} left"
        self._progress(phase, known / len(places))


def _about(seconds: float) -> str:
    """Return a time as people say it."""
    minutes = round(seconds / 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 60:
        return f"about {minutes} min"
    return f"about {minutes // 60} h {minutes % 60} min"
