"""Which image, beginning or refining an object in it, and committing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image
from qtpy.QtCore import QSignalBlocker
from qtpy.QtWidgets import QGridLayout, QGroupBox, QLabel, QPushButton

from napari_m2n2.viewer.keys import KEY_OF
from napari_m2n2.viewer.panels.committing import CommitPart
from napari_m2n2.viewer.panels.narrow import narrow_box

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller


class ObjectsPanel(QGroupBox):
    """The image chosen, and the buttons that begin an object in it.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        super().__init__("Object")
        self._controller = controller
        self._state = controller.state
        self._images: list[Image] = []
        self.images = narrow_box()
        self.images.setToolTip("The image that the next object is in.")
        self.images.setAccessibleName("Image")
        self.new = QPushButton("New object")
        self.new.setToolTip(
            "Begin an object in the image; what is at work is committed first "
            f"(key {KEY_OF['next_object']})."
        )
        self.refine = QPushButton("Refine label")
        self.refine.setToolTip(
            "Go on with the label that is selected in the labels layer: pick it with napari's "
            "pipette (key L), then press this and click where it is wrong."
        )
        self.commits = CommitPart(controller)
        self._lay_out()
        self._connect()
        self.reset_choices()

    def _lay_out(self) -> None:
        """Put the parts in their places."""
        grid = QGridLayout(self)
        grid.addWidget(QLabel("Image"), 0, 0)
        grid.addWidget(self.images, 0, 1, 1, 3)
        grid.addWidget(self.new, 1, 0, 1, 2)
        grid.addWidget(self.refine, 1, 2, 1, 2)
        grid.addWidget(self.commits, 2, 0, 1, 4)
        for column in range(4):
            grid.setColumnStretch(column, 0 if column == 0 else 1)

    def _connect(self) -> None:
        """Pass on what is chosen, and show what others choose."""
        self.images.currentIndexChanged.connect(self._on_image)
        self.new.clicked.connect(lambda: self._controller.new_pair(self.image))
        self.refine.clicked.connect(lambda: self._controller.refine())
        self._state.changed.connect(self._on_state)

    @property
    def image(self) -> Image | None:
        """The image chosen, if there is one."""
        row = self.images.currentIndex()
        return self._images[row] if 0 <= row < len(self._images) else None

    @image.setter
    def image(self, image: Image) -> None:
        self.images.setCurrentIndex(self._images.index(image))

    def reset_choices(self) -> None:
        """List the images of the viewer and keep the choice."""
        chosen = self.image
        self._images = self._controller.images()
        with QSignalBlocker(self.images):
            self.images.clear()
            self.images.addItems([layer.name for layer in self._images])
            if chosen in self._images:
                self.image = chosen
        self.new.setEnabled(bool(self._images))
        self.refine.setEnabled(bool(self._images))
        self._on_image()

    def _on_image(self, _row: int = 0) -> None:
        self._state.image = self.image

    def _on_state(self, name: str) -> None:
        image = self._state.image
        if name == "image" and image is not self.image and image in self._images:
            self.image = image
