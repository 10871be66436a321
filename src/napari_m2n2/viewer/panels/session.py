"""Where the work is saved, going on with what was saved, and the next image of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QFrame,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_m2n2.viewer.panels.narrow import narrow_box

if TYPE_CHECKING:
    from napari_m2n2.viewer.keeping import Keeping
    from napari_m2n2.viewer.walking import Walking

_BESIDE, _FOLDER = "beside", "folder"


class SessionPanel(QGroupBox):
    """What is saved, where, and what can be gone on with.

    Parameters
    ----------
    keeping : Keeping
    walking : Walking

    Attributes
    ----------
    offer : QFrame
        What asks whether to go on with a session that was found; the widget shows it at its top.
    """

    def __init__(self, keeping: Keeping, walking: Walking) -> None:
        super().__init__("Session")
        self._keeping = keeping
        self._walking = walking
        self._build_text()
        self._build_saving()
        self._build_folder()
        self._lay_out()
        self._connect()
        self._show()

    # build, lay out, connect

    def _build_text(self) -> None:
        """Make the sentence on what is saved, and the offer to go on with it."""
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.offer = QFrame()
        self.offer.setFrameShape(QFrame.Shape.StyledPanel)
        self.found = QLabel()
        self.found.setWordWrap(True)
        self.resume = QPushButton("Resume")
        self.resume.setToolTip("Go on with the session that was found: labels, objects, prompts.")
        self.anew = QPushButton("Begin anew")
        self.anew.setToolTip(
            "Leave that session as it is; the new one is saved beside it, with another name."
        )

    def _build_saving(self) -> None:
        """Make what says whether and where it is saved."""
        self.automatic = QCheckBox("Save by itself")
        self.automatic.setToolTip(
            "After every click and commit: objects, prompts and settings as JSON, labels as TIFF."
        )
        self.save = QPushButton("Save now")
        self.save.setToolTip("Save the session of the image, and wait until it is on the disk.")
        self.where = narrow_box()
        self.where.addItem("Beside the image", _BESIDE)
        self.where.addItem("In a folder …", _FOLDER)
        self.where.setToolTip("Where sessions are saved.")
        self.open = QPushButton("Open session …")
        self.open.setToolTip("Open an image with what was saved of it.")

    def _build_folder(self) -> None:
        """Make what goes through a folder."""
        self.folder = QPushButton("Folder …")
        self.folder.setToolTip("Go through the images of a folder; those finished are skipped.")
        self.finish = QPushButton("Finish, next")
        self.finish.setToolTip("Mark this image as finished, save it, and open the next one.")
        self.skip = QPushButton("Next")
        self.skip.setToolTip("Save this image, and open the next one; this one is not finished.")
        self.progress = QLabel()
        self.progress.setWordWrap(True)

    def _lay_out(self) -> None:
        """Put the parts in their places."""
        column = QVBoxLayout(self)
        column.addWidget(self.text)
        offered = QVBoxLayout(self.offer)
        offered.addWidget(self.found)
        row = QHBoxLayout()
        row.addWidget(self.resume)
        row.addWidget(self.anew)
        offered.addLayout(row)
        column.addWidget(self.offer)
        grid = QGridLayout()
        grid.addWidget(self.automatic, 0, 0)
        grid.addWidget(self.where, 0, 1)
        grid.addWidget(self.save, 1, 0)
        grid.addWidget(self.open, 1, 1)
        for place in (0, 1):
            grid.setColumnStretch(place, 1)
        column.addLayout(grid)
        row = QHBoxLayout()
        for button in (self.folder, self.finish, self.skip):
            row.addWidget(button, 1)
        column.addLayout(row)
        column.addWidget(self.progress)

    def _connect(self) -> None:
        """Pass on what is done, and show what others do."""
        keeping, walking = self._keeping, self._walking
        self.resume.clicked.connect(lambda: keeping.resume_found())
        self.anew.clicked.connect(lambda: keeping.begin_anew())
        self.automatic.toggled.connect(self._on_automatic)
        self.save.clicked.connect(lambda: keeping.save())
        self.where.activated.connect(self._on_where)
        self.open.clicked.connect(self._on_open)
        self.folder.clicked.connect(self._on_folder)
        self.finish.clicked.connect(lambda: walking.next(finished=True))
        self.skip.clicked.connect(lambda: walking.next(finished=False))
        keeping.changed.connect(self._show)
        walking.changed.connect(self._show)

    # what the user does

    def _on_automatic(self, automatic: bool) -> None:
        self._keeping.automatic = automatic

    def _on_where(self, _row: int) -> None:
        """Let sessions be saved beside their images, or in a folder that is asked for."""
        if self.where.currentData() == _BESIDE:
            self._keeping.folder = None
        else:
            chosen = ask_for_folder(self, "Where sessions are saved", self._keeping.folder)
            if chosen is not None:
                self._keeping.folder = chosen
        self._show()

    def _on_open(self) -> None:
        """Open a session that is asked for."""
        chosen = ask_for_session(self, self._keeping.folder)
        if chosen is not None:
            self._walking.open_session(chosen)

    def _on_folder(self) -> None:
        """Go through a folder that is asked for."""
        chosen = ask_for_folder(self, "Images to go through", None)
        if chosen is not None:
            self._walking.go_through(chosen)

    # what is shown

    def _show(self) -> None:
        """Show how things stand."""
        keeping = self._keeping
        self.text.setText(keeping.sentence)
        self.text.setToolTip("" if keeping.path is None else str(keeping.path))
        self.offer.setVisible(keeping.found is not None)
        if keeping.found is not None:
            self.found.setText(keeping.sentence)
        with QSignalBlocker(self.automatic):
            self.automatic.setChecked(keeping.automatic)
        self.where.setCurrentIndex(self.where.findData(_FOLDER if keeping.folder else _BESIDE))
        self.where.setItemText(1, f"In {keeping.folder}" if keeping.folder else "In a folder …")
        self.save.setEnabled(keeping.can_save)
        for button in (self.finish, self.skip):
            button.setEnabled(self._walking.folder is not None)
        told = self._walking.sentence
        self.progress.setText(told)
        self.progress.setVisible(bool(told))


def ask_for_folder(parent: QWidget, title: str, start: Path | None) -> Path | None:
    """Ask for a folder; None if the user would rather not."""
    chosen = QFileDialog.getExistingDirectory(parent, title, str(start or ""))
    return Path(chosen) if chosen else None


def ask_for_session(parent: QWidget, start: Path | None) -> Path | None:
    """Ask for a session file; None if the user would rather not."""
    chosen, _ = QFileDialog.getOpenFileName(
        parent, "Open a session", str(start or ""), "Sessions (*.m2n2.json *.json)"
    )
    return Path(chosen) if chosen else None
