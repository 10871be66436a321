"""Joint bilateral upsampling: a map on the grid becomes a map of the plane that follows its edges.

Kopf et al., "Joint bilateral upsampling" (2007), in the dense variant of M2N2 (CVPR 2025) §3.3:
the map is enlarged bilinearly, then each pixel becomes the mean of a disk around it, weighted by
a Gaussian in space (σ_s cells) and a Gaussian in colour (σ_r).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Literal

import numba
import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.progress import Progress, ignore

_RADIUS = 3.0
"""Of the disk, in standard deviations."""

FAST_OFFSETS = 768
"""Offsets that `method="fast"` looks at, however large the disk is."""

_FARTHEST = np.float32(20.0)
"""Exponent beyond which two colours count as equally foreign: exp(-20) = 2e-9."""


@lru_cache(maxsize=8)
def disk_offsets(
    shape: tuple[int, int],
    grid: tuple[int, int],
    sigma_space: float,
    method: Literal["dense", "fast"],
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the (K, 2) offsets (row, column) in the disk and their (K,) spatial weights.

    "dense" takes every pixel of the disk; "fast" at most `FAST_OFFSETS` of a larger disk.
    """
    scale = np.array(shape) / np.array(grid) * sigma_space
    reach = np.floor(_RADIUS * scale + 1).astype(int)
    rows, columns = np.mgrid[-reach[0] : reach[0] + 1, -reach[1] : reach[1] + 1]
    offsets = np.stack([rows.ravel(), columns.ravel()], axis=1)
    inside = ((offsets / scale) ** 2).sum(axis=1) <= _RADIUS**2
    offsets = offsets[inside]
    if method == "dense" or len(offsets) <= 2 * FAST_OFFSETS:
        weights = np.exp(-0.5 * ((offsets / scale) ** 2).sum(axis=1))
        return offsets.astype(np.int64), weights.astype(np.float32)
    places, weights = _spiral(FAST_OFFSETS)
    offsets, which = np.unique(np.rint(places * scale).astype(int), axis=0, return_inverse=True)
    return offsets.astype(np.int64), np.bincount(which.ravel(), weights).astype(np.float32)


def _spiral(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return places (count, 2) in the disk, in standard deviations, and their weights.

    Vogel's spiral, denser where the Gaussian is heavier: of its density exp(-r² / 2s²), s = 1.15
    had the least error of six.
    """
    k = np.arange(count)
    variance = 1.15**2
    share = (k + 0.5) / count * (1 - np.exp(-0.5 * _RADIUS**2 / variance))
    squared = -2 * variance * np.log1p(-share)
    angle = k * np.pi * (3 - np.sqrt(5))
    places = np.sqrt(squared)[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)
    return places, np.exp(-0.5 * squared * (1 - 1 / variance))


def upsample(
    maps: torch.Tensor | NDArray[np.float32],
    guide: NDArray[np.float32],
    *,
    sigma_space: float = 1.0,
    sigma_range: float = 0.1,
    method: Literal["dense", "fast"] = "dense",
    progress: Progress = ignore,
) -> NDArray[np.float32]:
    """Enlarge maps on a grid to the plane along the edges of its image.

    Parameters
    ----------
    maps : (B, h, w) tensor or array
        Maps on the grid; the colour weights are shared by all.
    guide : (H, W, 3) float32 array
        The image, values in [0, 1]. The grid may be finer than it.
    sigma_space : float
        σ_s in cells, along each axis by itself.
    sigma_range : float
        σ_r in units of the image.
    method : {"dense", "fast"}
        "dense" looks at every pixel within 3 σ_s; "fast" at a sample of 768 where there are more
        than twice as many, so that its time does not depend on how much is enlarged. Of three
        images at grid 48 and 64 the sample changed the maps by 2e-4 to 5e-4 of their maximum in
        the mean (`benchmarks/upsampling.py`).
    progress : callable, optional
        Called as ``progress("upsampling", fraction)``.

    Returns
    -------
    (B, H, W) float32 array
    """
    low = torch.as_tensor(maps, dtype=torch.float32, device="cpu")
    shape = (guide.shape[0], guide.shape[1])
    enlarged = torch.nn.functional.interpolate(
        low[None], size=shape, mode="bilinear", align_corners=False
    )[0].numpy()
    grid = (int(low.shape[1]), int(low.shape[2]))
    offsets, weights = disk_offsets(shape, grid, sigma_space, method)
    colours = np.ascontiguousarray(guide.transpose(2, 0, 1)) / np.float32(np.sqrt(2) * sigma_range)
    result = np.empty_like(enlarged)
    bands = [(top, min(top + 16, shape[0])) for top in range(0, shape[0], 16)]
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        done = pool.map(
            lambda band: _average(enlarged, colours, offsets, weights, band[0], band[1], result),
            bands,
        )
        for count, _ in enumerate(done, 1):
            progress("upsampling", count / len(bands))
    return result


@numba.njit(cache=True, nogil=True, fastmath=True)
def _average(
    maps: NDArray[np.float32],
    colours: NDArray[np.float32],
    offsets: NDArray[np.int64],
    weights: NDArray[np.float32],
    top: int,
    bottom: int,
    result: NDArray[np.float32],
) -> None:  # pragma: no cover - compiled
    """Average maps (B, H, W) in the rows from top to bottom.

    The inner loops run along slices of rows, without a branch or a call, so that the compiler
    turns them into vector instructions: with `row[begin + i]` in place of slices they took six
    times as long. exp(-d) is the 16th power of five terms of the series of exp(-d/16), right to
    1e-7; a higher power of fewer terms would multiply the rounding.
    """
    count, rows, columns = maps.shape
    total = np.empty(columns, np.float32)
    weight = np.empty(columns, np.float32)
    sums = np.empty((count, columns), np.float32)
    for row in range(top, bottom):
        total[:] = 0
        sums[:] = 0
        for k in range(len(offsets)):
            other = row + offsets[k, 0]
            if other < 0 or other >= rows:
                continue
            shift = offsets[k, 1]
            begin = max(0, -shift)
            end = min(columns, columns - shift)
            if end <= begin:
                continue
            red = colours[0, row, begin:end]
            green = colours[1, row, begin:end]
            blue = colours[2, row, begin:end]
            red2 = colours[0, other, begin + shift : end + shift]
            green2 = colours[1, other, begin + shift : end + shift]
            blue2 = colours[2, other, begin + shift : end + shift]
            totals, all_weights = total[begin:end], weight[begin:end]
            space = weights[k]
            for x in range(end - begin):
                r = red[x] - red2[x]
                g = green[x] - green2[x]
                b = blue[x] - blue2[x]
                t = min(r * r + g * g + b * b, _FARTHEST) * np.float32(-1 / 16)
                e = np.float32(1 / 120) * t + np.float32(1 / 24)
                e = e * t + np.float32(1 / 6)
                e = e * t + np.float32(0.5)
                e = e * t + np.float32(1)
                e = e * t + np.float32(1)
                e = e * e
                e = e * e
                e = e * e
                e = e * e
                e = e * space
                all_weights[x] = e
                totals[x] += e
            for n in range(count):
                values = maps[n, other, begin + shift : end + shift]
                target = sums[n, begin:end]
                for x in range(end - begin):
                    target[x] += all_weights[x] * values[x]
        for n in range(count):
            for x in range(columns):
                result[n, row, x] = sums[n, x] / total[x]
