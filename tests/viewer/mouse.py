"""A mouse and keys on the canvas of a real window, by events of Qt."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from qtpy.QtCore import QPoint, Qt

PLAIN = Qt.KeyboardModifier.NoModifier
LEFT = Qt.MouseButton.LeftButton

_BETWEEN_MOVES = 15
"""In milliseconds; vispy passes no more than one move on every ten."""


class Mouse:
    """Clicks and drags where points of the world are on the canvas; presses keys there.

    Points are (row, column) of the two axes on screen.
    """

    def __init__(self, viewer, qtbot):
        self._viewer = viewer.__wrapped__
        self._qtbot = qtbot
        self._canvas = self._viewer.window._qt_viewer.canvas

    def settle(self):
        """Wait until the window is laid out, and show all of the image."""
        self._qtbot.wait(200)
        self._viewer.reset_view()
        self._qtbot.wait(50)

    def place(self, point):
        """Return where a point is on the canvas."""
        displayed = list(self._viewer.dims.displayed)

        def world(x, y):
            return np.array(self._canvas._map_canvas2world((x, y), self._canvas.view))[displayed]

        origin = world(0, 0)
        matrix = np.stack([world(1, 0) - origin, world(0, 1) - origin], axis=1)
        x, y = np.linalg.solve(matrix, np.array(point) - origin)
        return QPoint(round(x), round(y))

    def click(self, point, *, button=LEFT, modifier=PLAIN):
        """Click on a point."""
        at = self.place(point)
        self._qtbot.mouseMove(self._canvas.native, at)
        self._qtbot.mouseClick(self._canvas.native, button, modifier, at)

    def drag(self, *points, modifier=PLAIN, steps=8):
        """Press at the first point, move along the others, and let go at the last."""
        native = self._canvas.native
        self._qtbot.mouseMove(native, self.place(points[0]))
        self._qtbot.mousePress(native, LEFT, modifier, self.place(points[0]))
        for start, end in pairwise(points):
            for share in np.linspace(0, 1, steps + 1)[1:]:
                at = (1 - share) * np.array(start) + share * np.array(end)
                self._move(self.place(at), modifier)
        self._qtbot.mouseRelease(native, LEFT, modifier, self.place(points[-1]))

    def _move(self, at, modifier):
        """Move with the button held, which qtbot's own moves forget."""
        from qtpy.QtCore import QEvent, QPointF
        from qtpy.QtGui import QMouseEvent
        from qtpy.QtWidgets import QApplication

        native = self._canvas.native
        self._qtbot.wait(_BETWEEN_MOVES)
        event = QMouseEvent(
            QEvent.Type.MouseMove,
            QPointF(at),
            QPointF(native.mapToGlobal(at)),
            LEFT,
            LEFT,
            modifier,
        )
        QApplication.sendEvent(native, event)

    def key(self, key, modifier=PLAIN):
        """Press a key on the canvas."""
        self._qtbot.keyClick(self._canvas.native, key, modifier)
