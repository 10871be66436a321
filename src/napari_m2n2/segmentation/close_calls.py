"""Close calls: thresholds of nearly the same score, decided with every offset of the upsampling.

A map that is enlarged with a sample of the offsets is right to a few ten-thousandths of its
maximum, and the gradient along an outline to a few thousandths. Where the best thresholds of a
prompt are nearer to each other than that, the sample alone would say which one is the object. So
the pixels along their outlines, a few hundredths of the plane, are enlarged once more with every
offset, and the map is filled and scored again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.markov.upsample import upsample_at
from napari_m2n2.progress import Progress
from napari_m2n2.segmentation.coarse import moved
from napari_m2n2.segmentation.parameters import Parameters
from napari_m2n2.segmentation.plane import PreparedPlane, to_distance
from napari_m2n2.segmentation.ranked import with_values_of
from napari_m2n2.segmentation.seeds import Seed
from napari_m2n2.segmentation.selection import Candidates, find_candidates
from napari_m2n2.segmentation.shrinking import reduced_region

_LOOKS = 3
"""Most times that pixels are looked at again: what was close before may not be any more."""

_FEW = 0.1
"""Of what was looked at before, that many more pixels are not worth another look."""

_AROUND = np.ones((3, 3), np.uint8)
"""What the gradient at a pixel is taken from."""

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


def score_seeds(
    plane: PreparedPlane, seeds: Sequence[Seed], parameters: Parameters, progress: Progress
) -> list[Candidates]:
    """Return the candidate thresholds of seeds, of which close ones are decided exactly.

    Parameters
    ----------
    plane : PreparedPlane
    seeds : sequence of Seed
    parameters : Parameters
        How a map is scored; `upsampling` and `close_calls` say what is decided exactly.
    progress : callable
        Called as ``progress(phase, fraction)``.
    """
    chosen_on = plane.coarse or plane
    pixels = moved(np.array([seed.pixel for seed in seeds]), plane.shape, chosen_on.shape)
    places = [(row, column) for row, column in pixels.tolist()]
    low = chosen_on.low_maps(places, progress)
    enlarged = chosen_on.enlarge(low, progress)
    results = [
        _scored(chosen_on, small, large, place, _region_on(chosen_on, seed), parameters)
        for seed, place, small, large in zip(
            seeds, places, low.float().cpu().numpy(), enlarged, strict=True
        )
    ]
    if plane.coarse is None:
        return results
    fine = plane.enlarge(low, progress)
    for k, (seed, place) in enumerate(zip(seeds, places, strict=True)):
        # distances are counted from the prompt's own value, which is one pixel's
        fine[k][seed.pixel] = enlarged[k][place]
        distance = to_distance(fine[k], seed.pixel, flood=parameters.flood)
        results[k] = replace(results[k], fine=with_values_of(results[k].distance, distance))
    return results


def _region_on(plane: PreparedPlane, seed: Seed) -> NDArray[np.bool_] | None:
    """Return the box or mask that a seed stands for, on a plane that may be a reduced one."""
    if seed.region is None or seed.region.shape == plane.shape:
        return seed.region
    return reduced_region(seed.region, plane.shape)


def _scored(
    plane: PreparedPlane,
    small: NDArray[np.float32],
    large: NDArray[np.float32],
    pixel: tuple[int, int],
    region: NDArray[np.bool_] | None,
    parameters: Parameters,
) -> Candidates:
    """Return the candidates of a map, given on the grid (h, w) and on the plane (H, W)."""

    def find(one: NDArray[np.float32]) -> Candidates:
        return find_candidates(
            to_distance(one, pixel, flood=parameters.flood),
            parameters,
            image_gradient=plane.edges,
            region=region,
            pixel=pixel,
            cell=math.prod(plane.shape) / math.prod(plane.grid),
        )

    found = find(large)
    if plane.sampled and parameters.close_calls:
        found = _decided(plane, small, large, found, find)
    return found


def _decided(
    plane: PreparedPlane,
    small: NDArray[np.float32],
    large: NDArray[np.float32],
    found: Candidates,
    find: Callable[[NDArray[np.float32]], Candidates],
) -> Candidates:
    """Enlarge a map (h, w) exactly, in place, where thresholds are close; score it again."""
    own = plane.parameters
    exact = np.zeros(plane.shape, np.bool_)
    for _ in range(_LOOKS):
        more = close_pixels(found, own.close_calls) & ~exact
        if np.count_nonzero(more) <= _FEW * np.count_nonzero(exact):
            break
        large[more] = upsample_at(
            small,
            plane.guide,
            np.argwhere(more),
            sigma_space=own.sigma_space,
            sigma_range=own.sigma_range,
        )
        exact |= more
        found = find(large)
    return found


def close_pixels(candidates: Candidates, share: float) -> NDArray[np.bool_]:
    """Return the pixels that the scores of the best thresholds depend on, (H, W).

    Parameters
    ----------
    candidates : Candidates
    share : float
        Of the best threshold's worth by which others may be worse and still count as close.

    Returns
    -------
    (H, W) bool array
        Pixels around which a segment of a close threshold ends. None where there is no choice.
    """
    distance = candidates.distance
    marks = np.zeros(distance.shape, np.uint8)
    if candidates.flat or not candidates.worth.any():
        return marks.view(np.bool_)
    close = candidates.worth >= (1 - share) * candidates.worth.max()
    lowest = cv2.erode(distance, _CROSS).astype(np.float32, copy=False)
    _mark(distance.ravel(), lowest.ravel(), candidates.thresholds[close], marks.ravel())
    around: NDArray[np.bool_] = cv2.dilate(marks, _AROUND).view(np.bool_)
    return around


@numba.njit(cache=True, nogil=True)
def _mark(
    distance: NDArray[np.float32],
    lowest: NDArray[np.float32],
    thresholds: NDArray[np.float32],
    marks: NDArray[np.uint8],
) -> None:  # pragma: no cover - compiled
    """Mark pixels outside of the segment of one of some ascending thresholds, but beside it."""
    first, last = thresholds[0], thresholds[-1]
    for k in range(distance.size):
        if distance[k] > first and lowest[k] <= last:
            place = np.searchsorted(thresholds, lowest[k])
            marks[k] = np.uint8(thresholds[place] < distance[k])
