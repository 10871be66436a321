"""A panel under a title that folds it away."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGroupBox, QSizePolicy, QToolButton, QVBoxLayout, QWidget


class Fold(QWidget):
    """Shows the title of a panel, and the panel once the title is pressed.

    Parameters
    ----------
    panel : QGroupBox
        It gives its title away.

    Attributes
    ----------
    title : QToolButton
        Checked while the panel is shown.
    """

    def __init__(self, panel: QGroupBox) -> None:
        super().__init__()
        self._panel = panel
        self.title = QToolButton()
        self.title.setText(panel.title())
        self.title.setToolTip(f"Show or fold away “{panel.title()}”.")
        self.title.setCheckable(True)
        self.title.setAutoRaise(True)
        self.title.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.title.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        panel.setAccessibleName(panel.title())
        panel.setTitle("")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.title)
        column.addWidget(panel)
        self.title.toggled.connect(self._show)
        self._show(False)

    def _show(self, shown: bool) -> None:
        """Show the panel, or its title alone."""
        self._panel.setVisible(shown)
        self.title.setArrowType(Qt.ArrowType.DownArrow if shown else Qt.ArrowType.RightArrow)


def unfold(part: QWidget) -> None:
    """Show the panel that a part belongs to, if it is folded away."""
    parent: QWidget | None = part
    while parent is not None:
        if isinstance(parent, Fold):
            parent.title.setChecked(True)
        parent = parent.parentWidget()
