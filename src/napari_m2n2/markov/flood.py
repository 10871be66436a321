"""Flood fill: how high a path from the prompt must climb to reach each pixel.

M2N2 (CVPR 2025) §3.4. The published implementation visits pixels in the order of a priority
queue; the result is the minimax path cost on 4-neighbours, which equals grey-scale reconstruction
by erosion of a marker that is 0 at the prompt (Vincent 1993).
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

_LEVELS = 4096
"""Buckets of the queue. Within a bucket pixels may come in the wrong order and be visited again,
so their number changes the time and not the result."""


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
    height: NDArray[np.float32] = np.abs(distance - distance[seed]).astype(np.float32)
    peak = float(height.max())
    if peak == 0:
        return height
    width = height.shape[1]
    cost: NDArray[np.float32] = _minimax(height.ravel(), width, seed[0] * width + seed[1], peak)
    return cost.reshape(height.shape)


@numba.njit(cache=True, nogil=True)
def _minimax(
    height: NDArray[np.float32], width: int, seed: int, peak: float
) -> NDArray[np.float32]:  # pragma: no cover - compiled
    """Visit pixels from low to high; each level is a stack, all stacks share one array."""
    cost = np.full(height.size, np.float32(np.inf))
    top = np.full(_LEVELS, np.int32(-1))
    pixels = np.empty(2 * height.size + 64, np.int32)  # what waits, and below it in its stack:
    below = np.empty(2 * height.size + 64, np.int32)
    used = 0
    free = np.int32(-1)  # places given back, linked through `below`
    scale = np.float32((_LEVELS - 1) / peak)
    steps = np.array([-width, width, -1, 1], np.int32)
    cost[seed] = 0
    pixels[0], below[0], top[0], used = seed, -1, 0, 1
    for level in range(_LEVELS):
        while top[level] >= 0:
            place = top[level]
            pixel = pixels[place]
            top[level], below[place], free = below[place], free, place
            here = cost[pixel]
            if int(here * scale) < level:
                continue  # reached more cheaply since, and done
            column = pixel % width
            for direction in range(4):
                neighbour = pixel + steps[direction]
                if (
                    neighbour < 0
                    or neighbour >= height.size
                    or (direction == 2 and column == 0)
                    or (direction == 3 and column == width - 1)
                ):
                    continue
                there = max(here, height[neighbour])
                if there >= cost[neighbour]:
                    continue
                cost[neighbour] = there
                if free >= 0:
                    place = free
                    free = below[place]
                else:
                    place = np.int32(used)
                    used += 1
                    if used > pixels.size:
                        pixels = np.concatenate((pixels, np.empty_like(pixels)))
                        below = np.concatenate((below, np.empty_like(below)))
                bucket = int(there * scale)
                pixels[place], below[place], top[bucket] = neighbour, top[bucket], place
    return cost
