"""What a row of the table of speeds is: a plain way and ours, on the same input."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass(frozen=True)
class Settings:
    """What the rows are made for.

    Attributes
    ----------
    grid : int
        Cells along the side of the attention grid.
    shape : (int, int)
        Rows and columns of the image.
    device : str
        As torch calls it.
    repeat : int
        How often each side runs.
    quick : bool
        Whether to take small inputs, to try the script.
    """

    grid: int = 64
    shape: tuple[int, int] = (480, 854)
    device: str = "cpu"
    repeat: int = 5
    quick: bool = False


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes
    ----------
    name : str
        What is done; also what `--only` looks for.
    plain, fast : callable
        Do the work without arguments and return the result. What must be made anew for each run
        (a copy that is overwritten) belongs into `prepare`.
    check : callable
        Takes both results and says how far apart they are.
    target : str
        What was asked for.
    least : float
        Least ratio of the medians; 0 for rows that are only reported.
    warm : bool
        Whether both sides run once before they are timed.
    prepare : callable, optional
        Called before each run; what it returns is handed to `plain` and `fast`.
    repeat : int
        How often each side runs where the plain one takes minutes; 0 leaves it to the settings.
    """

    name: str
    plain: Callable[..., Any]
    fast: Callable[..., Any]
    check: Callable[[Any, Any], str]
    target: str
    least: float = 0.0
    warm: bool = True
    prepare: Callable[[], Any] | None = None
    repeat: int = 0


@dataclass
class Measured:
    """What a row gave."""

    name: str
    target: str
    least: float
    plain: list[float] = field(default_factory=list)
    fast: list[float] = field(default_factory=list)
    apart: str = ""

    @property
    def ratio(self) -> float:
        """How many times the median of the plain form is ours."""
        return statistics.median(self.plain) / statistics.median(self.fast)

    def line(self) -> str:
        """Return the row of the table."""
        slow, quick = statistics.median(self.plain), statistics.median(self.fast)
        reached = "" if not self.least else ("yes" if self.ratio >= self.least else "no")
        return (
            f"| {self.name} | {slow:.4f} | {quick:.4f} | {self.ratio:.1f} × | {self.target} "
            f"| {reached} | {self.apart} |"
        )


def measure(row: Row, settings: Settings) -> Measured:
    """Run both sides in turns, so that what else the machine does disturbs both."""
    result = Measured(row.name, row.target, row.least)
    if row.warm:
        _timed(row, row.plain, settings.device)
        _timed(row, row.fast, settings.device)
    plain = fast = None
    for _ in range(row.repeat or settings.repeat):
        plain = fast = None  # so that no run holds what the one before gave
        seconds, plain = _timed(row, row.plain, settings.device)
        result.plain.append(seconds)
        seconds, fast = _timed(row, row.fast, settings.device)
        result.fast.append(seconds)
    result.apart = row.check(plain, fast)
    return result


def _timed(row: Row, work: Callable[..., Any], device: str) -> tuple[float, Any]:
    """Return the seconds of one run, and its result."""
    given = () if row.prepare is None else (row.prepare(),)
    _wait(device)
    began = time.perf_counter()
    result = work(*given)
    _wait(device)
    return time.perf_counter() - began, result


def _wait(device: str) -> None:
    """Wait for what a GPU still has to do."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
