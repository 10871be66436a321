"""Pixel diffusion: a soft score is spread among pixels of like colour, so that it follows edges.

The pixel diffusion module of CDNet (Chen et al., "Conditional Diffusion for Interactive
Segmentation", ICCV 2021, §3.3), which needs no training: every pixel becomes a mean of 32
neighbours at four distances, weighted by how alike they look. Its largest gain over a network
alone is at outlines. The paper spreads logits; here it is the signed score of any method.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.progress import Progress, ignore

DILATIONS = (1, 2, 4, 8)
"""Pixels between a pixel and its neighbours; eight at each distance."""

_SHARPNESS = 0.1
"""Differences of colour count in units of this share of their local deviation."""

_LEAST_DEVIATION = 1e-8

_BAND = 16
"""Rows that are worked on together."""

OFFSETS: NDArray[np.int64] = np.array(
    [
        (down * step, across * step)
        for step in DILATIONS
        for down in (-1, 0, 1)
        for across in (-1, 0, 1)
        if (down, across) != (0, 0)
    ]
)
"""(row, column) of each neighbour, (32, 2)."""


class PixelDiffusion:
    """Spreads scores over one image; what depends on the image alone is done once.

    Parameters
    ----------
    rgb : (H, W, 3) float32 array
        The image in [0, 1].

    Attributes
    ----------
    weights : (H, W, 32) float32 array
        Of the neighbours at `OFFSETS`; they sum to 1 at every pixel. Beyond the image's sides its
        outermost pixels go on.
    """

    def __init__(self, rgb: NDArray[np.float32]) -> None:
        image = np.ascontiguousarray(rgb, dtype=np.float32)
        self.weights = np.empty((*image.shape[:2], len(OFFSETS)), np.float32)
        _in_bands(
            image.shape[0],
            lambda top, bottom: _weigh(
                image, OFFSETS, len(DILATIONS), top, bottom, self.weights[top:bottom]
            ),
        )

    def refine(
        self,
        score: NDArray[np.float32],
        pixels: Sequence[tuple[int, int]] = (),
        labels: Sequence[bool] = (),
        *,
        amplitude: float = 1.0,
        sigma: float = 10.0,
        iterations: int = 10,
        dead_zone: float = 0.0,
        progress: Progress = ignore,
    ) -> NDArray[np.float32]:
        """Return the score after it has spread, (H, W) in [-1, 1]; 0 is the boundary.

        Parameters
        ----------
        score : (H, W) float32 array
            Signed soft score in [-1, 1].
        pixels : sequence of (int, int)
            (row, column) of the clicks; they keep their sign.
        labels : sequence of bool
            True = foreground.
        amplitude, sigma : float
            A Gaussian is added around each foreground click, and taken away around each
            background click: its height, and its standard deviation in pixels.
        iterations : int
            How often each pixel becomes the mean of its neighbours.
        dead_zone : float
            Scores no further than this from 0 do not spread, in [0, 1]; 0.25 in the published
            program, 0 in the paper.
        progress : callable, optional
            Called as ``progress("pixel diffusion", fraction)``; may raise `Cancelled`.
        """
        spread = np.where(np.abs(score) <= dead_zone, 0, score).astype(np.float32)
        for (row, column), label in zip(pixels, labels, strict=True):
            height = np.float32(amplitude if label else -amplitude)
            spread += height * _gaussian(spread.shape, row, column, sigma)
        for done in range(iterations):
            progress("pixel diffusion", done / iterations)
            spread = self._spread(spread)
        progress("pixel diffusion", 1.0)
        # the paper adds what the network said to what has spread; the mean has the same sign
        refined: NDArray[np.float32] = np.clip((spread + score) / 2, -1, 1).astype(np.float32)
        for (row, column), label in zip(pixels, labels, strict=True):
            refined[row, column] = 1 if label else -1
        return refined

    def _spread(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the weighted mean of the neighbours of each pixel."""
        result = np.empty_like(values)
        _in_bands(
            len(values),
            lambda top, bottom: _average(
                values, self.weights, OFFSETS, top, bottom, result[top:bottom]
            ),
        )
        return result


def _in_bands(rows: int, work: Callable[[int, int], None]) -> None:
    """Do work on bands of rows, as many at a time as torch uses threads."""
    bands = [(top, min(top + _BAND, rows)) for top in range(0, rows, _BAND)]
    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        list(pool.map(lambda band: work(*band), bands))


def _gaussian(shape: tuple[int, ...], row: int, column: int, sigma: float) -> NDArray[np.float32]:
    """Return a Gaussian of height 1 around a pixel, (H, W)."""
    down, across = (
        np.exp(-((np.arange(length) - centre) ** 2) / (2 * sigma**2)).astype(np.float32)
        for length, centre in zip(shape, (row, column), strict=True)
    )
    return down[:, None] * across


@numba.njit(cache=True, nogil=True)
def _weigh(
    image: NDArray[np.float32],
    offsets: NDArray[np.int64],
    centres: int,
    top: int,
    bottom: int,
    weights: NDArray[np.float32],
) -> None:  # pragma: no cover - compiled
    """Write softmax over the neighbours of the mean over channels of -|ΔI| / (0.1 σ)."""
    height, width, channels = image.shape
    count = len(offsets)
    for row in range(top, bottom):
        for column in range(width):
            own = weights[row - top, column]
            own[:] = 0
            for channel in range(channels):
                here = image[row, column, channel]
                # the deviation of all samples, with the pixel itself once for each distance
                total, squared = np.float64(0), np.float64(0)
                for n in range(count):
                    r = min(max(row + offsets[n, 0], 0), height - 1)
                    c = min(max(column + offsets[n, 1], 0), width - 1)
                    difference = np.float64(image[r, c, channel] - here)
                    total += difference
                    squared += difference * difference
                samples = count + centres
                variance = max(squared - total * total / samples, 0.0) / (samples - 1)
                scale = _LEAST_DEVIATION + _SHARPNESS * np.sqrt(variance)
                for n in range(count):
                    r = min(max(row + offsets[n, 0], 0), height - 1)
                    c = min(max(column + offsets[n, 1], 0), width - 1)
                    own[n] -= abs(image[r, c, channel] - here) / scale / channels
            highest = own[0]
            for n in range(1, count):
                highest = max(highest, own[n])
            whole = np.float32(0)
            for n in range(count):
                own[n] = np.exp(own[n] - highest)
                whole += own[n]
            for n in range(count):
                own[n] /= whole


@numba.njit(cache=True, nogil=True)
def _average(
    values: NDArray[np.float32],
    weights: NDArray[np.float32],
    offsets: NDArray[np.int64],
    top: int,
    bottom: int,
    result: NDArray[np.float32],
) -> None:  # pragma: no cover - compiled
    """Write the weighted mean of the neighbours of each pixel in the rows from top to bottom."""
    height, width = values.shape
    for row in range(top, bottom):
        for column in range(width):
            mean = np.float32(0)
            for n in range(len(offsets)):
                r = min(max(row + offsets[n, 0], 0), height - 1)
                c = min(max(column + offsets[n, 1], 0), width - 1)
                mean += weights[row, column, n] * values[r, c]
            result[row - top, column] = mean
