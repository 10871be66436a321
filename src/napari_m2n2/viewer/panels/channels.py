"""Which channels the model sees: those along an axis, or several layers."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from napari.layers import Image
from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_m2n2.viewer.panels.narrow import narrow_box

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller

_AS_IT_IS, _LAYERS = "as it is", "layers"
_NONE = "–"
_COLOURS = ("Red", "Green", "Blue")
_PARTS = ("channels", "more_images", "channel_axis")


class ChannelChooser(QWidget):
    """The list of ways to see the image, and the channels.

    Every image keeps the choice that was made for it.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self._state = controller.state
        self._chosen: WeakKeyDictionary[Image, tuple[object, ...]] = WeakKeyDictionary()
        self._others: list[Image] = []
        self.ways = narrow_box()
        self.ways.setToolTip(
            "What the model sees: the layer as it is, channels along one of its axes, or several "
            "layers that lie over each other."
        )
        self.colours = [narrow_box() for _ in _COLOURS]
        self.layers = QListWidget()
        self.layers.setMaximumHeight(5 * self.fontMetrics().lineSpacing())
        self.layers.setToolTip(
            "Layers of the same shape and place. Each adds the colour of its colour map; those of "
            "the same colour are red, green and blue."
        )
        self._lay_out()
        self.reset_choices()
        self.ways.currentIndexChanged.connect(self._on_way)
        for box in self.colours:
            box.currentIndexChanged.connect(self._on_colours)
        self.layers.itemChanged.connect(self._on_layers)
        self._state.changed.connect(self._on_state)

    def _lay_out(self) -> None:
        """Put the parts in their places."""
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.ways)
        self._row = QWidget()
        row = QHBoxLayout(self._row)
        row.setContentsMargins(0, 0, 0, 0)
        for title, box in zip(_COLOURS, self.colours, strict=True):
            box.setToolTip(f"The channel that is {title.lower()}; one alone is grey.")
            box.setAccessibleName(title)
            row.addWidget(QLabel(title[0]))
            row.addWidget(box, 1)
        column.addWidget(self._row)
        column.addWidget(self.layers)

    # lists

    def reset_choices(self) -> None:
        """List what there is to choose for the image."""
        image = self._state.image
        self._others = [layer for layer in self._controller.images() if layer is not image]
        gone = [layer for layer in self._state.more_images if layer not in self._others]
        if gone:
            kept = [layer for layer in self._state.more_images if layer in self._others]
            self._state.more_images = tuple(kept)
        with QSignalBlocker(self.ways):
            self.ways.clear()
            self.ways.addItem("The layer as it is", _AS_IT_IS)
            if image is not None and not image.rgb:
                for axis in range(image.ndim) if image.ndim > 2 else ():
                    count = _length(image, axis)
                    self.ways.addItem(f"Axis {axis} ({count} channels)", axis)
                self.ways.addItem("Several layers", _LAYERS)
        self._show()

    def _show(self) -> None:
        """Show what is chosen."""
        state = self._state
        axis = state.channel_axis
        way = axis if axis is not None else _LAYERS if state.more_images else None
        if way is None:
            way = _LAYERS if self.ways.currentData() == _LAYERS else _AS_IT_IS
        with QSignalBlocker(self.ways):
            self.ways.setCurrentIndex(max(0, self.ways.findData(way)))
        self._show_colours()
        self._show_layers()
        self._row.setVisible(axis is not None)
        self.layers.setVisible(way == _LAYERS)

    def _show_colours(self) -> None:
        """Show the channels of the axis."""
        image, axis = self._state.image, self._state.channel_axis
        count = 0 if image is None or axis is None else _length(image, axis)
        chosen = self._state.channels or tuple(range(min(count, len(_COLOURS))))
        for place, box in enumerate(self.colours):
            with QSignalBlocker(box):
                box.clear()
                if place:
                    box.addItem(_NONE, None)
                for channel in range(count):
                    box.addItem(str(channel), channel)
                value = chosen[place] if place < len(chosen) else None
                box.setCurrentIndex(max(0, box.findData(value)))

    def _show_layers(self) -> None:
        """Show which layers are channels."""
        with QSignalBlocker(self.layers):
            self.layers.clear()
            for layer in self._others:
                item = QListWidgetItem(layer.name, self.layers)
                item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
                checked = layer in self._state.more_images
                item.setCheckState(Qt.CheckState.Checked if checked else Qt.CheckState.Unchecked)

    # what is chosen

    def _on_way(self, _row: int) -> None:
        way = self.ways.currentData()
        self._state.channels = ()
        self._state.more_images = ()
        self._state.channel_axis = way if isinstance(way, int) else None
        self._show()

    def _on_colours(self, _row: int) -> None:
        """Pass the channels on; without green there is no blue."""
        values = [box.currentData() for box in self.colours]
        self._state.channels = tuple(value for value in values if value is not None)
        self._show_colours()

    def _on_layers(self, _item: QListWidgetItem) -> None:
        checked = Qt.CheckState.Checked
        self._state.more_images = tuple(
            layer
            for row, layer in enumerate(self._others)
            if self.layers.item(row).checkState() == checked
        )

    def _on_state(self, name: str) -> None:
        image = self._state.image
        if name == "image":
            self._restore(image)
            self.reset_choices()
        elif name in _PARTS:
            if image is not None:
                self._chosen[image] = tuple(getattr(self._state, part) for part in _PARTS)
            self._show()

    def _restore(self, image: Image | None) -> None:
        """Choose what was last chosen for an image."""
        none = ((), (), None)
        values = none if image is None else self._chosen.get(image, none)
        # the axis last: an object of that image then sees no mixture of old and new
        for part, value in zip(_PARTS, values, strict=True):
            setattr(self._state, part, value)


def _length(image: Image, axis: int) -> int:
    """Return how many indices an axis of an image has."""
    shape = image.level_shapes[0] if image.multiscale else image.data.shape
    return int(shape[axis]) if axis < image.ndim else 0
