"""Random walker segmentation, by scikit-image.

L. Grady, "Random walks for image segmentation", IEEE Transactions on Pattern Analysis and Machine
Intelligence 28(11), 2006.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2lab
from skimage.segmentation import random_walker

from napari_m2n2.evaluation.peers.base import Scorer, check_range
from napari_m2n2.evaluation.peers.seeds import BACKGROUND, make_seeds

_DIRECT = 1_000_000
"""Pixels of the largest plane whose equations are solved directly: for 854 x 480 pixels that takes
half to a fifth of the time of conjugate gradients and is exact, but memory grows faster than the
plane."""


@dataclass(frozen=True)
class RandomWalker:
    """A pixel belongs to the class whose seeds a random walker from it reaches first.

    Attributes
    ----------
    beta : float
        How much an edge of the image hinders the walker (β of Eq. 1 there, as scikit-image scales
        it). Larger values follow edges more closely and weak ones too.
    radius : float
        Radius of the disc of seeds around each click in pixels.
    tolerance : float
        Relative residual at which the conjugate gradients stop that solve the equations of a plane
        of more than a million pixels; smaller ones are solved exactly. Larger is faster.
    """

    beta: float = 130.0
    radius: float = 3.0
    tolerance: float = 1e-3

    def __post_init__(self) -> None:
        check_range("beta", self.beta, 0, 1e6)
        check_range("radius", self.radius, 0, 100)
        check_range("tolerance", self.tolerance, 1e-12, 0.5)

    def prepare(self, rgb: NDArray[np.float32]) -> Scorer:
        """Turn the image into CIELAB in units of 100, so that steps are as large as they look."""
        colours = np.asarray(rgb2lab(rgb), np.float64) / 100
        beta = float(self.beta)
        if colours.std() == 0:
            # scikit-image divides by the deviation; with beta 0 any other image is as flat
            colours[..., 0] = np.arange(colours[..., 0].size).reshape(colours.shape[:2])
            beta = 0.0

        def score(points: NDArray[np.int64], labels: NDArray[np.bool_]) -> NDArray[np.float64]:
            seeds = make_seeds(points, labels, (rgb.shape[0], rgb.shape[1]), self.radius)
            if not (seeds == BACKGROUND).any() or (seeds != 0).all():
                return np.where(seeds == BACKGROUND, -1.0, 1.0)
            numbers = np.choose(seeds + 1, (2, 0, 1))  # scikit-image counts classes from 1
            foreground, background = random_walker(
                colours,
                numbers,
                beta=beta,
                mode="bf" if numbers.size <= _DIRECT else "cg_j",
                tol=self.tolerance,
                return_full_prob=True,
                prob_tol=np.inf,  # only the sign of the difference counts, no range to warn of
                channel_axis=-1,
            )
            return np.asarray(foreground - background, np.float64)

        return score
