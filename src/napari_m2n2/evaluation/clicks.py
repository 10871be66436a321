"""Simulated clicks in the protocol of M2N2's published evaluation.

Each click goes to the pixel that is deepest inside what is wrong, missing and surplus taken
together, and carries the true label of that pixel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from napari_m2n2.segmenter import Segmenter


class Click(NamedTuple):
    """A simulated click."""

    row: int
    column: int
    label: bool


def next_click(
    mask: NDArray[np.bool_], truth: NDArray[np.bool_], valid: NDArray[np.bool_] | None = None
) -> Click:
    """Return where a user would click next.

    Parameters
    ----------
    mask, truth : (H, W) bool arrays
        The segmentation so far and the true object.
    valid : (H, W) bool array, optional
        False where the truth is not known; such pixels are never clicked.

    Returns
    -------
    Click
        The pixel of largest Euclidean distance to what is right, the rim of the plane being right;
        the first one in raster order. If nothing is wrong, the depth of the object itself counts.
    """
    known = np.ones_like(truth) if valid is None else valid
    wrong = (mask != truth) & known
    if not wrong.any():
        wrong = truth & known
    depth = distance_transform_edt(np.pad(wrong, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return Click(int(row), int(column), bool(truth[row, column]))


def iou(
    mask: NDArray[np.bool_], truth: NDArray[np.bool_], valid: NDArray[np.bool_] | None = None
) -> float:
    """Return the intersection over union of two masks where `valid`; 1 if both are empty."""
    known = np.ones_like(truth) if valid is None else valid
    union = int(((mask | truth) & known).sum())
    return int((mask & truth & known).sum()) / union if union else 1.0


def simulate(
    segmenter: Segmenter,
    truth: NDArray[np.bool_],
    *,
    clicks: int = 20,
    valid: NDArray[np.bool_] | None = None,
) -> list[float]:
    """Click an object in the image that a segmenter has, and return the IoU after each click."""
    mask = np.zeros_like(truth)
    given: list[Click] = []
    scores = []
    for _ in range(clicks):
        given.append(next_click(mask, truth, valid))
        points = [(click.row, click.column) for click in given]
        mask = segmenter.segment(points, [click.label for click in given]).mask
        scores.append(iou(mask, truth, valid))
    return scores
