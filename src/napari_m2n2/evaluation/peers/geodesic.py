"""Geodesic segmentation: the class whose seeds are nearer through the image, by scipy.

X. Bai and G. Sapiro, "Geodesic matting: a framework for fast interactive image and video
segmentation and matting", International Journal of Computer Vision 82(2), 2009; A. Criminisi,
T. Sharp and A. Blake, "GeoS: geodesic image segmentation", ECCV 2008.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from skimage.color import rgb2lab

from napari_m2n2.evaluation.peers.base import Scorer, check_range
from napari_m2n2.evaluation.peers.seeds import BACKGROUND, FOREGROUND, make_seeds


@dataclass(frozen=True)
class Geodesic:
    """A pixel belongs to the class whose nearest seed has the shorter path through the image.

    The length of a step between neighbouring pixels (8 of them) is sqrt(s² + (γ ΔE)²), the
    discrete form of GeoS, Eq. 2: s is the step in pixels, ΔE the step in CIELAB, in units of 100.
    Bai and Sapiro measure the step in the likelihood of the foreground's colours instead, which
    needs strokes that are long enough to learn them from; clicks are not.

    Attributes
    ----------
    gamma : float
        γ: how many pixels of detour a step of 100 in CIELAB (black to white) is worth. 0 gives
        the plain distance to the clicks.
    radius : float
        Radius of the disc of seeds around each click in pixels.
    """

    gamma: float = 1000.0
    radius: float = 3.0

    def __post_init__(self) -> None:
        check_range("gamma", self.gamma, 0, 1e9)
        check_range("radius", self.radius, 0, 100)

    def prepare(self, rgb: NDArray[np.float32]) -> Scorer:
        """Weigh the steps between all neighbouring pixels."""
        shape = (rgb.shape[0], rgb.shape[1])
        steps = _steps(np.asarray(rgb2lab(rgb), np.float64) / 100, float(self.gamma))
        # a click changes one class; the distances to the other are still those of the last call
        last: dict[int, tuple[NDArray[np.int64], NDArray[np.float64]]] = {}

        def distance(seeds: NDArray[np.int8], label: int) -> NDArray[np.float64]:
            places = np.flatnonzero(seeds == label)
            if len(places) == 0:
                return np.full(shape, np.inf)
            if label not in last or not np.array_equal(last[label][0], places):
                found = dijkstra(steps, directed=False, indices=places, min_only=True)
                last[label] = places, found.reshape(shape)
            return last[label][1]

        def score(points: NDArray[np.int64], labels: NDArray[np.bool_]) -> NDArray[np.float64]:
            seeds = make_seeds(points, labels, shape, self.radius)
            return distance(seeds, BACKGROUND) - distance(seeds, FOREGROUND)

        return score


def _steps(colours: NDArray[np.float64], gamma: float) -> csr_array:
    """Return the length of each step to a neighbour, one direction only, (H W, H W) sparse."""
    pixels = np.arange(colours.shape[0] * colours.shape[1], dtype=np.int32)
    pixels = pixels.reshape(colours.shape[:2])
    starts, ends, lengths = [], [], []
    for here, there, squared in (
        (np.s_[:, :-1], np.s_[:, 1:], 1),
        (np.s_[:-1], np.s_[1:], 1),
        (np.s_[:-1, :-1], np.s_[1:, 1:], 2),
        (np.s_[:-1, 1:], np.s_[1:, :-1], 2),
    ):
        change = ((colours[here] - colours[there]) ** 2).sum(axis=-1)
        starts.append(pixels[here].ravel())
        ends.append(pixels[there].ravel())
        lengths.append(np.sqrt(squared + gamma**2 * change).ravel())
    places = (np.concatenate(starts), np.concatenate(ends))
    return csr_array((np.concatenate(lengths), places), shape=(pixels.size, pixels.size))
