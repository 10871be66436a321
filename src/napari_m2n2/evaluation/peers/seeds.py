"""From clicks to the seeds of the classic methods: discs, and the rim of the plane."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FOREGROUND, BACKGROUND = 1, -1


def make_seeds(
    points: NDArray[np.int64], labels: NDArray[np.bool_], shape: tuple[int, int], radius: float
) -> NDArray[np.int8]:
    """Mark the pixels whose class the clicks give.

    Parameters
    ----------
    points : (n, 2) int array
        (row, column) of the clicks.
    labels : (n,) bool array
        True = foreground.
    shape : (int, int)
        Rows and columns of the plane.
    radius : float
        Radius of the disc around each click in pixels; 0 marks the clicked pixel alone. Larger
        discs tell more of how a class looks, and cover more of what may not belong to it.

    Returns
    -------
    (H, W) int8 array
        `FOREGROUND`, `BACKGROUND`, or 0 where nothing is known. Where discs overlap the nearest
        click counts, of equally near ones the later.

    Notes
    -----
    These methods need both classes. As long as there is no background click, the rim of the plane
    is taken as background: an object that a user clicks lies inside the image more often than
    not. The first background click takes that back, as the user now says what the background is.
    """
    seeds = np.zeros(shape, np.int8)
    nearest = np.full(shape, np.inf)
    reach = int(radius)
    for (row, column), label in zip(points.tolist(), labels.tolist(), strict=True):
        top, left = max(row - reach, 0), max(column - reach, 0)
        window = np.s_[top : row + reach + 1, left : column + reach + 1]
        near, seed = nearest[window], seeds[window]
        rows, columns = np.ogrid[: near.shape[0], : near.shape[1]]
        squared = (rows + top - row) ** 2 + (columns + left - column) ** 2
        nearer = (squared <= radius**2) & (squared <= near)
        near[nearer] = squared[nearer]
        seed[nearer] = FOREGROUND if label else BACKGROUND
    if labels.all():
        seeds[rim(shape) & (seeds == 0)] = BACKGROUND
    return seeds


def rim(shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Mark the outermost pixels of a plane, (H, W) bool.

    Sides count only across at least three pixels: in a plane of one row the rim is the two ends.
    """
    outer = np.zeros(shape, bool)
    if shape[0] >= 3:
        outer[[0, -1]] = True
    if shape[1] >= 3:
        outer[:, [0, -1]] = True
    return outer
