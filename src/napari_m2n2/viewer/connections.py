"""Connections to events of napari that can all be undone at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Connections:
    """What was connected, and how to undo it."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], Any]] = []

    def connect(self, emitter: Any, callback: Callable[..., Any]) -> None:
        """Connect a callback to an emitter of napari, until `close`."""
        emitter.connect(callback)
        self._undo.append(lambda: emitter.disconnect(callback))

    def add(self, undo: Callable[[], Any]) -> None:
        """Remember something else to undo at `close`."""
        self._undo.append(undo)

    def close(self) -> None:
        """Undo everything, the last first; a second call does nothing."""
        while self._undo:
            self._undo.pop()()
