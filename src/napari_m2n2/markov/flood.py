"""Flood fill: how high a path from the prompt must climb to reach each pixel.

M2N2 (CVPR 2025) §3.4. The published implementation visits pixels in the order of a priority
queue; the result is the minimax path cost on 4-neighbours, which equals grey-scale reconstruction
by erosion of a marker that is 0 at the prompt (Vincent 1993).

Here whole rows are relaxed, down the plane and up again, until nothing changes. Maps rise away
from their prompt nearly everywhere, so that a few sweeps settle them; a row whose neighbours did
not change is left out. What is found is the same to the last bit, whatever the order.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

_BLOCK = 64
"""Pixels of a row that are looked at together for a step that a neighbour makes cheaper."""


def flood_fill(distance: NDArray[np.float32], seed: tuple[int, int]) -> NDArray[np.float32]:
    """Return the minimax cost of reaching each pixel from a seed.

    Parameters
    ----------
    distance : (H, W) float32 array
        A map with finite values.
    seed : (int, int)
        Row and column of the prompt.

    Returns
    -------
    (H, W) float32 array
        The least, over all 4-connected paths from the seed, of the largest |distance -
        distance[seed]| on the path; 0 at the seed.
    """
    distance = np.ascontiguousarray(distance)
    height = np.empty_like(distance)
    _rise(distance.ravel(), distance[seed], height.ravel())
    cost = np.full_like(height, np.inf)
    cost[seed] = 0
    # floats that are not negative are ordered as their bits are, and integers compare faster
    _relax(height.view(np.int32), cost.view(np.int32), seed[0])
    return cost


@numba.njit(cache=True, nogil=True)
def _rise(
    distance: NDArray[np.float32], level: np.float32, height: NDArray[np.float32]
) -> None:  # pragma: no cover - compiled
    """Write |distance - level| to height."""
    for x in range(distance.size):
        height[x] = abs(distance[x] - level)


@numba.njit(cache=True, nogil=True)
def _relax(
    height: NDArray[np.int32], cost: NDArray[np.int32], start: int
) -> None:  # pragma: no cover - compiled
    """Lower cost, which is right at the seed in row `start`, until no step makes it cheaper."""
    rows, columns = height.shape
    # whether a row has changed since the row below it, or above it, looked at it
    news_below, news_above = np.zeros(rows, np.bool_), np.zeros(rows, np.bool_)
    _along(cost[start], height[start])
    news_below[start], news_above[start] = True, True
    quiet = 0
    down = True
    while quiet < 2:
        quiet += 1
        news = news_below if down else news_above
        news[rows - 1 if down else 0] = False
        for i in range(rows - 1):
            near = i if down else rows - 1 - i
            if not news[near]:
                continue
            news[near] = False
            row = near + 1 if down else near - 1
            here, there, high = cost[row], cost[near], height[row]
            changed = np.int32(0)
            for x in range(columns):
                value = max(high[x], min(here[x], there[x]))
                changed |= value ^ here[x]
                here[x] = value
            if changed != 0:
                quiet = 0
                _along(here, high)
                news_below[row], news_above[row] = True, True
        down = not down


@numba.njit(cache=True, nogil=True)
def _along(cost: NDArray[np.int32], height: NDArray[np.int32]) -> None:  # pragma: no cover
    """Relax a row from left to right and back, where a block has anything to relax."""
    size = cost.size
    first, end = size, 0
    for begin in range(0, size, _BLOCK):
        stop = min(begin + _BLOCK, size)
        cheaper = np.int32(0)
        low = max(begin, 1)
        here, there, high = cost[low:stop], cost[low - 1 : stop - 1], height[low:stop]
        for x in range(stop - low):
            cheaper |= np.int32(max(high[x], there[x]) < here[x])
        top = min(stop, size - 1)
        here, there, high = cost[begin:top], cost[begin + 1 : top + 1], height[begin:top]
        for x in range(top - begin):
            cheaper |= np.int32(max(high[x], there[x]) < here[x])
        if cheaper != 0:
            first, end = min(first, begin), stop
    if end == 0:
        return
    x = max(first, 1)
    while x < size:
        value = max(height[x], cost[x - 1])
        if value < cost[x]:
            cost[x] = value
        elif x >= end:
            break
        x += 1
    x = min(x, size - 1) - 1
    while x >= 0:
        value = max(height[x], cost[x + 1])
        if value < cost[x]:
            cost[x] = value
        elif x < first:
            break
        x -= 1
