"""Segment everything: regions of the plane, how many there are, and how large one is taken."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import (
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from napari_m2n2.annotation.newest import Runner
from napari_m2n2.attention.registry import understands_text
from napari_m2n2.segmentation.registry import REGIONS
from napari_m2n2.viewer.controller import Controller
from napari_m2n2.viewer.panels.narrow import narrow_box
from napari_m2n2.viewer.proposing import Proposer


class EverythingPanel(QGroupBox):
    """Regions that are offered before any click.

    Parameters
    ----------
    controller : Controller
    runner : Runner
        How it is worked.

    Attributes
    ----------
    proposer : Proposer
    """

    def __init__(self, controller: Controller, runner: Runner) -> None:
        super().__init__("Segment everything")
        self._state = controller.state
        self.proposer = Proposer(controller, runner)
        self.ways = narrow_box()
        for name, way in REGIONS.items():
            self.ways.addItem(f"{name}: {way.title}", name)
        self.ways.setToolTip("How the plane is parted into regions.")
        self.button = QPushButton("Find regions")
        self.button.setToolTip(
            "Part the plane on screen into regions, without a prompt. They are shown in a layer "
            "of their own; a click on one makes it an object."
        )
        self.level, self.many = _slider(
            "How many regions there are; more part those of fewer, and never move a border."
        )
        self.size, self.large = _slider(
            "The object that was made last: how much around the click belongs to it."
        )
        self.words = QLineEdit()
        self.words.setPlaceholderText("nucleus; background")
        self.words.setToolTip(
            "What to look for. Of several phrases, parted by semicolons, the first is the object."
        )
        self.describe = QPushButton("Find")
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.hide()
        self._lay_out()
        self._connect()
        self._show()

    def _lay_out(self) -> None:
        """Put the parts in their places."""
        column = QVBoxLayout(self)
        column.addLayout(_row(self.ways, self.button))
        sliders = QFormLayout()
        sliders.addRow("How many", _row(self.level, self.many))
        sliders.addRow("How large", _row(self.size, self.large))
        column.addLayout(sliders)
        self.wording = QWidget()
        row = _row(self.words, self.describe)
        row.setContentsMargins(0, 0, 0, 0)
        self.wording.setLayout(row)
        column.addWidget(self.wording)
        column.addWidget(self.text)

    def _connect(self) -> None:
        """Pass on what is done, and show what comes of it."""
        proposer = self.proposer
        self.button.clicked.connect(self._on_button)
        self.level.valueChanged.connect(proposer.show)
        # each value is a step of undo, so that only the last one of a drag counts
        self.size.setTracking(False)
        self.size.valueChanged.connect(proposer.resize)
        self.words.returnPressed.connect(self._on_words)
        self.describe.clicked.connect(self._on_words)
        proposer.said.connect(self._on_said)
        proposer.progressed.connect(self._on_progress)
        proposer.changed.connect(self._show)
        self._state.changed.connect(self._on_state)

    def _on_button(self) -> None:
        if self.proposer.busy:
            self.proposer.stop()
        else:
            self.proposer.find(self.ways.currentData())

    def _on_words(self) -> None:
        self.proposer.describe(self.words.text())

    def _on_said(self, text: str, _failed: bool) -> None:
        self._say(text)

    def _on_progress(self, phase: str, fraction: float) -> None:
        self._say(f"{phase} {100 * fraction:.0f} %")

    def _on_state(self, name: str) -> None:
        if name == "settings":
            self._show()

    def _say(self, text: str) -> None:
        """Show a sentence."""
        self.text.setText(text)
        self.text.setVisible(bool(text))

    def _show(self) -> None:
        """Show where things stand, and what can be done now."""
        proposer, regions, taken = self.proposer, self.proposer.regions, self.proposer.taken
        self.button.setText("Stop" if proposer.busy else "Find regions")
        self.describe.setEnabled(not proposer.busy)
        self.wording.setVisible(understands_text(self._state.settings.backbone))
        with QSignalBlocker(self.level), QSignalBlocker(self.size):
            self.level.setEnabled(regions is not None)
            self.level.setRange(1, 1 if regions is None else regions.finest)
            self.level.setValue(proposer.count)
            self.size.setEnabled(taken is not None)
            self.size.setRange(0, 0 if taken is None else len(taken.nodes) - 1)
            self.size.setValue(0 if taken is None else taken.step)
        self.many.setText("" if regions is None else f"{proposer.count} regions")
        self.large.setText("" if taken is None else f"object {taken.number}")


def _slider(hint: str) -> tuple[QSlider, QLabel]:
    """Return a slider, and the label beside it."""
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setToolTip(hint)
    label = QLabel()
    label.setMinimumWidth(label.fontMetrics().horizontalAdvance("256 regions"))
    return slider, label


def _row(wide: QWidget, narrow: QWidget) -> QHBoxLayout:
    """Return a row of something that stretches and something that does not."""
    row = QHBoxLayout()
    row.addWidget(wide, 1)
    row.addWidget(narrow)
    return row
