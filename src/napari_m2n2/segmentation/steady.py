"""What colours a set of pixels of a large plane has, whatever single pixels are in the set.

k-means begins at random pixels, and of a set with one pixel more or less others are drawn: on
masks that overlap by 0.99 the mixtures, and the cuts that follow them, may be quite different
ones. Here pixels are drawn by where they are, and groups are found by halving the one that varies
most across its longest axis (Orchard and Bouman, "Color quantization of images", IEEE Transactions
on Signal Processing, 1991), as GrabCut's authors began (Rother et al., SIGGRAPH 2004, §3.1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.segmentation.colours import PARTS, Mixture, fitted

_MOST = 6000
"""Pixels that a mixture is learnt from."""

_ODD = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio: multiples of it are spread evenly and in no order."""

_LEAST = 1e-6
"""A group that varies less is one colour."""


def learn_both_steadily(
    image: NDArray[np.uint8], foreground: NDArray[np.bool_], step: int
) -> tuple[Mixture, Mixture]:
    """Return mixtures inside and outside, as `napari_m2n2.segmentation.colours.learn_both` does.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
    foreground : (H, W) bool array
        Neither all True nor all False.
    step : int
        Every so many rows and columns are looked at, unless one of the sides has none there.
    """
    some, which = image[::step, ::step], foreground[::step, ::step]
    if which.all() or not which.any():
        some, which = image, foreground
    flat, inside = some.reshape(-1, 3), which.ravel()
    return _learnt(flat, np.flatnonzero(inside)), _learnt(flat, np.flatnonzero(~inside))


def _learnt(colours: NDArray[np.uint8], places: NDArray[np.int64]) -> Mixture:
    """Return the mixture that explains some (m,) of the colours (n, 3), m > 0."""
    if len(places) > _MOST:
        # each pixel has a number for good, and those with the least ones are drawn
        numbers = places.astype(np.uint64) * _ODD
        places = places[np.sort(np.argpartition(numbers, _MOST)[:_MOST])]
    samples = colours[places]
    return fitted(samples, _halved(samples.astype(np.float64)))


def _halved(samples: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return the group of each sample (n, 3), (n,)."""
    groups = np.zeros(len(samples), np.int32)
    axes = [_longest_axis(samples)]
    while len(axes) < PARTS:
        widest = max(range(len(axes)), key=lambda k: axes[k][0])
        spread, middle, axis = axes[widest]
        if spread <= _LEAST:
            break
        groups[(groups == widest) & ((samples - middle) @ axis > 0)] = len(axes)
        axes[widest] = _longest_axis(samples[groups == widest])
        axes.append(_longest_axis(samples[groups == len(axes)]))
    return groups


def _longest_axis(
    samples: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
    """Return the sum of squares along the longest axis of samples (n, 3), their mean and it."""
    middle: NDArray[Any] = samples.mean(axis=0)
    away = samples - middle
    sums, axes = np.linalg.eigh(away.T @ away)
    return float(sums[-1]), middle, axes[:, -1]
