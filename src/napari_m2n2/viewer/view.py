"""What part of the world is on screen."""

from __future__ import annotations

from itertools import product

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image
from numpy.typing import NDArray


def view_corners(viewer: ViewerModel, image: Image) -> NDArray[np.float64]:
    """Return the corners of the view in 2D, as points of the world.

    Parameters
    ----------
    viewer : napari viewer
    image : Image
        Asked in versions of napari that do not tell how large their canvas is.

    Returns
    -------
    (4, ndim) float64 array
        Along hidden axes they lie where the sliders stand.
    """
    if not hasattr(viewer, "canvas"):
        return _corners_of_shown(image, viewer)
    camera = viewer.scene.camera
    centre = np.asarray(camera.center, dtype=np.float64)[-2:]
    half = np.asarray(viewer.canvas.viewbox_size(viewer.layers)) / camera.zoom / 2
    corners = np.tile(np.asarray(viewer.dims.point, dtype=np.float64), (4, 1))
    signs = np.array(list(product((-1, 1), repeat=2)))
    corners[:, list(viewer.dims.displayed)[-2:]] = centre + signs * half
    return corners


def _corners_of_shown(image: Image, viewer: ViewerModel) -> NDArray[np.float64]:
    """Return the corners of the part of an image that is on screen."""
    factors = image.downsample_factors[image.data_level][: image.ndim]
    ends = np.asarray(image.corner_pixels, dtype=np.float64) * factors
    corners = np.tile(np.asarray(viewer.dims.point, dtype=np.float64), (4, 1))
    displayed = list(viewer.dims.displayed)[-2:]
    axes = [axis - viewer.dims.ndim for axis in displayed]
    position = np.asarray(image.world_to_data(viewer.dims.point), dtype=np.float64)
    for corner, (row, column) in zip(corners, product((0, 1), repeat=2), strict=True):
        position[axes] = ends[row, axes[0]], ends[column, axes[1]]
        corner[-image.ndim :] = image.data_to_world(position)
    return corners
