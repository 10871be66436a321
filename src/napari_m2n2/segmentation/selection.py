"""Which threshold of a prompt's distance map is the object: λ.

M2N2 (CVPR 2025) §3.5, Eq. 7 to 10. Every value of the map is a candidate; the segment of candidate
k is the k + 1 nearest pixels. Four scores are multiplied: the gradient of the map along the
outline, an area prior, and how many prompts of the same and of the other class lie inside. The
first two depend on the map alone and are kept; a further click only needs the others again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.segmentation.belief import Beliefs, expected_overlap, find_beliefs
from napari_m2n2.segmentation.coarse import moved
from napari_m2n2.segmentation.growth import nearest_first, ring_means
from napari_m2n2.segmentation.parameters import Parameters

FALLBACK = 0.5
"""λ where the map has no edge to choose from, as in the paper's ablation without scores."""

_BLOCK = 256
"""Candidates whose largest worth is kept."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """The distance map of one prompt with its candidate thresholds.

    Attributes
    ----------
    distance : (h, w) float32 array
        0 at the prompt, 1 at the farthest pixel, where thresholds are chosen: on the plane, or on
        a reduced one.
    thresholds : (k,) float32 array
        The least values of `distance`, ascending: as many as there are candidates that could be
        worth anything. Candidates beyond them are worth 0.
    worth : (k,) float32 array
        The part of each candidate's score that no other prompt changes; the whole plane is no
        candidate.
    peaks : (⌈k / 256⌉,) float32 array
        The largest worth of each 256 candidates.
    flat : bool
        Whether there is nothing to choose by: a map without any edge, or no score at all.
    positive, negative : bool
        Whether prompts of the own class, and of the other one, have a say.
    beliefs : Beliefs, optional
        What the prompt means if there is no other; None for the segment of highest worth.
    fine : (H, W) float32 array, optional
        The distance map of the plane itself, where `distance` is of a reduced one.
    """

    distance: NDArray[np.float32]
    thresholds: NDArray[np.float32]
    worth: NDArray[np.float32]
    peaks: NDArray[np.float32]
    flat: bool
    positive: bool = True
    negative: bool = True
    beliefs: Beliefs | None = None
    fine: NDArray[np.float32] | None = None

    @property
    def map(self) -> NDArray[np.float32]:
        """The distance map of the plane, (H, W)."""
        return self.distance if self.fine is None else self.fine

    @property
    def nbytes(self) -> int:
        """Bytes held: at most 12 a pixel, and a sixtieth more."""
        held = self.distance.nbytes + self.thresholds.nbytes + self.worth.nbytes
        return held + self.peaks.nbytes + (0 if self.fine is None else self.fine.nbytes)

    def at(self, pixels: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return `distance` at pixels of the plane (n, 2), (n,)."""
        (height, width), small = self.map.shape, (self.distance.shape[0], self.distance.shape[1])
        rows, columns = moved(pixels, (height, width), small).T
        found: NDArray[np.float32] = self.distance[rows, columns]
        return found

    def share(self, limit: int) -> int:
        """Return how many pixels of `distance` so many pixels of the plane are, 1 at least."""
        return max(round(limit * (self.distance.size / self.map.size)), 1)


def find_candidates(
    distance: NDArray[np.float32],
    parameters: Parameters,
    *,
    image_gradient: NDArray[np.float32] | None = None,
    region: NDArray[np.bool_] | None = None,
    pixel: tuple[int, int] | None = None,
    cell: float = 1,
) -> Candidates:
    """Sort the thresholds of a map and score them as far as the map alone allows.

    Parameters
    ----------
    distance : (H, W) float32 array
        In [0, 1].
    parameters : Parameters
        `area_prior`, `edge_bins`, `image_edge`, `area_power`, `min_area`, `belief`, `centre` and
        the switches of the scores are used.
    image_gradient : (H, W) float32 array, optional
        Gradient of the image; needed when ``parameters.image_edge > 0``.
    region : (H, W) bool array, optional
        A box or rough mask that the prompt stands for: the overlap of the segment with it (IoU)
        takes the place of the area prior.
    pixel : (int, int), optional
        Row and column of the click; needed for what it means alone.
    cell : float
        Pixels of a cell of the attention's grid, for the same.
    """
    last = distance.size - 1
    if last < 1:
        nothing = np.zeros(0, np.float32)
        return Candidates(distance, nothing, nothing, nothing, flat=True)
    # candidates beyond the area prior are worth nothing
    share = last if region is not None else math.ceil(parameters.area_prior * (last - 1))
    order = nearest_first(distance, min(max(share, 1), last))
    area = np.arange(1, len(order) + 1, dtype=np.float64)
    slope = gradient(distance, parameters.edge_bins)
    values: list[NDArray[Any]] = [slope]
    if image_gradient is not None and parameters.image_edge:
        values.append(image_gradient.ravel())
    shape = (distance.shape[0], distance.shape[1])
    means = ring_means(order, shape, np.stack(values, axis=1).astype(np.float32))
    worth = means[0] if parameters.edge_score else np.ones(len(order))
    if len(means) > 1:
        worth *= means[1] ** parameters.image_edge
    if region is not None:
        inside = np.cumsum(region.ravel()[order])
        worth *= inside / (area + np.count_nonzero(region) - inside)
    else:
        worth[share:] = 0
        if parameters.area_power:
            worth *= area**-parameters.area_power
    if parameters.min_area > 1 and worth[parameters.min_area :].any():
        worth[: parameters.min_area - 1] = 0
    scored = worth.astype(np.float32)
    flat = not slope.any() or not _any_score(parameters)
    beliefs = None
    if parameters.belief and pixel is not None and region is None and not flat:
        beliefs = find_beliefs(
            distance,
            order,
            scored,
            pixel,
            cell=cell,
            power=parameters.belief,
            centre=parameters.centre,
        )
    return Candidates(
        distance,
        distance.ravel()[order],
        scored,
        np.maximum.reduceat(scored, np.arange(0, len(scored), _BLOCK)),
        flat=flat,
        positive=parameters.positive_score,
        negative=parameters.negative_score,
        beliefs=beliefs,
    )


def _any_score(parameters: Parameters) -> bool:
    """Return whether anything is left to choose a threshold by."""
    scores = (
        parameters.edge_score,
        parameters.positive_score,
        parameters.negative_score,
        parameters.area_prior < 1,
        parameters.image_edge,
        parameters.area_power,
    )
    return any(scores)


def choose_threshold(
    candidates: Candidates,
    same: NDArray[np.int64],
    other: NDArray[np.int64],
    limit: int | None = None,
) -> float:
    """Return λ: the threshold of highest score, or of highest expected overlap for one alone.

    Parameters
    ----------
    candidates : Candidates
        Of prompt i.
    same, other : (n, 2) int64 arrays
        Pixels of all prompts of the class of prompt i, itself included, and of the other class.
    limit : int, optional
        Most pixels of the segment (`napari_m2n2.segmentation.corrections`).
    """
    if candidates.flat:
        return FALLBACK
    allowed = len(candidates.worth)
    beliefs = candidates.beliefs
    if beliefs is not None and len(same) == 1 and not len(other) and limit is None:
        expected = expected_overlap(beliefs.areas, beliefs.areas, beliefs.weights)
        return float(beliefs.thresholds[int(np.argmax(expected))])
    # s_neg: the segment ends before the nearest prompt of the other class; without one, before
    # the farthest pixel
    bound = np.float32(np.inf)
    if candidates.negative:
        bound = candidates.at(other).min() if len(other) else candidates.distance.max()
    # s_pos: the share of the own class within the segment, a staircase along the candidates
    near = np.zeros(0, np.float32)
    if candidates.positive:
        near = np.sort(candidates.at(same))
    best = _best(
        candidates.thresholds,
        candidates.worth,
        candidates.peaks,
        near,
        bound,
        allowed if limit is None else min(allowed, candidates.share(limit)),
    )
    return float(candidates.thresholds[best])


@numba.njit(cache=True, nogil=True)
def _best(
    thresholds: NDArray[np.float32],
    worth: NDArray[np.float32],
    peaks: NDArray[np.float32],
    near: NDArray[np.float32],
    bound: np.float32,
    allowed: int,
) -> int:  # pragma: no cover - compiled
    """Return the first of the candidates with the highest score.

    `near` is what the prompts of the own class have in the map, ascending; without any, all
    candidates hold as many of them. Only blocks that are not of one height are looked into.
    """
    allowed = min(allowed, int(np.searchsorted(thresholds, bound)))
    best, score, found = 0, 0.0, -1
    begin, height = 0, 0 if near.size else 1
    for k in range(near.size + 1):
        end = allowed
        if k < near.size:
            end = min(allowed, int(np.searchsorted(thresholds, near[k])))
        place = begin
        while place < end:
            block = place // _BLOCK
            after = min(end, (block + 1) * _BLOCK)
            peak = height * float(peaks[block])
            if peak > score:
                if place == block * _BLOCK and after - place == min(_BLOCK, worth.size - place):
                    found, score = block, peak  # all of it: which one is looked up at the end
                else:
                    for candidate in range(place, after):
                        if height * float(worth[candidate]) > score:
                            best, found, score = candidate, -1, height * float(worth[candidate])
            place = after
        begin = max(begin, end)
        height += 1
    if found >= 0:
        best = found * _BLOCK
        while worth[best] < peaks[found]:
            best += 1
    return best


def gradient(distance: NDArray[np.float32], bins: int) -> NDArray[np.float64]:
    """Return the Sobel magnitude of a map, flattened, rounded down to `bins` steps of its peak."""
    # reflection needs a second row and column
    border = cv2.BORDER_REFLECT_101 if min(distance.shape) > 1 else cv2.BORDER_REPLICATE
    across = cv2.Sobel(distance, cv2.CV_32F, 1, 0, ksize=3, borderType=border)
    down = cv2.Sobel(distance, cv2.CV_32F, 0, 1, ksize=3, borderType=border)
    magnitude: NDArray[np.float64] = np.hypot(across, down).ravel().astype(np.float64)
    peak = magnitude.max()
    if peak == 0:
        return magnitude
    magnitude /= peak
    return np.floor(magnitude * bins) if bins else magnitude
