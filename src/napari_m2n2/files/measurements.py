"""A table of sizes, shapes and grey values of the objects of a label image."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.atomic import replacing
from napari_m2n2.errors import InputError
from napari_m2n2.files.coco import Named
from napari_m2n2.files.geometry import Geometry
from napari_m2n2.progress import Progress, ignore

if TYPE_CHECKING:
    import pandas

By: TypeAlias = Literal["object", "plane"]
"""A row for each object, in a volume over all of its slices, or for each plane of each object."""

Pixels: TypeAlias = Callable[[tuple[int, ...]], NDArray[Any]]
"""Takes the indices of all axes but rows and columns; gives the image there: (H, W) or (H, W, C)
array."""

_FLAT = {
    "equivalent_diameter": "equivalent_diameter_area",
    "major_axis": "axis_major_length",
    "minor_axis": "axis_minor_length",
    "eccentricity": "eccentricity",
    "orientation": "orientation",
    "solidity": "solidity",
    "perimeter": "perimeter",
    "feret_diameter": "feret_diameter_max",
}
_SOLID = {name: _FLAT[name] for name in ("equivalent_diameter", "major_axis", "minor_axis")}
"""Column -> property of scikit-image. A flat object in a volume has no convex hull."""


def measure(
    labels: NDArray[np.integer[Any]],
    geometry: Geometry,
    names: Mapping[int, Named] | None = None,
    *,
    by: By = "object",
    pixels: Pixels | None = None,
    progress: Progress = ignore,
) -> pandas.DataFrame:
    """Measure the objects of a label image.

    Parameters
    ----------
    labels : integer array
        Of the shape of the geometry; 0 is background.
    geometry : Geometry
    names : mapping of int to Named, optional
        What is known of the labels.
    by : str
        "object": where the third axis from the end has slices, or the file does not say what it
        has, an object is measured over all of them. "plane": each plane for itself.
    pixels : callable, optional
        The image, for grey values.
    progress : callable
        May raise `Cancelled`.

    Returns
    -------
    DataFrame
        ``label, name, class, state``, the index along each axis that is not measured over,
        ``pixels`` (their number), ``area`` or ``volume`` in squares or cubes of ``unit``,
        ``centroid_*`` and ``first_*``, ``last_*`` (the rectangle) in pixels, lengths in ``unit``,
        ``orientation`` in radians, and ``mean, std, min, max`` of each channel. A value that is
        not defined, such as a perimeter of pixels that are no squares, is missing.
    """
    import pandas

    labels = geometry.whole(labels)
    inner = 3 if by == "object" and _is_volume(geometry.axes) else 2
    outer = labels.shape[: labels.ndim - inner]
    rows: list[dict[str, Any]] = []
    places = list(np.ndindex(outer))
    for number, place in enumerate(places):
        progress("measuring", number / max(1, len(places)))
        part = np.asarray(labels[place], np.int64)
        if not part.any():
            continue
        grey = _grey_values(part, place, pixels) if pixels is not None else {}
        where = dict(zip(_axis_names(geometry.axes)[: len(outer)], place, strict=True))
        spacing = geometry.spacing[labels.ndim - inner :]
        rows += [
            _known(found["label"], names or {}) | where | found | grey.get(found["label"], {})
            for found in _shapes(part, spacing, geometry.unit or "pixel")
        ]
    return pandas.DataFrame(rows) if rows else pandas.DataFrame({"label": []})


def write_measurements(path: Path, table: pandas.DataFrame) -> None:
    """Write a table as CSV; all of it or nothing."""
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def check_by(by: str) -> By:
    """Return how to measure, or raise `InputError`."""
    if by == "object":
        return "object"
    if by == "plane":
        return "plane"
    raise InputError(f"It cannot be measured by {by!r}; choose object or plane.")


def _is_volume(axes: str) -> bool:
    """Tell whether the last three axes are of space."""
    return len(axes) > 2 and (axes[-3] == "Q" or set(axes[-3:]) == set("ZYX"))


def _axis_names(axes: str) -> list[str]:
    """Return the name of the column of each axis."""
    return [
        f"axis_{place}" if letter == "Q" or axes.count(letter) > 1 else letter.lower()
        for place, letter in enumerate(axes)
    ]


def _known(label: int, names: Mapping[int, Named]) -> dict[str, Any]:
    """Return the first columns of a row; without names there is the label alone."""
    if not names:
        return {"label": label}
    said = names.get(label, Named())
    return {"label": label, "name": said.name, "class": said.category, "state": said.state}


def _shapes(
    part: NDArray[np.int64], spacing: tuple[float, ...], unit: str
) -> Iterator[dict[str, Any]]:
    """Yield what is measured of each object of a plane or a volume."""
    from skimage.measure import regionprops

    axes = ("slice", "row", "column")[-part.ndim :]
    for region in regionprops(part, spacing=spacing):
        row: dict[str, Any] = {"label": int(region.label), "pixels": int(region.num_pixels)}
        row["area" if part.ndim == 2 else "volume"] = float(region.area)
        row["unit"] = unit
        centre = np.asarray(region.centroid) / spacing
        row |= {f"centroid_{axis}": float(c) for axis, c in zip(axes, centre, strict=True)}
        first, end = region.bbox[: part.ndim], region.bbox[part.ndim :]
        for axis, low, high in zip(axes, first, end, strict=True):
            row |= {f"first_{axis}": int(low), f"last_{axis}": int(high) - 1}
        for column, name in (_FLAT if part.ndim == 2 else _SOLID).items():
            row[column] = _value(region, name)
        yield row


def _value(region: Any, name: str) -> float:
    """Return a property of an object; NaN where it is not defined."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of objects too thin for a convex hull
        try:
            return float(getattr(region, name))
        except (NotImplementedError, ValueError):
            return float("nan")


def _grey_values(
    part: NDArray[np.int64], place: tuple[int, ...], pixels: Pixels
) -> dict[int, dict[str, float]]:
    """Return mean, deviation, least and highest value of each channel of each object."""
    numbers = np.unique(part[part > 0])
    planes = list(np.ndindex(part.shape[:-2]))
    sums: Any = None
    for inner in planes:
        plane = part[inner]
        inside = plane > 0
        if not inside.any():
            continue
        image = np.asarray(pixels((*place, *inner)))
        if image.shape[:2] != plane.shape:
            raise InputError(
                f"The image has {image.shape[0]} x {image.shape[1]} pixels but the labels have "
                f"{plane.shape[0]} x {plane.shape[1]}; give the image that they belong to."
            )
        image = image.reshape(*plane.shape, -1)
        sums = _Sums(len(numbers), image.shape[2]) if sums is None else sums
        sums.add(np.searchsorted(numbers, plane[inside]), image[inside].astype(np.float64))
    rows = [] if sums is None else sums.rows()
    return dict(zip(numbers.tolist(), rows, strict=True))


class _Sums:
    """Sums over the pixels of each object, in one go through the planes of a volume."""

    def __init__(self, objects: int, channels: int) -> None:
        self._count = np.zeros((objects, 1))
        self._mean, self._square = np.zeros((2, objects, channels))
        self._least = np.full((objects, channels), np.inf)
        self._most = np.full((objects, channels), -np.inf)

    def add(self, owner: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Add pixels (n, channels), each of the object of which it has the place in the list."""
        size = len(self._count)
        count = np.bincount(owner, minlength=size)[:, None]
        there = np.maximum(count, 1)
        mean = _sums(owner, values, size) / there
        square = _sums(owner, (values - mean[owner]) ** 2, size)
        total = np.maximum(self._count + count, 1)
        # two sets of pixels put together (Chan et al. 1979); sums of squares would lose digits
        apart = np.where(count > 0, mean - self._mean, 0)
        self._square += square + apart**2 * self._count * count / total
        self._mean += apart * count / total
        self._count = self._count + count
        np.minimum.at(self._least, owner, values)
        np.maximum.at(self._most, owner, values)

    def rows(self) -> list[dict[str, float]]:
        """Return the columns of each object."""
        deviation = np.sqrt(self._square / np.maximum(self._count, 1))
        columns = {"mean": self._mean, "std": deviation, "min": self._least, "max": self._most}
        channels = self._mean.shape[1]
        return [
            {
                name if channels == 1 else f"{name}_{channel}": float(values[k, channel])
                for channel in range(channels)
                for name, values in columns.items()
            }
            for k in range(len(self._mean))
        ]


def _sums(owner: NDArray[np.int64], values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Return the sum of the values (n, channels) of each owner."""
    columns = [np.bincount(owner, column, minlength=size) for column in values.T]
    return np.stack(columns, axis=1)
