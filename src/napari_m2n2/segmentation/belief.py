"""What a single click means, as far as its map tells: a belief about segments of every size.

The published choice takes the segment of the highest score (M2N2, CVPR 2025, §3.5), however many
of another size are nearly as good. Here scores are read as odds, and the segment is taken whose
expected overlap (IoU) with the meant one is largest: segments of one map lie within each other,
so that the overlap of two is the quotient of their areas. People click the middle of what they
mean, so a segment is believed the less, the deeper its innermost pixel is than the click. Measured
in docs/texture.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

_LEAST_AREA = 4
_LEAST_CELLS = 2
"""Pixels and cells of the smallest segment: what is smaller no map can show."""

_SAMPLES = 80
"""Sizes that are looked at, evenly in the logarithm of the area, so that the many large segments
do not outweigh the small ones. The best one of each size stands for it."""

_SIDE = 96
"""Pixels along a segment in which its depth is measured; of larger ones every so many."""


@dataclass(frozen=True, eq=False)
class Beliefs:
    """Segments of one map and how much each is believed to be the object.

    Attributes
    ----------
    areas : (k,) float64 array
        Pixels, ascending.
    thresholds : (k,) float32 array
        λ of each.
    weights : (k,) float64 array
        Not negative, not all 0.
    """

    areas: NDArray[np.float64]
    thresholds: NDArray[np.float32]
    weights: NDArray[np.float64]


def find_beliefs(
    distance: NDArray[np.float32],
    order: NDArray[np.int32],
    worth: NDArray[np.float32],
    pixel: tuple[int, int],
    *,
    cell: float,
    power: float,
    centre: float,
) -> Beliefs | None:
    """Return what a click at a pixel means, or None where no segment is worth anything.

    Parameters
    ----------
    distance : (H, W) float32 array
        The distance map of the click.
    order : (k,) int32 array
        Flat indices of the nearest pixels, ascending in distance.
    worth : (k,) float32 array
        Score of the segment that ends with each of them, not negative.
    pixel : (int, int)
        Row and column of the click.
    cell : float
        Pixels of a cell of the attention's grid.
    power : float
        β > 0: a segment that scores twice as high is believed 2^β times as much.
    centre : float
        Exponent of depth of the click over depth of the innermost pixel; 0 leaves it out.
    """
    thresholds = distance.ravel()[order]
    # of pixels at one distance no λ takes some and leaves the others
    scores = np.where(np.append(thresholds[1:] > thresholds[:-1], False), worth, 0)
    least = max(_LEAST_AREA, math.ceil(_LEAST_CELLS * cell))
    if len(scores) < least or not scores.any():
        return None
    sizes = np.geomspace(least, len(scores) + 1, _SAMPLES + 1).astype(np.int64)
    edges = np.unique(sizes) - 1
    best = _best_of_each(scores, edges)
    boxes = _boxes(order, distance.shape[1], best)
    fits = scores[best].astype(np.float64)
    if centre:
        for k, box in enumerate(boxes):
            if fits[k]:
                fits[k] *= _centrality(distance, thresholds[best[k]], pixel, box) ** centre
    if not fits.any():
        return None
    widths: NDArray[np.float64] = np.diff(np.log(edges + 1.0))
    weights = np.power(fits / fits.mean(), power) * widths
    areas: NDArray[np.float64] = best.astype(np.float64) + 1
    return Beliefs(areas, thresholds[best], weights.astype(np.float64))


def expected_overlap(
    areas: NDArray[np.float64], among: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the expected IoU of segments (k,) with the meant one, in [0, 1].

    Parameters
    ----------
    areas : (k,) float64 array
        Pixels.
    among : (m,) float64 array
        Pixels of the segments that could be meant; the smaller of two lies within the larger.
    weights : (m,) float64 array
        How much each is believed.
    """
    overlaps = np.minimum(areas[:, None], among) / np.maximum(areas[:, None], among)
    found: NDArray[np.float64] = overlaps @ (weights / weights.sum())
    return found


def _centrality(
    distance: NDArray[np.float32],
    threshold: np.float32,
    pixel: tuple[int, int],
    box: NDArray[np.int64],
) -> float:
    """Return how deep the click lies in its segment, as a share of the innermost pixel's depth."""
    # without flood filling a click may lie outside of its own segment
    top, bottom = min(box[0], pixel[0]), max(box[1], pixel[0])
    left, right = min(box[2], pixel[1]), max(box[3], pixel[1])
    step = max(1, math.ceil(max(bottom - top, right - left) / _SIDE))
    # every so many pixels, the click among them, and one beyond each side if there is one
    rows, columns = (
        slice(k - step * min((k - low) // step + 1, k // step), high + step + 1, step)
        for k, low, high in ((pixel[0], top, bottom), (pixel[1], left, right))
    )
    inside = np.ascontiguousarray(distance[rows, columns] <= threshold).view(np.uint8)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5)
    here = depth[(pixel[0] - rows.start) // step, (pixel[1] - columns.start) // step]
    return float(here / depth.max()) if depth.any() else 0.0


@numba.njit(cache=True, nogil=True)
def _best_of_each(
    scores: NDArray[np.float32], edges: NDArray[np.int64]
) -> NDArray[np.int64]:  # pragma: no cover - compiled
    """Return the place of the highest score from each edge to the next, the first of several."""
    best = edges[:-1].copy()
    for size in range(len(best)):
        for k in range(edges[size], edges[size + 1]):
            if scores[k] > scores[best[size]]:
                best[size] = k
    return best


@numba.njit(cache=True, nogil=True)
def _boxes(
    order: NDArray[np.int32], width: int, ends: NDArray[np.int64]
) -> NDArray[np.int64]:  # pragma: no cover - compiled
    """Return first and last row, first and last column of the pixels up to each end, (k, 4)."""
    boxes = np.empty((len(ends), 4), np.int64)
    top = left = np.int64(1) << 60
    bottom = right = np.int64(-1)
    place = 0
    for size in range(len(ends)):
        while place <= ends[size]:
            row, column = order[place] // width, order[place] % width
            top, bottom = min(top, row), max(bottom, row)
            left, right = min(left, column), max(right, column)
            place += 1
        boxes[size] = (top, bottom, left, right)
    return boxes
