"""Waiting until something that changes many times a second has settled."""

from __future__ import annotations

from collections.abc import Callable

from napari.components import ViewerModel
from qtpy.compat import isalive
from qtpy.QtCore import QTimer

MILLISECONDS = 250
"""Long enough for a slider under the mouse, short enough to feel live."""


class Settling:
    """Calls something once, a moment after it was last wanted.

    Parameters
    ----------
    action : callable
    viewer : napari viewer
        Without a window nothing would wake the timer, so that it is called at once.
    milliseconds : int
        The moment.
    """

    def __init__(
        self,
        action: Callable[[], object],
        viewer: ViewerModel,
        milliseconds: int = MILLISECONDS,
    ) -> None:
        self._action: Callable[[], object] | None = action
        self._timer: QTimer | None = None
        if hasattr(viewer, "window"):
            self._timer = QTimer()
            self._timer.setSingleShot(True)
            self._timer.setInterval(milliseconds)
            self._timer.timeout.connect(action)

    def want(self, _event: object = None) -> None:
        """Call it soon; later if it is wanted again before."""
        if self._timer is not None:
            self._timer.start()
        elif self._action is not None:
            self._action()

    def stop(self) -> None:
        """Call it never again, and let go of it."""
        timer, self._timer, self._action = self._timer, None, None
        # at the end of the program Qt may have deleted it already
        if timer is not None and isalive(timer):
            timer.stop()
