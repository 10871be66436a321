"""The rectangle around what is outlined: shown, and drawn by the user."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakSet

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image, Shapes
from napari.layers.base import ActionType
from napari.utils.events import Event
from numpy.typing import NDArray

from napari_m2n2.annotation.planes import to_layer
from napari_m2n2.viewer import tools
from napari_m2n2.viewer.connections import Connections
from napari_m2n2.viewer.keys import bind_keys, commands_of
from napari_m2n2.viewer.layers import follow_image, transform_of
from napari_m2n2.viewer.settling import Settling
from napari_m2n2.viewer.why_layers import OURS

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller

COLOUR = "#ffb300"
"""Seen on stained tissue, on grey scans and on both themes, and of no object or prompt."""

_SETTLED = (ActionType.ADDED, ActionType.CHANGED, ActionType.REMOVED)


class Frame:
    """Keeps a Shapes layer with the rectangle of the plane on screen, where there is one.

    Parameters
    ----------
    controller : Controller
    viewer : napari viewer
    """

    def __init__(self, controller: Controller, viewer: ViewerModel) -> None:
        self._controller = controller
        self._viewer = viewer
        self._state = controller.state
        self._layers: dict[Image, Shapes] = {}
        self._drawing = False
        self._unwanted: WeakSet[Image] = WeakSet()
        # napari is still busy with the rectangle when it tells that it was drawn
        self._afterwards = Settling(self._take_points_again, viewer, 0)
        self._connections = Connections()
        dims = viewer.dims.events
        for emitter in (dims.point, dims.order, dims.ndisplay, dims.ndim):
            self._connections.connect(emitter, self.refresh)
        self._connections.connect(viewer.layers.events.removed, self._on_removed)
        self._connections.connect(controller.pair_changed, self._on_pair)
        self._connections.connect(controller.segmented, self._on_segmented)
        self._connections.connect(controller.state.changed, self._on_state)

    def close(self) -> None:
        """Let go of the viewer; the layers stay."""
        self._afterwards.stop()
        self._connections.close()

    def layer_of(self, image: Image) -> Shapes | None:
        """Return the layer for an image, if there is one."""
        return self._layers.get(image)

    def draw(self) -> None:
        """Let the user drag the rectangle."""
        pair = self._controller.current
        image = self._state.image if pair is None else pair.image
        if image is None:
            return
        self._unwanted.discard(image)
        layer = self._made_for(image)
        layer.editable = layer.visible = True
        self._viewer.layers.selection.active = layer
        layer.mode = "add_rectangle"

    def refresh(self, _event: object = None) -> None:
        """Show the rectangle of the plane on screen."""
        pair = self._controller.current
        if self._drawing or pair is None or pair.image in self._unwanted:
            return
        corners = self._corners()
        if corners is None and pair.image not in self._layers:
            return
        layer = self._made_for(pair.image)
        layer.editable = self._state.region == "drawn"
        shown = [] if corners is None else [corners]
        if len(layer.data) == len(shown) and all(map(np.array_equal, layer.data, shown)):
            return
        with layer.events.data.blocker():
            layer.selected_data = set(range(len(layer.data)))
            layer.remove_selected()
            if corners is not None:
                sides = np.linalg.norm(np.diff(corners[:3], axis=0), axis=1)
                width = max(0.5, float(sides.min()) / 150)
                layer.add_polygons(corners, edge_width=width)
            layer.selected_data = set()

    def _corners(self) -> NDArray[np.float64] | None:
        """Return the corners of the rectangle in coordinates of the layer, (4, ndim)."""
        pair, plane = self._controller.current, self._controller.shown()
        if pair is None or plane is None or self._state.region == "plane":
            return None
        region = pair.source.region_of(plane)
        if region is None or region.extent == plane.size:
            return None
        top, bottom = np.array(region.rows) - 0.5
        left, right = np.array(region.columns) - 0.5
        edges = np.array([(top, left), (top, right), (bottom, right), (bottom, left)])
        finest = (to_layer(edges, plane) + 0.5) * pair.factors - 0.5
        # the layer is as thin along the axis of channels as those of the prompts
        factors = pair.source.prompt_factors
        return np.asarray((finest + 0.5) / factors - 0.5)

    # the layer

    def _made_for(self, image: Image) -> Shapes:
        """Return the layer for an image, made and shown if there is none."""
        if image in self._layers:
            return self._layers[image]
        pair = self._controller.current
        factors = np.ones(image.ndim) if pair is None else pair.source.prompt_factors
        layer = Shapes(
            ndim=image.ndim,
            name=f"{image.name}: region",
            metadata={OURS: "region"},
            edge_color=COLOUR,
            face_color="transparent",
            axis_labels=image.axis_labels,
            **transform_of(image, factors),
        )
        self._layers[image] = layer
        active = self._viewer.layers.selection.active
        self._viewer.add_layer(layer)
        self._viewer.layers.selection.active = active
        self._connections.connect(layer.events.data, self._on_data)
        follow_image(image, [(layer, factors)], self.refresh, self._connections)
        if pair is not None:
            self._connections.add(bind_keys(layer, commands_of(self._controller, pair, layer)))
        return layer

    def _on_data(self, event: Event) -> None:
        """Take over what the user has drawn, moved or removed."""
        if event.action == ActionType.ADDING:
            self._drawing = True
        if event.action not in _SETTLED:
            return
        self._drawing = True
        layer = event.source
        shapes = [] if event.action == ActionType.REMOVED else layer.data
        corners = shapes[-1] if len(shapes) else []
        self._state.drawn = tuple(
            tuple(float(value) for value in layer.data_to_world(corner)) for corner in corners
        )
        self._state.region = "drawn" if self._state.drawn else "plane"
        self._afterwards.want()

    def _take_points_again(self) -> None:
        """Show the rectangle in whole pixels, and let the next click be a prompt."""
        self._drawing = False
        self.refresh()
        pair = self._controller.current
        if pair is not None and self._state.region == "drawn":
            tools.take(tools.TOOLS[0], self._viewer, pair)

    # events

    def _on_pair(self, pair: object) -> None:
        for image, layer in self._layers.items():
            layer.visible = getattr(pair, "image", None) is image
        self.refresh()

    def _on_segmented(self, _pair: object, _plane: object, _outcome: object) -> None:
        self.refresh()

    def _on_state(self, name: str) -> None:
        if name == "region":
            self._unwanted.clear()
        if name in ("region", "drawn", "most_pixels"):
            self.refresh()

    def _on_removed(self, event: Event) -> None:
        """Make no other layer in place of one that the user removed."""
        for image, layer in list(self._layers.items()):
            if event.value in (layer, image):
                del self._layers[image]
                self._unwanted.add(image)
                if event.value == layer and self._state.region == "drawn":
                    # a rectangle that nobody sees must not hold
                    self._state.drawn = ()
                    self._state.region = "plane"
