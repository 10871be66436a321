"""Bringing a part of the world on screen, in every version of napari that is supported."""

from __future__ import annotations

from itertools import product

import numpy as np

CANVAS = (800, 600)
"""Height and width, in napari's own pixels; the size of a window that is not shown."""


def camera_of(viewer):
    return getattr(viewer, "scene", viewer).camera


def look_at(viewer, row, column, side):
    """Fill the canvas with a square around a point of the displayed axes of the world."""
    camera = camera_of(viewer)
    camera.center = (0, row, column)
    camera.zoom = min(CANVAS) / side
    if not hasattr(viewer, "canvas"):
        _draw(viewer, np.array([row, column]), np.array(CANVAS) / camera.zoom / 2)


def _draw(viewer, centre, half):
    """Do what drawing does in versions that keep what is on screen in the layers only."""
    from napari.layers import Image

    displayed = list(viewer.dims.displayed)
    for layer in viewer.layers:
        if not isinstance(layer, Image) or min(displayed) < viewer.dims.ndim - layer.ndim:
            continue
        world = np.tile(np.array(viewer.dims.point, dtype=float), (4, 1))
        world[:, displayed] = centre + half * np.array(list(product((-1, 1), repeat=2)))
        points = np.array([layer.world_to_data(point) for point in world])
        level = layer.data_level if layer.multiscale else 0
        factors = np.array(layer.downsample_factors[level][: layer.ndim])
        ends = np.stack([np.floor(points.min(axis=0)), np.ceil(points.max(axis=0))])
        shape = np.array(layer.level_shapes[0] if layer.multiscale else layer.data.shape)
        layer.corner_pixels = (np.clip(ends, 0, shape[: layer.ndim] - 1) / factors).astype(int)
