"""Carrying an object on through the stack, and filling between its slices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
)

from napari_m2n2.annotation.carried import axis_along
from napari_m2n2.annotation.volume import Limits, axes_to_go
from napari_m2n2.viewer.connections import Connections
from napari_m2n2.viewer.panels.narrow import narrow_box

if TYPE_CHECKING:
    from napari_m2n2.viewer.carrying import Carrying
    from napari_m2n2.viewer.controller import Controller

_WAYS = {"Both ways": (1, -1), "To higher slices": (1,), "To lower slices": (-1,)}
_ANY = -1
_NEWEST = "At work, or the newest"


class VolumePanel(QGroupBox):
    """One object, the limits, and the buttons that carry it on.

    Parameters
    ----------
    controller : Controller
    carrying : Carrying
    """

    def __init__(self, controller: Controller, carrying: Carrying) -> None:
        super().__init__("Through the stack")
        self._controller = controller
        self._carrying = carrying
        self._build_choices()
        self._build_limits()
        self._build_actions()
        self._lay_out()
        self._connect()
        self._show_objects()
        self._show()

    # build, lay out, connect

    def _build_choices(self) -> None:
        """Make what says which object, and where to."""
        self.object = narrow_box()
        self.object.setToolTip("The object to carry on; what is at work is committed first.")
        self.ways = narrow_box()
        for title, steps in _WAYS.items():
            self.ways.addItem(title, steps)
        self.ways.setToolTip("In which directions from the slice on screen.")
        self.axis = narrow_box()
        self.axis.setToolTip("The slider along which slices follow one another.")

    def _build_limits(self) -> None:
        """Make what says where it ends."""
        self.first, self.last = QSpinBox(), QSpinBox()
        for box, end in ((self.first, "first"), (self.last, "last")):
            box.setRange(_ANY, 2**31 - 1)
            box.setValue(_ANY)
            box.setSpecialValueText(end)
            box.setToolTip(f"The {end} slice that it is carried on to.")
        self.overlap = QDoubleSpinBox()
        self.overlap.setRange(0, 1)
        self.overlap.setSingleStep(0.05)
        self.overlap.setValue(Limits.overlap)
        self.overlap.setToolTip(
            "It ends where the outline covers less than this of the one on the slice before "
            "(intersection over union): higher is more careful."
        )
        self.change = QDoubleSpinBox()
        self.change.setRange(1, 100)
        self.change.setSingleStep(0.25)
        self.change.setValue(Limits.change)
        self.change.setSuffix(" ×")
        self.change.setToolTip(
            "It ends where the area is so many times larger or smaller than on the slice before."
        )

    def _build_actions(self) -> None:
        """Make the buttons, the bar and the sentence."""
        self.carry = QPushButton("Carry on")
        self.carry.setToolTip(
            "Outline the object on the slices beside the one on screen, until it ends. Each "
            "slice is one step of undo."
        )
        self.fill = QPushButton("Fill between")
        self.fill.setToolTip(
            "Fill the slices between those on which the object is outlined by the shapes of "
            "their outlines."
        )
        self.refit = QCheckBox("Fit to the image")
        self.refit.setToolTip("After filling, fit each slice to the image; this takes a while.")
        self.clear_here = QPushButton("Clear prompts here")
        self.clear_here.setToolTip("Remove the prompts of the slice on screen.")
        self.clear_all = QPushButton("Clear all prompts")
        self.clear_all.setToolTip("Remove the prompts of all slices of the object at work.")
        self.bar = QProgressBar()
        self.bar.setRange(0, 100)
        self.stop = QPushButton("Stop")
        self.stop.setToolTip("Call it off; the slices that are done stay.")
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)

    def _lay_out(self) -> None:
        """Put the parts in their places."""
        column = QVBoxLayout(self)
        rows = QFormLayout()
        rows.addRow("Object", self.object)
        rows.addRow("Axis", self.axis)
        rows.addRow("Directions", self.ways)
        row = QHBoxLayout()
        for part in (self.first, QLabel("to"), self.last):
            row.addWidget(part, 0 if isinstance(part, QLabel) else 1)
        rows.addRow("Slices", row)
        rows.addRow("Ends at overlap", self.overlap)
        rows.addRow("or change of area", self.change)
        self._rows = rows
        column.addLayout(rows)
        for parts in (
            (self.carry, self.fill),
            (self.refit,),
            (self.clear_here, self.clear_all),
            (self.bar, self.stop),
        ):
            row = QHBoxLayout()
            for part in parts:
                row.addWidget(part)
            column.addLayout(row)
        column.addWidget(self.text)

    def _connect(self) -> None:
        """Pass on what is done, and show what comes of it."""
        controller, carrying = self._controller, self._carrying
        self.carry.clicked.connect(lambda: self._on_carry())
        self.fill.clicked.connect(lambda: self._on_fill())
        self.stop.clicked.connect(lambda: carrying.stop())
        self.clear_here.clicked.connect(lambda: controller.clear_prompts())
        self.clear_all.clicked.connect(lambda: controller.clear_prompts(all_planes=True))
        carrying.said.connect(self._on_said)
        carrying.progressed.connect(self._on_progress)
        carrying.changed.connect(self._show)
        controller.table_changed.connect(self._show_objects)
        controller.pair_changed.connect(self._show)
        self.connections = Connections()
        dims = controller.viewer.dims.events
        for emitter in (dims.order, dims.ndim):
            self.connections.connect(emitter, self._show)

    # what the user does

    @property
    def limits(self) -> Limits:
        """What is chosen."""
        first, last = (box.value() for box in (self.first, self.last))
        return Limits(
            first=None if first == _ANY else first,
            last=None if last == _ANY else last,
            overlap=self.overlap.value(),
            change=self.change.value(),
        )

    def _on_carry(self) -> None:
        self._on_said("", False)
        self._carrying.carry_on(
            self.object.currentData(),
            axis=self.axis.currentData(),
            steps=self.ways.currentData(),
            limits=self.limits,
        )

    def _on_fill(self) -> None:
        self._on_said("", False)
        self._carrying.fill_between(
            self.object.currentData(),
            axis=self.axis.currentData(),
            refit=self.refit.isChecked(),
            overlap=self.overlap.value(),
        )

    # what is shown

    def _on_said(self, text: str, failed: bool) -> None:
        """Show a sentence; a failure stands out."""
        self.text.setText(text)
        self.text.setVisible(bool(text))
        font = self.text.font()
        font.setBold(failed)
        self.text.setFont(font)

    def _on_progress(self, phase: str, fraction: float) -> None:
        self.bar.setFormat(f"{phase} %p%")
        self.bar.setValue(round(100 * fraction))

    def _show_objects(self) -> None:
        """List the objects and keep the choice."""
        chosen = self.object.currentData()
        with QSignalBlocker(self.object):
            self.object.clear()
            self.object.addItem(_NEWEST, None)
            for known in self._controller.table:
                self.object.addItem(f"{known.id} {known.name}".strip(), known.id)
            self.object.setCurrentIndex(max(0, self.object.findData(chosen)))
        self._show()

    def _show(self, _event: object = None) -> None:
        """Show what can be done now."""
        busy = self._carrying.busy
        plane = self._controller.shown()
        axes = () if plane is None else axes_to_go(plane)
        for button in (self.carry, self.fill):
            button.setEnabled(bool(axes) and not busy)
        for button in (self.clear_here, self.clear_all):
            button.setEnabled(self._controller.current is not None)
        self.stop.setEnabled(busy)
        for part in (self.bar, self.stop):
            part.setVisible(busy)
        self.text.setVisible(bool(self.text.text()))
        self._show_axes(
            axes, None if plane is None else axis_along(plane, self.axis.currentData())
        )

    def _show_axes(self, axes: tuple[int, ...], chosen: int | None) -> None:
        """List the axes to go along; one alone is no choice."""
        with QSignalBlocker(self.axis):
            self.axis.clear()
            for axis in axes:
                self.axis.addItem(f"axis {axis}", axis)
            self.axis.setCurrentIndex(self.axis.findData(chosen))
        several = len(axes) > 1
        self.axis.setVisible(several)
        self._rows.labelForField(self.axis).setVisible(several)
