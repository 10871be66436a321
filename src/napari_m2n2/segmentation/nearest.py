"""Which prompt each pixel belongs to: truncated nearest neighbour.

M2N2 (CVPR 2025) §3.1, Eq. 2 and 11: distances are divided by their λ; a pixel takes the class of
its nearest prompt, and is background where the nearest is farther than 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

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
    nearest = np.full(shape, np.inf, np.float32)
    foreground = np.full(shape, np.inf, np.float32)
    background = np.full(shape, np.inf, np.float32)
    mask = np.zeros(shape, bool)
    for distance, threshold, label in zip(distances, thresholds, labels, strict=True):
        scaled = distance / np.float32(max(threshold, FLOOR))
        nearer = scaled < nearest
        nearest[nearer] = scaled[nearer]
        mask[nearer] = label
        side = foreground if label else background
        np.minimum(side, scaled, out=side)
    mask &= nearest <= 1
    score = np.clip(np.minimum(background, 1) - foreground, -1, 1)
    return mask, score
