"""What of a plane is outlined: all, what is in view, or a rectangle that is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QHBoxLayout,
    QPushButton,
    QWidget,
)

from napari_m2n2.viewer.panels.narrow import narrow_box

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller

_REGIONS = {"plane": "Whole plane", "view": "What is in view", "drawn": "Rectangle"}
_MILLION = 1e6


class RegionChooser(QWidget):
    """The region and the button to draw one.

    Parameters
    ----------
    controller : Controller

    Attributes
    ----------
    most : QDoubleSpinBox
        The limit above which it is reduced, for the panel to place.
    """

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._state = controller.state
        self.regions = narrow_box()
        for region, title in _REGIONS.items():
            self.regions.addItem(title, region)
        self.regions.setToolTip(
            "What of a plane is outlined. A part of a large plane need not be reduced; "
            "prompts outside of it are left out, and labels outside of it stay as they are."
        )
        self.draw = QPushButton("Draw …")
        self.draw.setToolTip("Drag a rectangle; from then on it is what is outlined.")
        self.most = QDoubleSpinBox()
        self.most.setRange(0.01, 36.0)
        self.most.setSingleStep(1.0)
        self.most.setSuffix(" Mpx")
        self.most.setKeyboardTracking(False)
        self.most.setToolTip(
            "In millions of pixels; larger planes and regions are reduced before they are "
            "outlined."
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.regions, 1)
        row.addWidget(self.draw)
        self._show()
        self.regions.currentIndexChanged.connect(self._on_region)
        self.most.valueChanged.connect(self._on_most)
        self.draw.clicked.connect(lambda: controller.frame.draw())
        self._state.changed.connect(self._on_state)

    def _on_region(self, _row: int) -> None:
        self._state.region = self.regions.currentData()

    def _on_most(self, millions: float) -> None:
        self._state.most_pixels = max(1, round(millions * _MILLION))

    def _on_state(self, name: str) -> None:
        if name in ("region", "most_pixels"):
            self._show()

    def _show(self) -> None:
        """Show what is chosen."""
        with QSignalBlocker(self.regions), QSignalBlocker(self.most):
            self.regions.setCurrentIndex(self.regions.findData(self._state.region))
            self.most.setValue(self._state.most_pixels / _MILLION)
