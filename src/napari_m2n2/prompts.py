"""What the user said about the object: points, boxes, scribbles and a mask, checked once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from skimage.draw import line

from napari_m2n2.errors import InputError

Thresholds: TypeAlias = Mapping[int, float] | ArrayLike | None
"""λ of some points, by their index, or of all, NaN where it is to be chosen."""


@dataclass(frozen=True, eq=False)
class Prompts:
    """The prompts of one plane, in pixels.

    Attributes
    ----------
    points : (n, 2) int64 array
        (row, column) of each point given by the user, in the order given.
    labels : (n,) bool array
        True = foreground, False = background.
    superseded : (n,) bool array
        True for a point whose pixel was given again later with the other label: the later word
        counts.
    regions : tuple of (H, W) bool arrays
        Rough shapes of foreground: the boxes, then the mask.
    strokes : tuple of (k, 2) int64 arrays
        The pixels of each scribble, neighbours connected.
    stroke_labels : (s,) bool array
        True = foreground scribble.
    thresholds : (n,) float64 array
        λ of each point that the user chose; NaN where it is to be chosen by its score.
    limits : (n,) float64 array
        The most pixels that the segment of each point may have; NaN where there is no limit. Not
        said by the user, but found by `napari_m2n2.segmentation.editing`.
    """

    points: NDArray[np.int64]
    labels: NDArray[np.bool_]
    superseded: NDArray[np.bool_]
    regions: tuple[NDArray[np.bool_], ...] = ()
    strokes: tuple[NDArray[np.int64], ...] = ()
    stroke_labels: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    thresholds: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    limits: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))


def check_prompts(
    points: ArrayLike,
    labels: ArrayLike,
    shape: tuple[int, int],
    *,
    boxes: ArrayLike = (),
    scribbles: Sequence[tuple[ArrayLike, Any]] = (),
    mask: ArrayLike | None = None,
    thresholds: Thresholds = None,
) -> Prompts:
    """Check the prompts of a plane and turn coordinates into pixels.

    Parameters
    ----------
    points : (n, 2) array-like
        (row, column); pixel centres lie at whole numbers, a point counts for the pixel it lies in.
    labels : (n,) array-like
        True or 1 = foreground, False or 0 = background.
    shape : (int, int)
        Rows and columns of the plane.
    boxes : (m, 4) array-like
        (row, column, row, column) of two opposite corners; each box holds one object.
    scribbles : sequence of (path, label)
        `path` is a (k, 2) array of (row, column), `label` as in `labels`.
    mask : (H, W) or (k, H, W) array-like of bool, optional
        A rough mask of the object, or several, of a part each.
    thresholds : mapping of int to float or (n,) array-like, optional
        λ in [0, 1] of points by their index, or of all, NaN = to be chosen.

    Returns
    -------
    Prompts

    Raises
    ------
    InputError
        If a prompt lies outside the plane or the arrays do not fit each other.
    """
    pixels = to_pixels(points, shape)
    truth = _labels(labels)
    if len(pixels) != len(truth):
        raise InputError(f"There are {len(pixels)} points but {len(truth)} labels; give one each.")
    strokes, stroke_labels = _strokes(scribbles, shape)
    return Prompts(
        points=pixels,
        labels=truth,
        superseded=_superseded(pixels, truth, shape),
        regions=_regions(boxes, mask, shape),
        strokes=strokes,
        stroke_labels=stroke_labels,
        thresholds=_thresholds(thresholds, len(pixels)),
        limits=np.full(len(pixels), np.nan),
    )


def to_pixels(points: ArrayLike, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Return the (n, 2) pixels that points (row, column) lie in; outside the plane is an error."""
    coordinates = np.asarray(points, dtype=np.float64)
    if coordinates.size == 0:
        return np.zeros((0, 2), np.int64)
    if coordinates.ndim != 2 or coordinates.shape[1] != 2:
        raise InputError(
            f"The points have shape {coordinates.shape}; give (n, 2), a row and a column each."
        )
    with np.errstate(invalid="ignore"):
        nearest = np.floor(coordinates + 0.5)
        inside = ((nearest >= 0) & (nearest < np.array(shape))).all(axis=1)
    if not inside.all():
        row, column = coordinates[~inside][0]
        raise InputError(
            f"The point ({row:g}, {column:g}) lies outside the plane of {shape[0]} rows and "
            f"{shape[1]} columns; remove it or move it inside."
        )
    return nearest.astype(np.int64)


def _labels(labels: ArrayLike) -> NDArray[np.bool_]:
    """Return labels as bools; 1 and True are the same, whatever type says it."""
    values = np.asarray(labels)
    if values.size == 0:
        return np.zeros(0, bool)
    if values.ndim != 1:
        raise InputError(f"The labels have shape {values.shape}; give one for each point.")
    if values.dtype.kind not in "buif" or not np.isin(values, (0, 1)).all():
        raise InputError(
            "A label is neither True nor False; use 1 for foreground, 0 for background."
        )
    return values.astype(bool)


def _thresholds(thresholds: Thresholds, count: int) -> NDArray[np.float64]:
    """Return the λ that the user chose for each of `count` points, NaN for the others."""
    chosen = np.full(count, np.nan)
    if isinstance(thresholds, Mapping):
        for index, value in thresholds.items():
            if not 0 <= index < count:
                raise InputError(
                    f"A threshold is given for point {index}, but there are {count} points, "
                    "counted from 0."
                )
            chosen[index] = value
    elif thresholds is not None:
        values = np.asarray(thresholds, dtype=np.float64)
        if values.shape != (count,):
            raise InputError(
                f"There are {count} points but thresholds of shape {values.shape}; give one for "
                "each, NaN where it is to be chosen."
            )
        chosen[:] = values
    wrong = ~np.isnan(chosen) & ~((chosen >= 0) & (chosen <= 1))
    if wrong.any():
        raise InputError(
            f"The threshold {chosen[wrong][0]:g} cannot be; give a number from 0 to 1, or NaN to "
            "have it chosen."
        )
    return chosen


def _superseded(
    pixels: NDArray[np.int64], labels: NDArray[np.bool_], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Mark the points whose pixel got the other label later."""
    last: dict[int, bool] = {}
    superseded = np.zeros(len(pixels), bool)
    flat = pixels[:, 0] * shape[1] + pixels[:, 1]
    for k in range(len(pixels) - 1, -1, -1):
        final = last.setdefault(int(flat[k]), bool(labels[k]))
        superseded[k] = final != labels[k]
    return superseded


def _strokes(
    scribbles: Sequence[tuple[ArrayLike, Any]], shape: tuple[int, int]
) -> tuple[tuple[NDArray[np.int64], ...], NDArray[np.bool_]]:
    """Draw each scribble as a connected row of pixels."""
    strokes = []
    for path, _ in scribbles:
        pixels = to_pixels(path, shape)
        if len(pixels) == 0:
            raise InputError("A scribble has no points; leave it out.")
        parts = [np.stack(line(*a, *b), axis=1) for a, b in pairwise(pixels)]
        strokes.append(np.unique(np.concatenate([pixels, *parts]), axis=0))
    return tuple(strokes), _labels([label for _, label in scribbles])


def _regions(
    boxes: ArrayLike, mask: ArrayLike | None, shape: tuple[int, int]
) -> tuple[NDArray[np.bool_], ...]:
    """Draw each box, and the mask if it is not empty."""
    corners = np.asarray(boxes, dtype=np.float64)
    if corners.size and (corners.ndim != 2 or corners.shape[1] != 4):
        raise InputError(
            f"The boxes have shape {corners.shape}; give (m, 4): row, column, row, column."
        )
    regions = []
    for box in corners.reshape(-1, 4):
        (row, column), (last_row, last_column) = np.sort(to_pixels(box.reshape(2, 2), shape), 0)
        region = np.zeros(shape, bool)
        region[row : last_row + 1, column : last_column + 1] = True
        regions.append(region)
    if mask is not None:
        masks = np.asarray(mask).astype(bool)
        if masks.ndim not in (2, 3) or masks.shape[-2:] != shape:
            raise InputError(
                f"The mask has shape {masks.shape} but the plane {shape}; give one of that shape."
            )
        regions += [region for region in masks.reshape(-1, *shape) if region.any()]
    return tuple(regions)
