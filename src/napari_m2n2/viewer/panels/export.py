"""The button that exports labels, and the dialog that asks where to."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_m2n2.annotation.export import FORMATS, TITLES
from napari_m2n2.annotation.newest import Runner
from napari_m2n2.errors import UserError
from napari_m2n2.viewer.controller import Controller
from napari_m2n2.viewer.exporting import NO_LABELS, Exporter, with_ending


class ExportPanel(QGroupBox):
    """Labels for other programs.

    Parameters
    ----------
    controller : Controller
    runner : Runner
        How it is worked.

    Attributes
    ----------
    exporter : Exporter
    """

    def __init__(self, controller: Controller, runner: Runner) -> None:
        super().__init__("Export")
        self.exporter = Exporter(controller, runner)
        self.button = QPushButton("Export …")
        self.button.setToolTip(
            "Write the labels that are chosen, or those of the image at work, for other programs: "
            "as an image (TIFF, NIfTI, OME-Zarr, PNG), as COCO's JSON, or as a table of "
            "measurements."
        )
        self.stop = QPushButton("Stop")
        self.stop.setToolTip("Call it off; nothing is written.")
        self.stop.setEnabled(False)
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.hide()
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        """Put the parts in their places."""
        column = QVBoxLayout(self)
        row = QHBoxLayout()
        row.addWidget(self.button, 1)
        row.addWidget(self.stop)
        column.addLayout(row)
        column.addWidget(self.text)

    def _connect(self) -> None:
        """Pass on what is done, and show what comes of it."""
        self.button.clicked.connect(self._on_button)
        self.stop.clicked.connect(lambda: self.exporter.stop())
        self.exporter.said.connect(self._on_said)
        self.exporter.progressed.connect(self._on_progress)
        self.exporter.changed.connect(self._show)

    def _on_button(self) -> None:
        """Ask where to, and write it unless that would be a loss."""
        if self.exporter.labels is None:
            self._say(NO_LABELS)
            return
        chosen = ask_for_path(self, self.exporter.suggested)
        if chosen is None:
            return
        try:
            self.exporter.check(chosen)
        except UserError as error:
            self._say(str(error))
            return
        if chosen.exists() and not ask_to_replace(self, chosen):
            return
        self.exporter.write(chosen)

    def _on_said(self, text: str, _failed: bool) -> None:
        self._say(text)

    def _on_progress(self, phase: str, fraction: float) -> None:
        self._say(f"{phase} {100 * fraction:.0f} %")

    def _say(self, text: str) -> None:
        """Show a sentence."""
        self.text.setText(text)
        self.text.setVisible(bool(text))

    def _show(self) -> None:
        """Show what can be done now."""
        self.stop.setEnabled(self.exporter.busy)
        self.button.setEnabled(not self.exporter.busy)


def ask_for_path(parent: QWidget, suggested: Path) -> Path | None:
    """Ask where to export to; None if the user would rather not."""
    filters = {
        f"{TITLES[kind]} ({' '.join(f'*{end}' for end in endings)})": kind
        for kind, endings in FORMATS.items()
    }
    chosen, kind = QFileDialog.getSaveFileName(
        parent,
        "Export labels",
        str(suggested),
        ";;".join(filters),
        # a name without an ending gets one, so that another file might be replaced than was asked
        options=QFileDialog.Option.DontConfirmOverwrite,
    )
    return with_ending(Path(chosen), filters.get(kind, "tiff")) if chosen else None


def ask_to_replace(parent: QWidget, path: Path) -> bool:
    """Ask whether what is there may be replaced."""
    answer = QMessageBox.question(
        parent,
        "Export labels",
        f"{path.name} exists already. Replace it?",
        QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No,
        QMessageBox.StandardButton.No,
    )
    return answer == QMessageBox.StandardButton.Yes
