"""Which threshold of a prompt's distance map is the object: λ.

M2N2 (CVPR 2025) §3.5, Eq. 7 to 10. Every value of the map is a candidate; the segment of candidate
k is the k + 1 nearest pixels. Four scores are multiplied: the gradient of the map along the
outline, an area prior, and how many prompts of the same and of the other class lie inside. The
first two depend on the map alone and are kept; a further click only needs the others again.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.segmentation.parameters import Parameters

FALLBACK = 0.5
"""λ where the map has no edge to choose from, as in the paper's ablation without scores."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """The distance map of one prompt with its candidate thresholds.

    Attributes
    ----------
    distance : (H, W) float32 array
        0 at the prompt, 1 at the farthest pixel.
    thresholds : (H * W,) float32 array
        All values of `distance`, ascending.
    worth : (H * W - 1,) float64 array
        The part of each candidate's score that no other prompt changes; the whole plane is no
        candidate.
    flat : bool
        Whether there is nothing to choose by: a map without any edge, or no score at all.
    positive, negative : bool
        Whether prompts of the own class, and of the other one, have a say.
    """

    distance: NDArray[np.float32]
    thresholds: NDArray[np.float32]
    worth: NDArray[np.float64]
    flat: bool
    positive: bool = True
    negative: bool = True

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.distance.nbytes + self.thresholds.nbytes + self.worth.nbytes


def find_candidates(
    distance: NDArray[np.float32],
    parameters: Parameters,
    *,
    image_gradient: NDArray[np.float32] | None = None,
    region: NDArray[np.bool_] | None = None,
) -> Candidates:
    """Sort the thresholds of a map and score them as far as the map alone allows.

    Parameters
    ----------
    distance : (H, W) float32 array
        In [0, 1].
    parameters : Parameters
        `area_prior`, `edge_bins`, `image_edge`, `area_power`, `min_area` and the switches of the
        scores are used.
    image_gradient : (H, W) float32 array, optional
        Gradient of the image; needed when ``parameters.image_edge > 0``.
    region : (H, W) bool array, optional
        A box or rough mask that the prompt stands for: the overlap of the segment with it (IoU)
        takes the place of the area prior.
    """
    order = np.argsort(distance, axis=None, kind="stable")
    thresholds = distance.ravel()[order]
    count = order.size - 1
    if count < 1:
        return Candidates(distance, thresholds, np.zeros(0), flat=True)
    slope = gradient(distance, parameters.edge_bins)
    entered, left = ring_times(order, distance.shape)
    worth = ring_mean(slope, entered, left)[:count] if parameters.edge_score else np.ones(count)
    area = np.arange(1, count + 1, dtype=np.float64)
    if parameters.image_edge and image_gradient is not None:
        along = ring_mean(image_gradient.ravel(), entered, left)[:count]
        worth *= along**parameters.image_edge
    if region is not None:
        inside = np.cumsum(region.ravel()[order])[:count]
        worth *= inside / (area + region.sum() - inside)
    else:
        worth *= np.arange(count) < parameters.area_prior * (count - 1)
        if parameters.area_power:
            worth *= area**-parameters.area_power
    if parameters.min_area > 1 and worth[parameters.min_area :].any():
        worth[: parameters.min_area - 1] = 0
    scores = (
        parameters.edge_score,
        parameters.positive_score,
        parameters.negative_score,
        parameters.area_prior < 1,
        parameters.image_edge,
        parameters.area_power,
    )
    return Candidates(
        distance,
        thresholds,
        worth,
        flat=not any(scores) or not slope.any(),
        positive=parameters.positive_score,
        negative=parameters.negative_score,
    )


def choose_threshold(
    candidates: Candidates,
    same: NDArray[np.int64],
    other: NDArray[np.int64],
    limit: int | None = None,
) -> float:
    """Return λ, the threshold of highest score.

    Parameters
    ----------
    candidates : Candidates
        Of prompt i.
    same, other : (n, 2) int64 arrays
        Pixels of all prompts of the class of prompt i, itself included, and of the other class.
    limit : int, optional
        Most pixels of the segment (`napari_m2n2.segmentation.corrections`).
    """
    thresholds, worth = candidates.thresholds, candidates.worth
    if candidates.flat:
        return FALLBACK
    count = len(worth)
    # s_pos: the share of the own class within the segment, a staircase along the candidates
    stairs = np.ones(count, np.int64)
    if candidates.positive:
        reached = np.searchsorted(thresholds, candidates.distance[same[:, 0], same[:, 1]])
        stairs = np.cumsum(np.bincount(reached, minlength=count + 1)[:count])
    # s_neg: the segment ends before the nearest prompt of the other class; without one, before
    # the farthest pixel
    allowed = count
    if candidates.negative:
        bound = thresholds[-1]
        if len(other):
            bound = candidates.distance[other[:, 0], other[:, 1]].min()
        allowed = min(int(np.searchsorted(thresholds, bound)), count)
    if limit is not None:
        allowed = min(allowed, limit)
    score = worth[:allowed] * stairs[:allowed]
    return float(thresholds[int(np.argmax(score)) if allowed else 0])


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


def ring_times(
    order: NDArray[np.int64], shape: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return when each pixel enters and leaves the ring around a growing segment.

    The ring is the pixels outside the segment with a 4-neighbour inside: a pixel enters with its
    first neighbour and leaves when it joins the segment itself.

    Parameters
    ----------
    order : (H * W,) int64 array
        Flat indices of the pixels in the order in which they join.
    shape : (int, int)
        (H, W).

    Returns
    -------
    entered, left : (H * W,) int64 arrays
        By pixel; a pixel that joins before its neighbours has ``entered >= left``.
    """
    left = np.empty(order.size, np.int64)
    left[order] = np.arange(order.size)
    rank = left.reshape(shape)
    entered = np.full(shape, order.size)
    np.minimum(entered[1:], rank[:-1], out=entered[1:])
    np.minimum(entered[:-1], rank[1:], out=entered[:-1])
    np.minimum(entered[:, 1:], rank[:, :-1], out=entered[:, 1:])
    np.minimum(entered[:, :-1], rank[:, 1:], out=entered[:, :-1])
    return entered.ravel(), left


def ring_mean(
    values: NDArray[np.floating], entered: NDArray[np.int64], left: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the mean of values along the ring of each segment; 0 where there is no ring."""
    size = values.size
    waits = entered < left
    into, out_of, held = entered[waits], left[waits], values[waits]
    total = np.bincount(into, held, size) - np.bincount(out_of, held, size)
    length = np.bincount(into, minlength=size) - np.bincount(out_of, minlength=size)
    np.cumsum(total, out=total)
    np.cumsum(length, out=length)
    mean: NDArray[np.float64] = np.where(length > 0, total / np.maximum(length, 1), 0.0)
    return mean
