"""A score of a reduced plane, decided anew at full resolution along its outline.

Joint bilateral upsampling as Kopf et al. (2007) wrote it: each pixel of the large plane is the
mean of the reduced pixels around it, weighted by how near they are and how alike their colour is.
Only pixels beside a change of sign are looked at: everywhere else the answer is known.
"""

from __future__ import annotations

import math

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

_REACH = 2
"""Reduced pixels that are looked at on each side, two standard deviations."""

_BAND = np.ones((5, 5), np.uint8)
"""How near to a change of sign a reduced pixel is decided anew."""


def enlarge(values: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return values (h, w) for each pixel of a larger plane (H, W), linear between centres."""
    large = cv2.resize(values, shape[::-1], interpolation=cv2.INTER_LINEAR)
    return large.astype(np.float32, copy=False)


def enlarge_along_edges(
    score: NDArray[np.float32],
    small: NDArray[np.uint8],
    large: NDArray[np.uint8],
    *,
    sigma_range: float = 0.1,
) -> NDArray[np.float32]:
    """Enlarge a score so that its sign changes where the image does.

    Parameters
    ----------
    score : (h, w) float32 array
        Positive inside.
    small : (h, w, 3) uint8 array
        The image at the scale of the score.
    large : (H, W, 3) uint8 array
        The image at full resolution.
    sigma_range : float
        Standard deviation in colour, for colours in [0, 1].

    Returns
    -------
    (H, W) float32 array
        Linear between the centres of reduced pixels; along the outline their bilateral mean.
    """
    shape = (large.shape[0], large.shape[1])
    result = enlarge(score, shape)
    inside = (score > 0).view(np.uint8)
    near = cv2.dilate(inside, _BAND) != cv2.erode(inside, _BAND)
    rows, columns = (_first(long, short) for long, short in zip(shape, score.shape, strict=True))
    _decide(score, near, small, large, rows, columns, 0.5 / (255 * sigma_range) ** 2, result)
    return result


def _first(length: int, parts: int) -> NDArray[np.int64]:
    """Return where each of `parts` equal parts of `length` pixels begins, and where the last ends.

    A pixel belongs to the part that its centre lies in.
    """
    first: NDArray[np.int64] = np.ceil(np.arange(parts + 1) * (length / parts) - 0.5).astype(
        np.int64
    )
    return first


@numba.njit(cache=True, nogil=True)
def _decide(
    score: NDArray[np.float32],
    near: NDArray[np.bool_],
    small: NDArray[np.uint8],
    large: NDArray[np.uint8],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    sharpness: float,
    result: NDArray[np.float32],
) -> None:  # pragma: no cover - compiled
    """Write the bilateral mean of the score to the pixels of the parts that are near."""
    height, width = score.shape
    down, across = height / large.shape[0], width / large.shape[1]
    for part_row in range(height):
        top, bottom = max(part_row - _REACH, 0), min(part_row + _REACH + 1, height)
        for part_column in range(width):
            if not near[part_row, part_column]:
                continue
            left, right = max(part_column - _REACH, 0), min(part_column + _REACH + 1, width)
            for row in range(rows[part_row], rows[part_row + 1]):
                y = (row + 0.5) * down - 0.5
                for column in range(columns[part_column], columns[part_column + 1]):
                    x = (column + 0.5) * across - 0.5
                    total = weighted = 0.0
                    for r in range(top, bottom):
                        for c in range(left, right):
                            away = 0.5 * ((r - y) ** 2 + (c - x) ** 2)
                            for channel in range(3):
                                step = float(large[row, column, channel])
                                step -= float(small[r, c, channel])
                                away += step * step * sharpness
                            weight = math.exp(-away)
                            total += weight
                            weighted += weight * score[r, c]
                    if total > 0:
                        result[row, column] = weighted / total
