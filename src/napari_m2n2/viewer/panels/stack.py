"""The button that encodes the stack on screen ahead of the clicks."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
)

from napari_m2n2.annotation.encoding import Encode, encode_plane
from napari_m2n2.annotation.newest import Runner
from napari_m2n2.viewer.controller import Controller
from napari_m2n2.viewer.stacking import StackEncoder


class StackPanel(QGroupBox):
    """Encoding ahead.

    Parameters
    ----------
    controller : Controller
    runner : Runner
        How a plane is worked.
    encode : Encode, optional
        What is done with it.

    Attributes
    ----------
    encoder : StackEncoder
    """

    def __init__(
        self, controller: Controller, runner: Runner, encode: Encode = encode_plane
    ) -> None:
        super().__init__("Stack")
        self.encoder = StackEncoder(controller, runner, encode)
        self.button = QPushButton("Encode the stack")
        self.button.setToolTip(
            "Do the work that every first click on a plane needs, for all planes in the "
            "background, those near to this one first, and keep it on the disk."
        )
        self.stop = QPushButton("Stop")
        self.stop.setToolTip("Call it off; what was encoded stays.")
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._lay_out()
        self.button.clicked.connect(lambda: self.encoder.start())
        self.stop.clicked.connect(lambda: self.encoder.stop())
        self.encoder.said.connect(self._on_said)
        self.encoder.progressed.connect(self._on_progress)
        self.encoder.changed.connect(self._on_changed)
        self.text.hide()
        self._on_changed()

    def _lay_out(self) -> None:
        """Put the parts in their places."""
        column = QVBoxLayout(self)
        row = QHBoxLayout()
        row.addWidget(self.button, 1)
        row.addWidget(self.stop)
        column.addLayout(row)
        column.addWidget(self.bar)
        column.addWidget(self.text)

    def _on_said(self, text: str, _failed: bool) -> None:
        """Show a sentence."""
        self.text.setText(text)
        self.text.setVisible(bool(text))

    def _on_progress(self, _phase: str, fraction: float) -> None:
        """Show how much is done."""
        self.bar.setValue(round(100 * fraction))

    def _on_changed(self) -> None:
        """Show what can be done now."""
        busy = self.encoder.busy
        self.button.setEnabled(not busy)
        self.stop.setEnabled(busy)
        self.bar.setVisible(busy)
        self.bar.setValue(0)
