"""From prompts to seeds: the pixels from which distance maps grow, and what each stands for."""

from __future__ import annotations

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
    click : bool
        Whether it is a point of its own, which mends the mask of the points before it.
    threshold : float, optional
        λ, if the user chose it.
    """

    pixel: tuple[int, int]
    label: bool
    region: NDArray[np.bool_] | None = None
    click: bool = False
    threshold: float | None = None

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
    thresholds: dict[tuple[int, int], float] = {}
    for (row, column), label in zip(prompts.points.tolist(), prompts.labels.tolist(), strict=True):
        labels[row, column] = label
    chosen = ~prompts.superseded & ~np.isnan(prompts.thresholds)
    for place in np.flatnonzero(chosen):
        row, column = prompts.points[place].tolist()
        thresholds[row, column] = float(prompts.thresholds[place])
    clicks = len(labels)
    cell = max(shape[0] / grid[0], shape[1] / grid[1], 1.0)
    for stroke, label in zip(prompts.strokes, prompts.stroke_labels.tolist(), strict=True):
        count = int(np.clip(len(stroke) / cell, 1, _PER_STROKE))
        places = np.rint((np.arange(count) + 0.5) * len(stroke) / count - 0.5).astype(int)
        for row, column in stroke[places].tolist():
            labels.setdefault((row, column), label)
    seeds = [
        Seed(pixel, label, click=place < clicks, threshold=thresholds.get(pixel))
        for place, (pixel, label) in enumerate(labels.items())
    ]
    return seeds + [Seed(innermost(region), True, region) for region in prompts.regions]


def innermost(region: NDArray[np.bool_]) -> tuple[int, int]:
    """Return the pixel of a region that is farthest from its outside, the first of several."""
    # nothing beyond the region's rectangle is nearer than what lies around it
    left, top, width, height = cv2.boundingRect(np.ascontiguousarray(region).view(np.uint8))
    part = region[top : top + height, left : left + width]
    depth = distance_transform_edt(np.pad(part, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.argmax(depth)), part.shape)
    return int(row) + top, int(column) + left


def choose_thresholds(
    candidates: Sequence[Candidates], seeds: Sequence[Seed], limits: Sequence[int | None]
) -> list[float]:
    """Return λ of each seed, given all others and the most pixels of each seed's segment.

    What the user chose stands, whatever the others say.
    """
    pixels = np.array([seed.pixel for seed in seeds], np.int64).reshape(-1, 2)
    labels = np.array([seed.label for seed in seeds], bool)
    of = {label: pixels[labels == label] for label in (False, True)}
    return [
        choose_threshold(own, of[seed.label], of[not seed.label], limit)
        if seed.threshold is None
        else seed.threshold
        for own, seed, limit in zip(candidates, seeds, limits, strict=True)
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


def force(prompts: Prompts, mask: NDArray[np.bool_], score: NDArray[np.float32]) -> None:
    """Overwrite mask and score at the pixels the user labelled; points have the last word."""
    for pixels, label in zip(prompts.strokes, prompts.stroke_labels.tolist(), strict=True):
        mask[pixels[:, 0], pixels[:, 1]] = label
        score[pixels[:, 0], pixels[:, 1]] = 1 if label else -1
    last = ~prompts.superseded
    rows, columns = prompts.points[last].T
    mask[rows, columns] = prompts.labels[last]
    score[rows, columns] = np.where(prompts.labels[last], 1, -1)
