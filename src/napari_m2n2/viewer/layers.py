"""Layers that lie where an image lies, and the Labels layer of its objects."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from napari.layers import Image, Labels, Layer
from napari.utils.colormaps import CyclicLabelColormap
from numpy.typing import NDArray

from napari_m2n2.annotation.planes import probe
from napari_m2n2.viewer.connections import Connections

logger = logging.getLogger(__name__)

OURS = "napari_m2n2 labels"
"""Of the metadata of a Labels layer: the `unique_id` of the image that it was made for."""

PROMPTS_OF = "napari_m2n2 prompts"
"""Of the metadata of a layer of prompts: the `unique_id` of its image."""

OBJECT_COLOURS = ("#00e5ff", "#ffea00", "#e040fb", "#76ff03", "#ff9100", "#448aff")
"""Of objects 1, 2, ...: colours that neither stained tissue nor grey scans have."""

TRANSFORM_EVENTS = ("scale", "translate", "rotate", "shear", "affine", "units")
"""Of a layer: any of them moves it."""


def transform_of(
    image: Image, factors: NDArray[np.float64], start: NDArray[np.float64] | None = None
) -> dict[str, Any]:
    """Return the transform that lays a layer over an image.

    Parameters
    ----------
    image : Image
    factors : (ndim,) float64 array
        How many pixels of the image one pixel of the layer covers along each axis.
    start : (ndim,) float64 array, optional
        Where the layer begins, in its own pixels; by default where the image does.
    """
    transform = {
        "scale": np.asarray(image.scale) * factors,
        "translate": np.array(image.translate),
        "rotate": image.rotate,
        "shear": image.shear,
        "affine": image.affine,
        "units": image.units,
    }
    first = (factors - 1) / 2 + (0 if start is None else factors * start)
    if first.any():
        # the first pixel's centre lies further inside; say so in the space that `translate` is in
        world = probe(image.data_to_world, image.ndim)
        shift = world.matrix @ first
        linear = np.asarray(image.affine.affine_matrix)[:-1, :-1]
        transform["translate"] = transform["translate"] + np.linalg.solve(linear, shift)
    return transform


def short_side(image: Image) -> int:
    """Return the second longest side of an image, in pixels: the sizes of prompts go by it."""
    shape = image.level_shapes[0] if image.multiscale else image.data.shape
    return sorted(int(side) for side in shape[: image.ndim])[-2]


def make_labels(
    image: Image, factors: NDArray[np.float64], shape: tuple[int, ...], name: str
) -> Labels:
    """Make the empty layer that the masks of all objects of an image are written to.

    uint16, as label images of microscopy are, costs half the memory of napari's default.
    """
    return Labels(
        np.zeros(shape, np.uint16),
        name=name,
        opacity=0.5,
        colormap=CyclicLabelColormap(colors=["transparent", *OBJECT_COLOURS]),
        axis_labels=image.axis_labels,
        metadata={OURS: image.unique_id},
        **transform_of(image, factors),
    )


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

    for name in TRANSFORM_EVENTS:
        connections.connect(getattr(image.events, name), move)


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
