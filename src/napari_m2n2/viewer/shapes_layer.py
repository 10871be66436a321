"""The Shapes layer of an object: boxes, scribbles and lassos, made, shown and read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from napari.layers import Image, Shapes
from napari.layers.base import ActionType
from napari.utils.events import Event
from numpy.typing import NDArray

from napari_m2n2.annotation.shapes import Shape
from napari_m2n2.viewer.layers import short_side, transform_of
from napari_m2n2.viewer.signs import (
    MARKS,
    ORDER,
    face_colour,
    new_defaults,
    new_table,
    read_signs,
)

_TEXT_SIZE = 18


def make_shapes(image: Image, name: str, factors: NDArray[np.float64]) -> Shapes:
    """Make the empty layer that the user draws in."""
    return Shapes(
        ndim=image.ndim,
        name=name,
        features=new_table(ORDER),
        feature_defaults=new_defaults(ORDER),
        edge_color=MARKS[True].colour,
        face_color=face_colour(True),
        edge_width=max(0.5, short_side(image) / 160),
        opacity=0.9,
        axis_labels=image.axis_labels,
        **transform_of(image, factors),
    )


class Drawings:
    """The shapes of an object.

    Parameters
    ----------
    image : Image
    name : str

    Attributes
    ----------
    layer : Shapes
    """

    def __init__(self, image: Image, name: str, factors: NDArray[np.float64]) -> None:
        self.layer = make_shapes(image, name, factors)
        self.layer.mouse_drag_callbacks.append(self._on_press)
        self._unfinished = False
        self._held = False

    def let_go(self) -> None:
        """Listen to the mouse no more."""
        self.layer.mouse_drag_callbacks.remove(self._on_press)

    def _on_press(self, _layer: Shapes, event: Event) -> Iterator[None]:
        """Know whether the mouse is held."""
        self._held = True
        yield
        while event.type == "mouse_move":
            yield
        self._held = False

    def read(self) -> list[Shape]:
        """Return the shapes that are finished, in the coordinates of the layer."""
        layer = self.layer
        found = [
            Shape(kind, vertices, bool(sign))
            for kind, vertices, sign in zip(
                layer.shape_type, layer.data, read_signs(layer), strict=True
            )
        ]
        return found[:-1] if self._unfinished else found

    def finish(self) -> bool:
        """End a drawing that is under way, as another mode does; tell whether there is none.

        Left alone while another tool is taken, it would never count, and taking it back fails in
        napari. While the mouse is held, napari cannot end it.
        """
        if self._unfinished and not self._held:
            self.layer.mode, mode = "pan_zoom", self.layer.mode
            self.layer.mode = mode
        return not self._unfinished

    def heed(self, event: Event) -> bool:
        """Take note of an event of the data; tell whether the shapes are other ones now."""
        if event.action == ActionType.ADDING:
            self._unfinished = True
            return False
        if event.action not in (ActionType.ADDED, ActionType.REMOVED, ActionType.CHANGED):
            return False
        self._unfinished = False
        self._mend_table(event)
        return True

    def _mend_table(self, event: Event) -> None:
        """Drop rows of shapes that are no more.

        napari leaves them when a drawing is too short to be a shape, and when the last corners of
        one are removed; the next shapes would then have the sign of others.
        """
        count, features = len(self.layer.data), self.layer.features
        if len(features) <= count:
            return
        gone = [index for index in event.data_indices if 0 <= index < len(features)]
        if event.action == ActionType.CHANGED and len(features) - len(gone) == count:
            features = features.drop(index=gone)
        self.layer.features = features.iloc[:count].reset_index(drop=True)

    def show_signs(self) -> None:
        """Give each shape the colours and the sign of what it is."""
        if len(self.layer.data) == 0:
            return
        signs = [bool(sign) for sign in read_signs(self.layer)]
        self.layer.edge_color = [MARKS[sign].colour for sign in signs]
        self.layer.face_color = [face_colour(sign) for sign in signs]
        self.layer.text = {
            "string": [MARKS[sign].text for sign in signs],
            "color": [MARKS[sign].colour for sign in signs],
            "anchor": "upper_left",
            "size": _TEXT_SIZE,
        }
