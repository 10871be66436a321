"""Pictures of prompts, for buttons."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QIcon, QPainter, QPen, QPixmap

from napari_m2n2.viewer.signs import Mark


def draw_mark(mark: Mark) -> QIcon:
    """Draw a prompt as it looks in the image."""
    pixmap = QPixmap(36, 36)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if mark.symbol == "disc":
        painter.setPen(QPen(QColor("white"), 3))
        painter.setBrush(QColor(mark.colour))
        painter.drawEllipse(5, 5, 26, 26)
    else:
        for colour, width in (("white", 12), (mark.colour, 6)):
            painter.setPen(QPen(QColor(colour), width))
            painter.drawLine(8, 8, 28, 28)
            painter.drawLine(8, 28, 28, 8)
    painter.end()
    return QIcon(pixmap)
