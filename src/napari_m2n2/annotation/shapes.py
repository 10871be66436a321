"""From points and shapes of layers to the prompts of one plane."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_m2n2.annotation.planes import Affine, Plane, inside, on_plane, to_plane
from napari_m2n2.annotation.prompts import PlanePrompts
from napari_m2n2.errors import InputError

Kind: TypeAlias = Literal["rectangle", "ellipse", "polygon", "path", "line"]
"""napari's words for shapes."""

_STRAIGHT = 1e-3
"""Pixels by which the sides of a rectangle may lean and it still is a box."""

_ELLIPSE_CORNERS = 64
"""Corners of the polygon that an ellipse becomes."""


@dataclass(frozen=True, eq=False)
class Shape:
    """One shape of a layer.

    Attributes
    ----------
    kind : str
        "rectangle", "ellipse", "polygon", "path" or "line".
    vertices : (k, ndim) array-like
        Its corners in the layer's own coordinates; four around it for an ellipse.
    foreground : bool
    """

    kind: Kind
    vertices: ArrayLike
    foreground: bool = True


def prompts_on(
    plane: Plane,
    to_pixels: Affine,
    points: ArrayLike = (),
    labels: ArrayLike = (),
    *,
    thresholds: ArrayLike | None = None,
    shapes: Iterable[Shape] = (),
    shapes_to_pixels: Affine | None = None,
    start: NDArray[np.bool_] | None = None,
) -> PlanePrompts:
    """Return the prompts that lie on a plane.

    Parameters
    ----------
    plane : Plane
    to_pixels : Affine
        From the coordinates of the points' layer to pixels of the image:
        world to image after layer to world.
    points : (n, ndim) array-like
        All points of the layer.
    labels : (n,) array-like of bool
    thresholds : (n,) array-like, optional
        λ that the user chose, NaN for none.
    shapes : iterable of Shape
        All shapes of their layer.
    shapes_to_pixels : Affine, optional
        As `to_pixels`, for the shapes; by default the same.
    start : (H, W) bool array, optional
        See `label_mask`.

    Returns
    -------
    PlanePrompts
        Points and shapes that lie beside the image are counted in `outside`; shapes are cut off
        at its sides.
    """
    ndim = len(plane.shape)
    pixels = to_pixels(np.asarray(points, dtype=np.float64).reshape(-1, ndim))
    lies = on_plane(pixels, plane)
    flat = to_plane(pixels, plane)
    within = inside(flat, plane)
    chosen = lies & within
    values = np.full(len(pixels), np.nan) if thresholds is None else np.asarray(thresholds, float)
    found = PlanePrompts(
        points=flat[chosen],
        labels=np.asarray(labels, dtype=bool).reshape(-1)[chosen],
        thresholds=values[chosen],
        origin=np.flatnonzero(chosen),
        start=start,
    )
    move = to_pixels if shapes_to_pixels is None else shapes_to_pixels
    for shape in shapes:
        corners = move(np.asarray(shape.vertices, dtype=np.float64).reshape(-1, ndim))
        if len(corners) and on_plane(corners, plane).all():
            found = _with_shape(found, shape, to_plane(corners, plane))
    found = found.clipped(plane.size)
    return replace(found, outside=found.outside + int(np.count_nonzero(lies & ~within)))


def label_mask(labels: NDArray[np.integer], label: int) -> NDArray[np.bool_]:
    """Return where a plane of labels (H, W) holds a label, as a mask to begin with."""
    mask: NDArray[np.bool_] = labels == label
    if label == 0 or not mask.any():
        raise InputError(
            f"There is no object {label} on this plane; choose a label that is on it."
        )
    return mask


def _with_shape(prompts: PlanePrompts, shape: Shape, corners: NDArray[np.float64]) -> PlanePrompts:
    """Return the prompts and a shape, its corners (k, 2) on the plane."""
    if shape.kind in ("path", "line"):
        return replace(prompts, scribbles=(*prompts.scribbles, (corners, shape.foreground)))
    if shape.kind == "ellipse":
        corners = _ellipse(corners)
    if not shape.foreground:
        return replace(prompts, excluded=(*prompts.excluded, corners))
    if shape.kind == "rectangle" and _is_straight(corners):
        box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
        return replace(prompts, boxes=np.vstack([prompts.boxes, box]))
    return replace(prompts, lassos=(*prompts.lassos, corners))


def _is_straight(corners: NDArray[np.float64]) -> bool:
    """Tell whether the sides of a rectangle run along rows and columns."""
    sides = np.abs(np.diff(np.vstack([corners, corners[:1]]), axis=0))
    return bool((sides.min(axis=1) <= _STRAIGHT).all())


def _ellipse(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the polygon of the ellipse within a parallelogram (4, 2)."""
    if len(corners) != 4:
        return corners
    centre = corners.mean(axis=0)
    down, across = (corners[1] - corners[0]) / 2, (corners[2] - corners[1]) / 2
    angles = np.linspace(0, 2 * np.pi, _ELLIPSE_CORNERS, endpoint=False)[:, np.newaxis]
    return np.asarray(centre + np.cos(angles) * down + np.sin(angles) * across)
