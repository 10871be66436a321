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

from napari_m2n2.segmentation.band import band_graph
from napari_m2n2.segmentation.colours import Mixture, learn, log_ratio
from napari_m2n2.segmentation.maxflow import minimum_cut

_BOX = 2.0
"""Sides of the part of the plane that is looked at, in sides of the mask's box: the colours of the
surroundings count, those of the far side of the plane do not."""

_RIM = 4
"""Pixels that the part extends beyond that."""

_LEAST_BAND = 2.0
"""Pixels."""

_MOST_PIXELS = 8000
"""A band of more pixels is cut at a coarser scale first: the time of a cut grows faster than its
pixels."""

_MOST_LEARNT = 20_000
"""Pixels, about, that the colours are learnt from."""

_REACH = 2
"""Pixels on either side of the outline that the next finer scale decides anew."""

_LEAST_PIXELS = 30
"""A smaller mask has too few colours to learn from."""

_DOT = 2
"""Radius in pixels around a point that is certain to be what the point says; 1 in small planes."""

_SMALL = 200
"""Pixels along the shorter side of a small plane."""

_EPSILON = 1e-3
"""Least score of what the cut adds to the mask."""

_OUTSIDE, _INSIDE, _MAYBE_OUTSIDE, _MAYBE_INSIDE = range(4)
"""What a trimap says of a pixel, in OpenCV's numbers for GrabCut."""

_Dot = tuple[int, int, int]
"""Row, column and trimap value of what is certain around a point."""


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
    if area < _LEAST_PIXELS:
        return
    rows, columns = _surroundings(mask)
    part = mask[rows, columns]
    dots = [
        (row - rows.start, column - columns.start, _INSIDE if label else _OUTSIDE)
        for (row, column), label in zip(pixels, labels, strict=True)
    ]
    radius = _DOT if min(mask.shape) > _SMALL else 1
    image = np.ascontiguousarray(guide[rows, columns])
    cut = _cut(image, part, max(_LEAST_BAND, band * math.sqrt(area)), dots, radius)
    cut = _with_prompts(cut, dots)
    if not cut.any():
        return
    mask[rows, columns] = cut
    follow(score[rows, columns], cut)


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


def _surroundings(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
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
    dots: Sequence[_Dot],
    radius: int,
) -> NDArray[np.bool_]:
    """Return the foreground of the best cut within `band` pixels of the outline of a mask."""
    if mask.all():
        return mask
    whole = np.ascontiguousarray(mask).view(np.uint8)
    length = int(np.count_nonzero(whole - cv2.erode(whole, np.ones((3, 3), np.uint8))))
    images = [image]
    while 2 * band * length > _MOST_PIXELS * 4 ** (len(images) - 1) and min(image.shape[:2]) > 8:
        image = _half(image)
        images.append(image)
    small = cv2.resize(whole * 255, image.shape[1::-1], interpolation=cv2.INTER_AREA)
    factor = 2 ** (len(images) - 1)
    trimap = _wide_band((small > 127).view(np.uint8), band / factor)
    while True:
        _draw(trimap, dots, whole.shape, radius / factor)
        found = _cut_band(images.pop(), trimap, factor)
        if not images:
            return found
        factor //= 2
        trimap = _narrow_band(found, images[-1].shape[:2])


def _half(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image at half its scale."""
    size = (-(-image.shape[1] // 2), -(-image.shape[0] // 2))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _wide_band(mask: NDArray[np.uint8], band: float) -> NDArray[np.uint8]:
    """Return the trimap of all pixels within `band` of the outline of a mask."""
    inside, outside = (
        cv2.distanceTransform(side, cv2.DIST_L2, cv2.DIST_MASK_5) for side in (mask, 1 - mask)
    )
    trimap = mask + np.uint8(_MAYBE_OUTSIDE)
    trimap[inside > band] = _INSIDE
    trimap[outside > band] = _OUTSIDE
    return trimap


def _narrow_band(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the trimap around the outline of a mask that comes from a coarser scale."""
    size = (shape[1], shape[0])
    smooth = cv2.resize(mask.view(np.uint8) * 255, size, interpolation=cv2.INTER_LINEAR)
    fine = (smooth > 127).view(np.uint8)
    around = np.ones((2 * _REACH + 1, 2 * _REACH + 1), np.uint8)
    certain = cv2.dilate(fine, around) == cv2.erode(fine, around)
    return fine + np.where(certain, np.uint8(_OUTSIDE), np.uint8(_MAYBE_OUTSIDE))


def _draw(
    trimap: NDArray[np.uint8], dots: Sequence[_Dot], shape: tuple[int, ...], radius: float
) -> None:
    """Write what is certain around the points, which are given in pixels of `shape`."""
    for row, column, value in dots:
        centre = (column * trimap.shape[1] // shape[1], row * trimap.shape[0] // shape[0])
        cv2.circle(trimap, centre, int(radius), value, cv2.FILLED)


def _cut_band(
    image: NDArray[np.uint8], trimap: NDArray[np.uint8], factor: int
) -> NDArray[np.bool_]:
    """Return the foreground of the best cut; the trimap's own where colours cannot be learnt.

    A pixel of a coarse scale stands for factor² pixels and its sides for `factor` of theirs.
    """
    foreground = (trimap & 1).astype(bool)
    if foreground.all() or not foreground.any():
        return foreground
    pixels = np.flatnonzero(trimap >= _MAYBE_OUTSIDE)
    data = factor * log_ratio(image.reshape(-1, 3)[pixels], *_colours(image, foreground))
    foreground.ravel()[pixels] = minimum_cut(*band_graph(image, trimap, pixels, data))
    return foreground


def _colours(image: NDArray[np.uint8], foreground: NDArray[np.bool_]) -> tuple[Mixture, Mixture]:
    """Return what colours there are inside and outside, from every so many pixels."""
    step = max(1, math.isqrt(foreground.size // _MOST_LEARNT))
    some, which = image[::step, ::step], foreground[::step, ::step]
    if which.all() or not which.any():
        some, which = image, foreground
    return learn(some[which]), learn(some[~which])


def _with_prompts(mask: NDArray[np.bool_], dots: Sequence[_Dot]) -> NDArray[np.bool_]:
    """Return the connected parts of a mask that hold a foreground point."""
    count, parts = cv2.connectedComponents(mask.view(np.uint8), connectivity=4)
    wanted = np.zeros(count, bool)
    for row, column, value in dots:
        if value == _INSIDE and 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]:
            wanted[parts[row, column]] = True
    wanted[0] = False
    found: NDArray[np.bool_] = wanted[parts]
    return found
