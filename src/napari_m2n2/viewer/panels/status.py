"""What was done, what is being done, and how to stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
)

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller

_TEXT_LINES = 4
_FRAME = "QLabel {{ border: 1px solid {}; border-radius: 3px; padding: 4px; }}"
_FAILED, _WARNED = "#f4511e", "#ff9e00"
"""Colours of frames: the text keeps that of the theme, so that it is readable on any ground."""


class StatusPanel(QGroupBox):
    """The sentence, the banner, the bar and the button that stops.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        super().__init__("Status")
        self.banner = _paragraph()
        self.banner.setVisible(False)
        self.banner.setStyleSheet(_FRAME.format(_WARNED))
        self.text = _paragraph()
        self.text.setMinimumHeight(_TEXT_LINES * self.fontMetrics().lineSpacing())
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.stop = QPushButton("Stop")
        self._lay_out()
        self.stop.clicked.connect(lambda: controller.stop())
        controller.said.connect(self.say)
        controller.progressed.connect(self.progress)
        controller.busy.connect(self.busy)
        controller.banner.connect(self.show_banner)
        self.busy(False)

    def _lay_out(self) -> None:
        """Put the parts in their places."""
        column = QVBoxLayout(self)
        column.addWidget(self.banner)
        column.addWidget(self.text)
        row = QHBoxLayout()
        row.addWidget(self.bar)
        row.addWidget(self.stop)
        column.addLayout(row)

    def say(self, text: str, failed: bool) -> None:
        """Show a sentence; a failure stands out."""
        self.text.setText(text)
        font = self.text.font()
        font.setBold(failed)
        self.text.setFont(font)
        self.text.setProperty("failed", failed)
        self.text.setStyleSheet(_FRAME.format(_FAILED) if failed else "")

    def progress(self, phase: str, fraction: float) -> None:
        """Show the phase and how much of it is done."""
        self.bar.setFormat(f"{phase} %p%")
        self.bar.setValue(round(100 * fraction))

    def busy(self, busy: bool) -> None:
        """Show whether there is work to stop."""
        self.stop.setEnabled(busy)
        self.bar.setEnabled(busy)
        if not busy:
            self.bar.setValue(0)
            self.bar.setFormat("")

    def show_banner(self, text: str) -> None:
        """Show what holds until something changes; nothing if the text is empty."""
        self.banner.setText(text)
        self.banner.setVisible(bool(text))


def _paragraph() -> QLabel:
    """Make a text of several lines that can be copied."""
    label = QLabel()
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setAlignment(Qt.AlignmentFlag.AlignTop)
    return label
