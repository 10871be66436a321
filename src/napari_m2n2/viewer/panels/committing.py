"""What the next commit writes, and the buttons that commit, undo and do again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)

from napari_m2n2.annotation.history import Step
from napari_m2n2.viewer import sentences
from napari_m2n2.viewer.keys import KEY_OF
from napari_m2n2.viewer.panels.narrow import narrow_box

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller

_MODES = {False: "A number for each object", True: "A number for each class"}


class CommitPart(QWidget):
    """Commit, undo and redo; the number that is written, and whether others are overwritten.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self._state = controller.state
        self._build_actions()
        self._build_modes()
        self._lay_out()
        self._show()
        self._show_history()
        self._connect()

    # build, lay out, connect

    def _build_actions(self) -> None:
        """Make the buttons."""
        self.commit = QPushButton("Commit")
        self.commit.setToolTip(
            "Write the object to the labels for good, in one step of undo, and begin the next one "
            f"(key {KEY_OF['next_object']})."
        )
        self.undo, self.redo = QPushButton("Undo"), QPushButton("Redo")

    def _build_modes(self) -> None:
        """Make the parts that say what is written."""
        self.mode = narrow_box()
        for semantic, title in _MODES.items():
            self.mode.addItem(title, semantic)
        self.mode.setToolTip(
            "What the pixels of an object hold: a number of its own, or that of a class which "
            "several objects may share."
        )
        self.number = QSpinBox()
        self.number.setRange(1, 65535)
        self.number.setKeyboardTracking(False)
        self.number.setToolTip("The number of the class that the next object belongs to.")
        self.name = QLineEdit()
        self.name.setPlaceholderText("name of the class")
        self.name.setToolTip("What the class is called.")
        self.class_row = QWidget()
        self.shared = QLabel()
        self.shared.setWordWrap(True)
        self.shared.setToolTip(
            "In the labels, objects of the same number cannot be told apart; the table can."
        )
        self.overwrite = QCheckBox("Overwrite other objects")
        self.overwrite.setToolTip(
            "Whether an object takes pixels from those that were committed before it. Otherwise "
            "they stay as they are. What you painted by hand always stays."
        )

    def _lay_out(self) -> None:
        """Put the parts in their places."""
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        for place, button in enumerate((self.commit, self.undo, self.redo)):
            grid.addWidget(button, 0, place)
            grid.setColumnStretch(place, 1)
        grid.addWidget(self.mode, 1, 0, 1, 3)
        row = QHBoxLayout(self.class_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QLabel("Class"))
        row.addWidget(self.number)
        row.addWidget(self.name, 1)
        grid.addWidget(self.class_row, 2, 0, 1, 3)
        grid.addWidget(self.shared, 3, 0, 1, 3)
        grid.addWidget(self.overwrite, 4, 0, 1, 3)

    def _connect(self) -> None:
        """Pass on what is done, and show what others do."""
        controller = self._controller
        self.commit.clicked.connect(lambda: controller.commit())
        self.undo.clicked.connect(lambda: controller.undo())
        self.redo.clicked.connect(lambda: controller.redo())
        self.mode.currentIndexChanged.connect(self._on_mode)
        self.number.valueChanged.connect(self._on_number)
        self.name.editingFinished.connect(self._on_name)
        self.overwrite.toggled.connect(self._on_overwrite)
        self._state.changed.connect(self._on_state)
        controller.pair_changed.connect(self._on_pair)
        controller.table_changed.connect(self._show)
        controller.history_changed.connect(self._show_history)

    # what the user does

    def _on_mode(self, _row: int) -> None:
        self._state.semantic = self.mode.currentData()

    def _on_number(self, number: int) -> None:
        self._state.class_value = number

    def _on_name(self) -> None:
        """Give the class a name, unless it has this one."""
        pair, number, name = self._controller.current, self.number.value(), self.name.text()
        if pair is not None and name.strip() != pair.table.classes.get(number, ""):
            pair.table.set_class(number, name)

    def _on_overwrite(self, overwrite: bool) -> None:
        self._state.overwrite = overwrite

    # what is shown

    def _on_state(self, name: str) -> None:
        if name in ("semantic", "class_value", "overwrite"):
            self._show()

    def _on_pair(self, _pair: object) -> None:
        self._show()
        self._show_history()

    def _show(self) -> None:
        """Show what is chosen."""
        state = self._state
        with QSignalBlocker(self.mode), QSignalBlocker(self.number):
            self.mode.setCurrentIndex(self.mode.findData(state.semantic))
            self.number.setValue(state.class_value)
        with QSignalBlocker(self.overwrite):
            self.overwrite.setChecked(state.overwrite)
        self.class_row.setVisible(state.semantic)
        pair = self._controller.current
        same = [] if pair is None else [k.id for k in pair.table if k.value == state.class_value]
        self.shared.setText(sentences.sharing(same, state.class_value))
        self.shared.setVisible(state.semantic and bool(same))
        self.name.setEnabled(pair is not None)
        if not self.name.hasFocus():
            classes = {} if pair is None else pair.table.classes
            self.name.setText(classes.get(state.class_value, ""))

    def _show_history(self) -> None:
        """Show what can be committed, undone and done again."""
        pair = self._controller.current
        self.commit.setEnabled(pair is not None)
        undo = None if pair is None else pair.history.next_undo
        redo = None if pair is None else pair.history.next_redo
        for button, step, word, key in (
            (self.undo, undo, "Undo", "Ctrl+Z"),
            (self.redo, redo, "Do again", "Ctrl+Shift+Z"),
        ):
            button.setEnabled(step is not None)
            button.setToolTip(_tip(word, step, key))


def _tip(word: str, step: Step | None, key: str) -> str:
    """Return what a button would do."""
    what = f"{word} what was done last"
    if step is not None:
        where = f", on {step.plane.name}" if step.plane is not None and step.plane.name else ""
        what = f"{word}: {step.text}{where}"
    return f"{what} ({key} while prompts or shapes are the active layer)."
