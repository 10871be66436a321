"""Making and reading the two layers of an object: its prompts (Points) and its labels (Labels)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from napari.layers import Image, Labels, Layer, Points
from napari.utils.colormaps import CyclicLabelColormap
from numpy.typing import NDArray

from napari_m2n2.annotation.planes import probe
from napari_m2n2.viewer.connections import Connections

logger = logging.getLogger(__name__)

FOREGROUND, BACKGROUND = "fg", "bg"
FEATURE = "label"
"""The column of the prompts' features that says which of the two a point is."""

OBJECT_COLOURS = ("#00e5ff", "#ffea00", "#e040fb", "#76ff03", "#ff9100", "#448aff")
"""Of objects 1, 2, ...: colours that neither stained tissue nor grey scans have."""

_TRANSFORM_EVENTS = ("scale", "translate", "rotate", "shear", "affine", "units")


@dataclass(frozen=True)
class Mark:
    """How a prompt looks: colour and shape both tell, for those who see colours differently."""

    colour: str
    symbol: str


MARKS = {True: Mark("#00c853", "disc"), False: Mark("#ff1744", "x")}
"""Foreground and background."""


def transform_of(image: Image, factors: NDArray[np.float64]) -> dict[str, Any]:
    """Return the transform that lays a layer over an image.

    Parameters
    ----------
    image : Image
    factors : (ndim,) float64 array
        How many pixels of the image one pixel of the layer covers along each axis.
    """
    transform = {
        "scale": np.asarray(image.scale) * factors,
        "translate": np.array(image.translate),
        "rotate": image.rotate,
        "shear": image.shear,
        "affine": image.affine,
        "units": image.units,
    }
    if (factors != 1).any():
        # the first pixel's centre lies further inside; say so in the space that `translate` is in
        world = probe(image.data_to_world, image.ndim)
        shift = world.matrix @ ((factors - 1) / 2)
        linear = np.asarray(image.affine.affine_matrix)[:-1, :-1]
        transform["translate"] = transform["translate"] + np.linalg.solve(linear, shift)
    return transform


def make_prompts(image: Image, name: str) -> Points:
    """Make the empty layer that the user places prompts in."""
    ones = np.ones(image.ndim)
    return Points(
        np.zeros((0, image.ndim)),
        ndim=image.ndim,
        name=name,
        features=pd.DataFrame({FEATURE: pd.Categorical([], categories=[FOREGROUND, BACKGROUND])}),
        feature_defaults={FEATURE: FOREGROUND},
        face_color=MARKS[True].colour,
        border_color="white",
        border_width=0.12,
        symbol=MARKS[True].symbol,
        size=_point_size(image),
        canvas_size_limits=(11, 22),
        axis_labels=image.axis_labels,
        **transform_of(image, ones),
    )


def _point_size(image: Image) -> float:
    """Return a diameter in pixels of the image at which prompts are seen but hide little."""
    sides = sorted(int(side) for side in _spatial_shape(image))
    return max(1.0, sides[-2] / 40)


def _spatial_shape(image: Image) -> tuple[int, ...]:
    """Return the shape of the image without colours."""
    shape = image.level_shapes[0] if image.multiscale else image.data.shape
    return tuple(shape[: image.ndim])


def make_labels(
    image: Image, factors: NDArray[np.float64], shape: tuple[int, ...], name: str, label: int
) -> Labels:
    """Make the empty layer that the masks of one object are written to.

    uint16, as label images of microscopy are, costs half the memory of napari's default.
    """
    labels = Labels(
        np.zeros(shape, np.uint16),
        name=name,
        opacity=0.5,
        colormap=CyclicLabelColormap(colors=["transparent", *OBJECT_COLOURS]),
        axis_labels=image.axis_labels,
        **transform_of(image, factors),
    )
    labels.selected_label = label
    return labels


def follow_image(
    image: Image,
    layers: Iterable[tuple[Layer, NDArray[np.float64]]],
    moved: Callable[[], object],
    connections: Connections,
) -> None:
    """Move layers along whenever the image's transform changes.

    Parameters
    ----------
    image : Image
    layers : iterable of (layer, factors)
        See `transform_of`.
    moved : callable
        Called afterwards.
    connections : Connections
        What ends it.
    """
    followers = list(layers)

    def move(_event: Any) -> None:
        for layer, factors in followers:
            for name, value in transform_of(image, factors).items():
                setattr(layer, name, value)
        moved()

    for name in _TRANSFORM_EVENTS:
        connections.connect(getattr(image.events, name), move)


def read_signs(points: Points) -> NDArray[np.bool_]:
    """Return which prompts are foreground, (n,) bool.

    The column may hold categories, plain text or gaps, depending on what was done to the layer;
    whatever does not say background is foreground.
    """
    features = points.features
    if FEATURE not in features:
        return np.ones(len(points.data), bool)
    return np.array([str(value) != BACKGROUND for value in features[FEATURE]], dtype=bool)


def show_signs(points: Points) -> None:
    """Give each prompt the colour and shape of what it is."""
    if len(points.data) == 0:
        return
    marks = [MARKS[bool(sign)] for sign in read_signs(points)]
    points.face_color = [mark.colour for mark in marks]
    points.symbol = [mark.symbol for mark in marks]


def set_next_sign(points: Points, foreground: bool) -> None:
    """Say what the next prompt will be; those already placed stay as they are."""
    wanted = FOREGROUND if foreground else BACKGROUND
    defaults = points.feature_defaults
    if FEATURE in defaults and str(defaults[FEATURE].iloc[0]) == wanted:
        return
    points.feature_defaults = {FEATURE: wanted}
    # without the block these would change the points that are selected
    with points.block_update_properties():
        points.current_face_color = MARKS[foreground].colour
        points.current_symbol = MARKS[foreground].symbol


def strokes(
    history: Iterable[Any], shape: tuple[int, ...]
) -> Iterator[tuple[tuple[NDArray[np.integer], ...], Any]]:
    """Yield the pixels and values of what was painted, from the value of a `paint` event.

    napari 0.9 describes a stroke by a box and a mask in it, data_setitem and older versions by
    lists of indices.
    """
    for atom in history:
        if len(atom) == 3:
            indices, _, values = atom
            yield tuple(np.asarray(index) for index in indices), values
        elif len(atom) == 4:
            box, mask, _, value = atom
            starts = [part.indices(length)[0] for part, length in zip(box, shape, strict=True)]
            sizes = [len(range(*part.indices(n))) for part, n in zip(box, shape, strict=True)]
            inside = np.nonzero(np.ones(sizes, bool) if mask is None else mask)
            yield tuple(i + start for i, start in zip(inside, starts, strict=True)), value
        else:
            logger.warning("a stroke of unknown form was painted: %d parts", len(atom))
