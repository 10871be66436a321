"""Outlining an object anew when the model would see another picture of the plane on screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari_m2n2.annotation.planes import Plane
from napari_m2n2.viewer.connections import Connections
from napari_m2n2.viewer.pair import Pair
from napari_m2n2.viewer.settling import Settling

if TYPE_CHECKING:
    from napari_m2n2.viewer.controller import Controller

CHANNELS = {"channel_axis", "channels", "more_images"}
"""The parts of the state that belong to the image that is chosen."""

PICTURE = CHANNELS | {"contrast", "region", "drawn", "most_pixels"}
"""The parts of the state that the picture depends on."""


class Watching:
    """Compares pictures, not settings: what makes no difference to the model asks for nothing.

    Parameters
    ----------
    controller : Controller
    again : callable
        Outlines a plane of an object once more.
    """

    def __init__(self, controller: Controller, again: Callable[[Pair, Plane], None]) -> None:
        self._controller = controller
        self._again = again
        self._layers = Connections()
        self._settling = Settling(self.compare, controller.viewer)
        controller.pair_changed.connect(self._listen)
        controller.state.changed.connect(self._on_state)

    def close(self) -> None:
        """Let go of the layers."""
        self._settling.stop()
        self._layers.close()
        self._controller.pair_changed.disconnect(self._listen)
        self._controller.state.changed.disconnect(self._on_state)

    def compare(self) -> None:
        """Outline the plane on screen anew if the model would see another picture of it."""
        pair, plane = self._controller.current, self._controller.shown()
        if pair is None or plane is None:
            return
        prompts = pair.prompts_on(plane)
        if prompts and pair.source.sees_other(plane, prompts):
            self._again(pair, plane)
        else:
            self._controller.look()

    def _on_state(self, name: str) -> None:
        """Take over what was chosen for the image of the object at work."""
        pair, state = self._controller.current, self._controller.state
        if name not in PICTURE or pair is None:
            return
        if name in CHANNELS:
            if state.image not in (None, pair.image):
                return
            pair.source.choose()
            self._listen(pair)
        self.compare()

    def _listen(self, pair: Pair | None) -> None:
        """Follow how the layers of an object's channels are shown."""
        self._layers.close()
        for layer in () if pair is None else pair.source.layers:
            self._layers.connect(layer.events.contrast_limits, self._settling.want)
            self._layers.connect(layer.events.colormap, self._settling.want)
