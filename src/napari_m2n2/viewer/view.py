"""What part of the world is on screen."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from napari.components import Dims, ViewerModel
from napari.layers import Image
from numpy.typing import NDArray

from napari_m2n2.annotation.planes import Plane, is_tilted, shown_plane
from napari_m2n2.errors import InputError

if TYPE_CHECKING:
    from napari_m2n2.viewer.source import ImageSource


def plane_on_screen(source: ImageSource, dims: Dims) -> Plane:
    """Return the plane of an image on screen, or raise `InputError` with the reason."""
    if dims.ndisplay != 2:
        raise InputError("The view is in 3D; switch it to 2D to place prompts on a plane.")
    source.check_shape()
    to_pixels = source.to_pixels()
    position = to_pixels(np.array([dims.point])[:, -source.image.ndim :])[0]
    plane = shown_plane(source.shape, dims.displayed, dims.ndim, position)
    if is_tilted(to_pixels, plane):
        raise InputError(
            "The image is rotated out of the view, so no slice of it is on screen; "
            "remove the rotation or roll the axes."
        )
    source.check_plane(plane)
    return plane


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
