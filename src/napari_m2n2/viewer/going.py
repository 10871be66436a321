"""Moving the sliders to a plane."""

from __future__ import annotations

import numpy as np
from napari.components import ViewerModel

from napari_m2n2.annotation.planes import Plane, to_layer
from napari_m2n2.viewer.pair import Pair


def go_to_plane(viewer: ViewerModel, pair: Pair, plane: Plane) -> None:
    """Show a plane of the labels, from the side that it was outlined from.

    Parameters
    ----------
    viewer : napari viewer
    pair : Pair
    plane : Plane
    """
    dims = viewer.dims
    before = dims.ndim - len(plane.shape)
    axes = [axis + before for axis in plane.displayed]
    if dims.ndisplay == 2 and list(dims.displayed) != axes:
        rest = [axis for axis in range(dims.ndim) if axis not in axes]
        dims.order = (*rest, *axes)
    middle = np.array([plane.size], dtype=np.float64) / 2
    world = np.asarray(pair.labels.data_to_world(to_layer(middle, plane)[0]))
    for axis, _ in plane.hidden:
        dims.set_point(axis + before, float(world[axis]))
