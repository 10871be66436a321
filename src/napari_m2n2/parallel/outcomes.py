"""What tasks give, whether they run here or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

TRIES = 3
"""How often a task is begun whose work raises or whose process dies."""

TICK = 0.5
"""Seconds between two looks at whether to go on."""

Work: TypeAlias = Callable[[Any], Iterable[Any]]


@dataclass(frozen=True)
class Part:
    """Something that a task gave; `task` is its place in the sequence of tasks."""

    task: int
    value: Any


@dataclass(frozen=True)
class Ended:
    """A task gave all it had to give."""

    task: int


@dataclass(frozen=True)
class Failed:
    """A task will give nothing more; `reason` says why, and is no sentence yet."""

    task: int
    reason: str


Outcome: TypeAlias = Part | Ended | Failed


def describe(error: BaseException) -> str:
    """Return what an exception says, on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:300] if text else type(error).__name__
