"""The layer of proposals: regions of one plane that nobody has asked for one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray

from napari_m2n2.annotation.planes import Plane, to_layer
from napari_m2n2.annotation.region import Region
from napari_m2n2.viewer.layers import transform_of
from napari_m2n2.viewer.why_layers import OURS

_OPACITY = 0.4


@dataclass(frozen=True, eq=False)
class Place:
    """Where proposals lie.

    Attributes
    ----------
    image : Image
    factors : (ndim,) float64 array
        How many pixels of the image one of the labels covers along each axis.
    plane : Plane
    region : Region
        What of the plane was looked at, and how far it was reduced.
    """

    image: Image
    factors: NDArray[np.float64]
    plane: Plane
    region: Region

    def make_layer(self, labels: NDArray[np.int32]) -> Labels:
        """Return a layer of regions (h, w), as thick as the plane."""
        corner = np.array([[self.region.rows[0], self.region.columns[0]]], dtype=np.float64)
        start = to_layer(corner, self.plane)[0]
        blocks = np.ones(len(start))
        blocks[list(self.plane.displayed)] = self.region.factor
        return Labels(
            self._thick(labels),
            name=f"{self.image.name}: proposals",
            opacity=_OPACITY,
            axis_labels=self.image.axis_labels,
            metadata={OURS: "proposals"},
            **transform_of(self.image, self.factors * blocks, start / blocks),
        )

    def show(self, layer: Labels, labels: NDArray[np.int32]) -> None:
        """Let a layer that was made for this place show other regions."""
        layer.data = self._thick(labels)

    def pixel(self, layer: Labels, position: tuple[float, ...]) -> tuple[int, int] | None:
        """Return the pixel (row, column) of the regions at a position of the world, if any."""
        found = np.floor(np.asarray(layer.world_to_data(position)) + 0.5).astype(int)
        found = found[-layer.ndim :]
        if (found < 0).any() or (found >= layer.data.shape).any():
            return None
        row, column = found[list(self.plane.displayed)].tolist()
        return row, column

    def whole(self, mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return a mask of what was looked at as a mask of the plane."""
        found = np.zeros(self.plane.size, bool)
        found[self.region.window] = self.region.enlarge(mask)
        return found

    def _thick(self, labels: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return regions (h, w) with an axis of length 1 for each that is hidden."""
        turned = labels if self.plane.displayed[0] < self.plane.displayed[1] else labels.T
        return np.expand_dims(turned, tuple(axis for axis, _ in self.plane.hidden))
