"""Planes between two outlined ones, filled by their distances to the outlines.

Each plane has a signed distance, positive in the object; between two planes it goes over from one
to the other in a straight line, and the object is where it is positive (Raya and Udupa,
"Shape-based interpolation of multidimensional objects", IEEE Trans. Med. Imaging 1990). An object
that moves sideways is followed: where the two masks cover each other better with their centres
laid over each other, both are first moved to where the centre lies between the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.volume import at, index_along, iou


@dataclass(frozen=True)
class Gap:
    """The planes between two on which an object is outlined.

    Attributes
    ----------
    low, high : Plane
        The outlined ones.
    axis : int
        The hidden axis between them.
    """

    low: Plane
    high: Plane
    axis: int

    @property
    def indices(self) -> range:
        """Where the planes between them lie."""
        return range(index_along(self.low, self.axis) + 1, index_along(self.high, self.axis))

    def share(self, index: int) -> float:
        """Return how far a plane is on the way from low to high, 0 to 1."""
        first, last = (index_along(plane, self.axis) for plane in (self.low, self.high))
        return (index - first) / (last - first)


def find_gaps(planes: Iterable[Plane], like: Plane, axis: int) -> tuple[Gap, ...]:
    """Return the gaps between planes on which an object is outlined, by rising index.

    Parameters
    ----------
    planes : iterable of Plane
        Where it is outlined, whatever the view was.
    like : Plane
        Only planes that differ from this one along `axis` alone count.
    axis : int
        A hidden axis.
    """
    found = {}
    for plane in planes:
        if (axis, 0) in at(plane, axis, 0).hidden and at(plane, axis, 0) == at(like, axis, 0):
            found[index_along(plane, axis)] = plane
    order = sorted(found)
    return tuple(
        Gap(found[low], found[high], axis) for low, high in pairwise(order) if high - low > 1
    )


def fill(
    gaps: Iterable[Gap], masks: Mapping[Plane, NDArray[np.bool_]]
) -> Iterator[tuple[Plane, NDArray[np.bool_]]]:
    """Yield the planes in gaps, and the mask (H, W) of each.

    Parameters
    ----------
    gaps : iterable of Gap
    masks : mapping of Plane to (H, W) bool array
        Of the outlined planes.
    """
    for gap in gaps:
        low, high = masks[gap.low], masks[gap.high]
        for index in gap.indices:
            yield at(gap.low, gap.axis, index), interpolate(low, high, gap.share(index))


def interpolate(
    low: NDArray[np.bool_], high: NDArray[np.bool_], share: float
) -> NDArray[np.bool_]:
    """Return a mask on the way from one to another.

    Parameters
    ----------
    low, high : (H, W) bool arrays
        Neither may be empty.
    share : float
        0 is `low`, 1 is `high`.
    """
    ways = [_signed_distance(mask) for mask in (low, high)]
    way = _centre(high) - _centre(low)
    # where parts come and go, the centre moves and the object does not
    if iou(_moved(ways[0], way) > 0, high) > iou(low, high):
        ways = [_moved(ways[0], share * way), _moved(ways[1], (share - 1) * way)]
    found: NDArray[np.bool_] = (1 - share) * ways[0] + share * ways[1] > 0
    return found


def _centre(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the mean (row, column) of a mask."""
    return np.asarray(np.argwhere(mask).mean(axis=0))


def _moved(distance: NDArray[np.float64], way: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a signed distance moved by (rows, columns); nothing of the object moves in."""
    from scipy.ndimage import shift

    outside = float(distance.min())
    return np.asarray(shift(distance, way, order=1, mode="constant", cval=outside))


def _signed_distance(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how far each pixel is from the outline: positive in the mask, never 0."""
    from scipy.ndimage import distance_transform_edt

    # beyond the plane the object is taken to go on, so that it does not shrink at its sides
    inside = distance_transform_edt(np.pad(mask, 1, mode="edge"))[1:-1, 1:-1]
    outside = distance_transform_edt(~mask)
    return np.asarray(np.where(mask, inside - 0.5, 0.5 - outside))
