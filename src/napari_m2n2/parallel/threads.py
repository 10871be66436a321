"""One thread for the sums of a process: as fast with several processes, and always the same."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)
"""Read by the libraries when they are loaded."""


def one_thread_for_children() -> AbstractContextManager[None]:
    """Let processes that are started inside the block have one thread."""
    return environment(dict.fromkeys(VARIABLES, "1"))


@contextmanager
def environment(given: Mapping[str, str]) -> Iterator[None]:
    """Let processes that are started inside the block find these variables."""
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def one_thread_here() -> None:
    """Let the libraries that this process has loaded use one thread."""
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(1)
    if "cv2" in sys.modules:
        import cv2

        cv2.setNumThreads(1)
