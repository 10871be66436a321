"""Regions of the grid as regions of the image: each pixel goes to one of the cells around it."""

from __future__ import annotations

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

_REACH = 2
"""Cells on each side of a pixel's own that have a say."""

_BAND = 64
"""Rows that are done together, after which the work can be cancelled."""


def spread(
    labels: NDArray[np.int64],
    colours: NDArray[np.uint8],
    *,
    sigma_space: float = 1.0,
    sigma_range: float = 0.1,
) -> NDArray[np.int32]:
    """Return the region of each pixel, (H, W).

    The cells around a pixel vote for their region, each with a Gaussian weight in space and in the
    difference between the pixel's colour and the mean colour of the cell: the largest of the maps
    that joint bilateral upsampling (Kopf et al. 2007) would make of the regions' indicators,
    without making them.

    Parameters
    ----------
    labels : (h, w) int64 array
        Region of each cell.
    colours : (H, W, 3) uint8 array
        The image.
    sigma_space : float
        In cells.
    sigma_range : float
        In units of colours in [0, 1].
    """
    grid = labels.shape
    shape = colours.shape[:2]
    means = cv2.resize(
        colours.astype(np.float32) / np.float32(255),
        (grid[1], grid[0]),
        interpolation=cv2.INTER_AREA if min(shape) >= max(grid) else cv2.INTER_LINEAR,
    )
    found = np.empty(shape, np.int32)
    for top in range(0, shape[0], _BAND):
        _vote(
            labels.astype(np.int32),
            colours,
            means.reshape(*grid, 3).astype(np.float32, copy=False),
            np.float32(1 / (2 * sigma_space**2)),
            np.float32(1 / (2 * sigma_range**2)),
            top,
            min(top + _BAND, shape[0]),
            found,
        )
    return found


@numba.njit(cache=True, nogil=True)
def _vote(
    labels: NDArray[np.int32],
    colours: NDArray[np.uint8],
    means: NDArray[np.float32],
    space: np.float32,
    colour: np.float32,
    top: int,
    bottom: int,
    found: NDArray[np.int32],
) -> None:  # pragma: no cover - compiled
    """Let the cells around each pixel of some rows vote; of equal votes the first counts."""
    rows, columns = labels.shape
    height, width = found.shape
    voters = (2 * _REACH + 1) ** 2
    names = np.empty(voters, np.int32)
    votes = np.empty(voters, np.float32)
    for y in range(top, bottom):
        v = (y + 0.5) * rows / height - 0.5
        row = min(int((y + 0.5) * rows / height), rows - 1)
        for x in range(width):
            u = (x + 0.5) * columns / width - 0.5
            column = min(int((x + 0.5) * columns / width), columns - 1)
            red = colours[y, x, 0] / np.float32(255)
            green = colours[y, x, 1] / np.float32(255)
            blue = colours[y, x, 2] / np.float32(255)
            count = 0
            nearest = np.float32(np.inf)
            for a in range(max(row - _REACH, 0), min(row + _REACH + 1, rows)):
                for b in range(max(column - _REACH, 0), min(column + _REACH + 1, columns)):
                    r = red - means[a, b, 0]
                    g = green - means[a, b, 1]
                    s = blue - means[a, b, 2]
                    away = space * ((v - a) ** 2 + (u - b) ** 2)
                    votes[count] = away + colour * (r * r + g * g + s * s)
                    nearest = min(nearest, votes[count])
                    names[count] = labels[a, b]
                    count += 1
            best = np.float32(-1)
            for i in range(count):
                # less the smallest exponent, so that a foreign colour leaves some votes
                votes[i] = np.exp(nearest - votes[i])
            for i in range(count):
                total = np.float32(0)
                for j in range(count):
                    if names[j] == names[i]:
                        total += votes[j]
                if total > best:
                    best = total
                    found[y, x] = names[i]
