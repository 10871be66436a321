"""The objects of the image: a row each, and what can be done with them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QItemSelection, QModelIndex, QSortFilterProxyModel, Qt
from qtpy.QtGui import QKeyEvent, QKeySequence, QResizeEvent, QShortcut
from qtpy.QtWidgets import (
    QAbstractItemView,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTableView,
    QVBoxLayout,
)

from napari_m2n2.annotation.objects import STATES
from napari_m2n2.viewer.panels.narrow import fit_columns, narrow_box, stretch_one
from napari_m2n2.viewer.panels.table_model import (
    CLASS,
    COLUMNS,
    ID,
    NAME,
    SPARE,
    STATE,
    TableModel,
)
from napari_m2n2.viewer.weakly import weakly

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller

_ROWS = 7
"""How many rows the table has room for before it is scrolled."""


_NAME = "left hemisphere"
"""As wide as this, or wider, the column of names is."""


class _Table(QTableView):
    """Shows what there is room for.

    It leaves letters to the window, where they are keys; in a table they would look for a row.

    Attributes
    ----------
    with_classes : bool
        Whether the numbers of classes are shown.
    """

    with_classes = False

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show as many columns as there is room for now."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.fit()

    def fit(self) -> None:
        """Hide what there is no room for."""
        for place in range(len(COLUMNS)):
            self.setColumnHidden(place, place == CLASS and not self.with_classes)
        fit_columns(self, NAME, self.fontMetrics().horizontalAdvance(_NAME), SPARE)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move, select and rename."""
        if event.text().isalpha():
            event.ignore()
        else:
            super().keyPressEvent(event)


class TablePanel(QGroupBox):
    """Table of the objects, with buttons for those that are selected.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        super().__init__("Objects of the image")
        self._controller = controller
        self.model = TableModel(controller.rename, weakly(self._colour_of))
        self.model.setParent(self)
        self.sorted = QSortFilterProxyModel(self)
        self._build_table()
        self._build_actions()
        self._lay_out()
        self._connect()
        self.refresh()

    # build, lay out, connect

    def _build_table(self) -> None:
        """Make the table, and the choice of what it shows."""
        self.sorted.setSourceModel(self.model)
        self.sorted.setSortRole(Qt.ItemDataRole.UserRole)
        self.sorted.setFilterKeyColumn(STATE)
        self.view = _Table()
        self.view.setModel(self.sorted)
        self.view.setAccessibleName("Objects")
        self.view.setToolTip(
            "A click shows the plane of an object, F2 or a double click on its name renames it, "
            "Delete deletes it; hold Ctrl or Shift to select several. A wider dock shows more "
            "columns."
        )
        self.view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        trigger = QAbstractItemView.EditTrigger
        self.view.setEditTriggers(trigger.DoubleClicked | trigger.EditKeyPressed)
        self.view.setSortingEnabled(True)
        self.view.sortByColumn(ID, Qt.SortOrder.AscendingOrder)
        self.view.setTabKeyNavigation(False)
        self.view.setWordWrap(False)
        self.view.verticalHeader().setVisible(False)
        stretch_one(self.view, NAME)
        line = self.view.verticalHeader().minimumSectionSize()
        self.view.verticalHeader().setDefaultSectionSize(line)
        self.view.setMinimumHeight((_ROWS + 2) * line)
        self.shown = narrow_box()
        self.shown.addItem("all", "")
        for state in STATES:
            self.shown.addItem(state, state)
        self.shown.setToolTip("Which objects the table lists.")

    def _build_actions(self) -> None:
        """Make the buttons for what is selected."""
        self.reopen = QPushButton("Re-open")
        self.reopen.setToolTip(
            "Go on with the object that is selected, with the prompts that it was made from."
        )
        self.merge = QPushButton("Merge")
        self.merge.setToolTip("Make one object of those that are selected; the first one stays.")
        self.delete = QPushButton("Delete")
        self.delete.setToolTip(
            "Delete the objects that are selected, with their labels; Undo brings them back."
        )
        self.marks = {state: QPushButton(state.capitalize()) for state in STATES}
        for state, button in self.marks.items():
            button.setToolTip(f"Mark what is selected as “{state}”.")
        self.summary = QLabel()

    def _lay_out(self) -> None:
        """Put the parts in their places."""
        column = QVBoxLayout(self)
        row = QHBoxLayout()
        row.addWidget(QLabel("Show"))
        row.addWidget(self.shown, 1)
        row.addWidget(self.summary)
        column.addLayout(row)
        column.addWidget(self.view)
        grid = QGridLayout()
        for place, button in enumerate((self.reopen, self.merge, self.delete)):
            grid.addWidget(button, 0, place)
        for place, button in enumerate(self.marks.values()):
            grid.addWidget(button, 1, place)
        column.addLayout(grid)

    def _connect(self) -> None:
        """Pass on what is done, and show what others do."""
        controller = self._controller
        self.view.clicked.connect(self._on_row)
        self.view.activated.connect(self._on_row)
        self.view.selectionModel().selectionChanged.connect(self._on_selection)
        self.shown.currentIndexChanged.connect(self._on_shown)
        self.reopen.clicked.connect(self._on_reopen)
        self.merge.clicked.connect(lambda: controller.merge(self.selected))
        self.delete.clicked.connect(self._on_delete)
        for state, button in self.marks.items():
            button.clicked.connect(partial(self._on_mark, state))
        shortcut = QShortcut(QKeySequence(Qt.Key.Key_Delete), self.view)
        shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
        shortcut.activated.connect(self._on_delete)
        controller.table_changed.connect(self.refresh)
        controller.pair_changed.connect(self.refresh)
        controller.state.changed.connect(self._on_state)

    # what the user does

    @property
    def selected(self) -> tuple[int, ...]:
        """The numbers of the objects selected, from the first row to the last."""
        rows = sorted(index.row() for index in self.view.selectionModel().selectedRows())
        return tuple(self._object_at(self.sorted.index(row, 0)) for row in rows)

    def select(self, ids: Sequence[int]) -> None:
        """Select objects, as far as the table lists them."""
        self.view.clearSelection()
        model, flag = self.view.selectionModel(), QAbstractItemView.SelectionMode
        self.view.setSelectionMode(flag.MultiSelection)
        for row in range(self.sorted.rowCount()):
            if self._object_at(self.sorted.index(row, 0)) in ids:
                self.view.selectRow(row)
        self.view.setSelectionMode(flag.ExtendedSelection)
        if not model.hasSelection():
            self._show_enabled()

    def _object_at(self, index: QModelIndex) -> int:
        """Return the number of the object of a row."""
        return self.model.objects[self.sorted.mapToSource(index).row()].id

    def _on_row(self, index: QModelIndex) -> None:
        """Show the object, unless more are being selected."""
        if len(self.selected) <= 1:
            self._controller.go_to(self._object_at(index))

    def _on_reopen(self) -> None:
        """Go on with the object selected."""
        if len(self.selected) == 1:
            self._controller.reopen(self.selected[0])

    def _on_delete(self) -> None:
        """Delete what is selected, in one step."""
        if self.selected:
            self._controller.delete(*self.selected)

    def _on_mark(self, state: str, _checked: bool = False) -> None:
        """Give what is selected a state, in one step."""
        if self.selected:
            self._controller.set_state_of(self.selected, state)

    def _on_shown(self, _row: int) -> None:
        self.sorted.setFilterFixedString(self.shown.currentData())

    def _on_selection(self, _selected: QItemSelection, _deselected: QItemSelection) -> None:
        self._show_enabled()

    # what is shown

    def _colour_of(self, value: int) -> Sequence[float] | None:
        """Return the colour of a value in the labels of the current image."""
        pair = self._controller.current
        return None if pair is None else pair.labels.get_color(value)

    def refresh(self, *_what: object) -> None:
        """Show the objects of the current image."""
        selected = self.selected
        pair = self._controller.current
        if pair is None:
            self.model.show((), None)
        else:
            self.model.show(tuple(pair.table), pair.work.id)
        if selected != self.selected:
            self.select(selected)
        self._show_enabled()
        done = sum(found.state == "done" for found in self.model.objects)
        self.summary.setText(f"{done} of {len(self.model.objects)} done")

    def _on_state(self, name: str) -> None:
        if name == "semantic":
            self.refresh()

    def _show_enabled(self) -> None:
        """Let only those buttons be pressed that do something."""
        count = len(self.selected)
        self.reopen.setEnabled(count == 1)
        self.merge.setEnabled(count > 1)
        for button in (self.delete, *self.marks.values()):
            button.setEnabled(count > 0)
        self.view.with_classes = self._controller.state.semantic
        self.view.fit()
