"""A distance map at full resolution with the values of a reduced one, pixel by pixel of its own.

The segments of a map are its nearest pixels, so many of them (M2N2, CVPR 2025, §3.5), and λ is the
value where they end. A λ that was chosen on a reduced plane takes the same share of the plane here
if the values of both maps are the same ones: which pixels have them is what resolution tells.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.segmentation.growth import nearest_first


def with_values_of(coarse: NDArray[np.float32], fine: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a map (H, W) in the order of `fine` (H, W) with the values of `coarse` (h, w).

    Pixels that are equally far stay so; they have the value in the middle of theirs.
    """
    order = nearest_first(fine, fine.size)
    found = np.empty_like(fine)
    _assign(np.sort(coarse, axis=None), fine.ravel(), order, found.ravel())
    return found


@numba.njit(cache=True, nogil=True)
def _assign(
    values: NDArray[np.float32],
    fine: NDArray[np.float32],
    order: NDArray[np.int32],
    found: NDArray[np.float32],
) -> None:  # pragma: no cover - compiled
    """Write the values, ascending, in the order of the pixels."""
    begin = 0
    while begin < len(order):
        own = fine[order[begin]]
        end = begin + 1
        while end < len(order) and fine[order[end]] == own:
            end += 1
        value = values[(begin + end - 1) * len(values) // (2 * len(order))]
        for place in range(begin, end):
            found[order[place]] = value
        begin = end
