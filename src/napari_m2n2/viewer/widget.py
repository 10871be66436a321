"""The dock widget: builds, lays out, connects and shows; what it does is in `controller`."""

# no `from __future__ import annotations`: napari reads the annotation of the constructor

from dataclasses import replace
from typing import TYPE_CHECKING

from napari.layers import Image
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QCloseEvent, QColor, QIcon, QPainter, QPen, QPixmap
from qtpy.QtWidgets import (
    QComboBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_m2n2.annotation.jobs import Settings
from napari_m2n2.annotation.newest import Compute, Runner
from napari_m2n2.attention import registry
from napari_m2n2.segmentation.parameters import METHODS, PRESETS
from napari_m2n2.viewer import sentences
from napari_m2n2.viewer.connections import Connections
from napari_m2n2.viewer.controller import Controller
from napari_m2n2.viewer.keys import KEY_OF, KEYS
from napari_m2n2.viewer.layers import MARKS, Mark
from napari_m2n2.viewer.worker import run_in_thread

if TYPE_CHECKING:
    import napari.viewer

_MOST_TEXT_LINES = 7
_OWN_GRID = 0


class SegmentationWidget(QWidget):
    """Outline objects from points.

    Parameters
    ----------
    napari_viewer : napari viewer
    compute, runner
        See `napari_m2n2.viewer.controller.Controller`.

    Attributes
    ----------
    controller : Controller
    """

    def __init__(
        self,
        napari_viewer: "napari.viewer.Viewer",
        *,
        compute: Compute | None = None,
        runner: Runner = run_in_thread,
    ) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._images: list[Image] = []
        self._connections = Connections()
        self._build()
        self._lay_out()
        self.controller = Controller(napari_viewer, self, compute=compute, runner=runner)
        self._connect()
        self.reset_choices()
        self.controller.look()

    # build, lay out, connect

    def _build(self) -> None:
        """Make the parts."""
        self._image = QComboBox()
        self._image.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._new = QPushButton("New prompts and labels")
        self._new.setToolTip(f"Begin an object (key {KEY_OF['next_object']}); others stay.")
        self._foreground = QRadioButton("Foreground: on the object")
        self._background = QRadioButton("Background: not the object")
        for button, sign in ((self._foreground, True), (self._background, False)):
            button.setIcon(draw_mark(MARKS[sign]))
            button.setIconSize(QSize(18, 18))
        self._foreground.setChecked(True)
        self._keys = QLabel("\n".join(f"{key.key}: {key.title}" for key in KEYS))
        self._keys.setWordWrap(True)
        self._status = QLabel()
        self._status.setWordWrap(True)
        self._status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._status.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._status.setMinimumHeight(_MOST_TEXT_LINES * self.fontMetrics().lineSpacing())
        self._bar = QProgressBar()
        self._bar.setRange(0, 100)
        self._stop = QPushButton("Stop")
        self._backbone = QComboBox()
        for name in registry.names():
            self._add_backbone(name)
        self._method = _choices(METHODS)
        self._preset = _choices(PRESETS)
        self._grid = QSpinBox()
        self._grid.setRange(_OWN_GRID, 160)
        self._grid.setSpecialValueText("auto")
        self._grid.setSingleStep(16)
        self._grid.setKeyboardTracking(False)
        self._grid.setToolTip(
            "Cells along each side: more see finer detail, and cost more. "
            "auto: the backbone's own on this computer."
        )
        self._show_settings(Settings())

    def _add_backbone(self, name: str) -> None:
        """List a backbone, with the reason if it cannot be chosen."""
        status = registry.status(name)
        self._backbone.addItem(name)
        row = self._backbone.count() - 1
        self._backbone.setItemData(row, status.reason, Qt.ItemDataRole.ToolTipRole)
        self._backbone.model().item(row).setEnabled(status.ready)

    def _lay_out(self) -> None:
        """Put the parts in their places."""
        objects = QGroupBox("Object")
        form = QVBoxLayout(objects)
        form.addWidget(QLabel("Image"))
        form.addWidget(self._image)
        form.addWidget(self._new)
        sign = QGroupBox("Next point")
        column = QVBoxLayout(sign)
        column.addWidget(self._foreground)
        column.addWidget(self._background)
        column.addWidget(self._keys)
        state = QGroupBox("Status")
        column = QVBoxLayout(state)
        column.addWidget(self._status)
        row = QHBoxLayout()
        row.addWidget(self._bar)
        row.addWidget(self._stop)
        column.addLayout(row)
        advanced = QGroupBox("Advanced")
        rows = QFormLayout(advanced)
        rows.addRow("Backbone", self._backbone)
        rows.addRow("Method", self._method)
        rows.addRow("Preset", self._preset)
        rows.addRow("Grid", self._grid)
        layout = QVBoxLayout(self)
        for group in (objects, sign, state, advanced):
            layout.addWidget(group)
        layout.addStretch(1)
        self._image.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def _connect(self) -> None:
        """Connect the parts to the controller, and the list of images to the viewer."""
        self._new.clicked.connect(lambda: self.controller.new_pair(self.image))
        self._foreground.toggled.connect(self._on_sign)
        self._stop.clicked.connect(lambda: self.controller.stop())
        for box in (self._backbone, self._method, self._preset):
            box.currentTextChanged.connect(self._on_settings)
        self._grid.valueChanged.connect(self._on_settings)
        layers = self._viewer.layers.events
        for emitter in (layers.inserted, layers.removed, layers.renamed):
            self._connections.connect(emitter, self.reset_choices)
        # a dock may be deleted without being closed, or closed without being deleted
        self.destroyed.connect(self._connections.close)
        self.destroyed.connect(self.controller.close)

    # what the user chose

    @property
    def image(self) -> Image | None:
        """The image chosen, if there is one."""
        row = self._image.currentIndex()
        return self._images[row] if 0 <= row < len(self._images) else None

    @image.setter
    def image(self, image: Image) -> None:
        self._image.setCurrentIndex(self._images.index(image))

    def reset_choices(self, _event: object = None) -> None:
        """List the images of the viewer and keep the choice."""
        chosen = self.image
        self._images = [layer for layer in self._viewer.layers if isinstance(layer, Image)]
        self._image.clear()
        self._image.addItems([layer.name for layer in self._images])
        if chosen in self._images:
            self.image = chosen
        self._new.setEnabled(bool(self._images))

    def _on_sign(self, foreground: bool) -> None:
        """Pass the switch on, unless the controller has just set it."""
        if self.controller.foreground != foreground:
            self.controller.foreground = foreground

    def _on_settings(self, _value: object = None) -> None:
        """Pass the settings on."""
        self.controller.settings = replace(
            self.controller.settings,
            backbone=self._backbone.currentText(),
            method=self._method.currentText(),
            preset=self._preset.currentText(),
            grid=self._grid.value() or None,
        )

    def _show_settings(self, settings: Settings) -> None:
        """Show settings."""
        self._backbone.setCurrentText(settings.backbone)
        self._method.setCurrentText(settings.method)
        self._preset.setCurrentText(settings.preset)
        self._grid.setValue(settings.grid or _OWN_GRID)

    # what the controller shows

    def say(self, text: str, *, failed: bool = False) -> None:
        """Show a sentence; a failure stands out."""
        if text == sentences.NO_PAIR and not self._images:
            text = sentences.NO_IMAGE
        self._status.setText(text)
        font = self._status.font()
        font.setBold(failed)
        self._status.setFont(font)
        self._status.setProperty("failed", failed)
        self._status.setStyleSheet("color: #ff8a80;" if failed else "")

    def progress(self, phase: str, fraction: float) -> None:
        """Show the phase and how much of it is done."""
        self._bar.setFormat(f"{phase} %p%")
        self._bar.setValue(round(100 * fraction))

    def busy(self, busy: bool) -> None:
        """Show whether there is work to stop."""
        self._stop.setEnabled(busy)
        self._bar.setEnabled(busy)
        if not busy:
            self._bar.setValue(0)
            self._bar.setFormat("")

    def sign(self, foreground: bool) -> None:
        """Show what the next point will be."""
        (self._foreground if foreground else self._background).setChecked(True)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Call off all work and let go of the viewer."""
        self._connections.close()
        self.controller.close()
        super().closeEvent(event)


def _choices(names: object) -> QComboBox:
    """Make a box to choose one of some names."""
    box = QComboBox()
    box.addItems(list(names))
    return box


def draw_mark(mark: Mark) -> QIcon:
    """Draw a prompt as it looks in the image."""
    pixmap = QPixmap(36, 36)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if mark.symbol == "disc":
        painter.setPen(QPen(QColor("white"), 3))
        painter.setBrush(QColor(mark.colour))
        painter.drawEllipse(5, 5, 26, 26)
    else:
        for colour, width in (("white", 12), (mark.colour, 6)):
            painter.setPen(QPen(QColor(colour), width))
            painter.drawLine(8, 8, 28, 28)
            painter.drawLine(8, 28, 28, 8)
    painter.end()
    return QIcon(pixmap)
