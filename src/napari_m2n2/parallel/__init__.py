"""The one door to other processes: many tasks at once, on this computer or on a Dask cluster.

A task is anything that can be pickled; its work is a function that yields parts. Parts reach the
caller while the task is still running, each of them once, however often a process dies. So the
work has to be such that the same task yields the same parts in the same order each time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from typing import Any

from napari_m2n2.errors import InputError
from napari_m2n2.parallel.outcomes import Ended, Failed, Outcome, Part, Work

__all__ = ["Ended", "Failed", "Outcome", "Part", "Work", "cores", "run"]


def cores() -> int:
    """Return how many cores this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0)) or 1
    return os.cpu_count() or 1


def run(
    work: Work,
    tasks: Sequence[Any],
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    tick: Callable[[], None] = lambda: None,
) -> Generator[Outcome, None, None]:
    """Do tasks in other processes and yield what they give as soon as it is there.

    Parameters
    ----------
    work : callable
        ``work(task)`` gives an iterable of parts; a function of a module, so that it can be
        pickled. It may keep things between tasks in its module.
    tasks : sequence
        What there is to do. Sent to a process one at a time.
    workers : int, optional
        Processes on this computer, each with one thread for its sums, so that their number
        changes no result; None takes one for each core. Not used with a scheduler.
    scheduler : str, optional
        Address of a Dask scheduler, whose workers have this package installed.
    tick : callable, optional
        Called about twice a second; what it raises ends everything.

    Yields
    ------
    Part, Ended or Failed
        For each task its parts, and at last Ended or Failed: its work raised, or the process died,
        on each of `napari_m2n2.parallel.outcomes.TRIES` tries. The tasks come in any order.

    Raises
    ------
    InputError
        If there is no such scheduler or `workers` is less than 1.
    MissingError
        If no process can be started, the scheduler is lost, or Dask is not installed.

    Notes
    -----
    When the iterator is closed or raises, the processes on this computer are gone; they also end
    by themselves when this process is killed. A Dask worker ends the task it is at.
    """
    if workers is not None and workers < 1:
        raise InputError(f"{workers} worker processes cannot be; give 1 or more.")
    if scheduler is not None:
        from napari_m2n2.parallel.cluster import run_on_cluster

        return run_on_cluster(work, tasks, scheduler, tick)
    from napari_m2n2.parallel.local import run_here

    return run_here(work, tasks, workers or cores(), tick)
