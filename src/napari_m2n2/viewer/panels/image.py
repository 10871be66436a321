"""The image for the model: contrast, channels, region, and what comes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import QCheckBox, QFormLayout, QGroupBox, QLabel, QVBoxLayout

from napari_m2n2.viewer.panels.channels import ChannelChooser
from napari_m2n2.viewer.panels.narrow import narrow_box
from napari_m2n2.viewer.panels.region import RegionChooser

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller

_CONTRASTS = {"layer": "As the layer is shown", "percentile": "From the pixels"}


class ImagePanel(QGroupBox):
    """What the model sees of an image.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        super().__init__("Image for the model")
        self._controller = controller
        self._state = controller.state
        self.contrast = narrow_box()
        for contrast, title in _CONTRASTS.items():
            self.contrast.addItem(title, contrast)
        self.contrast.setToolTip(
            "Which values are black and white: those of the layer's contrast limits, or the "
            "0.5th and 99.5th percentile of the pixels. Colours are taken as they are."
        )
        self.channels = ChannelChooser(controller)
        self.region = RegionChooser(controller)
        self.show_image = QCheckBox("Show what the model sees")
        self.show_image.setToolTip("Adds a layer with the image as the model was given it.")
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._lay_out()
        self._show()
        self._connect()

    def _lay_out(self) -> None:
        """Put the parts in their places."""
        column = QVBoxLayout(self)
        form = QFormLayout()
        form.addRow("Contrast", self.contrast)
        form.addRow("Channels", self.channels)
        form.addRow("Outline", self.region)
        form.addRow("At most", self.region.most)
        column.addLayout(form)
        column.addWidget(self.show_image)
        column.addWidget(self.text)

    def _connect(self) -> None:
        """Pass on what is chosen, and show what others choose."""
        self.contrast.currentIndexChanged.connect(self._on_contrast)
        self.show_image.toggled.connect(self._on_show_image)
        self._state.changed.connect(self._on_state)
        self._controller.said.connect(self._on_said)
        self._controller.pair_changed.connect(self._on_pair)

    def reset_choices(self) -> None:
        """List the layers of the viewer."""
        self.channels.reset_choices()

    def _on_contrast(self, _row: int) -> None:
        self._state.contrast = self.contrast.currentData()

    def _on_show_image(self, show: bool) -> None:
        self._state.show_image = show

    def _on_state(self, _name: str) -> None:
        self._show()

    def _on_said(self, _text: str, _failed: bool) -> None:
        self._show_text()

    def _on_pair(self, _pair: object) -> None:
        self._show_text()

    def _show(self) -> None:
        """Show what is chosen and what comes of it."""
        with QSignalBlocker(self.contrast), QSignalBlocker(self.show_image):
            self.contrast.setCurrentIndex(self.contrast.findData(self._state.contrast))
            self.show_image.setChecked(self._state.show_image)
        self._show_text()

    def _show_text(self) -> None:
        """Tell what of the plane on screen will be outlined; the status tells what was."""
        pair, plane = self._controller.current, self._controller.shown()
        text = ""
        if pair is not None and plane is not None:
            text = pair.source.sentence(plane, answered=plane in pair.answers)
        self.text.setText(text)
        self.text.setVisible(bool(text))
