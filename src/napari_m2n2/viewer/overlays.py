"""Shows above the image why pixels are in the object: one plane at a time, that on screen.

The layers are nobody's data: they are marked as ours, so that no list of images offers them; they
go with the object; and who deletes one has switched it off.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari.components import ViewerModel
from napari.layers import Layer
from napari.utils.events import Event

from napari_m2n2.annotation.overlays import Overlay
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.viewer.connections import Connections
from napari_m2n2.viewer.layers import TRANSFORM_EVENTS
from napari_m2n2.viewer.pair import Pair
from napari_m2n2.viewer.why_layers import (
    KINDS,
    Kind,
    Known,
    make_layer,
    place_layer,
    update_layer,
)

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller

_STATE_OF: dict[Kind, str] = {"image": "show_image", "overlay": "overlay", "contour": "contour"}
"""What of the state switches each kind of layer on."""

_OFF: dict[Kind, object] = {"image": False, "overlay": "none", "contour": False}
"""And what it is when it is off."""


class Overlays:
    """What is shown above the image, as the state asks.

    Parameters
    ----------
    viewer : napari viewer
    controller : Controller
        Whose object at work it is.
    """

    def __init__(self, viewer: ViewerModel, controller: Controller) -> None:
        self._viewer = viewer
        self._controller = controller
        self._state = controller.state
        self._layers: dict[Kind, Layer] = {}
        self._shown: dict[Kind, tuple[Known, Overlay]] = {}
        self._asked: tuple[object, ...] = ()
        self._at_work = False
        self._connections = Connections()
        self._moves = Connections()
        connect = self._connections.connect
        connect(controller.segmented, self._on_segmented)
        connect(controller.pair_changed, self._on_pair)
        connect(controller.state.changed, self._on_state)
        connect(viewer.layers.events.removed, self._on_removed)
        dims = viewer.dims.events
        for emitter in (dims.point, dims.order, dims.ndisplay, dims.ndim):
            connect(emitter, self.look)
        connect(viewer.layers.selection.events.active, self.look)

    def close(self) -> None:
        """Take the layers away and let go of the viewer; a second call does nothing."""
        self._connections.close()
        self._follow(None)
        with self._working():
            for kind in KINDS:
                self._take_away(kind)

    # events

    def _on_segmented(self, pair: Pair, plane: Plane, _outcome: object) -> None:
        """Show what was found out."""
        if self._asked[:2] != (pair, plane):
            self._asked = ()
        self.look()

    def _on_pair(self, pair: Pair | None) -> None:
        """Turn to another object, or to none."""
        self._follow(pair)
        for kind, layer in self._layers.items():
            # perhaps because layers are being removed: napari removes those selected one by one,
            # and fails if one of them has gone
            if layer in self._viewer.layers.selection:
                layer.visible = False
                self._shown.pop(kind, None)
        self.look()

    def _on_state(self, name: str) -> None:
        """Show what was chosen."""
        if name == "opacity":
            for pair in self._controller.pairs:
                pair.labels.opacity = self._state.opacity
            if "overlay" in self._layers:
                self._layers["overlay"].opacity = self._state.opacity
        elif name in _STATE_OF.values():
            self._asked = ()
            self.look()

    def _on_removed(self, event: Event) -> None:
        """Switch off what the user deleted."""
        if self._at_work:
            return
        for kind, layer in list(self._layers.items()):
            if layer == event.value:
                del self._layers[kind]
                if self._shown.pop(kind, None) is not None:
                    setattr(self._state, _STATE_OF[kind], _OFF[kind])

    def _follow(self, pair: Pair | None) -> None:
        """Move along with the image of an object."""
        self._moves.close()
        if pair is not None:
            for name in TRANSFORM_EVENTS:
                self._moves.connect(getattr(pair.image.events, name), self._on_moved)

    def _on_moved(self, _event: Event) -> None:
        """Lay the layers over the image again."""
        for kind, (known, _) in self._shown.items():
            place_layer(self._layers[kind], kind, known)

    # what is shown

    def look(self, _event: Event | None = None) -> None:
        """Show what is known of the plane on screen, and ask for what is not."""
        if self._at_work:
            return
        pair, plane = self._controller.current, self._controller.shown()
        known, lacking = None, False
        if pair is not None and plane is not None and pair.prompts_on(plane):
            answer = pair.answers.get(plane)
            if answer is not None:
                known = Known(pair.image, pair.factors, plane, answer.region, answer.outcome)
            lacking = self._lacking(known)
        with self._working():
            for kind in KINDS:
                self._show(kind, known if self._wants(kind) else None)
        asks = (pair, plane, self._state.overlay, self._state.show_image)
        if lacking and asks != self._asked:
            self._asked = asks
            self._controller.again()

    def _wants(self, kind: Kind) -> bool:
        """Tell whether the user wants to see a kind of layer."""
        return getattr(self._state, _STATE_OF[kind]) != _OFF[kind]

    def _lacking(self, known: Known | None) -> bool:
        """Tell whether a plane has to be segmented again to show what is wanted."""
        if known is None:
            return any(self._wants(kind) for kind in KINDS)
        no_map = self._state.overlay == "map" and known.outcome.distance is None
        return no_map or (self._state.show_image and known.outcome.image is None)

    def _show(self, kind: Kind, known: Known | None) -> None:
        """Let the layer of a kind show what is known, or nothing."""
        overlay = self._state.overlay
        shown, layer = self._shown.get(kind), self._layers.get(kind)
        if shown is None and layer is not None and layer in self._viewer.layers.selection:
            return  # see `_on_pair`
        if shown is not None and known is not None and _same(shown, known, overlay):
            return
        attributes = None if known is None else known.attributes(kind, overlay)
        if known is None or attributes is None:
            self._take_away(kind)
            return
        if layer is not None and shown is not None and shown[0].image is known.image:
            update_layer(layer, kind, known, attributes, overlay)
        else:
            self._take_away(kind)
            layer = make_layer(kind, known, attributes, overlay)
            layer.opacity = self._state.opacity if kind == "overlay" else 1.0
            self._insert(kind, layer, known)
        self._shown[kind] = (known, overlay)

    def _insert(self, kind: Kind, layer: Layer, known: Known) -> None:
        """Put a layer right above the image and what lies lower, and select what was selected."""
        layers = self._viewer.layers
        lower = [self._layers[low] for low in KINDS[: KINDS.index(kind)] if low in self._layers]
        selected, active = set(layers.selection), layers.selection.active
        layers.insert(1 + max(layers.index(other) for other in [known.image, *lower]), layer)
        if active is not None:
            layers.selection.active = active
        else:
            layers.selection.clear()
            layers.selection.update(selected)
        self._layers[kind] = layer

    def _take_away(self, kind: Kind) -> None:
        """Remove the layer of a kind, if there is one."""
        layer = self._layers.pop(kind, None)
        self._shown.pop(kind, None)
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)

    @contextmanager
    def _working(self) -> Iterator[None]:
        """While it lasts, layers that come and go are our own doing."""
        self._at_work = True
        try:
            yield
        finally:
            self._at_work = False


def _same(shown: tuple[Known, Overlay], known: Known, overlay: Overlay) -> bool:
    """Tell whether a layer shows already what it should."""
    before = shown[0]
    return (
        shown[1] == overlay
        and before.outcome is known.outcome
        and before.image is known.image
        and before.plane == known.plane
    )
