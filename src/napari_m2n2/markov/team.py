"""Threads that share a piece of work, many times one after the other.

A round of balancing or a step of a walk takes half a millisecond, so that what it takes to hand
out its parts matters: these threads wait at a queue of the standard library that is written in C,
which takes 37 µs a time where a pool's futures took 45 to 70.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, Self

_Ends = SimpleQueue[BaseException | None]


class Team:
    """The thread that asks and others; it works alone outside a ``with`` block.

    Parameters
    ----------
    size : int
        How many there are with the one that asks.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._others: list[Thread] = []
        self._work: SimpleQueue[tuple[Callable[[], None], _Ends] | None] = SimpleQueue()

    def __enter__(self) -> Self:
        self._others = [Thread(target=self._follow, daemon=True) for _ in range(self._size - 1)]
        for thread in self._others:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for _ in self._others:
            self._work.put(None)
        for thread in self._others:
            thread.join()
        self._others = []

    def each(self, work: Callable[..., None], items: list[Any]) -> None:
        """Do work for each item; compiled loops run at the same time.

        What it raises is raised here, when all are done.
        """
        left = iter(items)
        ends: _Ends = SimpleQueue()

        def take() -> None:
            for item in left:  # one thread at a time asks for the next
                work(item)

        # this thread does its part: waking another one takes a tenth of a round
        helpers = min(len(self._others), len(items) - 1)
        for _ in range(helpers):
            self._work.put((take, ends))
        try:
            take()
        finally:
            errors = [ends.get() for _ in range(helpers)]
        for error in errors:
            if error is not None:
                raise error

    def _follow(self) -> None:
        """Do what is handed out, until nothing is."""
        while (given := self._work.get()) is not None:
            take, ends = given
            try:
                take()
            except BaseException as error:  # noqa: BLE001 - raised by who asked
                ends.put(error)
            else:
                ends.put(None)
