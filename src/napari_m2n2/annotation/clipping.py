"""What is left of boxes, lines and polygons within a plane, in (row, column) of the plane."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_EDGE = 1e-9
"""How far inside the far edge of the last pixel what was cut off ends."""


def clip_box(box: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.float64] | None:
    """Return the part of a box (row, column, row, column) on a plane; None if there is none."""
    low, high = np.sort(box.reshape(2, 2), axis=0)
    first, last = _limits(size)
    if not np.isfinite(box).all() or (high < first).any() or (low > last).any():
        return None
    return np.concatenate([np.maximum(low, first), np.minimum(high, last)])


def clip_path(path: NDArray[np.float64], size: tuple[int, int]) -> list[NDArray[np.float64]]:
    """Return the parts of a line (k, 2) on a plane, each a line."""
    path = path[np.isfinite(path).all(axis=1)]
    first, last = _limits(size)
    if len(path) == 1:
        return [path] if ((path >= first) & (path <= last)).all() else []
    parts: list[list[NDArray[np.float64]]] = []
    for start, end in pairwise(path):
        found = _clip_segment(start, end, first, last)
        if found is None:
            continue
        a, b = found
        if parts and np.array_equal(parts[-1][-1], a):
            parts[-1].append(b)
        else:
            parts.append([a, b])
    return [np.array(part) for part in parts]


def fill_polygon(polygon: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels whose centres lie in a polygon (k, 2); if none, those it runs through."""
    from skimage.draw import polygon2mask

    polygon = polygon[np.isfinite(polygon).all(axis=1)]
    if not len(polygon):
        return np.zeros(size, bool)
    if len(polygon) >= 3:
        filled: NDArray[np.bool_] = np.asarray(polygon2mask(size, polygon), dtype=bool)
        if filled.any():
            return filled
    return draw_line(np.concatenate([polygon, polygon[:1]]), size)


def draw_line(path: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels that a line (k, 2) runs through."""
    from skimage.draw import line

    mask = np.zeros(size, bool)
    for part in clip_path(path, size):
        pixels = np.floor(part + 0.5).astype(int)
        mask[tuple(pixels.T)] = True
        for start, end in pairwise(pixels):
            mask[line(*start, *end)] = True
    return mask


def _limits(size: tuple[int, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the corners of the outermost pixels of a plane."""
    return np.full(2, -0.5), np.array(size) - 0.5 - _EDGE


def _clip_segment(
    start: NDArray[np.float64],
    end: NDArray[np.float64],
    first: NDArray[np.float64],
    last: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return the part of a segment in a box (Liang and Barsky, 1984); None if there is none."""
    step = end - start
    enters, leaves = 0.0, 1.0
    for axis in (0, 1):
        if step[axis] == 0:
            if not first[axis] <= start[axis] <= last[axis]:
                return None
            continue
        ends = sorted(((edge[axis] - start[axis]) / step[axis]) for edge in (first, last))
        enters, leaves = max(enters, ends[0]), min(leaves, ends[1])
    if enters > leaves:
        return None
    # the ends that were not cut stay as they are, to the last digit
    a = start if enters == 0 else np.clip(start + enters * step, first, last)
    b = end if leaves == 1 else np.clip(start + leaves * step, first, last)
    return a, b
