"""What is shown above the image, so that one sees why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from napari_m2n2.viewer.keys import KEY_OF
from napari_m2n2.viewer.panels.narrow import narrow_box
from napari_m2n2.viewer.why_layers import LOOKS, Look

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller

_LEAST, _MOST = 5, 100
"""Opacity, in percent: at 0 a layer would look like one that is broken."""


class LookPanel(QGroupBox):
    """Overlay, opacity and uncertainty contour.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        super().__init__("See why")
        self._state = controller.state
        self.overlay = narrow_box()
        self.overlay.addItem("Nothing", "none")
        for name, look in LOOKS.items():
            self.overlay.addItem(look.title, name)
        self.overlay.setToolTip(
            "Shown above the image: how far the method finds each pixel from the chosen point, "
            "how it scores it, or where it is unsure. "
            f"Key {KEY_OF['next_overlay']} goes on to the next one."
        )
        self.legend = Legend()
        self.contour = QCheckBox("Unsure outline")
        self.contour.setToolTip(
            "Two lines: where the outline would be with λ a tenth smaller (blue) and a tenth "
            "larger (orange). Where they lie apart, the outline is unsure."
        )
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(_LEAST, _MOST)
        self.opacity.setPageStep(10)
        self.opacity.setToolTip("How much of the image the overlay and the labels hide.")
        self._lay_out()
        self._show()
        self._connect()

    def _lay_out(self) -> None:
        """Put the parts in their places."""
        column = QVBoxLayout(self)
        form = QFormLayout()
        form.addRow("Overlay", self.overlay)
        column.addLayout(form)
        column.addWidget(self.legend)
        column.addWidget(self.contour)
        form = QFormLayout()
        form.addRow("Opacity", self.opacity)
        column.addLayout(form)

    def _connect(self) -> None:
        """Pass on what is chosen, and show what others choose."""
        self.overlay.currentIndexChanged.connect(self._on_overlay)
        self.contour.toggled.connect(self._on_contour)
        self.opacity.valueChanged.connect(self._on_opacity)
        self._state.changed.connect(self._on_state)

    def _on_overlay(self, _row: int) -> None:
        self._state.overlay = self.overlay.currentData()

    def _on_contour(self, contour: bool) -> None:
        self._state.contour = contour

    def _on_opacity(self, percent: int) -> None:
        self._state.opacity = percent / 100

    def _on_state(self, _name: str) -> None:
        self._show()

    def _show(self) -> None:
        """Show the state as it is."""
        with QSignalBlocker(self.overlay):
            self.overlay.setCurrentIndex(self.overlay.findData(self._state.overlay))
        with QSignalBlocker(self.contour):
            self.contour.setChecked(self._state.contour)
        with QSignalBlocker(self.opacity):
            self.opacity.setValue(round(100 * self._state.opacity))
        self.legend.show_look(LOOKS.get(self._state.overlay))


class Legend(QWidget):
    """What the colours of an overlay mean."""

    def __init__(self) -> None:
        super().__init__()
        self.low, self.high = QLabel(), QLabel()
        self._bar = _Bar()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.low)
        row.addWidget(self._bar, 1)
        row.addWidget(self.high)

    def show_look(self, look: Look | None) -> None:
        """Show the colours of an overlay; None hides the legend."""
        self.setVisible(look is not None)
        if look is not None:
            self.low.setText(look.low)
            self.high.setText(look.high)
            self._bar.colours = look.colours
            self._bar.update()


class _Bar(QWidget):
    """A bar that runs through the colours, over grey as the image may be."""

    def __init__(self) -> None:
        super().__init__()
        self.colours: tuple[tuple[float, float, float, float], ...] = ()
        self.setFixedHeight(self.fontMetrics().height())
        self.setMinimumWidth(24)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw it."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor("#808080"))
        gradient = QLinearGradient(0, 0, self.width(), 0)
        for place, colour in enumerate(self.colours):
            gradient.setColorAt(place / (len(self.colours) - 1), QColor.fromRgbF(*colour))
        painter.fillRect(self.rect(), gradient)
        painter.end()
