"""The outline of a mask along the edges of its pixels, and its run lengths, as COCO has them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_RIGHT, _DOWN, _LEFT, _UP = range(4)
_STEPS = np.array([[0, 1], [1, 0], [0, -1], [-1, 0]])
"""(row, column) of one edge in each direction."""


def outlines(mask: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Follow the edges between the pixels of a mask and all others.

    Pixels that touch at a corner only are not connected, so that no outline crosses itself.

    Parameters
    ----------
    mask : (H, W) bool array

    Returns
    -------
    list of (n, 2) int64 arrays
        The corners (row, column) of each closed outline, in edges of pixels: the first pixel lies
        between 0 and 1. The object lies to the right of the way: outlines around it go clockwise
        on screen, those around holes the other way. A shoelace sum over all of them is the area.
    """
    starts, directions = _edges(mask)
    following = _link(starts, directions, mask.shape[1] + 1)
    left = np.ones(len(starts), bool)
    found = []
    for first in range(len(starts)):
        if not left[first]:
            continue
        loop = []
        edge = first
        while left[edge]:
            left[edge] = False
            loop.append(edge)
            edge = int(following[edge])
        around = np.array(loop)
        turns = directions[around] != np.roll(directions[around], 1)
        found.append(starts[around[turns]])
    return found


def signed_area(outline: NDArray[np.int64]) -> float:
    """Return the area inside of an outline in pixels; that of a hole is negative."""
    rows, columns = outline[:, 0].astype(float), outline[:, 1].astype(float)
    return float(np.dot(columns, np.roll(rows, -1)) - np.dot(rows, np.roll(columns, -1))) / 2


def run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    """Return the lengths of runs of pixels down the columns; the first one counts background."""
    flat = np.concatenate([[False], mask.ravel(order="F"), [False]])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    ends = np.concatenate([[0], changes, [mask.size]])
    runs: list[int] = np.diff(ends).tolist()
    # a mask that ends in background has a change at its last pixel of object already
    return runs if runs[-1] or len(runs) == 1 else runs[:-1]


def _edges(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each edge begins, and its direction."""
    padded = np.pad(mask, 1)
    inside = padded[1:-1, 1:-1]
    sides = (
        (_RIGHT, inside & ~padded[:-2, 1:-1], (0, 0)),  # above
        (_DOWN, inside & ~padded[1:-1, 2:], (0, 1)),  # to the right
        (_LEFT, inside & ~padded[2:, 1:-1], (1, 1)),  # below
        (_UP, inside & ~padded[1:-1, :-2], (1, 0)),  # to the left
    )
    starts = [np.argwhere(open_side) + corner for _, open_side, corner in sides]
    directions = [np.full(len(s), d) for s, (d, _, _) in zip(starts, sides, strict=True)]
    return np.concatenate(starts), np.concatenate(directions)


def _link(
    starts: NDArray[np.int64], directions: NDArray[np.int64], width: int
) -> NDArray[np.int64]:
    """Return which edge follows each; where two can, the one that turns right."""
    ends = starts + _STEPS[directions]
    at = starts @ [width, 1]
    to = ends @ [width, 1]
    table = {
        (corner, way): k
        for k, (corner, way) in enumerate(zip(at.tolist(), directions.tolist(), strict=True))
    }
    following = np.empty(len(starts), np.int64)
    for k, (corner, way) in enumerate(zip(to.tolist(), directions.tolist(), strict=True)):
        for turn in (1, 0, 3):
            after = table.get((corner, (way + turn) % 4))
            if after is not None:
                following[k] = after
                break
    return following
