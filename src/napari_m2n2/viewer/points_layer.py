"""The Points layer of an object: made, shown and read."""

from __future__ import annotations

import numpy as np
from napari.layers import Image, Points
from numpy.typing import NDArray

from napari_m2n2.viewer.layers import short_side, transform_of
from napari_m2n2.viewer.signs import (
    MARKS,
    ORDER,
    THRESHOLD,
    new_defaults,
    new_table,
    read_numbers,
    read_signs,
    write_column,
)


def make_prompts(image: Image, name: str, factors: NDArray[np.float64]) -> Points:
    """Make the empty layer that the user places points in."""
    return Points(
        np.zeros((0, image.ndim)),
        ndim=image.ndim,
        name=name,
        features=new_table(THRESHOLD, ORDER),
        feature_defaults=new_defaults(THRESHOLD, ORDER),
        face_color=MARKS[True].colour,
        border_color="white",
        border_width=0.12,
        symbol=MARKS[True].symbol,
        size=max(1.0, short_side(image) / 28),
        # vispy makes borders no thinner than half of the lower limit once either is reached
        canvas_size_limits=(4, 22),
        axis_labels=image.axis_labels,
        **transform_of(image, factors),
    )


def show_point_signs(points: Points) -> None:
    """Give each point the colour and symbol of what it is."""
    if len(points.data) == 0:
        return
    marks = [MARKS[bool(sign)] for sign in read_signs(points)]
    points.face_color = [mark.colour for mark in marks]
    points.symbol = [mark.symbol for mark in marks]


def read_thresholds(points: Points) -> NDArray[np.float64]:
    """Return λ of each point that the user chose, (n,) in [0, 1]; NaN where it is chosen for him.

    What is written in the table and cannot be a λ counts for nothing.
    """
    values = read_numbers(points, THRESHOLD)
    values[~((values >= 0) & (values <= 1))] = np.nan
    return values


def write_threshold(points: Points, index: int, value: float | None) -> None:
    """Say which λ a point shall have; None leaves it to the method."""
    values = read_thresholds(points)
    values[index] = np.nan if value is None else value
    write_column(points, THRESHOLD, values)
