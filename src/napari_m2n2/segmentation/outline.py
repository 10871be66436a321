"""The outline, moved to where the image has an edge: one graph cut in a band around it.

A cell of the attention grid spans several pixels, and a Markov map rises over a few cells, so its
threshold is right about where the object is and vague about where it ends. Within a band around
the outline each pixel is decided anew: by how well its colour fits the colours inside and outside
(mixtures of Gaussians), and so that the outline follows edges (Boykov and Jolly, "Interactive
graph cuts", ICCV 2001; Rother et al., "GrabCut", SIGGRAPH 2004; OpenCV's implementation, one
round).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

_BOX = 2.0
"""Sides of the part of the plane that is looked at, in sides of the mask's box: the colours of the
surroundings count, those of the far side of the plane do not."""

_RIM = 4
"""Pixels that the part extends beyond that."""

_LEAST_BAND = 2.0
"""Pixels."""

_MOST_PIXELS = 600_000
"""A larger part is cut at a coarser scale, since a cut of a million pixels takes seconds."""

_LEAST_PIXELS = 30
"""A smaller mask has too few colours to learn from."""

_DOT = 2
"""Radius in pixels around a point that is certain to be what the point says; 1 in small planes."""

_SMALL = 200
"""Pixels along the shorter side of a small plane."""

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
    if area < _LEAST_PIXELS:
        return
    rows, columns = _surroundings(mask)
    part = mask[rows, columns]
    trimap = _trimap(part, max(_LEAST_BAND, band * math.sqrt(area)))
    radius = _DOT if min(mask.shape) > _SMALL else 1
    for (row, column), label in zip(pixels, labels, strict=True):
        place = (column - columns.start, row - rows.start)
        cv2.circle(trimap, place, radius, int(cv2.GC_FGD if label else cv2.GC_BGD), cv2.FILLED)
    cut = _cut(np.ascontiguousarray(guide[rows, columns]), trimap)
    wanted = np.zeros_like(mask)
    for (row, column), label in zip(pixels, labels, strict=True):
        wanted[row, column] = label
    cut = _with_prompts(cut, wanted[rows, columns])
    if not cut.any():
        return
    mask[rows, columns] = cut
    np.maximum(score, _EPSILON, out=score, where=mask)
    np.minimum(score, 0, out=score, where=~mask)


def _surroundings(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return rows and columns of the part of the plane that matters."""
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    down, across = (int(side * (_BOX - 1) / 2) + _RIM for side in (height, width))
    return (
        slice(max(top - down, 0), min(top + height + down, mask.shape[0])),
        slice(max(left - across, 0), min(left + width + across, mask.shape[1])),
    )


def _trimap(mask: NDArray[np.bool_], band: float) -> NDArray[np.uint8]:
    """Return what is certain and what is not, in OpenCV's numbers."""
    inside, outside = (
        cv2.distanceTransform(side.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        for side in (mask, ~mask)
    )
    trimap = np.where(mask, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    trimap[inside > band] = cv2.GC_FGD
    trimap[outside > band] = cv2.GC_BGD
    return trimap


def _cut(image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the foreground of the best cut; the trimap's own where colours cannot be learnt."""
    if trimap.size > _MOST_PIXELS:
        return _coarse_cut(image, trimap)
    foreground: NDArray[np.bool_] = (trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD)
    if foreground.all() or not foreground.any():
        return foreground
    # the mixtures begin with k-means, which draws random numbers: the same ones every time
    cv2.setRNGSeed(0)
    inside, outside = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(image, trimap, (0, 0, 0, 0), outside, inside, 1, cv2.GC_INIT_WITH_MASK)
    found: NDArray[np.bool_] = (trimap == cv2.GC_FGD) | (trimap == cv2.GC_PR_FGD)
    return found


def _coarse_cut(image: NDArray[np.uint8], trimap: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return the cut of a smaller picture, enlarged; what was certain stays."""
    height, width = trimap.shape
    factor = math.ceil(math.sqrt(trimap.size / _MOST_PIXELS))
    size = (math.ceil(width / factor), math.ceil(height / factor))
    small = _cut(
        cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8),
        cv2.resize(trimap, size, interpolation=cv2.INTER_NEAREST).astype(np.uint8),
    )
    smooth = cv2.resize(small.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    found: NDArray[np.bool_] = (smooth > 0.5) & (trimap != cv2.GC_BGD) | (trimap == cv2.GC_FGD)
    return found


def _with_prompts(mask: NDArray[np.bool_], wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the connected parts of a mask that hold a wanted pixel."""
    _, parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    found: NDArray[np.bool_] = mask & np.isin(parts, parts[wanted & mask])
    return found
