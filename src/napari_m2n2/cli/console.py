"""How the commands speak: sentences and progress on stderr, reports on stdout."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from napari_m2n2.errors import Cancelled

PROGRAM = "napari-m2n2"

_QUIET_SECONDS = 30
"""A file or a pipe gets the time that is left no more often than this."""


def tell(sentence: str) -> None:
    """Write one sentence on stderr, under the name of the program."""
    sys.stderr.write(f"{PROGRAM}: {sentence}\n")
    sys.stderr.flush()


def to_json(report: Mapping[str, Any]) -> str:
    """Return a report as JSON with a line for each entry; paths become text."""
    lines = [
        f"  {json.dumps(key)}: {json.dumps(value, allow_nan=False, default=str)}"
        for key, value in report.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number with what is counted; the plural of `one` has an s if it is not given."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


@contextmanager
def resumable(place: Path, what: str = "what is done") -> Iterator[None]:
    """Say, when the work in the block is interrupted, that the same command goes on.

    Parameters
    ----------
    place : Path
        Where `what` is kept; while it is not there, nothing is promised.
    what : str

    Raises
    ------
    Cancelled
        With that sentence, instead of Ctrl-C.
    """
    try:
        yield
    except (KeyboardInterrupt, Cancelled):
        if not place.exists():
            raise
        raise Cancelled(
            f"Interrupted; {what} is kept in {place}, and the same command goes on from there."
        ) from None


class ConsoleProgress:
    """Shows the phase of the work on stderr; to be used as a context manager.

    A terminal gets one line that is written over, with a percentage; a file or a pipe one line for
    each phase, and for what a phase says after a comma, such as the time left, one now and then.
    """

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._phase = ""
        self._percent = -1
        self._said = -math.inf

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Clear the line, so that a sentence can follow."""
        if self._terminal and self._phase:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def __call__(self, phase: str, fraction: float) -> None:
        """Report that `fraction` of a phase is done."""
        percent = int(100 * fraction)
        if phase == self._phase and (not self._terminal or percent == self._percent):
            return
        if self._terminal:
            sys.stderr.write(f"\r\x1b[K{PROGRAM}: {phase} {percent} %")
        elif self._is_news(phase):
            sys.stderr.write(f"{PROGRAM}: {phase} ...\n")
            self._said = time.monotonic()
        else:
            return
        sys.stderr.flush()
        self._phase, self._percent = phase, percent

    def _is_news(self, phase: str) -> bool:
        """Return whether a phase that differs from the one before deserves a line in a file."""
        same_work = phase.partition(",")[0] == self._phase.partition(",")[0]
        return not same_work or time.monotonic() - self._said >= _QUIET_SECONDS
