"""How large a thing a first click means: the plane is looked at in several scales around it.

A click on a nucleus may mean the nucleus or the tissue, and a grid over the whole plane knows
tissue best. Crops of half, a quarter and an eighth of the plane around the click have cells of
their own; in each of them one threshold is best by its score (M2N2, CVPR 2025, §3.5), and that
score stands out from those of the other candidates more or less. The scale where it stands out
most is taken, larger things being preferred a little. Measured in docs/texture.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.segmentation.crop import Crop
from napari_m2n2.segmentation.selection import Candidates

_LEAST_SIDE = 24
"""Pixels of a crop: a smaller one shows nothing but the object."""

_LARGEST_SHARE = 0.2
"""Of a crop: a larger segment belongs to a coarser scale."""

_AREA_POWER = 0.2
"""How much larger things are preferred."""

_LEAST_AREA = 4
_SAMPLES = 900
"""The candidates that a score is compared with: from this many pixels on, evenly in the logarithm
of the area, so that the many large ones do not outweigh the small ones."""


def scales_around(pixel: tuple[int, int], shape: tuple[int, int], halvings: int) -> list[Crop]:
    """Return the crops of half the plane, a quarter and so on, with a pixel in their middle.

    At the rim of the plane they are moved inside.
    """
    found = []
    for halving in range(1, halvings + 1):
        side = max(shape) >> halving
        if side < _LEAST_SIDE:
            break
        height, width = min(side, shape[0]), min(side, shape[1])
        top = min(max(pixel[0] - height // 2, 0), shape[0] - height)
        left = min(max(pixel[1] - width // 2, 0), shape[1] - width)
        found.append(Crop(top, left, top + height, left + width))
    return found


def clearness(candidates: Candidates, *, factor: float = 1, whole: bool = False) -> float:
    """Return how clearly one segment stands out of all that a click could mean; -1 if none does.

    Parameters
    ----------
    candidates : Candidates
        Of the click.
    factor : float
        How many times its plane was enlarged; below 1 it was reduced.
    whole : bool
        Whether its plane is the largest there is, so that the segment may be large.
    """
    worth: NDArray[np.float32] = candidates.worth
    if candidates.flat or len(worth) < _LEAST_AREA or not worth.any():
        return -1.0
    best = int(np.argmax(worth))
    share = (best + 1) / candidates.distance.size
    if not whole and share >= _LARGEST_SHARE:
        return -1.0
    areas = np.unique(np.geomspace(_LEAST_AREA, len(worth), _SAMPLES).astype(np.int64))
    usual = float(worth[areas - 1].mean(dtype=np.float64))
    if usual <= 0:
        return -1.0
    area = (best + 1) / factor**2
    return float(worth[best] / usual * np.power(area, _AREA_POWER))
