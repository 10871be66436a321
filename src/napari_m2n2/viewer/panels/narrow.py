"""Parts that fit into a narrow dock."""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtWidgets import QComboBox, QHeaderView, QSizePolicy, QTableView


def narrow_box() -> QComboBox:
    """Make a box to choose from that takes the width there is, however long its texts are."""
    box = QComboBox()
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(1)
    box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return box


def stretch_one(view: QTableView, column: int) -> None:
    """Let a column of a table have the room that the others leave, which have what they need."""
    header = view.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
    header.setMinimumSectionSize(24)


def fit_columns(view: QTableView, column: int, least: int, spare: Iterable[int]) -> None:
    """Hide columns of a table that there is no room for, rather than have it scrolled sideways.

    Parameters
    ----------
    view : QTableView
        All columns that there would be room for are shown.
    column : int
        The one that has the room which the others leave, see `stretch_one`.
    least : int
        How wide that one has to be.
    spare : iterable of int
        What can be done without, the first one first.
    """
    header = view.horizontalHeader()
    needed = least
    for place in range(header.count()):
        if place != column and not view.isColumnHidden(place):
            needed += max(view.sizeHintForColumn(place), header.sectionSizeHint(place))
    for place in spare:
        if needed <= view.viewport().width():
            return
        if not view.isColumnHidden(place):
            needed -= max(view.sizeHintForColumn(place), header.sectionSizeHint(place))
            view.setColumnHidden(place, True)
