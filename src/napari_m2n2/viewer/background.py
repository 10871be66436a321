"""Work that a panel has done in a thread: one piece at a time, called off at its next report."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any, ClassVar

from psygnal import Signal

from napari_m2n2.annotation.jobs import Failed, Stopped
from napari_m2n2.annotation.newest import Runner
from napari_m2n2.errors import Cancelled, UserError, is_out_of_memory
from napari_m2n2.progress import Progress
from napari_m2n2.viewer.connections import Connections

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller

logger = logging.getLogger(__name__)

Work = Callable[[Progress], Any]
"""Called in a thread; what it reports to may raise `Cancelled`."""


class Background:
    """The base of what works in the background for a panel.

    Whatever goes wrong in the thread becomes a sentence, and once the window is closed nothing is
    said any more.

    Parameters
    ----------
    controller : Controller
    runner : Runner
        How a piece is worked.

    Attributes
    ----------
    busy : bool
        Whether there is something to wait for.
    at_work : bool
        Whether a thread has a piece; it may be one that was called off and has not heard of it.

    Signals
    -------
    said : signal of (str, bool)
        What there is to say, and whether it tells of a failure.
    progressed : signal of (str, float)
        The phase of the work, and how much of it is done.
    changed : signal
        Work has begun or ended, or what came of it is another.
    """

    said: ClassVar[Signal] = Signal(str, bool)
    progressed: ClassVar[Signal] = Signal(str, float)
    changed: ClassVar[Signal] = Signal()

    no_memory = "There is not enough memory for this; close other programs."
    """What is said if memory runs out."""

    def __init__(self, controller: Controller, runner: Runner) -> None:
        self._controller = controller
        self._runner = runner
        self._connections = Connections()
        self._piece: _Piece | None = None
        self._closed = False

    @property
    def at_work(self) -> bool:
        """Whether a thread has a piece."""
        return self._piece is not None

    @property
    def busy(self) -> bool:
        """Whether there is something to wait for."""
        return self.at_work

    def stop(self) -> None:
        """Call off what is under way."""
        self._call_off()

    def close(self, _object: object = None) -> None:
        """Call it off and say nothing more."""
        self._closed = True
        self._call_off()
        self._connections.close()
        for signal in (self.said, self.progressed, self.changed):
            signal.disconnect()

    def _work_on(self, work: Work, done: Callable[[Any], object]) -> None:
        """Have a piece worked while there is no other; `done` is called with what it gives.

        That is a `Stopped` or `Failed` where it could not be done.
        """
        piece = self._piece = _Piece(work, self.no_memory)
        self._runner(piece, partial(self._hear, piece), partial(self._end, piece, done))

    def _call_off(self) -> None:
        """Have the piece under way end at its next report."""
        if self._piece is not None:
            self._piece.call_off()

    def _hear(self, piece: _Piece, phase: str, fraction: float) -> None:
        """Pass a report on, unless the piece has ended meanwhile."""
        if piece is self._piece and not self._closed:
            self._report(phase, fraction)

    def _report(self, phase: str, fraction: float) -> None:
        """Tell how far the piece is."""
        self.progressed.emit(phase, fraction)

    def _end(self, piece: _Piece, done: Callable[[Any], object], outcome: Any) -> None:
        """Hand on what a piece has given."""
        if piece is self._piece:
            self._piece = None
        if not self._closed:
            done(outcome)


class _Piece:
    """A piece of work; it never raises."""

    def __init__(self, work: Work, no_memory: str) -> None:
        self._work = work
        self._no_memory = no_memory
        self._called_off = Event()

    def call_off(self) -> None:
        """Have it end at its next report."""
        self._called_off.set()

    def __call__(self, report: Progress) -> Any:
        """Work it, in a thread."""

        def progress(phase: str, fraction: float) -> None:
            if self._called_off.is_set():
                raise Cancelled
            report(phase, fraction)

        try:
            return self._work(progress)
        except Cancelled:
            return Stopped()
        except UserError as error:
            return Failed(str(error))
        except Exception as error:
            if is_out_of_memory(error):
                return Failed(self._no_memory)
            logger.exception("unexpected error in the background")
            return Failed(f"Something unexpected went wrong ({type(error).__name__}: {error}).")
