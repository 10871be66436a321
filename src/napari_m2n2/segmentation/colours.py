"""What colours a set of pixels has: a mixture of Gaussians, as GrabCut learns it.

Rother et al., "GrabCut", SIGGRAPH 2004, §3.1: five Gaussians, begun by k-means and fitted once
more to the pixels that each of them explains best.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

_PARTS = 5
"""Gaussians of a mixture."""

_MOST = 1500
"""Pixels that a mixture is learnt from; more of them say the same again."""

_SPREAD = 0.01
"""Added to the variances of a Gaussian whose pixels are all alike, in squared steps of 255."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of Gaussians of colours.

    Attributes
    ----------
    means : (k, 3) float32 array
    shapes : (k, 6) float32 array
        Of each inverse covariance P the entries P₀₀, P₁₁, P₂₂, 2 P₀₁, 2 P₀₂, 2 P₁₂.
    heights : (k,) float32 array
        Share of the pixels, divided by the square root of the covariance's determinant.
    """

    means: NDArray[np.float32]
    shapes: NDArray[np.float32]
    heights: NDArray[np.float32]


def learn(colours: NDArray[np.uint8]) -> Mixture:
    """Return the mixture that explains the colours (n, 3), n > 0, of some pixels.

    The same colours give the same mixture every time.
    """
    samples = colours[:: -(-len(colours) // _MOST)].astype(np.float32)
    parts = min(_PARTS, len(samples))
    which: NDArray[Any] = np.zeros(len(samples), np.int32)
    if parts > 1:
        cv2.setRNGSeed(0)  # k-means draws random numbers
        until = (cv2.TERM_CRITERIA_MAX_ITER, 10, 0.0)
        start = cv2.KMEANS_PP_CENTERS
        which = cv2.kmeans(samples, parts, which[:, None], until, 1, start)[1].ravel()
    mixture = _fit(samples, which, parts)
    best = np.argmax(_densities(samples, mixture), axis=1)
    return _fit(samples, best, len(mixture.heights))


def _fit(samples: NDArray[np.float32], which: NDArray[Any], parts: int) -> Mixture:
    """Return a Gaussian for each group of samples that is not empty."""
    means, shapes, heights = [], [], []
    for part in range(parts):
        own = samples[which == part]
        if not len(own):
            continue
        mean = own.mean(axis=0)
        away = (own - mean).astype(np.float64)
        covariance = away.T @ away / len(own)
        if np.linalg.det(covariance) <= 1e-6:
            covariance += np.eye(3) * _SPREAD
        p = np.linalg.inv(covariance)
        means.append(mean)
        shapes.append([p[0, 0], p[1, 1], p[2, 2], 2 * p[0, 1], 2 * p[0, 2], 2 * p[1, 2]])
        heights.append(len(own) / len(samples) / np.sqrt(np.linalg.det(covariance)))
    return Mixture(
        np.array(means, np.float32), np.array(shapes, np.float32), np.array(heights, np.float32)
    )


def _densities(samples: NDArray[np.float32], mixture: Mixture) -> NDArray[np.float32]:
    """Return log p of each sample by each Gaussian, its share included, (n, k)."""
    away = samples[:, None] - mixture.means
    squares = np.concatenate([away**2, away[..., [0, 0, 1]] * away[..., [1, 2, 2]]], axis=2)
    logs: NDArray[np.float32] = np.log(mixture.heights) - 0.5 * (squares * mixture.shapes).sum(2)
    return logs


def log_ratio(
    colours: NDArray[np.uint8], inside: Mixture, outside: Mixture
) -> NDArray[np.float32]:
    """Return log(p inside / p outside) of each colour (n, 3), (n,) float32."""
    result = np.empty(len(colours), np.float32)
    one, other = ((m.means, m.shapes, m.heights) for m in (inside, outside))
    _log_ratio(colours, *one, *other, result)
    return result


@numba.njit(cache=True, nogil=True)
def _density(
    red: float,
    green: float,
    blue: float,
    means: NDArray[np.float32],
    shapes: NDArray[np.float32],
    heights: NDArray[np.float32],
) -> float:  # pragma: no cover - compiled
    """Return the density of a mixture at one colour."""
    total = 0.0
    for k in range(heights.size):
        r, g, b = red - means[k, 0], green - means[k, 1], blue - means[k, 2]
        s = shapes[k]
        squared = r * r * s[0] + g * g * s[1] + b * b * s[2]
        squared += r * g * s[3] + r * b * s[4] + g * b * s[5]
        if squared < 1400:
            total += heights[k] * np.exp(-0.5 * squared)
    return total


@numba.njit(cache=True, nogil=True)
def _log_ratio(
    colours: NDArray[np.uint8],
    means: NDArray[np.float32],
    shapes: NDArray[np.float32],
    heights: NDArray[np.float32],
    means2: NDArray[np.float32],
    shapes2: NDArray[np.float32],
    heights2: NDArray[np.float32],
    result: NDArray[np.float32],
) -> None:  # pragma: no cover - compiled
    """Fill in the logarithm for each colour; a colour that nobody knows is of either side."""
    tiny = 1e-300
    for k in range(len(colours)):
        r, g, b = np.float64(colours[k, 0]), np.float64(colours[k, 1]), np.float64(colours[k, 2])
        one = max(_density(r, g, b, means, shapes, heights), tiny)
        two = max(_density(r, g, b, means2, shapes2, heights2), tiny)
        result[k] = np.log(one / two)
