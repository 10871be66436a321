"""Work for processes of their own: it has to be in a module that they can import."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def count(task):
    """Yield the numbers up to the task, and the process that counted."""
    for number in range(task):
        yield number, os.getpid()


def trouble(task):
    """Do what the task's name says."""
    kind, folder = task
    yield kind, 0
    if kind == "raises":
        with (Path(folder) / "raises").open("a") as file:
            file.write("x")
        raise ValueError("no\nwork")
    if kind == "raises once":
        raised = Path(folder) / "raised"
        if not raised.exists():
            raised.touch()
            raise OSError("a file server that was away")
    if kind == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind in ("dies once", "dies late"):
        tried = Path(folder) / "tried"
        if not tried.exists():
            tried.touch()
            time.sleep(1.0 if kind == "dies late" else 0.0)
            os.kill(os.getpid(), signal.SIGKILL)
    if kind == "exits":
        raise SystemExit(3)
    if kind == "unpicklable":
        yield lambda: None
    yield kind, 1


def wait_for(task):
    """Tell the process, then wait until a file is there."""
    yield os.getpid()
    while not Path(task).exists():
        time.sleep(0.01)
    yield "there"


def threads(task):
    """Tell how many threads the libraries take, whatever this process was told."""
    import cv2
    import numba
    import torch

    yield torch.get_num_threads(), cv2.getNumThreads(), numba.config.NUMBA_NUM_THREADS


def slow_count(task):
    """Yield a few numbers, slowly, with the process that counted."""
    for number in range(4):
        time.sleep(0.05)
        yield task, number, os.getpid()


def meet(task):
    """Wait for somebody who does the other task, and tell whether one came."""
    folder, mine, other = task
    Path(folder, mine).touch()
    end = time.monotonic() + 20
    while not Path(folder, other).exists() and time.monotonic() < end:
        time.sleep(0.01)
    yield Path(folder, other).exists()
