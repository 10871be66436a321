"""How much of an object a mask has, how well it follows the outline, and how many clicks it took.

A mask that is compared with a truth that is unknown in places is cut to what is known, and so is
the truth: an outline may lie anywhere within an unknown band, as in GrabCut's, and beyond the band
it is wrong. Every score lies in [0, 1] and is 1 for the truth itself.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from napari_m2n2.errors import InputError

HARM = 0.05
"""A click is harmful if it lowers the IoU by more than this."""

BOUNDARY_SHARE = 0.008
"""Tolerance of the boundary F as a share of the plane's diagonal, as in DAVIS."""

SURFACE_PIXELS = 2.0
"""Tolerance of the normalised surface distance in pixels (of the coarser axis), unless given: no
value fits all organs, and where two readers have outlined them, it is how far they lie apart."""


def where_known(
    mask: NDArray[np.bool_], truth: NDArray[np.bool_], valid: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return mask and truth, both empty where the truth is not known.

    Raises
    ------
    InputError
        If the arrays differ in shape.
    """
    mask, truth = np.asarray(mask, bool), np.asarray(truth, bool)
    known = None if valid is None else np.asarray(valid, bool)
    shapes = [array.shape for array in (mask, truth, known) if array is not None]
    if len(set(shapes)) > 1 or mask.ndim != 2:
        raise InputError(
            f"Mask, truth and the known pixels have the shapes {', '.join(map(str, shapes))}; "
            "give arrays (rows, columns) of one shape."
        )
    return (mask, truth) if known is None else (mask & known, truth & known)


def iou(
    mask: NDArray[np.bool_], truth: NDArray[np.bool_], valid: NDArray[np.bool_] | None = None
) -> float:
    """Return the intersection over union (Jaccard index) of two masks.

    Parameters
    ----------
    mask, truth : (H, W) bool arrays
    valid : (H, W) bool array, optional
        False where the truth is not known; such pixels do not count.

    Returns
    -------
    float
        |mask ∧ truth| / |mask ∨ truth|; 1 if both are empty.

    Raises
    ------
    InputError
        If the arrays differ in shape.
    """
    mask, truth = where_known(mask, truth, valid)
    union = int(np.count_nonzero(mask | truth))
    return int(np.count_nonzero(mask & truth)) / union if union else 1.0


def dice(
    mask: NDArray[np.bool_], truth: NDArray[np.bool_], valid: NDArray[np.bool_] | None = None
) -> float:
    """Return the Dice coefficient (F1 of the pixels), 2 |mask ∧ truth| / (|mask| + |truth|).

    Parameters, errors and the answer for two empty masks are those of `iou`.
    """
    mask, truth = where_known(mask, truth, valid)
    total = int(np.count_nonzero(mask)) + int(np.count_nonzero(truth))
    return 2 * int(np.count_nonzero(mask & truth)) / total if total else 1.0


def boundary_f(
    mask: NDArray[np.bool_],
    truth: NDArray[np.bool_],
    valid: NDArray[np.bool_] | None = None,
    spacing: tuple[float, float] = (1.0, 1.0),
    tolerance: float | None = None,
) -> float:
    """Return the F measure of the outline: F = 2 P R / (P + R).

    P is the share of the mask's outline that has the true outline within the tolerance, R the
    share of the true outline that has the mask's.

    Parameters
    ----------
    mask, truth : (H, W) bool arrays
    valid : (H, W) bool array, optional
        False where the truth is not known; see the module.
    spacing : (float, float)
        Size of a pixel along rows and columns, in any unit of length.
    tolerance : float, optional
        In the unit of `spacing`, and itself within it. Without it, 0.8 % of the plane's diagonal,
        rounded up to whole pixels (of the finer axis).

    Returns
    -------
    float
        1 if neither has an outline, 0 if only one has.

    Raises
    ------
    InputError
        If the arrays differ in shape, or spacing or tolerance are not lengths.

    Notes
    -----
    Perazzi et al., "A benchmark dataset and evaluation methodology for video object segmentation",
    CVPR 2016 (DAVIS's F), after Martin et al., PAMI 2004. An outline is made of the pixels of the
    mask with one of their four neighbours outside; the rim of the plane, where the object goes on
    unseen, is no outline. DAVIS draws its outlines on the other side of some edges and matches
    them by dilation, which makes a difference of a pixel at most.
    """
    mask, truth = where_known(mask, truth, valid)
    _check(spacing, tolerance)
    if tolerance is None:
        height, width = mask.shape
        diagonal = math.hypot(height * spacing[0], width * spacing[1])
        # products of decimal fractions have errors in the last digits
        pixels = math.ceil(BOUNDARY_SHARE * diagonal / min(spacing) - 1e-9)
        tolerance = pixels * min(spacing)
    found, real = (_outline(one, spacing, rim=False) for one in (mask, truth))
    if not len(found) or not len(real):
        return float(len(found) == len(real))
    precision = _count_near(found, real, tolerance) / len(found)
    recall = _count_near(real, found, tolerance) / len(real)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def surface_distance(
    mask: NDArray[np.bool_],
    truth: NDArray[np.bool_],
    valid: NDArray[np.bool_] | None = None,
    spacing: tuple[float, float] = (1.0, 1.0),
    tolerance: float | None = None,
) -> float:
    """Return the normalised surface distance, also called surface Dice at a tolerance.

    Of both surfaces taken together, the share that has the other surface within the tolerance.

    Parameters
    ----------
    mask, truth, valid, spacing
        As for `boundary_f`.
    tolerance : float, optional
        In the unit of `spacing`, and itself within it; `SURFACE_PIXELS` without it.

    Returns
    -------
    float
        1 if both masks are empty, 0 if only one is.

    Raises
    ------
    InputError
        If the arrays differ in shape, or spacing or tolerance are not lengths.

    Notes
    -----
    Nikolov et al., "Clinically applicable segmentation of head and neck anatomy for radiotherapy",
    J. Med. Internet Res. 2021, on a plane and with pixels as elements of the surface, as in
    "Metrics reloaded" (Maier-Hein et al., Nature Methods 2024). As there, and other than in
    `boundary_f`, surfaces are closed: they run along the rim of the plane.
    """
    mask, truth = where_known(mask, truth, valid)
    _check(spacing, tolerance)
    if tolerance is None:
        tolerance = SURFACE_PIXELS * max(spacing)
    found, real = (_outline(one, spacing, rim=True) for one in (mask, truth))
    if not len(found) or not len(real):
        return float(len(found) == len(real))
    near = _count_near(found, real, tolerance) + _count_near(real, found, tolerance)
    return near / (len(found) + len(real))


def clicks_to(scores: Sequence[float], target: float) -> int:
    """Return the number of clicks (NoC): the first whose score is at least a target.

    Parameters
    ----------
    scores : sequence of float
        IoU after 1, 2, ... clicks.
    target : float
        For instance 0.85 for NoC@85.

    Returns
    -------
    int
        The number of scores if none reaches the target, as everywhere in the literature (20).
    """
    return next((k for k, score in enumerate(scores, 1) if score >= target), len(scores))


def never_reached(scores: Sequence[float], target: float) -> bool:
    """Return whether no click reaches a target: the failures (NoF) of CDNet's text.

    RITM's code counts ``clicks_to(scores, target) == 20`` instead, and with it the objects that
    succeed with the very last click.
    """
    return not any(score >= target for score in scores)


def area_under(scores: Sequence[float]) -> float:
    """Return the area under the curve of scores over clicks, by trapezoids.

    Divided by its width, so that it lies in [0, 1]; a single score is its own area, and without
    any it is not a number. Its mean over objects is the area under the mean curve.
    """
    if not len(scores):
        return math.nan
    if len(scores) == 1:
        return float(scores[0])
    inner = math.fsum(scores[1:-1]) + (scores[0] + scores[-1]) / 2
    return inner / (len(scores) - 1)


def harmful(scores: Sequence[float]) -> int:
    """Return how many clicks lowered the IoU by more than `HARM`."""
    # differences of decimal fractions have errors in the last digits
    return sum(before - after > HARM + 1e-9 for before, after in pairwise(scores))


def _check(spacing: tuple[float, float], tolerance: float | None) -> None:
    """Raise InputError unless spacing and tolerance are lengths."""
    if len(spacing) != 2 or not all(math.isfinite(step) and step > 0 for step in spacing):
        raise InputError(f"The spacing is {spacing}; give two positive lengths.")
    if tolerance is not None and not (math.isfinite(tolerance) and tolerance >= 0):
        raise InputError(f"The tolerance is {tolerance}; give a length of 0 or more.")


def _outline(
    mask: NDArray[np.bool_], spacing: tuple[float, float], *, rim: bool
) -> NDArray[np.float64]:
    """Return where the pixels of a mask lie that have one of their 4 neighbours outside, (n, 2).

    With `rim`, what lies beyond the plane is outside, too.
    """
    grown = np.pad(mask, 1, constant_values=not rim)
    inner = grown[:-2, 1:-1] & grown[2:, 1:-1] & grown[1:-1, :-2] & grown[1:-1, 2:]
    return np.multiply(np.argwhere(mask & ~inner), spacing, dtype=np.float64)


def _count_near(points: NDArray[np.float64], others: NDArray[np.float64], tolerance: float) -> int:
    """Return how many points have another one within the tolerance."""
    # a little more than the tolerance: the bound itself is out of bounds, and products with the
    # spacing have errors in the last digits
    bound = tolerance * (1 + 1e-9) + 1e-12 * float(np.abs(others).max(initial=1.0))
    distances, _ = KDTree(others, balanced_tree=False).query(points, distance_upper_bound=bound)
    return int(np.count_nonzero(np.isfinite(distances)))
