"""Which 2D plane of a layer is on screen, what lies on it, and the way back to the layer.

Nothing here knows napari: a layer is a shape, an array and points in pixels of that array.
Coordinates within the plane are (row, column); hidden axes are those that a slider moves along.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_m2n2.errors import InputError

SENSIBLE_PIXELS = 2048 * 2048
"""Of a multi-scale image the finest level is taken whose plane has no more pixels than this."""

MOST_PIXELS = 6000 * 6000
"""Planes with more pixels are refused: one click would take minutes and many gigabytes."""


@dataclass(frozen=True)
class Plane:
    """One 2D plane of an nD layer.

    Attributes
    ----------
    shape : tuple of int
        Shape of the layer, without the axis of colours.
    displayed : (int, int)
        The axes of the layer that run down and to the right on screen, in that order.
    hidden : tuple of (axis, index)
        Where the plane lies along each other axis, by rising axis.
    """

    shape: tuple[int, ...]
    displayed: tuple[int, int]
    hidden: tuple[tuple[int, int], ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the plane."""
        return self.shape[self.displayed[0]], self.shape[self.displayed[1]]

    @property
    def name(self) -> str:
        """How to call the plane in a sentence; empty for an image of one plane.

        Axes along which there is but one index are not worth a word.
        """
        told = [(axis, index) for axis, index in self.hidden if self.shape[axis] > 1]
        if not told:
            return ""
        if len(told) == 1:
            axis, index = told[0]
            return f"slice {index} of axis {axis}"
        where = ", ".join(str(index) for _, index in told)
        return f"slice ({where}) of axes ({', '.join(str(axis) for axis, _ in told)})"


def shown_plane(
    shape: Sequence[int], displayed: Sequence[int], world_ndim: int, position: ArrayLike
) -> Plane:
    """Return the plane of a layer that is on screen.

    Parameters
    ----------
    shape : sequence of int, (n,)
        Shape of the layer without colours.
    displayed : sequence of int
        The axes of the world on screen, in the order shown; those of the layer are the last n.
    world_ndim : int
        How many axes the world has.
    position : (n,) array-like
        Where the sliders stand, in pixels of the layer; displayed axes are not looked at.

    Raises
    ------
    InputError
        If the view is 3D, shows an axis that the layer lacks, or has left the layer.
    """
    if len(displayed) != 2:
        raise InputError("The view is in 3D; switch it to 2D to place prompts on a plane.")
    axes = [int(axis) - (world_ndim - len(shape)) for axis in displayed]
    if min(axes) < 0:
        raise InputError(
            "The view shows an axis that this image does not have; "
            "roll the axes until the image is seen from the front."
        )
    where = nearest_planes(np.asarray(position, dtype=np.float64))
    hidden = []
    for axis, length in enumerate(shape):
        if axis in axes:
            continue
        if not 0 <= where[axis] < length:
            raise InputError(
                "The slider has left this image; move it back to one of the image's slices."
            )
        hidden.append((axis, int(where[axis])))
    return Plane(tuple(int(n) for n in shape), (axes[0], axes[1]), tuple(hidden))


def nearest_planes(coordinates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round coordinates along hidden axes to the plane that napari shows for them.

    Halves go to the even neighbour as in napari's own slicing: a point placed at 0.5 has to count
    for the plane it was seen on.
    """
    return np.round(coordinates)


def read_plane(data: Any, plane: Plane) -> NDArray[Any]:
    """Return the plane of an array as (H, W) or, if it has colours as last axis, (H, W, C).

    Only the plane is read from a lazy array. In-memory arrays give a view.
    """
    where = dict(plane.hidden)
    index = tuple(where.get(axis, slice(None)) for axis in range(len(plane.shape)))
    values = np.asarray(data[index])
    return values if plane.displayed[0] < plane.displayed[1] else values.swapaxes(0, 1)


def on_plane(points: NDArray[np.float64], plane: Plane) -> NDArray[np.bool_]:
    """Tell which points (n, ndim) in pixels of the layer lie on the plane: a bool array (n,)."""
    lies = np.ones(len(points), bool)
    for values in points.T:
        lies &= np.isfinite(values)
    for axis, index in plane.hidden:
        lies &= nearest_planes(points[:, axis]) == index
    return lies


def inside(points: NDArray[np.float64], plane: Plane) -> NDArray[np.bool_]:
    """Tell which points (n, 2) as (row, column) lie within the plane's pixels: (n,) bool."""
    pixels = np.floor(points + 0.5)
    fits = (pixels >= 0) & (pixels < np.array(plane.size))
    return fits[:, 0] & fits[:, 1]


def to_plane(points: NDArray[np.float64], plane: Plane) -> NDArray[np.float64]:
    """Return the (row, column) of points (n, ndim) in pixels of the layer: (n, 2)."""
    return points[:, list(plane.displayed)]


def to_layer(points: NDArray[Any], plane: Plane) -> NDArray[Any]:
    """Return points (n, 2) as (row, column) in pixels of the layer: (n, ndim)."""
    coordinates = np.zeros((len(points), len(plane.shape)), dtype=points.dtype)
    coordinates[:, list(plane.displayed)] = points
    for axis, index in plane.hidden:
        coordinates[:, axis] = index
    return coordinates


@dataclass(frozen=True, eq=False)
class Affine:
    """The map x -> matrix @ x + offset, for many points at once.

    Attributes
    ----------
    matrix : (n, n) float64 array
    offset : (n,) float64 array
    """

    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]

    def __call__(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map points (k, n)."""
        return points @ self.matrix.T + self.offset

    def after(self, first: Affine) -> Affine:
        """Return the map that applies `first` and then this one."""
        return Affine(self.matrix @ first.matrix, self.matrix @ first.offset + self.offset)


def probe(function: Callable[[NDArray[np.float64]], ArrayLike], ndim: int) -> Affine:
    """Find out what affine map a function of one point (n,) is, by its values at n + 1 points."""
    offset = np.asarray(function(np.zeros(ndim)), dtype=np.float64)
    columns = [np.asarray(function(unit)) - offset for unit in np.eye(ndim)]
    return Affine(np.stack(columns, axis=1), offset)


def to_level(factors: NDArray[np.float64]) -> Affine:
    """Return the map from pixels of the finest level to those of a level `factors` (n,) coarser.

    A coarse pixel covers the fine ones that it stands for, so corners meet, not centres.
    """
    return Affine(np.diag(1 / factors), 0.5 / factors - 0.5)


def is_tilted(world_to_layer: Affine, plane: Plane) -> bool:
    """Tell whether moving within the view would leave the plane, as under a tilted rotation."""
    hidden = [axis for axis, _ in plane.hidden]
    matrix = world_to_layer.matrix[np.ix_(hidden, list(plane.displayed))]
    scale = np.abs(world_to_layer.matrix).max()
    return bool((np.abs(matrix) > 1e-6 * scale).any())


def choose_level(
    shapes: ArrayLike, displayed: Sequence[int], view: tuple[float, float] | None = None
) -> int:
    """Return the finest level of which no more is on screen than a sensible number of pixels.

    Parameters
    ----------
    shapes : (levels, n) array-like of int
        Shape of each level without colours, finest first.
    displayed : (int, int)
        The axes of the layer that are on screen.
    view : (float, float), optional
        How many rows and columns of the finest level are on screen; by default all.

    Returns
    -------
    int
        The coarsest level if even that has more.
    """
    sides = np.asarray(shapes, dtype=np.float64)[:, list(displayed)]
    if view is not None:
        sides *= np.minimum(np.asarray(view, dtype=np.float64) / sides[0], 1)
    fitting = np.flatnonzero(sides.prod(axis=1) <= SENSIBLE_PIXELS)
    return int(fitting[0]) if len(fitting) else len(sides) - 1


def level_sentence(shapes: ArrayLike, displayed: Sequence[int], level: int) -> str:
    """Tell which level of a multi-scale image is segmented; empty for an image of one level."""
    sides = np.asarray(shapes)[:, list(displayed)]
    if len(sides) < 2:
        return ""
    rows, columns = (int(side) for side in sides[level])
    text = f"Level {level} of 0 to {len(sides) - 1} of this image is outlined"
    if level:
        coarser = float((sides[0] / sides[level]).max())
        text += f", {coarser:.3g} × coarser than the finest"
    return f"{text}: {rows} × {columns} pixels."
