"""What is kept of one plane of an object: its prompts as they were made, and its mask."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from napari_m2n2.annotation.masks import Mask
from napari_m2n2.annotation.planes import Affine, Plane, to_layer
from napari_m2n2.annotation.prompts import PlanePrompts
from napari_m2n2.annotation.provenance import Provenance
from napari_m2n2.annotation.region import Region
from napari_m2n2.annotation.shapes import Kind, Shape, prompts_on


@dataclass(frozen=True)
class StoredPoint:
    """A point on a plane.

    Attributes
    ----------
    row, column : float
        In pixels of the plane.
    foreground : bool
    threshold : float, optional
        λ that the user chose; None if the method chose it.
    order : int
        The points and shapes of an object were made in this order.
    """

    row: float
    column: float
    foreground: bool = True
    threshold: float | None = None
    order: int = 0


@dataclass(frozen=True)
class StoredShape:
    """A shape on a plane, as it was drawn.

    Attributes
    ----------
    kind : str
        "rectangle", "ellipse", "polygon", "path" or "line".
    vertices : tuple of (float, float)
        (row, column) of its corners; four around it for an ellipse.
    foreground : bool
    order : int
        See `StoredPoint`.
    """

    kind: Kind
    vertices: tuple[tuple[float, float], ...]
    foreground: bool = True
    order: int = 0


@dataclass(frozen=True)
class PlaneRecord:
    """One plane of an object.

    Attributes
    ----------
    points : tuple of StoredPoint
        In the order in which the method is given them.
    shapes : tuple of StoredShape
    start : Mask, optional
        The mask that the prompts began with.
    mask : Mask, optional
        The pixels that the object was given when it was committed; None before.
    region : Region, optional
        What of the plane was segmented; None is all of it as it is.
    made : Provenance, optional
        None before there is an answer.
    """

    points: tuple[StoredPoint, ...] = ()
    shapes: tuple[StoredShape, ...] = ()
    start: Mask | None = None
    mask: Mask | None = None
    region: Region | None = None
    made: Provenance | None = None

    @property
    def prompts(self) -> int:
        """How many points and shapes there are."""
        return len(self.points) + len(self.shapes)

    @property
    def area(self) -> int:
        """Pixels of the mask; 0 before there is one."""
        return 0 if self.mask is None else self.mask.area

    def without_mask(self) -> PlaneRecord:
        """Return the prompts alone."""
        return replace(self, mask=None)

    def on(self, plane: Plane) -> PlanePrompts:
        """Return the prompts as a `napari_m2n2.annotation.jobs.Job` takes them."""
        ndim = len(plane.shape)
        rows = np.array([(p.row, p.column) for p in self.points], dtype=np.float64).reshape(-1, 2)
        chosen = [math.nan if p.threshold is None else p.threshold for p in self.points]
        shapes = [
            Shape(s.kind, to_layer(np.array(s.vertices, dtype=np.float64), plane), s.foreground)
            for s in self.shapes
        ]
        return prompts_on(
            plane,
            Affine(np.eye(ndim), np.zeros(ndim)),
            to_layer(rows, plane),
            [p.foreground for p in self.points],
            thresholds=chosen,
            shapes=shapes,
            start=None if self.start is None else self.start.unpack(),
        )
