"""What can be shown above the image, so that one sees why a pixel is in the object."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.jobs import Segmented

Overlay: TypeAlias = Literal["none", "map", "score", "uncertainty"]

RANGES: dict[Overlay, tuple[float, float]] = {
    "map": (0.0, 1.0),
    "score": (-1.0, 1.0),
    "uncertainty": (0.0, 1.0),
}
"""Between which values each of them lies."""

UNSURE = 0.1
"""Share of λ by which the uncertainty contour is drawn."""


def overlay_of(outcome: Segmented, overlay: Overlay) -> NDArray[np.float32] | None:
    """Return what to show, (H, W); None for nothing, or for a map that was not asked for."""
    if overlay == "map":
        return outcome.distance
    if overlay == "score":
        return outcome.score
    return outcome.uncertainty if overlay == "uncertainty" else None


def unsure_band(score: NDArray[np.float32], share: float = UNSURE) -> NDArray[np.bool_]:
    """Return the pixels that change sides when λ changes by about a share of itself."""
    band: NDArray[np.bool_] = np.abs(score) < share
    return band


def unsure_contours(
    score: NDArray[np.float32], share: float = UNSURE
) -> list[NDArray[np.float64]]:
    """Return where the outline would be with λ smaller and larger by a share of itself.

    Parameters
    ----------
    score : (H, W) float32 array
        Signed soft score, 0 on the boundary.
    share : float
        In (0, 1).

    Returns
    -------
    list of (k, 2) float64 arrays
        Lines of (row, column), the inner ones first.
    """
    return [line for level in (share, -share) for line in _contours(score, level)]


def unsure_lines(
    score: NDArray[np.float32], share: float = UNSURE
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the same as many short lines, as a layer of vectors has them.

    Returns
    -------
    (n, 2, 2) float64 array
        Where each line begins and how far it goes, both as (row, column).
    (n,) bool array
        Whether it is of the smaller outline.
    """
    pieces, inner = [np.zeros((0, 2, 2))], [np.zeros(0, bool)]
    for level in (share, -share):
        for line in _contours(score, level):
            ways = np.diff(line, axis=0)
            pieces.append(np.stack([line[:-1], ways], axis=1))
            inner.append(np.full(len(ways), level > 0))
    return np.concatenate(pieces), np.concatenate(inner)


def _contours(score: NDArray[np.float32], level: float) -> list[NDArray[np.float64]]:
    """Return the lines (k, 2) along which the score has a value."""
    from skimage.measure import find_contours

    if min(score.shape) < 2:
        return []
    return [np.asarray(line, dtype=np.float64) for line in find_contours(score, level)]


def next_overlay(overlay: Overlay) -> Overlay:
    """Return the overlay that a key turns to from another one; after the last comes none."""
    order: tuple[Overlay, ...] = ("none", *RANGES)
    return order[(order.index(overlay) + 1) % len(order)]
