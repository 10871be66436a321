"""The prompts of an object, kept while another is at work, and brought back to the layers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from napari.layers import Shapes
from numpy.typing import NDArray

from napari_m2n2.annotation.planes import Plane, to_layer, to_plane
from napari_m2n2.annotation.records import PlaneRecord, StoredPoint, StoredShape
from napari_m2n2.annotation.shapes import Kind
from napari_m2n2.viewer.points_layer import read_thresholds
from napari_m2n2.viewer.signs import (
    ORDER,
    SIGN,
    THRESHOLD,
    PromptLayer,
    categories,
    read_numbers,
    read_signs,
)

if TYPE_CHECKING:
    from napari_m2n2.viewer.pair import Pair


@dataclass(frozen=True, eq=False)
class KeptPrompts:
    """What layers of points and shapes held, in their own coordinates.

    Attributes
    ----------
    points : (n, ndim) float64 array
    point_table : DataFrame
    shapes : tuple of (k, ndim) float64 arrays
    kinds : tuple of str
        Of the shapes.
    shape_table : DataFrame
    """

    points: NDArray[np.float64]
    point_table: pd.DataFrame
    shapes: tuple[NDArray[np.float64], ...]
    kinds: tuple[Kind, ...]
    shape_table: pd.DataFrame

    def __eq__(self, other: object) -> bool:
        """Tell whether the same prompts are meant."""
        if not isinstance(other, KeptPrompts):
            return False
        return (
            self.kinds == other.kinds
            and np.array_equal(self.points, other.points)
            and all(map(np.array_equal, self.shapes, other.shapes))
            and _rows(self.point_table) == _rows(other.point_table)
            and _rows(self.shape_table) == _rows(other.shape_table)
        )

    def __len__(self) -> int:
        return len(self.points) + len(self.shapes)


def keep(pair: Pair) -> KeptPrompts:
    """Return what the layers of prompts hold; a drawing that is under way does not count."""
    finished = len(pair.drawings.read())
    return KeptPrompts(
        np.array(pair.prompts.data, dtype=np.float64).reshape(-1, pair.image.ndim),
        _table(pair.prompts, len(pair.prompts.data)),
        tuple(np.array(corners, dtype=np.float64) for corners in pair.shapes.data[:finished]),
        tuple(str(kind) for kind in pair.shapes.shape_type[:finished]),
        _table(pair.shapes, finished),
    )


def bring_back(pair: Pair, kept: KeptPrompts) -> None:
    """Let the layers hold what was kept; whoever listens to them is told nothing."""
    pair.drawings.finish()
    with pair.silently():
        for layer in (pair.prompts, pair.shapes):
            layer.selected_data = set()
        pair.prompts.data = kept.points
        pair.prompts.features = kept.point_table
        _replace_shapes(pair.shapes, kept)


def _replace_shapes(layer: Shapes, kept: KeptPrompts) -> None:
    if len(layer.data):
        layer.data = []
    if kept.shapes:
        layer.add(list(kept.shapes), shape_type=list(kept.kinds))
    layer.features = kept.shape_table


def nothing_kept(pair: Pair) -> KeptPrompts:
    """Return layers without prompts."""
    return KeptPrompts(
        np.zeros((0, pair.image.ndim)),
        _table(pair.prompts, 0),
        (),
        (),
        _table(pair.shapes, 0),
    )


# as records, in pixels of planes


def record_prompts(pair: Pair, plane: Plane) -> tuple[list[StoredPoint], list[StoredShape]]:
    """Return the prompts of a plane as they are stored, in the order in which they were made."""
    points, shapes = pair.prompts, pair.shapes
    signs, orders, reach = read_signs(points), read_numbers(points, ORDER), read_thresholds(points)
    data = np.asarray(points.data, dtype=np.float64).reshape(-1, pair.image.ndim)
    rows = to_plane(pair.pixels_of(points)(data), plane)
    stored = [
        StoredPoint(
            float(rows[i][0]),
            float(rows[i][1]),
            bool(signs[i]),
            None if math.isnan(reach[i]) else float(reach[i]),
            _whole(orders[i]),
        )
        for i in pair.points_on(plane)
    ]
    signs, orders = read_signs(shapes), read_numbers(shapes, ORDER)
    finished = len(pair.drawings.read())
    move = pair.pixels_of(shapes)
    drawn = [
        StoredShape(
            str(shapes.shape_type[i]),
            tuple(
                (float(r), float(c)) for r, c in to_plane(move(np.array(shapes.data[i])), plane)
            ),
            bool(signs[i]),
            _whole(orders[i]),
        )
        for i in pair.shapes_on(plane)
        if i < finished
    ]
    return stored, drawn


def from_records(pair: Pair, records: Mapping[Plane, PlaneRecord]) -> KeptPrompts:
    """Return the prompts of records, as the layers of an image hold them."""
    points = _unique((p, plane) for plane, record in records.items() for p in record.points)
    shapes = _unique((s, plane) for plane, record in records.items() for s in record.shapes)
    places = [to_layer(np.array([(p.row, p.column)], float), plane) for p, plane in points]
    data = np.concatenate([np.zeros((0, pair.image.ndim)), *places])
    corners = [to_layer(np.array(s.vertices, dtype=np.float64), plane) for s, plane in shapes]
    reach = [math.nan if p.threshold is None else p.threshold for p, _ in points]
    return KeptPrompts(
        pair.layer_of(pair.prompts)(data),
        pd.DataFrame(
            {
                SIGN: categories(np.array([p.foreground for p, _ in points], bool)),
                THRESHOLD: np.array(reach, dtype=np.float64),
                ORDER: np.array([p.order for p, _ in points], dtype=np.float64),
            }
        ),
        tuple(pair.layer_of(pair.shapes)(vertices) for vertices in corners),
        tuple(s.kind for s, _ in shapes),
        pd.DataFrame(
            {
                SIGN: categories(np.array([s.foreground for s, _ in shapes], bool)),
                ORDER: np.array([s.order for s, _ in shapes], dtype=np.float64),
            }
        ),
    )


def _unique(
    found: Iterable[tuple[StoredPoint, Plane]] | Iterable[tuple[StoredShape, Plane]],
) -> list[tuple]:
    """Return prompts once that lie on planes that cross, in the order they were made."""
    known: dict[object, tuple] = {}
    for stored, plane in found:
        if isinstance(stored, StoredPoint):
            place = to_layer(np.array([(stored.row, stored.column)]), plane)
        else:
            place = to_layer(np.array(stored.vertices, dtype=np.float64), plane)
        known.setdefault((stored.order, place.tobytes()), (stored, plane))
    return sorted(known.values(), key=lambda each: each[0].order)


def _table(layer: PromptLayer, count: int) -> pd.DataFrame:
    return layer.features.iloc[:count].reset_index(drop=True).copy()


def _rows(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return what a table says, whatever the types of its columns."""
    return [(*map(str, table.columns),), *(tuple(map(str, row)) for row in table.to_numpy())]


def _whole(order: float) -> int:
    return 0 if math.isnan(order) else int(order)
