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


_ROUNDING = 1e-10
"""A determinant that is a smaller share of the variances' product is 0, as that of grey is."""

_ENTRIES = [3, 6, 7, 6, 4, 8, 7, 8, 5]
"""Where the entries of a covariance stand among the moments."""


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


def learn(colours: NDArray[np.uint8], which: NDArray[np.int64] | None = None) -> Mixture:
    """Return the mixture that explains some colours.

    The same colours give the same mixture every time.

    Parameters
    ----------
    colours : (n, 3) uint8 array
    which : (m,) int64 array, optional
        Of which of them, m > 0; all by default.
    """
    places = np.arange(len(colours)) if which is None else which
    samples = colours[places[:: -(-len(places) // _MOST)]].astype(np.float32)
    parts = min(_PARTS, len(samples))
    groups: NDArray[Any] = np.zeros(len(samples), np.int32)
    if parts > 1:
        cv2.setRNGSeed(0)  # k-means draws random numbers
        until = (cv2.TERM_CRITERIA_MAX_ITER, 10, 0.0)
        start = cv2.KMEANS_PP_CENTERS
        groups = cv2.kmeans(samples, parts, groups[:, None], until, 1, start)[1].ravel()
    powers = _powers(samples)
    mixture = _fit(powers, groups, parts)
    best = np.argmax(powers @ _logarithms(mixture), axis=1)
    return _fit(powers, best, len(mixture.heights))


def _powers(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return 1, each channel, its square and the products of two channels, (n, 10)."""
    red, green, blue = samples.T.astype(np.float64)
    one = np.ones(len(samples))
    squares = (red * red, green * green, blue * blue, red * green, red * blue, green * blue)
    return np.stack([one, red, green, blue, *squares], axis=1)


def _fit(powers: NDArray[np.float64], which: NDArray[Any], parts: int) -> Mixture:
    """Return a Gaussian for each group of samples that is not empty."""
    sums = (which == np.arange(parts)[:, None]).astype(np.float64) @ powers
    sums = sums[sums[:, 0] > 0]
    moments = sums[:, 1:] / sums[:, :1]
    means = moments[:, :3]
    second = moments[:, _ENTRIES].reshape(-1, 3, 3)
    covariances = second - means[:, :, None] * means[:, None, :]
    most = np.prod(np.diagonal(covariances, axis1=1, axis2=2), axis=1)
    flat = np.linalg.det(covariances) <= np.maximum(1e-6, _ROUNDING * most)
    covariances[flat] += np.eye(3) * _SPREAD
    p = np.linalg.inv(covariances)
    shapes = [p[:, 0, 0], p[:, 1, 1], p[:, 2, 2], 2 * p[:, 0, 1], 2 * p[:, 0, 2], 2 * p[:, 1, 2]]
    heights = sums[:, 0] / len(powers) / np.sqrt(np.linalg.det(covariances))
    return Mixture(
        means.astype(np.float32),
        np.stack(shapes, axis=1).astype(np.float32),
        heights.astype(np.float32),
    )


def _logarithms(mixture: Mixture) -> NDArray[np.float64]:
    """Return what turns the powers of colours into log p by each Gaussian, (10, k)."""
    r, g, b = mixture.means.T.astype(np.float64)
    rr, gg, bb, rg, rb, gb = mixture.shapes.T.astype(np.float64)
    constant = rr * r * r + gg * g * g + bb * b * b + rg * r * g + rb * r * b + gb * g * b
    linear = [-2 * rr * r - rg * g - rb * b, -2 * gg * g - rg * r - gb * b]
    linear.append(-2 * bb * b - rb * r - gb * g)
    squares = np.stack([constant, *linear, rr, gg, bb, rg, rb, gb])
    logs: NDArray[np.float64] = -0.5 * squares
    logs[0] += np.log(mixture.heights)
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
