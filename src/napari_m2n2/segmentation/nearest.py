"""Which prompt each pixel belongs to: truncated nearest neighbour.

M2N2 (CVPR 2025) §3.1, Eq. 2 and 11: distances are divided by their λ; a pixel takes the class of
its nearest prompt, and is background where the nearest is farther than 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.segmentation.window import Window

FLOOR = 1e-7
"""Smallest λ that a distance is divided by."""


def combine(
    distances: Sequence[NDArray[np.float32]],
    thresholds: Sequence[float],
    labels: Sequence[bool],
    shape: tuple[int, int],
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Return the mask and the signed soft score of a plane.

    Parameters
    ----------
    distances : sequence of (H, W) float32 arrays
        M_i of each prompt, 0 at the prompt.
    thresholds : sequence of float
        λ_i of each prompt.
    labels : sequence of bool
        True = foreground.
    shape : (int, int)
        (H, W), for when there is no prompt.

    Returns
    -------
    mask : (H, W) bool array
        True where the nearest prompt is foreground and nearer than 1; the first of equally near
        prompts counts.
    score : (H, W) float32 array
        clip(min(1, d_B) - d_F, -1, 1) with the distances to the nearest background and foreground
        prompt: positive inside the mask, 0 on its boundary.
    """
    mask = np.zeros(shape, bool)
    score = np.empty(shape, np.float32)
    background, foreground = np.full((2, mask.size), np.inf, np.float32)
    for distance, threshold, label in zip(distances, thresholds, labels, strict=True):
        unit = np.float32(max(threshold, FLOOR))
        sides = (foreground, background) if label else (background, foreground)
        _take(distance.ravel(), unit, label, *sides, mask.ravel())
    _decide(background, foreground, mask.ravel(), score.ravel())
    return mask, score


def nearest_in(
    window: Window,
    distances: Sequence[NDArray[np.float32]],
    thresholds: Sequence[float],
    labels: Sequence[bool],
) -> NDArray[np.bool_]:
    """Return the mask of `combine` in a window of the plane."""
    top, left = window[0].start, window[1].start
    mask = np.zeros((window[0].stop - top, window[1].stop - left), bool)
    # what is farther than 1 is background, whoever is nearest
    nearest = np.full(mask.shape, np.nextafter(np.float32(1), np.float32(2)))
    for distance, threshold, label in zip(distances, thresholds, labels, strict=True):
        _claim(distance, top, left, np.float32(max(threshold, FLOOR)), label, nearest, mask)
    return mask


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _claim(
    distance: NDArray[np.float32],
    top: int,
    left: int,
    unit: np.float32,
    label: bool,
    nearest: NDArray[np.float32],
    mask: NDArray[np.bool_],
) -> None:  # pragma: no cover - compiled
    """Let one prompt have the pixels of a window that no earlier one is as near to."""
    width = mask.shape[1]
    for row in range(mask.shape[0]):
        own, best, inside = distance[top + row, left : left + width], nearest[row], mask[row]
        for k in range(width):
            scaled = own[k] / unit
            inside[k] = label if scaled < best[k] else inside[k]
            best[k] = min(best[k], scaled)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _take(
    distance: NDArray[np.float32],
    unit: np.float32,
    label: bool,
    own: NDArray[np.float32],
    other: NDArray[np.float32],
    mask: NDArray[np.bool_],
) -> None:  # pragma: no cover - compiled
    """Let one prompt have the pixels that no earlier one is as near to."""
    for k in range(distance.size):
        scaled = distance[k] / unit
        mask[k] = label if scaled < min(own[k], other[k]) else mask[k]
        own[k] = min(own[k], scaled)


@numba.njit(cache=True, nogil=True)
def _decide(
    background: NDArray[np.float32],
    foreground: NDArray[np.float32],
    mask: NDArray[np.bool_],
    score: NDArray[np.float32],
) -> None:  # pragma: no cover - compiled
    """Leave out what is farther than 1, and fill in the score."""
    one = np.float32(1)
    for k in range(mask.size):
        near = foreground[k]
        mask[k] = mask[k] & (near <= one)
        score[k] = max(min(min(background[k], one) - near, one), -one)
