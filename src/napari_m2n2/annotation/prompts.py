"""What the user said about the object on one plane, from layers of points and shapes.

A box holds the object, a scribble runs over it (or over background), a lasso is its rough shape;
so is a label that is to be refined. Drawn as background, a box or lasso takes its pixels away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.clipping import clip_box, clip_path, draw_line, fill_polygon
from napari_m2n2.annotation.region import Region


@dataclass(frozen=True, eq=False)
class PlanePrompts:
    """The prompts of one plane, (row, column) in its pixels, all of them inside.

    Two are equal if they ask for the same mask.

    Attributes
    ----------
    points : (n, 2) float64 array
    labels : (n,) bool array
        True = foreground.
    thresholds : (n,) float64 array
        λ of each point that the user chose; NaN where it is to be chosen by its score.
    origin : (n,) int64 array
        Which point of the layer each one is.
    boxes : (m, 4) float64 array
        (row, column, row, column) of opposite corners, each around the object.
    scribbles : tuple of ((k, 2) float64 array, bool)
        Lines, and whether each is foreground.
    lassos : tuple of (k, 2) float64 arrays
        Polygons: rough shapes of the object.
    excluded : tuple of (k, 2) float64 arrays
        Polygons without any of the object.
    start : (H, W) bool array, optional
        A rough mask to begin with, such as an existing label.
    outside : int
        How many more prompts lie beside the image.
    """

    points: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    labels: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    thresholds: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    origin: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    boxes: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 4)))
    scribbles: tuple[tuple[NDArray[np.float64], bool], ...] = ()
    lassos: tuple[NDArray[np.float64], ...] = ()
    excluded: tuple[NDArray[np.float64], ...] = ()
    start: NDArray[np.bool_] | None = None
    outside: int = 0

    def __post_init__(self) -> None:
        if not len(self.thresholds):
            object.__setattr__(self, "thresholds", np.full(len(self.points), np.nan))
        if not len(self.origin):
            object.__setattr__(self, "origin", np.arange(len(self.points)))

    def __eq__(self, other: object) -> bool:
        """Tell whether two ask for the same mask."""
        return isinstance(other, PlanePrompts) and self._asked() == other._asked()

    def __bool__(self) -> bool:
        """Tell whether anything was said of this plane."""
        shapes = (len(self.boxes), len(self.scribbles), len(self.lassos), len(self.excluded))
        return bool(len(self.points) or any(shapes) or self.start is not None)

    @property
    def foreground(self) -> int:
        """How many prompts say where the object is; without any, nothing is outlined."""
        scribbles = sum(label for _, label in self.scribbles)
        regions = len(self.boxes) + len(self.lassos) + (self.start is not None)
        return int(np.count_nonzero(self.labels)) + scribbles + regions

    def arguments(self, size: tuple[int, int]) -> dict[str, Any]:
        """Return what was said besides points, as keywords of `Segmenter.segment`.

        Parameters
        ----------
        size : (int, int)
            Rows and columns of the plane.
        """
        given: dict[str, Any] = {}
        if len(self.boxes):
            given["boxes"] = self.boxes
        if self.scribbles:
            given["scribbles"] = self.scribbles
        masks = [fill_polygon(lasso, size) for lasso in self.lassos]
        if self.start is not None:
            masks.append(self.start)
        if masks:
            given["mask"] = np.stack(masks)
        if not np.isnan(self.thresholds).all():
            given["thresholds"] = self.thresholds
        return given

    def excluded_mask(self, size: tuple[int, int]) -> NDArray[np.bool_]:
        """Return the pixels without any of the object; points and scribbles have the last word."""
        mask = np.zeros(size, bool)
        for polygon in self.excluded:
            mask |= fill_polygon(polygon, size)
        for path, label in [*self.scribbles, *zip(self.points[:, None], self.labels, strict=True)]:
            if label:
                mask &= ~draw_line(path, size)
        return mask

    def within(self, region: Region) -> tuple[PlanePrompts, NDArray[np.bool_]]:
        """Return what is left within a region, in its pixels, and which points that holds.

        Points outside are left out, shapes are cut off at its sides; `outside` counts what is
        gone altogether.
        """
        low = np.array([region.rows[0], region.columns[0]], dtype=np.float64)
        moved = self._moved(lambda points: points - low).clipped(region.extent)
        kept = region.holds(self.points)
        only = Region((0, region.extent[0]), (0, region.extent[1]), region.factor)
        result = moved._moved(only.from_plane)
        start = None if self.start is None else region.reduce_mask(self.start)
        gone = int(np.count_nonzero(~kept)) + moved.outside
        if start is not None and not start.any():
            start, gone = None, gone + 1
        return (
            replace(
                result,
                points=region.from_plane(self.points[kept]),
                labels=self.labels[kept],
                thresholds=self.thresholds[kept],
                origin=self.origin[kept],
                start=start,
                outside=gone,
            ),
            kept,
        )

    def clipped(self, size: tuple[int, int]) -> PlanePrompts:
        """Return the prompts with shapes cut off at the sides of a plane.

        `outside` counts the shapes that nothing is left of, and nothing else.
        """
        boxes = [clip_box(box, size) for box in self.boxes]
        left = [box for box in boxes if box is not None]
        scribbles = [(clip_path(path, size), label) for path, label in self.scribbles]
        lassos = tuple(lasso for lasso in self.lassos if _touches(lasso, size))
        gone = len(boxes) - len(left) + sum(not parts for parts, _ in scribbles)
        return replace(
            self,
            boxes=np.array(left).reshape(-1, 4),
            scribbles=tuple((part, label) for parts, label in scribbles for part in parts),
            lassos=lassos,
            outside=gone + len(self.lassos) - len(lassos),
        )

    def _asked(self) -> tuple[tuple[bytes, ...], ...]:
        """Return all that the mask depends on."""
        groups: list[list[NDArray[Any]]] = [
            [self.points, self.labels, self.thresholds, self.boxes],
            [path for path, _ in self.scribbles],
            [np.array([label for _, label in self.scribbles], bool)],
            [*self.lassos],
            [*self.excluded],
            [] if self.start is None else [self.start],
        ]
        return tuple(tuple(array.tobytes() for array in group) for group in groups)

    def _moved(self, move: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> PlanePrompts:
        """Return the prompts with the shapes moved by a map of points (n, 2)."""
        return replace(
            self,
            boxes=move(self.boxes.reshape(-1, 2)).reshape(-1, 4),
            scribbles=tuple((move(path), label) for path, label in self.scribbles),
            lassos=tuple(move(lasso) for lasso in self.lassos),
            excluded=tuple(move(polygon) for polygon in self.excluded),
        )


NO_PROMPTS = PlanePrompts()


def _touches(polygon: NDArray[np.float64], size: tuple[int, int]) -> bool:
    """Tell whether the box around a polygon (k, 2) reaches into a plane."""
    corners = polygon[np.isfinite(polygon).all(axis=1)]
    if not len(corners):
        return False
    return clip_box(np.concatenate([corners.min(axis=0), corners.max(axis=0)]), size) is not None
