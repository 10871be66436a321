"""Measure on my labels: a list of what can be chosen, and what each comes to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from napari.layers import Labels
from qtpy.QtCore import QSignalBlocker, QSize, Qt
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
)

from napari_m2n2.segmentation.parameters import PRESETS
from napari_m2n2.viewer.panels.narrow import fit_columns, narrow_box, stretch_one

if TYPE_CHECKING:
    from napari_m2n2.evaluation.choices import Choice
    from napari_m2n2.evaluation.own_labels import Measured
    from napari_m2n2.viewer.measuring import Measurer

_ROWS = 7
"""How many rows the list has room for before it is scrolled."""

_WIDEST = "m2n2, published"
"""There is room for this; longer names are cut off, and whole in their tips."""

_MOST_CLICKS = 20
_CLICKS = 5


class _Table(QTableWidget):
    """A row for each choice: its name, IoU after each click, seconds of a click."""

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as many columns as there is room for now."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.fit()

    def fit(self) -> None:
        """Hide clicks that there is no room for: the first ones and the last one tell most."""
        last = self.columnCount() - 2
        for place in range(self.columnCount()):
            self.setColumnHidden(place, False)
        tick = self.verticalHeader().minimumSectionSize()
        least = tick + self.fontMetrics().horizontalAdvance(_WIDEST)
        fit_columns(self, 0, least, range(last - 1, 1, -1))


class MeasurePanel(QGroupBox):
    """Labels, clicks and choices to measure, and a table of IoU per click.

    Parameters
    ----------
    measurer : Measurer
    """

    def __init__(self, measurer: Measurer) -> None:
        super().__init__("Measure on my labels")
        self._measurer = measurer
        self._layers: list[Labels] = []
        self._choices: tuple[Choice, ...] = ()
        self._build_choices()
        self._build_table()
        self._build_actions()
        self._lay_out()
        self._connect()
        self._list_choices()
        self.reset_choices()
        self._show()

    # build, lay out, connect

    def _build_choices(self) -> None:
        """Make what says on what it is measured."""
        self.labels = narrow_box()
        self.labels.setToolTip("The labels that are taken for the truth.")
        self.labels.setAccessibleName("Labels")
        self.clicks = QSpinBox()
        self.clicks.setRange(1, _MOST_CLICKS)
        self.clicks.setValue(_CLICKS)
        self.clicks.setSuffix(" clicks")
        self.clicks.setToolTip("How many clicks are simulated on each object.")

    def _build_table(self) -> None:
        """Make the list of choices."""
        self.table = _Table(0, 1)
        self.table.setAccessibleName("Choices")
        self.table.setToolTip(
            "What is ticked is measured: the mean overlap (IoU) with your labels after each "
            "click, and the seconds that a click takes. A wider dock has a column for each click."
        )
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setTabKeyNavigation(False)
        self.table.setWordWrap(False)
        self.table.verticalHeader().setVisible(False)
        line = self.table.verticalHeader().minimumSectionSize()
        self.table.verticalHeader().setDefaultSectionSize(line)
        self.table.setMinimumHeight((_ROWS + 2) * line)

    def _build_actions(self) -> None:
        """Make the buttons, the bar and the sentence."""
        self.measure = QPushButton("Measure")
        self.measure.setToolTip(
            "Click objects of the slice on screen as a user would, with everything that is ticked."
        )
        self.use = QPushButton("Use")
        self.use.setToolTip("Outline with the row that is selected from now on.")
        self.stop = QPushButton("Stop")
        self.stop.setToolTip("Call it off; what was found so far stays.")
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def _lay_out(self) -> None:
        """Put the parts in their places."""
        column = QVBoxLayout(self)
        row = QHBoxLayout()
        row.addWidget(self.labels, 1)
        row.addWidget(self.clicks)
        column.addLayout(row)
        column.addWidget(self.table)
        row = QHBoxLayout()
        for button in (self.measure, self.use, self.stop):
            row.addWidget(button, 1)
        column.addLayout(row)
        column.addWidget(self.bar)
        column.addWidget(self.text)

    def _connect(self) -> None:
        """Pass on what is done, and show what comes of it."""
        measurer = self._measurer
        self.measure.clicked.connect(lambda: self._on_measure())
        self.use.clicked.connect(lambda: self._on_use())
        self.table.cellDoubleClicked.connect(lambda _row, _column: self._on_use())
        self.table.itemSelectionChanged.connect(self._show)
        self.stop.clicked.connect(lambda: measurer.stop())
        measurer.found.connect(self._on_found)
        measurer.said.connect(self._on_said)
        measurer.progressed.connect(self._on_progress)
        measurer.changed.connect(self._show)
        measurer.state.changed.connect(self._on_state)

    # what the user does

    @property
    def ticked(self) -> list[Choice]:
        """The choices to measure."""
        return [
            choice
            for row, choice in enumerate(self._choices)
            if self.table.item(row, 0).checkState() == Qt.CheckState.Checked
        ]

    def _on_measure(self) -> None:
        self._set_columns(self.clicks.value())
        row = self.labels.currentIndex()
        labels = self._layers[row] if 0 <= row < len(self._layers) else None
        self._measurer.measure(labels, self.ticked, self.clicks.value())

    def _on_use(self) -> None:
        row = self.table.currentRow()
        if 0 <= row < len(self._choices):
            self._measurer.use(self._choices[row])

    # what is shown

    def reset_choices(self) -> None:
        """List the labels layers that fit the image, and keep the choice."""
        row = self.labels.currentIndex()
        chosen = self._layers[row] if 0 <= row < len(self._layers) else None
        self._layers = self._measurer.layers()
        with QSignalBlocker(self.labels):
            self.labels.clear()
            self.labels.addItems([layer.name for layer in self._layers])
            if chosen in self._layers:
                self.labels.setCurrentIndex(self._layers.index(chosen))
        self._show()

    def _on_state(self, name: str) -> None:
        if name == "image":
            self.reset_choices()

    def _list_choices(self) -> None:
        """List what is ready."""
        from napari_m2n2.evaluation.choices import ready_choices

        self._choices = tuple(sorted(ready_choices(), key=lambda one: not one.is_first_choice))
        self.table.setRowCount(len(self._choices))
        self._set_columns(self.clicks.value())
        for row, (choice, title) in enumerate(
            zip(self._choices, _titles(self._choices), strict=True)
        ):
            item = QTableWidgetItem(title)
            item.setToolTip(choice.name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            tick = Qt.CheckState.Checked if choice.is_first_choice else Qt.CheckState.Unchecked
            item.setCheckState(tick)
            self.table.setItem(row, 0, item)

    def _set_columns(self, clicks: int) -> None:
        """Make a column for each click, empty."""
        self.table.setColumnCount(clicks + 2)
        self.table.clearSpans()
        titles = ["choice", *map(str, range(1, clicks + 1)), "s"]
        self.table.setHorizontalHeaderLabels(titles)
        stretch_one(self.table, 0)
        for row in range(self.table.rowCount()):
            for column in range(1, clicks + 2):
                self.table.setItem(row, column, None)
        self.table.fit()

    def _on_found(self, measured: Measured) -> None:
        """Show what a choice has come to."""
        row = self._choices.index(measured.choice)
        texts = [f"{value:.2f}" for value in measured.iou]
        tip = measured.problem or f"IoU after 1, 2, … clicks: {', '.join(texts)}"
        texts = [*texts, f"{measured.click:.2f}"] if texts else [measured.problem]
        for column, text in enumerate(texts, start=1):
            item = QTableWidgetItem(text)
            item.setToolTip(tip)
            if measured.problem:  # which is cut off, rather than make a column wide
                item.setSizeHint(QSize(1, 1))
                self.table.setSpan(row, column, 1, self.table.columnCount() - column)
            self.table.setItem(row, column, item)
        self.table.fit()

    def _on_said(self, text: str, failed: bool) -> None:
        """Show a sentence; a failure stands out."""
        self.text.setText(text)
        font = self.text.font()
        font.setBold(failed)
        self.text.setFont(font)
        best = self._measurer.best
        if best is not None and not self._measurer.busy:
            self.table.selectRow(self._choices.index(best.choice))
        self._show()

    def _on_progress(self, phase: str, fraction: float) -> None:
        self.bar.setFormat(f"{phase} %p%")
        self.bar.setValue(round(100 * fraction))

    def _show(self) -> None:
        """Show what can be done now."""
        busy = self._measurer.busy
        self.measure.setEnabled(bool(self._layers) and not busy)
        self.clicks.setEnabled(not busy)
        self.use.setEnabled(self.table.currentRow() >= 0)
        for part in (self.bar, self.stop):
            part.setVisible(busy)
        self.text.setVisible(bool(self.text.text()))


def _titles(choices: Sequence[Choice]) -> list[str]:
    """Return what to call choices where there is little room: what tells them from each other."""
    one = len({choice.backbone for choice in choices}) == 1
    found = []
    for choice in choices:
        parts = [choice.method] if one else [choice.backbone, choice.method]
        found.append(", ".join(parts + [choice.preset] * (choice.preset != PRESETS[0])))
    return found
