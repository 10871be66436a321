"""What the user does to the labels by hand, and with napari's own undo, taken note of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from napari.layers import Labels
from napari.utils.events import Event

from napari_m2n2.annotation.pixels import take
from napari_m2n2.viewer import recording
from napari_m2n2.viewer.connections import Connections
from napari_m2n2.viewer.pair import Pair


class Heeding:
    """Listens to the labels of an image.

    Parameters
    ----------
    pair : Pair
    follow : callable
        Takes note of what the labels' own undo has done.
    connections : Connections
        What ends it.
    """

    def __init__(
        self, pair: Pair, follow: Callable[[Pair], object], connections: Connections
    ) -> None:
        self._pair = pair
        self._follow = follow
        self._held = False
        self._state = pair.writer.painted.state(pair.labels.data)
        labels = pair.labels
        labels.mouse_drag_callbacks.insert(0, self._on_press)
        connections.add(lambda: labels.mouse_drag_callbacks.remove(self._on_press))
        # which of these comes last depends on the tool and on the version of napari
        for emitter in (labels.events.paint, labels.events.set_data, labels.events.labels_update):
            connections.connect(emitter, self._on_shown)
        connections.connect(labels.events.paint, pair.writer.painted_by_hand)

    def _on_press(self, _layer: Labels, event: Any) -> Iterator[None]:
        """Know whether the mouse is held: a stroke is one once it is let go."""
        self._held = True
        yield
        while event.type == "mouse_move":
            yield
        self._held = False

    def _on_shown(self, _event: Event) -> None:
        """Look at labels that are drawn anew: perhaps they are others."""
        writer = self._pair.writer
        if self._held or writer.is_writing or not writer.is_whole:
            return
        self._follow(self._pair)
        self._recount()

    def _recount(self) -> None:
        """Let the table know what was painted, and what was taken back of it."""
        pair = self._pair
        before, self._state = self._state, pair.writer.painted.state(pair.labels.data)
        if np.array_equal(before, self._state):
            return
        places = np.setxor1d(before, self._state)
        with pair.writer.base():
            found = recording.seen_anew(pair, places)
            # no object is ever given a number that was painted with
            pair.table.reserve(np.unique(take(pair.labels.data, places)).tolist())
        for known in found.values():
            pair.table.replace(known)
