"""The outline, moved to where the image has an edge: one graph cut in a band around it.

A cell of the attention grid spans several pixels, and a Markov map rises over a few cells, so its
threshold is right about where the object is and vague about where it ends. Within a band around
the outline each pixel is decided anew: by how well its colour fits the colours inside and outside
(mixtures of Gaussians), and so that the outline follows edges (Boykov and Jolly, "Interactive
graph cuts", ICCV 2001; Rother et al., "GrabCut", SIGGRAPH 2004, one round). A wide band is cut at
a coarser scale first and then, scale by scale, in a narrow band around the outline so far
(Lombaert et al., "A multilevel banded graph cuts method", ICCV 2005), so that the time follows the
length of the outline and not the area.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.segmentation.cut import (
    INSIDE,
    Dot,
    coarser,
    cut_band,
    dots_in,
    draw,
    half,
    narrow_band,
    smaller,
    wide_band,
)
from napari_m2n2.segmentation.parts import parts_around

_BOX = 2.0
"""Sides of the part of the plane that is looked at, in sides of the mask's box: the colours of the
surroundings count, those of the far side of the plane do not."""

_RIM = 4
"""Pixels that the part extends beyond that."""

MOST_PIXELS = 8000
"""A band of more pixels is cut at a coarser scale first: the time of a cut grows faster than its
pixels."""

_LEAST_BAND = 2.0
"""Pixels."""

LEAST_PIXELS = 30
"""A smaller mask has too few colours to learn from."""

_DOT = 2
"""Radius in pixels around a point that is certain to be what the point says; 1 in small planes."""

_SMALL = 200
"""Pixels along the shorter side of a small plane."""

_MOST_UNITS = 400_000
"""A plane of more pixels is fitted as if it had this many."""

_LARGE = 1_500_000
"""Pixels of a plane above which colours are learnt steadily; smaller planes were measured
without."""

_EPSILON = 1e-3
"""Least score of what the cut adds to the mask."""


def fit_outline(
    mask: NDArray[np.bool_],
    score: NDArray[np.float32],
    guide: NDArray[np.uint8],
    pixels: Sequence[tuple[int, int]],
    labels: Sequence[bool],
    *,
    band: float,
) -> None:
    """Move the outline of a mask to the edges nearby; mask and score are changed in place.

    Parameters
    ----------
    mask : (H, W) bool array
        The object, roughly.
    score : (H, W) float32 array
        Its signed soft score; its sign follows the mask.
    guide : (H, W, 3) uint8 array
        The image.
    pixels : sequence of (int, int)
        (row, column) of the prompts.
    labels : sequence of bool
        True = foreground. Parts without any foreground prompt are left out.
    band : float
        How far the outline may move, as a share of the square root of the mask's area.
    """
    area = int(np.count_nonzero(mask))
    if area < LEAST_PIXELS:
        return
    rows, columns = surroundings(mask)
    part = mask[rows, columns]
    dots = dots_in((rows, columns), pixels, labels)
    image = np.ascontiguousarray(guide[rows, columns])
    cut = _cut(image, part, band_width(area, band, mask.shape), dots, mask.shape)
    cut = with_points(cut, dots)
    if not cut.any():
        return
    mask[rows, columns] = cut
    follow(score[rows, columns], cut)


def unit_of(shape: tuple[int, ...]) -> float:
    """Return how many pixels of a plane along each side count as one.

    A cut weighs colours by area and edges by length, so that the more pixels the same picture has,
    the less its edges would count.
    """
    return max(math.sqrt(shape[0] * shape[1] / _MOST_UNITS), 1.0)


def is_large(shape: tuple[int, ...]) -> bool:
    """Tell whether colours of a plane are learnt steadily (`napari_m2n2.segmentation.steady`)."""
    return shape[0] * shape[1] > _LARGE


def band_width(area: int, band: float, shape: tuple[int, ...]) -> float:
    """Return how far, in pixels, the outline of a mask of some area may move."""
    return max(_LEAST_BAND * unit_of(shape), band * math.sqrt(area))


def dot_radius(shape: tuple[int, ...]) -> float:
    """Return how far around a point all is certain to be what the point says."""
    return _DOT * unit_of(shape) if min(shape) > _SMALL else 1


def follow(score: NDArray[np.float32], mask: NDArray[np.bool_]) -> None:
    """Give a score the signs of a mask, in place: positive inside, not positive outside."""
    _give_signs(score, mask)


@numba.njit(cache=True, nogil=True)
def _give_signs(
    score: NDArray[np.float32], mask: NDArray[np.bool_]
) -> None:  # pragma: no cover - compiled
    """Do so in one pass over the plane."""
    zero, least = np.float32(0), np.float32(_EPSILON)
    for row in range(mask.shape[0]):
        values, inside = score[row], mask[row]
        for k in range(len(inside)):
            value = values[k]
            values[k] = max(value, least) if inside[k] else min(value, zero)


def surroundings(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return rows and columns of the part of the plane that matters."""
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    down, across = (int(side * (_BOX - 1) / 2) + _RIM for side in (height, width))
    return (
        slice(max(top - down, 0), min(top + height + down, mask.shape[0])),
        slice(max(left - across, 0), min(left + width + across, mask.shape[1])),
    )


def _cut(
    image: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    band: float,
    dots: Sequence[Dot],
    plane: tuple[int, ...],
) -> NDArray[np.bool_]:
    """Return the foreground of the best cut within `band` pixels of the outline of a mask.

    `plane` are the rows and columns of all of the plane.
    """
    if mask.all():
        return mask
    radius, unit = dot_radius(plane), unit_of(plane)
    images = [image]
    for _ in range(coarser(mask, band, MOST_PIXELS)):
        if min(image.shape[:2]) > 8:
            image = half(image)
            images.append(image)
    factor = 2 ** (len(images) - 1)
    trimap = wide_band(smaller(mask, image.shape), band / factor)
    while True:
        draw(trimap, dots, mask.shape, radius / factor)
        found = cut_band(images.pop(), trimap, factor / unit, steady=is_large(plane))
        if not images:
            return found
        factor //= 2
        trimap = narrow_band(found, images[-1].shape[:2])


def with_points(mask: NDArray[np.bool_], dots: Sequence[Dot]) -> NDArray[np.bool_]:
    """Return the connected parts of a mask that hold a foreground point."""
    pixels = [(row, column) for row, column, value in dots if value == INSIDE]
    return parts_around(mask, pixels)
