"""The graph of the pixels that a cut decides: the band between what is certain on both sides.

Boykov and Jolly, "Interactive graph cuts", ICCV 2001: neighbours are tied the more strongly the
more alike they are. A certain neighbour is as good as its terminal, so that only the pixels of the
band become nodes.
"""

from __future__ import annotations

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.segmentation.maxflow import DIRECTIONS

_TIE = 50.0
"""γ of GrabCut: how strongly two neighbours of one colour are tied, in units of the logs."""

_STEPS = np.array(DIRECTIONS, np.int64)


def band_graph(
    image: NDArray[np.uint8],
    trimap: NDArray[np.uint8],
    pixels: NDArray[np.int64],
    data: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.float32]]:
    """Return weights, neighbours and capacities as `minimum_cut` takes them.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
    trimap : (H, W) uint8 array
        In OpenCV's numbers: 0 and 1 are certain background and foreground.
    pixels : (n,) int64 array
        Flat indices of the pixels that are not certain, ascending.
    data : (n,) float32 array
        log(p inside / p outside) of the colour of each.
    """
    place = np.full(trimap.size, -1, np.int32)
    place[pixels] = np.arange(len(pixels), dtype=np.int32)
    weights = data.copy()
    neighbours = np.full((len(pixels), 8), -1, np.int32)
    capacities = np.zeros((len(pixels), 8), np.float32)
    _connect(
        image, trimap.ravel(), pixels, place, contrast(image), weights, neighbours, capacities
    )
    return weights, neighbours, capacities


def contrast(image: NDArray[np.uint8]) -> float:
    """Return β of GrabCut: 1 / (2 × the mean squared difference of neighbours)."""
    total, pairs = 0.0, 0
    for one, other in (
        (image[1:], image[:-1]),
        (image[:, 1:], image[:, :-1]),
        (image[1:, 1:], image[:-1, :-1]),
        (image[1:, :-1], image[:-1, 1:]),
    ):
        if one.size:
            total += float(cv2.norm(one, other, cv2.NORM_L2SQR))
            pairs += one.size // 3
    return pairs / (2 * total) if total else 0.0


@numba.njit(cache=True, nogil=True)
def _connect(
    image: NDArray[np.uint8],
    trimap: NDArray[np.uint8],
    pixels: NDArray[np.int64],
    place: NDArray[np.int32],
    beta: float,
    weights: NDArray[np.float32],
    neighbours: NDArray[np.int32],
    capacities: NDArray[np.float32],
) -> None:  # pragma: no cover - compiled
    """Tie each pixel to its neighbours; the first four are those that come before it."""
    height, width = image.shape[:2]
    for node in range(len(pixels)):
        row, column = pixels[node] // width, pixels[node] % width
        here = image[row, column]
        for way in range(8):
            r, c = row + _STEPS[way, 0], column + _STEPS[way, 1]
            if r < 0 or c < 0 or r >= height or c >= width:
                continue
            other = r * width + c
            if way < 4 and place[other] >= 0:  # its end is tied already
                neighbours[node, way] = place[other]
                capacities[node, way] = capacities[place[other], 7 - way]
                continue
            squared = 0
            for channel in range(3):
                away = int(here[channel]) - int(image[r, c, channel])
                squared += away * away
            tie = _TIE * np.exp(-beta * squared)
            if _STEPS[way, 0] != 0 and _STEPS[way, 1] != 0:
                tie *= 0.5**0.5
            if place[other] >= 0:
                neighbours[node, way] = place[other]
                capacities[node, way] = tie
            else:
                weights[node] += tie if trimap[other] == 1 else -tie
