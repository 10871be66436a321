"""News of the thread that saves, told in the thread of the window."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, Qt, Signal

from napari_m2n2.annotation.autosave import Saved


class Relay(QObject):
    """Lives in the thread of the window; what is told in another one arrives there.

    Parameters
    ----------
    hear : callable
        Called in the thread of the window.
    """

    _told = Signal(object)

    def __init__(self, hear: Callable[[Saved], None]) -> None:
        super().__init__()
        self._hear: Callable[[Saved], None] | None = hear
        self._told.connect(self._on_told, Qt.ConnectionType.QueuedConnection)

    def tell(self, saved: Saved) -> None:
        """Pass it on, from any thread."""
        # at the end of the program Qt may be gone before the last write
        if self._hear is not None:
            self._told.emit(saved)

    def end(self) -> None:
        """Pass nothing on any more, and let go of who heard of it."""
        self._hear = None

    def _on_told(self, saved: Saved) -> None:
        if self._hear is not None:
            self._hear(saved)
