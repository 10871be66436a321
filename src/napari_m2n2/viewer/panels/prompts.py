"""What the next prompt is, which point is looked at, and the keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QSignalBlocker, QSize, Qt
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDoubleSpinBox,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QRadioButton,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
)

from napari_m2n2.viewer import prompting, tools
from napari_m2n2.viewer.icons import draw_mark
from napari_m2n2.viewer.keys import KEY_OF
from napari_m2n2.viewer.signs import MARKS
from napari_m2n2.viewer.tools import TOOLS

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller

_STEPS = 1000
"""Of the slider, from λ = 0 to 1."""


class PromptsPanel(QGroupBox):
    """Tool and sign of the next prompt; λ of the point chosen; taking back; the keys.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        super().__init__("Prompts")
        self._controller = controller
        self._state = controller.state
        self._build_tools()
        self._build_signs()
        self._build_threshold()
        self._build_actions()
        self._lay_out()
        self._connect()
        self._show_sign()
        self._show()

    # build, lay out, connect

    def _build_tools(self) -> None:
        """Make a button for each tool."""
        self.tools = QButtonGroup(self)
        for number, tool in enumerate(TOOLS):
            button = QPushButton(tool.name)
            button.setCheckable(True)
            button.setToolTip(f"{tool.hint} Key {KEY_OF['next_tool']} goes on to the next tool.")
            self.tools.addButton(button, number)

    def _build_signs(self) -> None:
        """Make the switch of the sign."""
        self.foreground = QRadioButton("Foreground: on the object")
        self.background = QRadioButton("Background: not the object")
        for button, sign in ((self.foreground, True), (self.background, False)):
            button.setIcon(draw_mark(MARKS[sign]))
            button.setIconSize(QSize(18, 18))
            button.setToolTip(
                f"What the next prompt is (key {KEY_OF['switch_sign']}). With Alt or Ctrl held "
                "or the right button it is background, whatever is chosen here."
            )

    def _build_threshold(self) -> None:
        """Make the parts that show and set λ of the point chosen."""
        self.which = QLabel()
        self.which.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.previous, self.following = QPushButton("‹"), QPushButton("›")
        for button, key, step in (
            (self.previous, "previous_point", -1),
            (self.following, "next_point", 1),
        ):
            button.setFixedWidth(28)
            button.setToolTip(f"Choose the {key.split('_')[0]} point (key {KEY_OF[key]}).")
            button.clicked.connect(partial(self._on_step, step))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.slider.setPageStep(_STEPS // 20)
        self.value = QDoubleSpinBox()
        self.value.setRange(0, 1)
        self.value.setDecimals(3)
        self.value.setSingleStep(0.01)
        self.value.setKeyboardTracking(False)
        for part in (self.slider, self.value):
            part.setToolTip(
                "λ: how far the segment of this point reaches, "
                "from the point alone (0) to the whole plane (1)."
            )
        self.automatic = QCheckBox("auto")
        self.automatic.setToolTip("Leave λ of this point to the method.")

    def _build_actions(self) -> None:
        """Make the buttons below."""
        self.back = QPushButton("Take back")
        self.back.setToolTip(
            f"Remove the prompt of this slice that was made last (key {KEY_OF['take_back']})."
        )
        self.hide_labels = QPushButton("Hide object")
        self.hide_labels.setCheckable(True)
        self.hide_labels.setToolTip(
            f"See what is under the outlined object (key {KEY_OF['toggle_labels']})."
        )

    def _lay_out(self) -> None:
        """Put the parts in their places."""
        column = QVBoxLayout(self)
        row = QHBoxLayout()
        for button in self.tools.buttons():
            row.addWidget(button, 1)
        column.addLayout(row)
        column.addWidget(self.foreground)
        column.addWidget(self.background)
        for parts in (
            (self.which, self.previous, self.following, self.automatic),
            (self.slider, self.value),
            (self.back, self.hide_labels),
        ):
            row = QHBoxLayout()
            for part in parts:
                row.addWidget(part)
            column.addLayout(row)

    def _connect(self) -> None:
        """Pass on what is done, and show what others do."""
        controller = self._controller
        self.tools.idClicked.connect(lambda number: controller.take(TOOLS[number]))
        self.foreground.toggled.connect(self._on_sign)
        self.slider.valueChanged.connect(self._on_slider)
        self.slider.sliderReleased.connect(self._on_released)
        self.value.valueChanged.connect(lambda value: self._set(value))
        self.automatic.toggled.connect(self._on_automatic)
        self.back.clicked.connect(lambda: controller.take_back())
        self.hide_labels.clicked.connect(lambda: controller.toggle_labels())
        self._state.changed.connect(self._on_state)
        controller.selected.connect(self._show)

    # what the user does

    def _on_sign(self, foreground: bool) -> None:
        self._state.foreground = foreground

    def _on_step(self, step: int, _checked: bool = False) -> None:
        self._controller.choose(step)

    def _on_slider(self, position: int) -> None:
        """Set λ; while the slider is held, the outline need not be fitted to the image."""
        self._set(position / _STEPS, draft=self.slider.isSliderDown())

    def _on_released(self) -> None:
        """Fit the outline to the image now."""
        self._set(self.slider.value() / _STEPS)

    def _on_automatic(self, automatic: bool) -> None:
        """Leave λ to the method, or keep what it chose."""
        self._set(None if automatic else self.value.value())

    def _set(self, value: float | None, *, draft: bool = False) -> None:
        self._controller.set_threshold(value, draft=draft)

    # what is shown

    def _on_state(self, name: str) -> None:
        if name == "foreground":
            self._show_sign()

    def _show_sign(self) -> None:
        """Show what the next prompt is."""
        (self.foreground if self._state.foreground else self.background).setChecked(True)

    def _show(self, _point: object = None, _threshold: float = np.nan) -> None:
        """Show tool, point and λ as they are."""
        self._show_tool()
        pair, plane = self._controller.current, self._controller.shown()
        chosen = None if pair is None or plane is None else prompting.chosen(pair, plane)
        self.which.setText(
            "Reach of a point"
            if chosen is None
            else f"Reach of point {chosen.place} of {chosen.count}"
        )
        for part in (self.slider, self.value, self.automatic):
            part.setEnabled(chosen is not None)
        for button in (self.previous, self.following):
            button.setEnabled(chosen is not None and chosen.count > 1)
        with QSignalBlocker(self.automatic):
            self.automatic.setChecked(chosen is None or chosen.automatic)
        threshold = 0.0 if chosen is None else chosen.threshold
        if not np.isnan(threshold):
            if not self.slider.isSliderDown():
                with QSignalBlocker(self.slider):
                    self.slider.setValue(round(threshold * _STEPS))
            with QSignalBlocker(self.value):
                self.value.setValue(threshold)
        with QSignalBlocker(self.hide_labels):
            self.hide_labels.setChecked(pair is not None and not pair.labels.visible)
            self.hide_labels.setEnabled(pair is not None)
        self.back.setEnabled(pair is not None)

    def _show_tool(self) -> None:
        """Show what the mouse is; it may be none of ours."""
        pair = self._controller.current
        tool = None if pair is None else tools.in_hand(self._controller.viewer, pair)
        self.tools.setExclusive(False)
        for known, button in zip(TOOLS, self.tools.buttons(), strict=True):
            button.setChecked(known == tool)
            button.setEnabled(pair is not None)
        self.tools.setExclusive(tool is not None)
