"""Simulated clicks: where a user would click next, in both protocols of the literature.

"ritm" is the protocol of RITM (Sofiiuk et al., ICIP 2022, "Reviving iterative training with mask
guidance for interactive segmentation"), which SimpleClick, MIS and CDNet share: what is missing
and what is surplus are looked at apart, and the deeper of the two is clicked. "m2n2" is the one of
M2N2's published evaluation (CVPR 2025): missing and surplus pixels taken together are one region,
and the click carries the true label of its pixel. On an object that is not outlined at all yet the
two click the same pixel; they part where missing and surplus pixels touch, and at ties.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from napari_m2n2.errors import InputError
from napari_m2n2.evaluation.metrics import where_known

PROTOCOLS = ("m2n2", "ritm")
"""Names of the protocols."""


class Click(NamedTuple):
    """A simulated click: a pixel, and whether it is said to be of the object."""

    row: int
    column: int
    label: bool


def next_click(
    mask: NDArray[np.bool_],
    truth: NDArray[np.bool_],
    valid: NDArray[np.bool_] | None = None,
    *,
    protocol: str = "m2n2",
    given: Sequence[Click] = (),
) -> Click | None:
    """Return where a user would click next.

    Parameters
    ----------
    mask, truth : (H, W) bool arrays
        The segmentation so far, empty before the first click, and the true object.
    valid : (H, W) bool array, optional
        False where the truth is not known; such pixels are never clicked, and what borders on
        them is an edge.
    protocol : {"m2n2", "ritm"}
        See the module.
    given : sequence of Click
        The clicks so far; "ritm" clicks no pixel twice. "m2n2" has no need of them, since there a
        prompt's pixel is never wrong.

    Returns
    -------
    Click or None
        The pixel with the largest Euclidean distance to what is not wrong, the rim of the plane
        not being wrong; the first one in raster order. None where nothing is left to click: with
        "ritm" if nothing is wrong, or only pixels clicked before; with "m2n2", which goes on
        clicking the middle of a finished object, only if there is no object.

    Raises
    ------
    InputError
        If the arrays differ in shape or the protocol is unknown.

    Notes
    -----
    RITM's `Clicker` compares float32 distances of OpenCV, whose last digit depends on the number
    of threads and on where a pixel lies. They are squared and rounded here, to the integers that
    they stand for, so that equal distances are ties in every process. RITM clicks pixel (0, 0) as
    background if nothing is wrong, for which it has no use; here there is no click then.
    """
    mask, truth = where_known(mask, truth, valid)
    if protocol == "m2n2":
        return _next_of_m2n2(mask, truth)
    if protocol == "ritm":
        return _next_of_ritm(mask, truth, given)
    raise InputError(f"There is no protocol {protocol!r}; choose one of {', '.join(PROTOCOLS)}.")


def _next_of_m2n2(mask: NDArray[np.bool_], truth: NDArray[np.bool_]) -> Click | None:
    """Click the middle of all that is wrong, or of the object."""
    wrong = mask != truth
    if not wrong.any():
        wrong = truth
    (top, left), part = _cut(wrong)
    if not part.size:
        return None
    depth = distance_transform_edt(np.pad(part, 1))[1:-1, 1:-1]
    row, column = divmod(int(np.argmax(depth)), depth.shape[1])
    return Click(row + top, column + left, bool(truth[row + top, column + left]))


def _next_of_ritm(
    mask: NDArray[np.bool_], truth: NDArray[np.bool_], given: Sequence[Click]
) -> Click | None:
    """Click the middle of what is missing if it is deeper than the surplus, else of that."""
    missing, surplus = _deepest(truth & ~mask, given), _deepest(mask & ~truth, given)
    depth, row, column = missing if missing[0] > surplus[0] else surplus
    return Click(row, column, missing[0] > surplus[0]) if depth else None


def _deepest(wrong: NDArray[np.bool_], given: Sequence[Click]) -> tuple[int, int, int]:
    """Return the squared distance, row and column of the deepest pixel not clicked before."""
    (top, left), part = _cut(wrong)
    if not part.size:
        return 0, 0, 0
    padded = np.pad(part, 1).astype(np.uint8)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    squared = np.rint(np.square(depth, dtype=np.float64))
    for click in given:
        row, column = click.row - top, click.column - left
        if 0 <= row < squared.shape[0] and 0 <= column < squared.shape[1]:
            squared[row, column] = 0
    row, column = divmod(int(np.argmax(squared)), squared.shape[1])
    return int(squared[row, column]), row + top, column + left


def _cut(region: NDArray[np.bool_]) -> tuple[tuple[int, int], NDArray[np.bool_]]:
    """Return the bounding box of a region, as its first pixel and the part of the plane in it.

    The pixel outside a box that is nearest to one inside lies beside the box, so that distances
    in the box with a rim of one pixel are those in the plane.
    """
    left, top, width, height = cv2.boundingRect(region.astype(np.uint8))
    return (top, left), region[top : top + height, left : left + width]
