"""How it is segmented: for those who want to know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QGroupBox, QSpinBox

from napari_m2n2.attention import registry
from napari_m2n2.segmentation.parameters import PRESETS
from napari_m2n2.segmentation.registry import METHODS, REFINERS
from napari_m2n2.viewer.panels.narrow import narrow_box

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller

_OWN_GRID = 0
DEVICES = ("auto", "cpu", "cuda", "mps")


class AdvancedPanel(QGroupBox):
    """Backbone, method, refinement, preset, grid and device.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        super().__init__("Advanced")
        self._state = controller.state
        self.backbone = narrow_box()
        for name in registry.names():
            self._add_backbone(name)
        self.backbone.setToolTip("Where affinities between pixels come from.")
        self.method = _choices(METHODS)
        self.method.setToolTip("How prompts and affinities become an outline.")
        for row, method in enumerate(METHODS.values()):
            self.method.setItemData(row, method.title, Qt.ItemDataRole.ToolTipRole)
        self.refine = QCheckBox("Spread along edges")
        self.refine.setToolTip(
            "Moves the outline of any method to edges of the image nearby (pixel diffusion)."
        )
        self.preset = _choices(PRESETS)
        self.preset.setToolTip(
            "default: what works best. published: what the published implementation does."
        )
        self.grid = QSpinBox()
        self.grid.setRange(_OWN_GRID, 256)
        self.grid.setSpecialValueText("auto")
        self.grid.setSingleStep(16)
        self.grid.setKeyboardTracking(False)
        self.grid.setToolTip(
            "Cells along each side: more see finer detail, and cost more. "
            "auto: the backbone's own on this computer."
        )
        self.device = _choices(DEVICES)
        self.device.setToolTip("What computes. auto: a GPU if there is one, else the processor.")
        rows = QFormLayout(self)
        for title, part in (
            ("Backbone", self.backbone),
            ("Method", self.method),
            ("Refine", self.refine),
            ("Preset", self.preset),
            ("Grid", self.grid),
            ("Device", self.device),
        ):
            rows.addRow(title, part)
        self._show()
        self._connect()

    def _add_backbone(self, name: str) -> None:
        """List a backbone, with the reason if it cannot be chosen."""
        status = registry.status(name)
        title, reason = name, status.reason
        if status.download:
            title = f"{name} ({status.download} to fetch)"
            reason = "its weights are fetched when it is first used; Stop calls that off"
        self.backbone.addItem(title, name)
        row = self.backbone.count() - 1
        self.backbone.setItemData(row, reason, Qt.ItemDataRole.ToolTipRole)
        self.backbone.model().item(row).setEnabled(status.ready or bool(status.download))

    def _connect(self) -> None:
        """Pass on what is chosen, and show what others choose."""
        for box in (self.backbone, self.method, self.preset, self.device):
            box.currentTextChanged.connect(self._on_choice)
        self.refine.toggled.connect(self._on_choice)
        self.grid.valueChanged.connect(self._on_choice)
        self._state.changed.connect(self._on_state)

    def _on_choice(self, _value: object = None) -> None:
        """Pass the settings on."""
        self._state.settings = replace(
            self._state.settings,
            backbone=self.backbone.currentData(),
            method=self.method.currentText(),
            preset=self.preset.currentText(),
            grid=self.grid.value() or None,
            device=self.device.currentText(),
            refine=REFINERS[0] if self.refine.isChecked() else None,
        )

    def _on_state(self, name: str) -> None:
        if name == "settings":
            self._show()

    def _show(self) -> None:
        """Show the settings."""
        settings = self._state.settings
        with QSignalBlocker(self.backbone):
            self.backbone.setCurrentIndex(self.backbone.findData(settings.backbone))
        for box, text in (
            (self.method, settings.method),
            (self.preset, settings.preset),
            (self.device, settings.device),
        ):
            with QSignalBlocker(box):
                box.setCurrentText(text)
        with QSignalBlocker(self.refine):
            self.refine.setChecked(settings.refine is not None)
        with QSignalBlocker(self.grid):
            self.grid.setValue(settings.grid or _OWN_GRID)


def _choices(names: Iterable[str]) -> QComboBox:
    """Make a box to choose one of some names."""
    box = narrow_box()
    box.addItems(list(names))
    return box
