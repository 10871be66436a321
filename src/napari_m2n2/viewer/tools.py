"""What the mouse does: place points, or draw boxes, scribbles and lassos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari.components import ViewerModel

if TYPE_CHECKING:
    from napari_m2n2.viewer.pair import Pair


@dataclass(frozen=True)
class Tool:
    """One tool.

    Attributes
    ----------
    name : str
        As the user reads it.
    hint : str
        How it is used.
    layer : str
        Which layer of an object it works in: "prompts" or "shapes".
    mode : str
        The mode of that layer.
    """

    name: str
    hint: str
    layer: str
    mode: str


TOOLS = (
    Tool("Points", "Click on the object.", "prompts", "add"),
    Tool("Box", "Drag a rectangle around the object.", "shapes", "add_rectangle"),
    Tool("Scribble", "Drag a line over the object.", "shapes", "add_path"),
    Tool("Lasso", "Drag a rough outline of the object.", "shapes", "add_polygon_lasso"),
)
"""In the order in which a key goes through them."""


def take(tool: Tool, viewer: ViewerModel, pair: Pair) -> None:
    """Make a tool work: its layer active and on screen, and in the right mode."""
    if not pair.drawings.finish():
        return
    layer = getattr(pair, tool.layer)
    if layer is pair.shapes:
        add_shapes(viewer, pair)
    layer.visible = True
    viewer.layers.selection.active = layer
    layer.mode = tool.mode


def add_shapes(viewer: ViewerModel, pair: Pair) -> None:
    """Add the layer of shapes, below the points; drawing is not for everyone."""
    if pair.shapes not in viewer.layers:
        active = viewer.layers.selection.active
        viewer.add_layer(pair.shapes)
        viewer.layers.move(len(viewer.layers) - 1, viewer.layers.index(pair.prompts))
        viewer.layers.selection.active = active


def in_hand(viewer: ViewerModel, pair: Pair) -> Tool | None:
    """Return the tool that the mouse is now; None for what is none of ours, such as a brush."""
    active = viewer.layers.selection.active
    for tool in TOOLS:
        layer = getattr(pair, tool.layer)
        # not `is`: plugins get the active layer in a wrapping
        if active == layer and layer.mode == tool.mode:
            return tool
    return None


def after(tool: Tool | None) -> Tool:
    """Return the next tool."""
    return TOOLS[0] if tool is None else TOOLS[(TOOLS.index(tool) + 1) % len(TOOLS)]
