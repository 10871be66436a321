"""The layers that show why a pixel is in the object, and the image as the model sees it.

They hold one plane each: along hidden axes they are one pixel thick and lie where the plane lies,
so that napari itself shows them on their plane only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from napari.layers import Image, Layer, Vectors
from napari.utils import Colormap
from numpy.typing import NDArray

from napari_m2n2.annotation.jobs import Segmented
from napari_m2n2.annotation.overlays import RANGES, Overlay, overlay_of, unsure_lines
from napari_m2n2.annotation.planes import Plane, to_layer
from napari_m2n2.annotation.region import Region
from napari_m2n2.viewer.layers import short_side, transform_of

OURS = "napari-m2n2"
"""In the metadata of a layer: it is one that we show, nothing to be outlined."""

Kind: TypeAlias = Literal["image", "overlay", "contour"]
KINDS: tuple[Kind, ...] = ("image", "overlay", "contour")
"""From the lowest to the highest in the list of layers."""

_NAMES: dict[Kind, str] = {
    "image": "{}: seen by the model",
    "overlay": "{}: why",
    "contour": "{}: unsure outline",
}


@dataclass(frozen=True)
class Look:
    """How an overlay looks.

    Attributes
    ----------
    title : str
        For people.
    low, high : str
        What the colours at both ends mean.
    colours : tuple of (red, green, blue, opacity)
        From low to high, 0 to 1; told apart by everyone, whatever colours they see.
    """

    title: str
    low: str
    high: str
    colours: tuple[tuple[float, float, float, float], ...]


LOOKS: dict[Overlay, Look] = {
    "map": Look(
        "Distance map of a point",
        "near the point",
        "far from it",
        # viridis, from its light end: what is near shines
        (
            (0.99, 0.91, 0.14, 1.0),
            (0.48, 0.82, 0.32, 1.0),
            (0.13, 0.66, 0.52, 1.0),
            (0.16, 0.47, 0.56, 1.0),
            (0.25, 0.27, 0.53, 1.0),
            (0.27, 0.00, 0.33, 1.0),
        ),
    ),
    "score": Look(
        "Score",
        "outside",
        "in the object",
        (
            (0.00, 0.35, 0.80, 1.0),
            (0.70, 0.85, 1.00, 0.3),
            (1.00, 0.85, 0.60, 0.3),
            (0.90, 0.45, 0.00, 1.0),
        ),
    ),
    "uncertainty": Look(
        "Uncertainty", "sure", "unsure", ((1.00, 0.60, 0.00, 0.0), (1.00, 0.60, 0.00, 1.0))
    ),
}

INNER_COLOUR, OUTER_COLOUR = "#2f9bff", "#ff9e00"
"""Of the outlines with a smaller and a larger λ."""


@dataclass(frozen=True, eq=False)
class Known:
    """What was found out about a plane of an image.

    Attributes
    ----------
    image : Image
    factors : (ndim,) float64 array
        How many pixels of the image one of the plane's covers along each axis.
    plane : Plane
    region : Region
        What of the plane was segmented.
    outcome : Segmented
    """

    image: Image
    factors: NDArray[np.float64]
    plane: Plane
    region: Region
    outcome: Segmented

    def attributes(self, kind: Kind, overlay: Overlay) -> dict[str, Any] | None:
        """Return the data and colours of a layer of some kind; None for nothing to show."""
        if kind == "contour":
            lines, inner = unsure_lines(self.outcome.score)
            if not len(lines):
                return None
            colours = np.where(inner, INNER_COLOUR, OUTER_COLOUR)
            return {"data": self._vectors(lines), "edge_color": colours}
        values = self.outcome.image if kind == "image" else overlay_of(self.outcome, overlay)
        return None if values is None else {"data": _one_thick(values, self.plane)}

    def _vectors(self, lines: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return lines (n, 2, 2) of the region as a layer of vectors has them, (n, 2, ndim)."""
        start = np.array([self.region.rows[0], self.region.columns[0]])
        ends = to_layer(lines[:, 0] + start, self.plane)
        ways = to_layer(lines[:, 1], self.plane)
        ways[:, [axis for axis, _ in self.plane.hidden]] = 0
        return np.stack([ends, ways], axis=1)

    def transform(self, kind: Kind) -> dict[str, Any]:
        """Return the transform of a layer of some kind."""
        if kind == "contour":
            return transform_of(self.image, self.factors)
        region = self.region
        corner = np.array([[region.rows[0], region.columns[0]]], dtype=np.float64)
        start = to_layer(corner, self.plane)[0]
        if kind == "overlay":
            return transform_of(self.image, self.factors, start)
        blocks = np.ones(len(start))
        blocks[list(self.plane.displayed)] = region.factor
        return transform_of(self.image, self.factors * blocks, start / blocks)


def make_layer(kind: Kind, known: Known, attributes: Mapping[str, Any], overlay: Overlay) -> Layer:
    """Make the layer of some kind, with what `Known.attributes` gave."""
    more: dict[str, Any] = {
        "name": _NAMES[kind].format(known.image.name),
        "metadata": {OURS: overlay if kind == "overlay" else kind},
        "axis_labels": known.image.axis_labels,
        **attributes,
        **known.transform(kind),
    }
    if kind == "contour":
        # wide enough to be seen when the whole plane is, and thinner than any object
        width = max(0.3, short_side(known.image) / float(known.factors.max()) / 400)
        return Vectors(edge_width=width, vector_style="line", **more)
    if kind == "image":
        return Image(rgb=True, **more)
    return Image(blending="translucent", **_colouring(overlay), **more)


def update_layer(
    layer: Layer, kind: Kind, known: Known, attributes: Mapping[str, Any], overlay: Overlay
) -> None:
    """Let a layer that `make_layer` made show something else."""
    for name, value in attributes.items():
        setattr(layer, name, value)
    if kind == "overlay" and layer.metadata.get(OURS) != overlay:
        layer.metadata = {**layer.metadata, OURS: overlay}
        for name, value in _colouring(overlay).items():
            setattr(layer, name, value)
    place_layer(layer, kind, known)


def place_layer(layer: Layer, kind: Kind, known: Known) -> None:
    """Lay a layer over the image again."""
    for name, value in known.transform(kind).items():
        if not np.array_equal(np.asarray(getattr(layer, name)), np.asarray(value)):
            setattr(layer, name, value)


def _colouring(overlay: Overlay) -> Mapping[str, Any]:
    """Return how the layer of an overlay turns values to colours."""
    colours = np.array(LOOKS[overlay].colours, dtype=np.float32)
    colormap = Colormap(colours, name=f"{OURS}-{overlay}", display_name=LOOKS[overlay].title)
    return {"colormap": colormap, "contrast_limits": RANGES[overlay]}


def _one_thick(values: NDArray[Any], plane: Plane) -> NDArray[Any]:
    """Return (h, w, ...) values of a plane with all axes of the layer."""
    if plane.displayed[0] > plane.displayed[1]:
        values = values.swapaxes(0, 1)
    return np.expand_dims(values, tuple(axis for axis, _ in plane.hidden))
