"""Interactive graph cut, with OpenCV's graph and max-flow.

Y. Boykov and M.-P. Jolly, "Interactive graph cuts for optimal boundary and region segmentation of
objects in N-D images", ICCV 2001.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.evaluation.peers.base import Scorer, check_range
from napari_m2n2.evaluation.peers.seeds import BACKGROUND, FOREGROUND, make_seeds, rim

_COMPONENTS = 5
"""Gaussians of one colour model in OpenCV; fixed there."""

_UNUSED = (0, 0, 1, 1)
"""The rectangle that grabCut asks for and does not look at where there is a mask."""


@dataclass(frozen=True)
class GraphCut:
    """The cheapest cut between the seeds of both classes through the graph of pixels.

    The energy is that of Boykov and Jolly: for each pixel minus the logarithm of how likely its
    colour is under its class (regional term), for each pair of 8 neighbours in different classes
    a penalty that is smaller across an edge (boundary term), and seeds that cannot change. It is
    minimised once, exactly.

    OpenCV's `grabCut` does it with its models frozen (``GC_EVAL_FREEZE_MODEL``), so that the graph
    and the max-flow of Boykov and Kolmogorov are the library's; GrabCut's own loop, which learns
    the colours again from its last answer, is left out, since the published rows named GraphCut
    are the method of 2001. Three things differ from the paper: colours are a mixture of five
    Gaussians instead of a histogram; the boundary weighs 50, as OpenCV has it; and the colours of
    the background are learned from the rim of the plane besides its seeds, since the discs of a
    few clicks know only a little of what is not the object, where the paper has strokes.

    Attributes
    ----------
    radius : float
        Radius of the disc of seeds around each click in pixels.
    spread : float
        Standard deviation in grey values (0 to 255) that is added to each Gaussian. A disc in a
        smooth place would otherwise hold every other grey value for impossible.
    """

    radius: float = 5.0
    spread: float = 10.0

    def __post_init__(self) -> None:
        check_range("radius", self.radius, 0, 100)
        check_range("spread", self.spread, 0, 255)

    def prepare(self, rgb: NDArray[np.float32]) -> Scorer:
        """Turn the image into 8 bit, which is what OpenCV's graph is made from."""
        shape = (rgb.shape[0], rgb.shape[1])
        image = np.rint(rgb * 255).astype(np.uint8)
        outer = rim(shape)

        def score(points: NDArray[np.int64], labels: NDArray[np.bool_]) -> NDArray[np.float64]:
            seeds = make_seeds(points, labels, shape, self.radius)
            if not (seeds == BACKGROUND).any() or (seeds != 0).all():
                return np.where(seeds == BACKGROUND, -1.0, 1.0)
            outside = (seeds == BACKGROUND) | (outer & (seeds == 0))
            models = _learn(image[outside], image[seeds == FOREGROUND], float(self.spread))
            classes = np.choose(seeds + 1, (cv2.GC_BGD, cv2.GC_PR_BGD, cv2.GC_FGD))
            classes = classes.astype(np.uint8)
            cv2.grabCut(image, classes, _UNUSED, *models, 1, cv2.GC_EVAL_FREEZE_MODEL)
            return np.where(np.isin(classes, (cv2.GC_FGD, cv2.GC_PR_FGD)), 1.0, -1.0)

        return score


def _learn(
    background: NDArray[np.uint8], foreground: NDArray[np.uint8], spread: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return OpenCV's colour models of the background and the foreground, (1, 65) each.

    grabCut with no round learns from an image that is all seeds, and does nothing else.
    """
    strip = np.concatenate([background, foreground])[np.newaxis]
    classes = np.full(strip.shape[:2], cv2.GC_BGD, np.uint8)
    classes[:, len(background) :] = cv2.GC_FGD
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)  # its k-means starts at random: the same clicks shall give the same mask
    cv2.grabCut(strip, classes, _UNUSED, *models, 0, cv2.GC_INIT_WITH_MASK)
    for model in models:
        # weights, means, then covariances, component by component
        covariances = model[0, 4 * _COMPONENTS :].reshape(_COMPONENTS, 3, 3)
        covariances += spread**2 * np.eye(3)
    return models
