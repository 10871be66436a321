"""The best cut within a band around an outline, decided scale by scale.

Within the band each pixel is decided anew: by how well its colour fits the colours inside and
outside (mixtures of Gaussians), and so that the outline follows edges (Boykov and Jolly,
"Interactive graph cuts", ICCV 2001; Rother et al., "GrabCut", SIGGRAPH 2004, one round). A wide
band is cut at a coarser scale first and then, scale by scale, in a narrow band around the outline
so far (Lombaert et al., "A multilevel banded graph cuts method", ICCV 2005), so that the time
follows the length of the outline and not the area.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.segmentation.band import band_graph
from napari_m2n2.segmentation.colours import Mixture, learn_both, log_ratio
from napari_m2n2.segmentation.maxflow import minimum_cut
from napari_m2n2.segmentation.steady import learn_both_steadily
from napari_m2n2.segmentation.window import Window

OUTSIDE, INSIDE, MAYBE_OUTSIDE, _MAYBE_INSIDE = range(4)
"""What a trimap says of a pixel, in OpenCV's numbers for GrabCut."""

Dot: TypeAlias = tuple[int, int, int]
"""Row, column and trimap value of what is certain around a point."""

Colours: TypeAlias = tuple[Mixture, Mixture]
"""Those inside and outside."""

_MOST_LEARNT = 20_000
"""Pixels, about, that the colours are learnt from."""

_REACH = 1
"""Pixels on either side of the outline that the next finer scale decides anew."""


def coarser(mask: NDArray[np.bool_], band: float, most: int) -> int:
    """Return how often an image is halved for a band around a mask to have few pixels to cut."""
    whole = np.ascontiguousarray(mask).view(np.uint8)
    length = int(np.count_nonzero(whole - cv2.erode(whole, np.ones((3, 3), np.uint8))))
    times = 0
    while 2 * band * length > most * 4**times:
        times += 1
    return times


def half(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return an image at half its scale."""
    size = (-(-image.shape[1] // 2), -(-image.shape[0] // 2))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def smaller(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return a mask at a coarser scale, 0 and 1."""
    whole = np.ascontiguousarray(mask).view(np.uint8)
    if whole.shape == shape[:2]:
        return whole
    small = cv2.resize(whole * 255, shape[1::-1], interpolation=cv2.INTER_AREA)
    return _halves(small)


def wide_band(mask: NDArray[np.uint8], band: float) -> NDArray[np.uint8]:
    """Return the trimap of all pixels within `band` of the outline of a mask."""
    inside, outside = (
        cv2.distanceTransform(side, cv2.DIST_L2, cv2.DIST_MASK_5) for side in (mask, 1 - mask)
    )
    trimap = mask + np.uint8(MAYBE_OUTSIDE)
    trimap[inside > band] = INSIDE
    trimap[outside > band] = OUTSIDE
    return trimap


def narrow_band(mask: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return the trimap around the outline of a mask that comes from a coarser scale."""
    size = (shape[1], shape[0])
    smooth = cv2.resize(mask.view(np.uint8) * 255, size, interpolation=cv2.INTER_LINEAR)
    fine = _halves(smooth)
    around = np.ones((2 * _REACH + 1, 2 * _REACH + 1), np.uint8)
    doubtful = np.asarray(cv2.dilate(fine, around) - cv2.erode(fine, around), np.uint8)
    return fine + np.uint8(MAYBE_OUTSIDE) * doubtful


def _halves(shares: NDArray[Any]) -> NDArray[np.uint8]:
    """Return 1 where a share of 255 is more than half, 0 elsewhere."""
    found: NDArray[np.uint8] = np.right_shift(shares, 7, dtype=np.uint8)
    return found


def dots_in(
    window: Window, pixels: Sequence[tuple[int, int]], labels: Sequence[bool]
) -> list[Dot]:
    """Return what points (row, column) of a plane say, in the pixels of a window."""
    top, left = window[0].start, window[1].start
    return [
        (row - top, column - left, INSIDE if label else OUTSIDE)
        for (row, column), label in zip(pixels, labels, strict=True)
    ]


def draw(
    trimap: NDArray[np.uint8], dots: Sequence[Dot], shape: tuple[int, ...], radius: float
) -> None:
    """Write what is certain around the points, which are given in pixels of `shape`."""
    for row, column, value in dots:
        centre = (column * trimap.shape[1] // shape[1], row * trimap.shape[0] // shape[0])
        cv2.circle(trimap, centre, int(radius), value, cv2.FILLED)


def cut_band(
    image: NDArray[np.uint8],
    trimap: NDArray[np.uint8],
    factor: float,
    colours: Colours | None = None,
    *,
    steady: bool = False,
) -> NDArray[np.bool_]:
    """Return the foreground of the best cut; the trimap's own where colours cannot be learnt.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
    trimap : (H, W) uint8 array
    factor : float
        A pixel of a coarse scale stands for factor² pixels and its sides for `factor` of theirs.
    colours : pair of Mixture, optional
        Those inside and outside; learnt from the trimap by default.
    steady : bool
        Whether they are learnt as `colours_of` does for a large plane.
    """
    foreground = (trimap & 1).view(bool)
    if colours is None and (foreground.all() or not foreground.any()):
        return foreground
    pixels = np.flatnonzero(trimap >= MAYBE_OUTSIDE)
    known = colours_of(image, foreground, steady=steady) if colours is None else colours
    data = np.float32(factor) * log_ratio(image.reshape(-1, 3).take(pixels, axis=0), *known)
    foreground.ravel()[pixels] = minimum_cut(*band_graph(image, trimap, pixels, data))
    return foreground


def colours_of(
    image: NDArray[np.uint8], foreground: NDArray[np.bool_], *, steady: bool = False
) -> Colours:
    """Return what colours there are inside and outside, from every so many pixels.

    With `steady`, for large planes, masks that differ little have colours that differ little.
    """
    step = max(1, math.isqrt(foreground.size // _MOST_LEARNT))
    return (learn_both_steadily if steady else learn_both)(image, foreground, step)
