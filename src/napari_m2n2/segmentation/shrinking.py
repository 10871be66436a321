"""Prompts of a plane, for a reduced one."""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.prompts import Prompts
from napari_m2n2.segmentation.coarse import moved
from napari_m2n2.segmentation.seeds import innermost


def shrink(prompts: Prompts, shape: tuple[int, int], small: tuple[int, int]) -> Prompts:
    """Return the prompts of a plane for a reduced one."""
    points = moved(prompts.points, shape, small)
    last: dict[tuple[int, int], bool] = {}
    superseded = prompts.superseded.copy()
    for place in range(len(points) - 1, -1, -1):
        label = bool(prompts.labels[place])
        row, column = points[place].tolist()
        superseded[place] |= last.setdefault((row, column), label) != label
    return replace(
        prompts,
        points=points,
        superseded=superseded,
        limits=prompts.limits * (math.prod(small) / math.prod(shape)),
        regions=tuple(reduced_region(region, small) for region in prompts.regions),
        strokes=tuple(
            np.unique(moved(stroke, shape, small), axis=0) for stroke in prompts.strokes
        ),
    )


def reduced_region(region: NDArray[np.bool_], small: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a box or mask of a reduced plane: half of a pixel must be in it, and one at least."""
    share = cv2.resize(region.view(np.uint8) * 255, small[::-1], interpolation=cv2.INTER_AREA)
    found: NDArray[np.bool_] = share >= 128
    if not found.any():
        pixel = np.array([innermost(region)])
        row, column = moved(pixel, (region.shape[0], region.shape[1]), small)[0]
        found[row, column] = True
    return found
