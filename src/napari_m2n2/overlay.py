"""A picture of an image with the outline of the mask and the prompts drawn on it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import binary_dilation, binary_erosion

OUTLINE = (255, 220, 0)
FOREGROUND = (41, 121, 255)
BACKGROUND = (255, 109, 0)
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)
_SMALLEST_SIDE = 512
_RADIUS = 7


def draw_overlay(
    rgb: NDArray[np.floating],
    mask: NDArray[np.bool_],
    points: ArrayLike,
    labels: ArrayLike,
) -> NDArray[np.uint8]:
    """Draw the outline of a mask and the prompts onto an image.

    The outline is yellow between black lines. Foreground prompts are blue discs, background
    prompts orange crosses, as in the window, so that shape tells them apart where colour does not.

    Parameters
    ----------
    rgb : (H, W, 3) float array
        Values in [0, 1].
    mask : (H, W) bool array
        The object.
    points : (n, 2) array-like
        (row, column).
    labels : (n,) array-like of bool
        True = foreground.

    Returns
    -------
    (k * H, k * W, 3) uint8 array
        k = 1 unless the image is small; then pixels are drawn as k × k squares, so that the
        outline does not hide what it surrounds.
    """
    factor = max(1, -(-_SMALLEST_SIDE // max(mask.shape)))
    large = mask.repeat(factor, 0).repeat(factor, 1)
    picture: NDArray[np.uint8] = (255 * np.clip(rgb, 0, 1) + 0.5).astype(np.uint8)
    picture = picture.repeat(factor, 0).repeat(factor, 1)
    # counted from the mask's border inwards; the border of the image is none
    outside = binary_dilation(large, _CROSS) & ~large
    depths = [binary_erosion(large, _CROSS, depth, border_value=1) for depth in (2, 3)]
    picture[outside | (large & ~depths[1])] = _BLACK
    picture[large & ~depths[0]] = OUTLINE
    for point, label in zip(np.reshape(points, (-1, 2)), np.ravel(labels), strict=True):
        _mark(picture, (np.asarray(point, float) + 0.5) * factor - 0.5, bool(label))
    return picture


def _mark(picture: NDArray[np.uint8], centre: NDArray[np.float64], foreground: bool) -> None:
    """Draw a disc or a cross with a white and a black rim."""
    reach = _RADIUS + 3
    height, width = picture.shape[:2]
    row, column = (int(value) for value in np.floor(centre + 0.5))
    rows = np.arange(max(row - reach, 0), min(row + reach + 1, height))
    columns = np.arange(max(column - reach, 0), min(column + reach + 1, width))
    dy, dx = np.abs(rows[:, None] - centre[0]), np.abs(columns[None, :] - centre[1])
    if foreground:
        distance = np.hypot(dy, dx) - _RADIUS
    else:  # two bars along the diagonals
        distance = np.maximum(np.abs(dy - dx) / np.sqrt(2) - 2, np.maximum(dy, dx) - _RADIUS)
    patch = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    for rim, colour in (
        (2.5, _BLACK),
        (1.5, _WHITE),
        (0.0, FOREGROUND if foreground else BACKGROUND),
    ):
        patch[distance <= rim] = colour
