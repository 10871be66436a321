"""Joint bilateral upsampling: a map on the grid becomes a map of the plane that follows its edges.

Kopf et al., "Joint bilateral upsampling" (2007), in the dense variant of M2N2 (CVPR 2025) §3.3:
the map is enlarged bilinearly, then each pixel becomes the mean of a disk around it, weighted by
a Gaussian in space (σ_s cells) and a Gaussian in colour (σ_r).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.markov.bilateral import BLOCK, LANES, TOGETHER, average, average_at
from napari_m2n2.progress import Progress, ignore

_RADIUS = 3.0
"""Of the disk, in standard deviations."""

FAST_OFFSETS = 768
"""Offsets that `method="fast"` looks at, however large the disk is."""

FEW_OFFSETS = 512
"""Offsets that do where close calls are decided with all of them
(`napari_m2n2.segmentation.close_calls`)."""

_ELSEWHERE = np.float32(1e3)
"""Colour of what lies beyond the borders, foreign to all others; times the weight of a foreign
pixel, what is there counts for nothing."""


@lru_cache(maxsize=8)
def disk_offsets(
    shape: tuple[int, int],
    grid: tuple[int, int],
    sigma_space: float,
    method: Literal["dense", "fast"],
    most: int = FAST_OFFSETS,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the (K, 2) offsets (row, column) in the disk and their (K,) spatial weights.

    "dense" takes every pixel of the disk; "fast" at most `most` of a disk of twice as many.
    """
    scale = np.array(shape) / np.array(grid) * sigma_space
    reach = np.floor(_RADIUS * scale + 1).astype(int)
    rows, columns = np.mgrid[-reach[0] : reach[0] + 1, -reach[1] : reach[1] + 1]
    offsets = np.stack([rows.ravel(), columns.ravel()], axis=1)
    inside = ((offsets / scale) ** 2).sum(axis=1) <= _RADIUS**2
    offsets = offsets[inside]
    if method == "dense" or len(offsets) <= 2 * most:
        weights = np.exp(-0.5 * ((offsets / scale) ** 2).sum(axis=1))
        return offsets.astype(np.int64), weights.astype(np.float32)
    places, weights = _spiral(most)
    offsets, which = np.unique(np.rint(places * scale).astype(int), axis=0, return_inverse=True)
    return offsets.astype(np.int64), np.bincount(which.ravel(), weights).astype(np.float32)


def is_sampled(
    shape: tuple[int, int], grid: tuple[int, int], sigma_space: float, most: int = FAST_OFFSETS
) -> bool:
    """Return whether `method="fast"` looks at a sample only."""
    return len(disk_offsets(shape, grid, sigma_space, "dense")[0]) > 2 * most


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
    most: int = FAST_OFFSETS,
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
        "dense" looks at every pixel within 3 σ_s; "fast" at a sample where there are more than
        twice as many, so that its time does not depend on how much is enlarged. Of three images
        at grid 48 and 64 a sample of 768 changed the maps by 2e-4 to 5e-4 of their maximum in
        the mean (`benchmarks/upsampling.py`).
    most : int
        Offsets of a sample.
    progress : callable, optional
        Called as ``progress("upsampling", fraction)``.

    Returns
    -------
    (B, H, W) float32 array
    """
    low = torch.as_tensor(maps, dtype=torch.float32, device="cpu")
    shape, grid = (guide.shape[0], guide.shape[1]), (int(low.shape[1]), int(low.shape[2]))
    offsets, weights = _in_fours(*disk_offsets(shape, grid, sigma_space, method, most))
    border = (int(np.abs(offsets[:, 0]).max()), int(np.abs(offsets[:, 1]).max()))
    values, colours = _bordered(low, guide, sigma_range, border)
    result = np.empty((len(low), *shape), np.float32)
    bands = [(top, min(top + 16, shape[0])) for top in range(0, shape[0], 16)]
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        done = pool.map(
            lambda band: average(values, colours, offsets, weights, border, band, result), bands
        )
        for count, _ in enumerate(done, 1):
            progress("upsampling", count / len(bands))
    return result


def upsample_at(
    low: torch.Tensor | NDArray[np.float32],
    guide: NDArray[np.float32],
    pixels: NDArray[np.int64],
    *,
    sigma_space: float = 1.0,
    sigma_range: float = 0.1,
) -> NDArray[np.float32]:
    """Return what `upsample` with every offset gives at some pixels only.

    Parameters
    ----------
    low : (h, w) tensor or array
        A map on the grid.
    guide : (H, W, 3) float32 array
    pixels : (n, 2) int64 array
        (row, column).
    sigma_space, sigma_range : float
        See `upsample`.

    Returns
    -------
    (n,) float32 array
    """
    small = torch.as_tensor(low, dtype=torch.float32, device="cpu")
    shape, grid = (guide.shape[0], guide.shape[1]), (int(small.shape[0]), int(small.shape[1]))
    rows, wide, weights = _rows_of_disk(shape, grid, sigma_space)
    border = (int(rows[-1]), int(wide.max()) + BLOCK)
    values, colours = _bordered(small[None], guide, sigma_range, border)
    result = np.empty(len(pixels), np.float32)
    parts = [(k, min(k + 512, len(pixels))) for k in range(0, len(pixels), 512)]
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        done = pool.map(
            lambda part: average_at(
                values[0], colours, rows, wide, weights, pixels, border, part, result
            ),
            parts,
        )
        list(done)
    return result


def _in_fours(
    offsets: NDArray[np.int64], weights: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Fill up offsets (K, 2) and weights (K,) with what weighs nothing, to a multiple of four.

    The pixel itself comes last: where all others are foreign, the sum of their small weights would
    lose its digits if it began at 1.
    """
    own = (offsets == 0).all(axis=1)
    missing = ((-len(offsets) % TOGETHER, 0), (0, 0))
    ordered = np.concatenate([offsets[~own], offsets[own]])
    return np.pad(ordered, missing), np.pad(
        np.concatenate([weights[~own], weights[own]]), missing[0]
    )


def _rows_of_disk(
    shape: tuple[int, int], grid: tuple[int, int], sigma_space: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Return the rows of the disk (R,), how far each reaches to both sides, and its weights.

    Weights begin at the left end of a row and are filled up with 0 to whole blocks.
    """
    offsets, all_weights = disk_offsets(shape, grid, sigma_space, "dense")
    rows, counts = np.unique(offsets[:, 0], return_counts=True)
    weights = np.zeros((len(rows), -(-int(counts.max()) // BLOCK) * BLOCK), np.float32)
    weights[np.arange(weights.shape[1]) < counts[:, None]] = all_weights
    return rows, counts // 2, weights


def _bordered(
    low: torch.Tensor, guide: NDArray[np.float32], sigma_range: float, border: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return maps enlarged bilinearly (B, H', W') and colours (3, H', W'), with borders around.

    Colours are in units in which a squared difference is a sixteenth of the exponent.
    """
    height, width = guide.shape[:2]
    inner = (
        slice(None),
        slice(border[0], border[0] + height),
        slice(border[1], border[1] + width),
    )
    wide = -(-width // LANES) * LANES + 2 * border[1]
    values = np.zeros((len(low), height + 2 * border[0], wide), np.float32)
    values[inner] = torch.nn.functional.interpolate(
        low[None], size=(height, width), mode="bilinear", align_corners=False
    )[0].numpy()
    colours = np.full((3, *values.shape[1:]), _ELSEWHERE, np.float32)
    colours[inner] = guide.transpose(2, 0, 1)
    colours[inner] *= np.float32(1 / (np.sqrt(32) * sigma_range))
    return values, colours
