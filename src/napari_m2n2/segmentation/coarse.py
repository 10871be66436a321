"""The scale at which λ is chosen: the plane, or a reduced one where cells span many pixels.

A map of the grid rises over a cell or two. Along an outline its slope, and the image's, are means
over that width where a cell spans sixteen pixels; where it spans sixty, they are differences of
neighbours, which noise and the sample of the upsampling decide. So the choice is made on a plane
of so many pixels a cell, however many the picture has, and its outcome does not depend on them.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_LEEWAY = 1.25
"""A plane is reduced if cells are larger by more than this factor; a little is not worth it."""


def choice_shape(shape: tuple[int, int], grid: tuple[int, int], cell: float) -> tuple[int, int]:
    """Return rows and columns of the plane that thresholds are chosen on.

    Parameters
    ----------
    shape, grid : (int, int)
        Rows and columns of the plane and of the attention's grid.
    cell : float
        Pixels along the side of a cell that suffice; 0 for the plane itself.
    """
    side = max(shape[0] / grid[0], shape[1] / grid[1])
    if not cell or side <= _LEEWAY * cell:
        return shape
    rows, columns = (max(round(length * cell / side), 1) for length in shape)
    return rows, columns


def reduce(rgb: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return an image (H, W, 3) of fewer pixels, each the mean of those that it stands for."""
    small = cv2.resize(rgb, shape[::-1], interpolation=cv2.INTER_AREA)
    return small.astype(np.float32, copy=False)


def moved(
    pixels: NDArray[np.int64], shape: tuple[int, int], small: tuple[int, int]
) -> NDArray[np.int64]:
    """Return the reduced pixels that the centres of pixels (n, 2) lie in."""
    found: NDArray[np.int64] = (2 * pixels + 1) * np.array(small) // (2 * np.array(shape))
    return found
