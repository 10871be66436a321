"""Rows: a click on a plane of 4096 × 4096 pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray
from row import Row, Settings
from skimage import data

from napari_m2n2 import Segmenter

POINTS = np.array([(140, 220), (300, 250), (400, 60)]) / 512
LABELS = [1, 1, 0]

Click = Callable[[Segmenter, int], NDArray[np.bool_]]


def rows(settings: Settings) -> Iterator[Row]:
    """Yield the rows of this module."""
    side = 512 if settings.quick else 4096
    small, large = segmenter(side // 4), segmenter(side)
    for count in (1, 3):
        yield Row(
            name=f"click {count} on {side} × {side}, as a part of one on a quarter of the side",
            plain=lambda click: click(small, side // 4),
            fast=lambda click: click(large, side),
            check=alike,
            target="≥ 0.17 ×: at most 6 times as long",
            least=1 / 6,
            prepare=lambda count=count: last_click(count),
        )
    if not settings.quick:
        full = segmenter(side, most_pixels=0)
        for count in (1, 3):
            yield whole_plane(large, full, side, count)


def segmenter(side: int, **parameters: int) -> Segmenter:
    """Return a segmenter of the astronaut enlarged to a side."""
    image = cv2.resize(data.astronaut(), (side, side), interpolation=cv2.INTER_CUBIC)
    made = Segmenter(zoom="off", **parameters)
    made.set_image(image)
    return made


def last_click(count: int, spread: float = 0.005) -> Click:
    """Return what places the last of some clicks, where none was before if they are spread."""
    shift = np.random.default_rng().uniform(-spread, spread, 2)

    def click(made: Segmenter, side: int) -> NDArray[np.bool_]:
        points = POINTS[:count].copy()
        points[-1] += shift
        return made.segment(points * side, LABELS[:count]).mask

    return click


def whole_plane(large: Segmenter, full: Segmenter, side: int, count: int) -> Row:
    """Compare with the work done at full resolution; maps are known to both."""
    return Row(
        name=f"click {count} on {side} × {side}, full resolution against reduced",
        plain=lambda click: click(full, side),
        fast=lambda click: click(large, side),
        check=alike,
        target="IoU ≥ 0.97",
        prepare=lambda: last_click(count, 0.0),
    )


def alike(slow: NDArray[np.bool_], fast: NDArray[np.bool_]) -> str:
    """Return the overlap of two masks, the smaller one enlarged."""
    if slow.shape != fast.shape:
        slow = np.kron(slow, np.ones(np.array(fast.shape) // slow.shape, bool))
    return f"IoU {np.count_nonzero(slow & fast) / max(np.count_nonzero(slow | fast), 1):.4f}"
