"""The objects of an image as rows of a table of Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from qtpy.QtGui import QColor, QFont

from napari_m2n2.annotation.objects import AnnotatedObject
from napari_m2n2.viewer.sentences import counted

Index = QModelIndex | QPersistentModelIndex

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes
    ----------
    title : str
    tip : str
    read : callable
        Gives what is shown of an object.
    number : bool
        Whether it is one, and stands to the right.
    """

    title: str
    tip: str
    read: Callable[[AnnotatedObject], Any]
    number: bool = True
    order: Callable[[AnnotatedObject], Any] | None = None


def _duration(seconds: float) -> str:
    """Return seconds as minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


COLUMNS = (
    Column("id", "The number of the object.", lambda found: found.id),
    Column("name", "Double-click to give another one.", lambda found: found.name, number=False),
    Column("state", "To do, done or flagged.", lambda found: found.state, number=False),
    Column("area", "Pixels, on all planes.", lambda found: found.area),
    Column("planes", "On how many planes it is.", lambda found: len(found.planes)),
    Column("prompts", "Points and shapes, on all planes.", lambda found: found.prompts),
    Column("clicks", "How often a prompt was placed or changed.", lambda found: found.clicks),
    Column(
        "time",
        "Minutes and seconds spent.",
        lambda found: _duration(found.seconds),
        order=lambda found: found.seconds,
    ),
    Column("class", "What is written to the labels.", lambda found: found.value),
)


def _places(*titles: str) -> tuple[int, ...]:
    known = [column.title for column in COLUMNS]
    return tuple(known.index(title) for title in titles)


ID, NAME, STATE, CLASS = _places("id", "name", "state", "class")

SPARE = _places("prompts", "clicks", "time", "planes")
"""What a narrow table does without, the first one first; the tips of all rows tell it."""


def described(found: AnnotatedObject) -> str:
    """Return all that the table has of an object, in a line."""
    name = f" “{found.name}”" if found.name else ""
    parts = (
        found.state,
        counted(found.area, "pixel"),
        counted(len(found.planes), "plane"),
        counted(found.prompts, "prompt"),
        counted(found.clicks, "click"),
        f"{_duration(found.seconds)} minutes",
    )
    return f"Object {found.id}{name}: {', '.join(parts)}"


ColourOf = Callable[[int], Sequence[float] | None]
"""Gives the colour (red, green, blue, alpha in [0, 1]) in which a value of the labels is shown."""


class TableModel(QAbstractTableModel):
    """Shows objects, and passes on new names.

    Parameters
    ----------
    rename : callable
        Called with the number of an object and its new name.
    colour_of : ColourOf
    """

    def __init__(self, rename: Callable[[int, str], object], colour_of: ColourOf) -> None:
        super().__init__()
        self._rename = rename
        self._colour_of = colour_of
        self._objects: tuple[AnnotatedObject, ...] = ()
        self._at_work: int | None = None

    @property
    def objects(self) -> tuple[AnnotatedObject, ...]:
        """The objects shown, from the first row to the last."""
        return self._objects

    def show(self, objects: Sequence[AnnotatedObject], at_work: int | None) -> None:
        """Show objects.

        Parameters
        ----------
        objects : sequence of AnnotatedObject
        at_work : int, optional
            Which of them is open, and shown in bold.
        """
        known = [found.id for found in self._objects]
        if [found.id for found in objects] == known:
            # so that what is selected stays selected
            self._objects, self._at_work = tuple(objects), at_work
            if known:
                last = self.index(len(known) - 1, len(COLUMNS) - 1)
                self.dataChanged.emit(self.index(0, 0), last)
            return
        self.beginResetModel()
        self._objects, self._at_work = tuple(objects), at_work
        self.endResetModel()

    # what Qt asks; the names are Qt's

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - as Qt has it
        """Return how many objects there are."""
        return 0 if parent.isValid() else len(self._objects)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - as Qt has it
        """Return how many columns there are."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Return titles and tips of the columns."""
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(COLUMNS):
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section].title
        return COLUMNS[section].tip if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what is shown of an object in a column."""
        if not index.isValid():
            return None
        column, found = COLUMNS[index.column()], self._objects[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return column.read(found)
        if role == Qt.ItemDataRole.UserRole:  # by which the rows are sorted
            return (column.order or column.read)(found)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _RIGHT if column.number else _LEFT
        if role == Qt.ItemDataRole.DecorationRole and index.column() == ID:
            colour = self._colour_of(found.value)
            return None if colour is None else QColor.fromRgbF(*(float(part) for part in colour))
        if role == Qt.ItemDataRole.FontRole and found.id == self._at_work:
            font = QFont()
            font.setBold(True)
            return font
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{described(found)}.\n{column.tip}"
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Let names be edited and rows be chosen."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == NAME else flags

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        """Give an object another name."""
        if role != Qt.ItemDataRole.EditRole or index.column() != NAME:
            return False
        self._rename(self._objects[index.row()].id, str(value).strip())
        return True
