"""A rectangle of a plane that is looked at by itself: where it lies, and prompts within it.

The rectangle around an object is the one that RITM zooms into (Sofiiuk et al., "Reviving iterative
training with mask guidance for interactive segmentation", ICIP 2022), and so is the rule for
keeping it from click to click.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.prompts import Prompts

_LEAST_SIDE = 16
"""Pixels of a crop's side."""

_OBLONG = 2.0
"""Most that one side is longer than the other, as far as the plane allows."""

_KEPT = 0.5
"""A crop is kept while it overlaps the one that would be chosen anew by this much (IoU)."""

_ENLARGED = 128
"""Pixels that the longer side of a crop is enlarged to: cells have pixels to spare, and what is
counted in pixels (bands, dots, blurs) is small beside the object."""


@dataclass(frozen=True)
class Crop:
    """Rows ``top`` to ``bottom`` and columns ``left`` to ``right`` of a plane, ends excluded."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left

    @property
    def part(self) -> tuple[slice, slice]:
        """What cuts the crop out of an array of the plane."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def factor(self) -> int:
        """How many times a small crop is enlarged."""
        return math.ceil(_ENLARGED / max(self.height, self.width, 1))

    def holds(self, pixels: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which of the pixels (n, 2) lie inside, (n,)."""
        low, high = (self.top, self.left), (self.bottom, self.right)
        inside: NDArray[np.bool_] = np.all((pixels >= low) & (pixels < high), axis=1)
        return inside

    def overlap(self, other: Crop) -> float:
        """Return the intersection over union with another."""
        rows = min(self.bottom, other.bottom) - max(self.top, other.top)
        columns = min(self.right, other.right) - max(self.left, other.left)
        common = max(rows, 0) * max(columns, 0)
        return common / (self.height * self.width + other.height * other.width - common)


def around(mask: NDArray[np.bool_], prompts: Prompts) -> Crop:
    """Return the smallest rectangle of a mask and of all that the user said to be foreground."""
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    corners = [np.array([[top, left], [top + height - 1, left + width - 1]])] if width else []
    corners += [prompts.points[prompts.labels & ~prompts.superseded]]
    corners += [
        stroke
        for stroke, label in zip(prompts.strokes, prompts.stroke_labels.tolist(), strict=True)
        if label
    ]
    pixels = np.concatenate(corners)
    if not len(pixels):  # background took away all that the object began with
        pixels = np.argwhere(np.logical_or.reduce(prompts.regions))
    (top, left), (bottom, right) = pixels.min(axis=0).tolist(), pixels.max(axis=0).tolist()
    return Crop(top, left, bottom + 1, right + 1)


def surroundings(tight: Crop, shape: tuple[int, int], margin: float) -> Crop:
    """Return the crop of a rectangle with its surroundings, `margin` times its sides."""
    height, width = (max(side * margin, _LEAST_SIDE) for side in (tight.height, tight.width))
    height, width = max(height, width / _OBLONG), max(width, height / _OBLONG)
    row, column = (tight.top + tight.bottom) / 2, (tight.left + tight.right) / 2
    return Crop(
        max(int(row - height / 2), 0),
        max(int(column - width / 2), 0),
        min(math.ceil(row + height / 2), shape[0]),
        min(math.ceil(column + width / 2), shape[1]),
    )


def touches(crop: Crop, tight: Crop, shape: tuple[int, int]) -> bool:
    """Tell whether a rectangle reaches a side of a crop that is no side of the plane."""
    return (
        0 < crop.top >= tight.top
        or 0 < crop.left >= tight.left
        or shape[0] > crop.bottom <= tight.bottom
        or shape[1] > crop.right <= tight.right
    )


def still_fits(crop: Crop, tight: Crop, shape: tuple[int, int], margin: float) -> bool:
    """Tell whether a crop may be kept for an object that fills `tight` now."""
    if touches(crop, tight, shape):
        return False
    return crop.overlap(surroundings(tight, shape, margin)) >= _KEPT


def cut_out(rgb: NDArray[np.float32], crop: Crop) -> NDArray[np.float32]:
    """Return the crop of an image (H, W, 3), a small one enlarged."""
    part = np.ascontiguousarray(rgb[crop.part])
    if crop.factor == 1:
        return part
    size = (crop.width * crop.factor, crop.height * crop.factor)
    # pixels stay squares: a smooth edge between two of them would be an object of its own
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_NEAREST), np.float32)


def prompts_in(prompts: Prompts, crop: Crop) -> Prompts:
    """Return the prompts inside a crop, in its own, enlarged pixels."""

    def moved(pixels: NDArray[np.int64]) -> NDArray[np.int64]:
        return (pixels - (crop.top, crop.left)) * crop.factor + crop.factor // 2

    inside = crop.holds(prompts.points)
    strokes = [stroke[crop.holds(stroke)] for stroke in prompts.strokes]
    kept = np.array([len(stroke) > 0 for stroke in strokes], bool)
    regions = [region[crop.part] for region in prompts.regions]
    return Prompts(
        points=moved(prompts.points[inside]),
        labels=prompts.labels[inside],
        superseded=prompts.superseded[inside],
        regions=tuple(
            np.kron(region, np.ones((crop.factor, crop.factor), bool))
            for region in regions
            if region.any()
        ),
        strokes=tuple(moved(stroke) for stroke in strokes if len(stroke)),
        stroke_labels=prompts.stroke_labels[kept],
        thresholds=prompts.thresholds[inside],
        limits=prompts.limits[inside] * crop.factor**2,
    )


def reduced(values: NDArray[np.float32], crop: Crop) -> NDArray[np.float32]:
    """Return the mean of what was enlarged from each pixel of a crop."""
    factor = crop.factor
    if factor == 1:
        return values
    blocks = values.reshape(crop.height, factor, crop.width, factor)
    means: NDArray[np.float32] = blocks.mean(axis=(1, 3), dtype=np.float32)
    return means
