"""The newest job wins: one job runs, at most one waits, and what is outdated is called off."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import TypeAlias

from napari_m2n2.annotation.jobs import Job, Outcome, Stopped
from napari_m2n2.errors import Cancelled
from napari_m2n2.progress import Progress

Compute: TypeAlias = Callable[[Job, Progress, Progress], Outcome]
"""Computes a job and never raises. It reports through the first callback while it does what every
job on the plane needs, and through the second while it does what only this job needs; either may
raise `Cancelled`."""

Task: TypeAlias = Callable[[Progress], Outcome]
"""One job, ready to be worked; reports through what it is given and never raises."""

Runner: TypeAlias = Callable[[Task, Progress, Callable[[Outcome], None]], None]
"""Works a task, usually in a thread: runner(task, report, done) calls `report` while it works and
`done` with the outcome at its end, both in the thread of the window."""


def run_now(task: Task, report: Progress, done: Callable[[Outcome], None]) -> None:
    """Work a task here and now: the runner of scripts and tests."""
    done(task(report))


class Ticket:
    """One job under way: how its work learns, in another thread, that it is no longer wanted.

    Attributes
    ----------
    job : Job
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self._called_off = Event()
        self._outdated = Event()

    def call_off(self) -> None:
        """Stop at the next report: nobody wants any of it."""
        self._called_off.set()

    def outdate(self) -> None:
        """Go on with preparing the plane only: a newer job has other prompts on it."""
        self._outdated.set()

    @property
    def wanted(self) -> bool:
        """Whether the outcome will be used."""
        return not (self._called_off.is_set() or self._outdated.is_set())

    def work(self, compute: Compute, report: Progress) -> Outcome:
        """Compute the job; its reports raise `Cancelled` once they concern unwanted work."""

        def preparing(phase: str, fraction: float) -> None:
            if self._called_off.is_set():
                raise Cancelled
            report(phase, fraction)

        def segmenting(phase: str, fraction: float) -> None:
            if not self.wanted:
                raise Cancelled
            report(phase, fraction)

        return compute(self.job, preparing, segmenting)


class Newest:
    """Works jobs one at a time and leaves out those that a newer one has overtaken.

    All methods are for the thread of the window. A job on another plane calls off the one that
    runs; a job on the same plane lets it finish preparing the plane, or else clicks that come
    faster than a plane is prepared would never see an end.

    Parameters
    ----------
    compute : Compute
        Called by the runner.
    runner : Runner
    done : callable
        Called once for each job submitted, with the job and its outcome; `Stopped` if it was
        overtaken.
    report : Progress
        Told what the job that runs is doing.
    """

    def __init__(
        self,
        compute: Compute,
        runner: Runner,
        done: Callable[[Job, Outcome], None],
        report: Progress,
    ) -> None:
        self._compute = compute
        self._runner = runner
        self._done = done
        self._report = report
        self._running: Ticket | None = None
        self._waiting: Job | None = None

    @property
    def busy(self) -> bool:
        """Whether a job runs or waits."""
        return self._running is not None or self._waiting is not None

    def submit(self, job: Job) -> None:
        """Work this job next."""
        overtaken, self._waiting = self._waiting, job
        if self._running is not None:
            if self._running.job.plane_key == job.plane_key:
                self._running.outdate()
            else:
                self._running.call_off()
        if overtaken is not None:
            self._done(overtaken, Stopped(overtaken=True))
        self._start()

    def stop(self) -> tuple[Job, ...]:
        """Call off everything; return the jobs that will not be done."""
        jobs = []
        if self._running is not None:
            self._running.call_off()
            jobs.append(self._running.job)
        if self._waiting is not None:
            jobs.append(self._waiting)
            self._waiting = None
        return tuple(jobs)

    def _start(self) -> None:
        """Start the job that waits, if none runs."""
        if self._running is not None or self._waiting is None:
            return
        job, self._waiting = self._waiting, None
        ticket = self._running = Ticket(job)
        self._runner(
            lambda report: ticket.work(self._compute, report),
            self._hear,
            lambda outcome: self._finish(ticket, outcome),
        )

    def _hear(self, phase: str, fraction: float) -> None:
        """Pass a report on, unless it comes from a job that has ended meanwhile."""
        if self._running is not None:
            self._report(phase, fraction)

    def _finish(self, ticket: Ticket, outcome: Outcome) -> None:
        """Hand on the outcome of the job that ran, unless it is outdated, and start the next."""
        self._running = None
        self._done(ticket.job, outcome if ticket.wanted else Stopped(overtaken=True))
        self._start()
