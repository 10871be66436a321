"""Layers as the channels of one image: which fit together, and how each of them looks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from napari.layers import Image
from numpy.typing import NDArray

from napari_m2n2.annotation.channels import DEFAULT_COLOURS, WHITE, Channel, Colour
from napari_m2n2.annotation.planes import Plane, probe
from napari_m2n2.errors import InputError
from napari_m2n2.image import Contrast


def level_shapes(image: Image) -> NDArray[np.int64]:
    """Return the shape of each level without colours, finest first: (levels, ndim)."""
    shapes = np.array(image.level_shapes if image.multiscale else [image.data.shape])
    return shapes[:, : image.ndim]


def contrast_of(image: Image, choice: str) -> Contrast:
    """Return the contrast of a layer.

    Parameters
    ----------
    image : Image
        Colours are taken as they are.
    choice : str
        "layer" for the limits that the user sees, "percentile" for those of the pixels.
    """
    if image.rgb:
        return None
    low, high = (float(limit) for limit in image.contrast_limits)
    return (low, high) if choice == "layer" and low < high else "percentile"


def channels_of_layers(
    layers: Sequence[Image], level: int, plane: Plane, contrast: str
) -> tuple[Channel, ...]:
    """Return layers as channels, each with the layer in place of its data.

    Raises
    ------
    InputError
        If they do not lie over each other pixel by pixel, or cannot be told apart.
    """
    first = layers[0]
    for other in layers[1:]:
        check_fits(first, other)
    return tuple(
        Channel(layer, plane, contrast_of(layer, contrast), colour)
        for layer, colour in zip(layers, colours_of(layers), strict=True)
    )


def check_fits(image: Image, other: Image) -> None:
    """Raise `InputError` if a layer cannot be a channel beside another one."""
    if image.rgb or other.rgb:
        coloured = image if image.rgb else other
        raise InputError(
            f"“{coloured.name}” has colours already; choose layers without colours as channels."
        )
    if not np.array_equal(level_shapes(image), level_shapes(other)):
        raise InputError(
            f"“{other.name}” has another shape than “{image.name}”; "
            "choose layers of the same shape as channels."
        )
    here, there = (probe(layer.data_to_world, layer.ndim) for layer in (image, other))
    ends = np.stack([np.zeros(image.ndim), level_shapes(image)[0]])
    apart = np.abs(here(ends) - there(ends)).max()
    if apart > 1e-3 * np.abs(here.matrix).max():
        raise InputError(
            f"“{other.name}” does not lie where “{image.name}” lies; "
            "give both layers the same scale, translation and rotation."
        )


def colours_of(layers: Sequence[Image]) -> list[Colour]:
    """Return what each layer adds to the image: the brightest colour of its colour map.

    Layers that would look the same are red, green and blue, in this order.
    """
    if len(layers) == 1:
        return [WHITE]
    own = [_brightest(layer) for layer in layers]
    if len(set(own)) == len(own):
        return own
    if len(layers) > len(DEFAULT_COLOURS):
        raise InputError(
            f"{len(layers)} layers were chosen of which some have the same colour map; "
            "give each a colour map of its own, or choose at most three."
        )
    return list(DEFAULT_COLOURS[len(layers) - 1])


def _brightest(layer: Image) -> Colour:
    colours = np.asarray(layer.colormap.colors, dtype=np.float64)[:, :3]
    red, green, blue = (round(float(value), 3) for value in colours[colours.sum(axis=1).argmax()])
    return red, green, blue
