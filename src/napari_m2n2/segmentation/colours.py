"""What colours a set of pixels has: a mixture of Gaussians, as GrabCut learns it.

Rother et al., "GrabCut", SIGGRAPH 2004, §3.1: five Gaussians, begun by k-means and fitted once
more to the pixels that each of them explains best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.segmentation.clusters import grouped

PARTS = 5
"""Gaussians of a mixture."""

_MOST = 1500
"""Pixels that a mixture is learnt from; more of them say the same again."""

_SPREAD = 0.01
"""Added to the variances of a Gaussian whose pixels are all alike, in squared steps of 255."""


_ROUNDING = 1e-10
"""A determinant that is a smaller share of the variances' product is 0, as that of grey is."""


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


def learn_both(
    image: NDArray[np.uint8], foreground: NDArray[np.bool_], step: int
) -> tuple[Mixture, Mixture]:
    """Return the mixtures inside and outside, from every so many rows and columns.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
    foreground : (H, W) bool array
        Neither all True nor all False.
    step : int
        From all pixels where one of the sides has none that is looked at.

    Returns
    -------
    Mixture, Mixture
        The same for the same colours, every time.
    """
    inside, outside = _sampled(image, foreground, step)
    return Mixture(*_learnt(inside)), Mixture(*_learnt(outside))


def fitted(samples: NDArray[np.uint8], groups: NDArray[np.int32]) -> Mixture:
    """Return the mixture of colours (n, 3), of which it is roughly known how they group, (n,)."""
    return Mixture(*_refined(samples, groups))


@numba.njit(cache=True, nogil=True)
def _sampled(
    image: NDArray[np.uint8], foreground: NDArray[np.bool_], step: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:  # pragma: no cover - compiled
    """Return what the two mixtures are learnt from, (n, 3) each."""
    found = seen = 0
    while found in (0, seen):
        found = seen = 0
        for row in range(0, foreground.shape[0], step):
            for column in range(0, foreground.shape[1], step):
                found += foreground[row, column]
                seen += 1
        if found in (0, seen):
            step = 1
    skips = -(-(seen - found) // _MOST), -(-found // _MOST)
    samples = (
        np.empty((-(-(seen - found) // skips[0]), 3), np.uint8),
        np.empty((-(-found // skips[1]), 3), np.uint8),
    )
    places, waits = np.zeros(2, np.int64), np.zeros(2, np.int64)
    for row in range(0, foreground.shape[0], step):
        for column in range(0, foreground.shape[1], step):
            side = int(foreground[row, column])
            if waits[side]:
                waits[side] -= 1
                continue
            for channel in range(3):
                samples[side][places[side], channel] = image[row, column, channel]
            places[side] += 1
            waits[side] = skips[side] - 1
    return samples[1], samples[0]


@numba.njit(cache=True, nogil=True)
def _learnt(
    samples: NDArray[np.uint8],
) -> tuple[
    NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]
]:  # pragma: no cover - compiled
    """Return means, shapes and heights of the mixture of some colours (n, 3)."""
    parts = min(PARTS, len(samples))
    return _refined(samples, grouped(samples, parts))


@numba.njit(cache=True, nogil=True)
def _refined(
    samples: NDArray[np.uint8], groups: NDArray[np.int32]
) -> tuple[
    NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]
]:  # pragma: no cover - compiled
    """Return the mixture of samples whose groups are roughly known."""
    # the groups are those that k Gaussians explain, and then the other way round
    means, shapes, heights = _fit(_moments(samples, groups, PARTS))
    best = _explained(samples, means, shapes, heights)
    return _fit(_moments(samples, best, len(heights)))


@numba.njit(cache=True, nogil=True)
def _moments(
    samples: NDArray[np.uint8], groups: NDArray[np.int32], parts: int
) -> NDArray[np.float64]:  # pragma: no cover - compiled
    """Return how many samples each group has, and the sums of their channels and products.

    Nine sums: r, g, b, rr, gg, bb, rg, rb, gb, behind the number, (parts, 10).
    """
    sums = np.zeros((parts, 10))
    for n in range(len(samples)):
        own = sums[groups[n]]
        r, g, b = np.float64(samples[n, 0]), np.float64(samples[n, 1]), np.float64(samples[n, 2])
        own[0] += 1
        own[1] += r
        own[2] += g
        own[3] += b
        own[4] += r * r
        own[5] += g * g
        own[6] += b * b
        own[7] += r * g
        own[8] += r * b
        own[9] += g * b
    return sums


@numba.njit(cache=True, nogil=True)
def _fit(
    sums: NDArray[np.float64],
) -> tuple[
    NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]
]:  # pragma: no cover - compiled
    """Return means, entries of the inverse covariances and heights, as a `Mixture` has them.

    Of each group that is not empty.
    """
    parts = np.count_nonzero(sums[:, 0])
    means, shapes = np.empty((parts, 3), np.float32), np.empty((parts, 6), np.float32)
    heights = np.empty(parts, np.float32)
    total = sums[:, 0].sum()
    k = -1
    for own in sums:
        if not own[0]:
            continue
        k += 1
        moments = own / own[0]
        r, g, b = moments[1], moments[2], moments[3]
        rr, gg, bb = moments[4] - r * r, moments[5] - g * g, moments[6] - b * b
        rg, rb, gb = moments[7] - r * g, moments[8] - r * b, moments[9] - g * b
        if _determinant(rr, gg, bb, rg, rb, gb) <= max(1e-6, _ROUNDING * (rr * gg * bb)):
            rr, gg, bb = rr + _SPREAD, gg + _SPREAD, bb + _SPREAD
        size = _determinant(rr, gg, bb, rg, rb, gb)
        means[k] = (r, g, b)
        shapes[k, 0] = (gg * bb - gb * gb) / size
        shapes[k, 1] = (rr * bb - rb * rb) / size
        shapes[k, 2] = (rr * gg - rg * rg) / size
        shapes[k, 3] = 2 * (rb * gb - rg * bb) / size
        shapes[k, 4] = 2 * (rg * gb - rb * gg) / size
        shapes[k, 5] = 2 * (rg * rb - rr * gb) / size
        heights[k] = own[0] / total / np.sqrt(size)
    return means, shapes, heights


@numba.njit(inline="always")
def _determinant(
    rr: float, gg: float, bb: float, rg: float, rb: float, gb: float
) -> float:  # pragma: no cover - compiled
    """Return the determinant of a covariance."""
    return rr * (gg * bb - gb * gb) - rg * (rg * bb - gb * rb) + rb * (rg * gb - gg * rb)


@numba.njit(cache=True, nogil=True)
def _explained(
    samples: NDArray[np.uint8],
    means: NDArray[np.float32],
    shapes: NDArray[np.float32],
    heights: NDArray[np.float32],
) -> NDArray[np.int32]:  # pragma: no cover - compiled
    """Return the Gaussian by which each sample is most probable, (n,)."""
    best = np.empty(len(samples), np.int32)
    logs = np.log(heights.astype(np.float64))
    for n in range(len(samples)):
        most = -np.inf
        red, green = np.float32(samples[n, 0]), np.float32(samples[n, 1])
        blue = np.float32(samples[n, 2])
        for k in range(len(heights)):
            r, g, b = red - means[k, 0], green - means[k, 1], blue - means[k, 2]
            value = logs[k] - 0.5 * _squared(r, g, b, shapes[k])
            if value > most:
                best[n], most = k, value
    return best


@numba.njit(inline="always")
def _squared(
    r: float, g: float, b: float, s: NDArray[np.float32]
) -> float:  # pragma: no cover - compiled
    """Return the squared distance from a mean in units of its Gaussian."""
    squared: float = r * r * s[0] + g * g * s[1] + b * b * s[2]
    squared += r * g * s[3] + r * b * s[4] + g * b * s[5]
    return squared


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
        squared = _squared(r, g, b, shapes[k])
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
