"""From prompts to seeds: the pixels from which distance maps grow, and what each stands for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from napari_m2n2.prompts import Prompts
from napari_m2n2.segmentation.selection import Candidates, choose_threshold

_PER_STROKE = 12
"""Most seeds of one scribble: more would say the same again and cost a map each."""


@dataclass(frozen=True, eq=False)
class Seed:
    """A pixel from which one distance map grows.

    Attributes
    ----------
    pixel : (int, int)
        Row and column.
    label : bool
        True = foreground.
    region : (H, W) bool array, optional
        The box or rough mask that the seed stands for.
    threshold : float, optional
        λ, if the user chose it.
    limit : int, optional
        The most pixels of its segment.
    """

    pixel: tuple[int, int]
    label: bool
    region: NDArray[np.bool_] | None = None
    threshold: float | None = None
    limit: int | None = None

    @cached_property
    def key(self) -> bytes:
        """What the candidates of this seed depend on; neither its label nor its λ."""
        region = b"" if self.region is None else self.region.tobytes()
        return blake2b(np.array(self.pixel).tobytes() + region, digest_size=16).digest()


def make_seeds(prompts: Prompts, shape: tuple[int, int], grid: tuple[int, int]) -> list[Seed]:
    """Return one seed for each point, box and mask, and some along each scribble.

    A scribble has a seed every cell of its length, a box or mask one at its innermost pixel. The
    same pixel with the same label is one seed; a pixel with both labels has its last one, and of
    several λ chosen for it the last one.
    """
    labels: dict[tuple[int, int], bool] = {}
    for (row, column), label in zip(prompts.points.tolist(), prompts.labels.tolist(), strict=True):
        labels[row, column] = label
    heard = ~prompts.superseded
    thresholds = _by_pixel(prompts.points[heard], prompts.thresholds[heard])
    limits = _by_pixel(prompts.points, prompts.limits)
    cell = max(shape[0] / grid[0], shape[1] / grid[1], 1.0)
    for stroke, label in zip(prompts.strokes, prompts.stroke_labels.tolist(), strict=True):
        count = int(np.clip(len(stroke) / cell, 1, _PER_STROKE))
        places = np.rint((np.arange(count) + 0.5) * len(stroke) / count - 0.5).astype(int)
        for row, column in stroke[places].tolist():
            labels.setdefault((row, column), label)
    seeds = [
        Seed(pixel, label, threshold=thresholds.get(pixel), limit=_whole(limits.get(pixel)))
        for pixel, label in labels.items()
    ]
    return seeds + [Seed(innermost(region), True, region) for region in prompts.regions]


def _by_pixel(
    points: NDArray[np.int64], values: NDArray[np.float64]
) -> dict[tuple[int, int], float]:
    """Return the last value that is not NaN of each pixel (n, 2) that has any."""
    return {
        (row, column): value
        for (row, column), value in zip(points.tolist(), values.tolist(), strict=True)
        if not math.isnan(value)
    }


def _whole(limit: float | None) -> int | None:
    """Return a limit in whole pixels."""
    return None if limit is None else max(round(limit), 1)


def innermost(region: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the pixel of a region that is farthest from its outside, the first of several."""
    # nothing beyond the region's rectangle is nearer than what lies around it
    left, top, width, height = cv2.boundingRect(np.ascontiguousarray(region).view(np.uint8))
    part = region[top : top + height, left : left + width]
    depth = distance_transform_edt(np.pad(part, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.argmax(depth)), part.shape)
    return int(row) + top, int(column) + left


def choose_thresholds(candidates: Sequence[Candidates], seeds: Sequence[Seed]) -> list[float]:
    """Return λ of each seed, given all others.

    What the user chose stands, whatever the others say.
    """
    pixels = np.array([seed.pixel for seed in seeds], np.int64).reshape(-1, 2)
    labels = np.array([seed.label for seed in seeds], bool)
    of = {label: pixels[labels == label] for label in (False, True)}
    return [
        choose_threshold(own, of[seed.label], of[not seed.label], seed.limit)
        if seed.threshold is None
        else seed.threshold
        for own, seed in zip(candidates, seeds, strict=True)
    ]


def thresholds_by_point(
    prompts: Prompts, seeds: Sequence[Seed], chosen: Sequence[float]
) -> NDArray[np.float64]:
    """Return λ of each point as the user gave them, (n,); NaN for a superseded one."""
    by_pixel = {
        seed.pixel: value for seed, value in zip(seeds, chosen, strict=True) if seed.region is None
    }
    thresholds = np.array([by_pixel[row, column] for row, column in prompts.points.tolist()])
    thresholds = thresholds.astype(np.float64)
    thresholds[prompts.superseded] = np.nan
    return thresholds


def force(
    prompts: Prompts, mask: NDArray[np.bool_], score: NDArray[np.float32] | None = None
) -> None:
    """Overwrite mask and score at the pixels the user labelled; points have the last word."""
    for pixels, label in zip(prompts.strokes, prompts.stroke_labels.tolist(), strict=True):
        mask[pixels[:, 0], pixels[:, 1]] = label
    last = ~prompts.superseded
    rows, columns = prompts.points[last].T
    mask[rows, columns] = prompts.labels[last]
    if score is None:
        return
    for pixels in (*prompts.strokes, prompts.points[last]):
        labelled = mask[pixels[:, 0], pixels[:, 1]]
        score[pixels[:, 0], pixels[:, 1]] = np.where(labelled, 1, -1)
