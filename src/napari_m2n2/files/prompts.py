"""Prompts from files: the CSV that napari writes for a points layer, and JSON."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import FileError, InputError
from napari_m2n2.files.images import check_readable
from napari_m2n2.files.planes import Plane

FOREGROUND = ("fg", "foreground", "true", "1", "positive", "+")
BACKGROUND = ("bg", "background", "false", "0", "negative", "-")
_KEYS = ("points", "labels", "boxes", "scribbles")

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PromptsOnPlane:
    """The prompts that lie on one plane, ready for `Segmenter.segment`.

    Attributes
    ----------
    points : (n, 2) float64 array
        (row, column).
    labels : (n,) bool array
        True = foreground.
    boxes : (m, 4) float64 array
        (row, column, row, column) of two opposite corners.
    scribbles : tuple of ((k, 2) float64 array, bool)
        Path and label of each.
    left_out : int
        Number of points, boxes and scribbles that lie on other planes of the stack.
    """

    points: Floats
    labels: NDArray[np.bool_]
    boxes: Floats
    scribbles: tuple[tuple[Floats, bool], ...]
    left_out: int

    @classmethod
    def none(cls) -> PromptsOnPlane:
        """Return no prompts, for an object that is described in words."""
        return cls(np.zeros((0, 2)), np.zeros(0, bool), np.zeros((0, 4)), (), 0)


@dataclass(frozen=True, eq=False)
class PromptFile:
    """The prompts of a file, in the coordinates of the image's array.

    Attributes
    ----------
    path : Path
        The file.
    points : (n, D) float64 array
        D = 2 for one plane, more for a stack.
    labels : (n,) bool array
        True = foreground.
    boxes : (m, 2, D) float64 array
        Two opposite corners of each box.
    scribbles : tuple of ((k, D) float64 array, bool)
        Path and label of each.
    """

    path: Path
    points: Floats
    labels: NDArray[np.bool_]
    boxes: Floats
    scribbles: tuple[tuple[Floats, bool], ...] = ()

    def on_plane(self, plane: Plane) -> PromptsOnPlane:
        """Return the prompts on `plane`; those on other planes of the stack are counted.

        Prompts with two coordinates belong to whatever plane was chosen. A coordinate across the
        planes counts for the nearest one.
        """
        points, on = self._project(self.points, plane)
        boxes, box_on = self._project(self.boxes, plane)
        whole = box_on.all(axis=1) if len(box_on) else np.zeros(0, bool)
        strokes = [(*self._project(path, plane), label) for path, label in self.scribbles]
        kept = tuple((path, label) for path, hit, label in strokes if hit.all())
        left_out = int((~on).sum() + (~whole).sum()) + len(strokes) - len(kept)
        return PromptsOnPlane(
            points[on], self.labels[on], boxes[whole].reshape(-1, 4), kept, left_out
        )

    def _project(self, coordinates: Floats, plane: Plane) -> tuple[Floats, NDArray[np.bool_]]:
        """Return (row, column) of (..., D) coordinates, and which of them lie on the plane."""
        count = coordinates.shape[-1]
        if coordinates.size == 0:
            return np.zeros((*coordinates.shape[:-1], 2)), np.zeros(coordinates.shape[:-1], bool)
        if plane.file_channel_axis is not None and count == len(plane.shape) + 1 > 2:
            coordinates = np.delete(coordinates, plane.file_channel_axis, axis=-1)
            count -= 1
        if count == len(plane.shape):
            on = np.ones(coordinates.shape[:-1], bool)
            for axis, index in plane.fixed.items():
                on &= np.floor(coordinates[..., axis] + 0.5) == index
            kept = [axis for axis in range(count) if axis not in plane.fixed]
            return coordinates[..., kept], on
        if count == 2:
            return coordinates, np.ones(coordinates.shape[:-1], bool)
        raise InputError(
            f"{self.path.name} has points with {count} coordinates but {plane.path.name} has "
            f"{len(plane.shape)} axes; give 2 coordinates, or one for each axis."
        )


def read_prompts(path: Path | str) -> PromptFile:
    """Read prompts from a file.

    Parameters
    ----------
    path : path
        CSV with the columns axis-0, axis-1, ... and label, as napari saves a points layer with the
        feature "label"; or JSON with "points" and "labels", and perhaps "boxes" and "scribbles".

    Returns
    -------
    PromptFile

    Raises
    ------
    FileError
        If the file is missing, damaged, or a label is missing or unknown.
    """
    path = Path(path)
    readers = {".csv": _read_csv, ".json": _read_json}
    if path.suffix.lower() not in readers:
        raise FileError(f"{path} has an unknown format; give a .csv or .json file of points.")
    check_readable(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise FileError(f"{path} is no text file; give a .csv or .json file of points.") from None
    return readers[path.suffix.lower()](path, text)


def _read_csv(path: Path, text: str) -> PromptFile:
    """Read what napari writes; other columns are ignored."""
    try:
        rows = list(csv.reader(text.splitlines(), strict=True))
    except csv.Error as error:
        raise FileError(f"{path} is no CSV file ({error}); save the points again.") from None
    header = [name.strip().lower() for name in rows[0]] if rows else []
    lines = [(n, row) for n, row in enumerate(rows[1:], start=2) if any(c.strip() for c in row)]
    return parse_points(path, header, lines)


def parse_points(
    path: Path, header: Sequence[str], lines: Sequence[tuple[int, Sequence[str]]]
) -> PromptFile:
    """Return the points of lines of a table.

    Parameters
    ----------
    path : Path
        The table, for messages.
    header : sequence of str
        Names of the columns in lower case; axis-0, axis-1, ... and label are read. The last axes
        may be empty in all lines.
    lines : sequence of (int, sequence of str)
        Number and cells of each.

    Raises
    ------
    FileError
        If a column is missing, a line has too few cells, or one that cannot be read.
    """
    axes: list[int] = []
    while f"axis-{len(axes)}" in header:
        axes.append(header.index(f"axis-{len(axes)}"))
    if len(axes) < 2:
        raise FileError(
            f"{path} has no columns axis-0 and axis-1; save the points layer from napari as CSV, "
            "or write these names in the first line."
        )
    if "label" not in header:
        raise FileError(f"{path} has no column label; add one that says fg or bg for each point.")
    for number, row in lines:
        if len(row) != len(header):
            raise FileError(
                f"{path}, line {number}: there are {len(row)} values for {len(header)} columns."
            )
    while len(axes) > 2 and lines and not any(row[axes[-1]].strip() for _, row in lines):
        axes.pop()
    points, labels = [], []
    for number, row in lines:
        where = f"{path}, line {number}"
        points.append([_number(row[column], where) for column in axes])
        labels.append(_label(row[header.index("label")], where))
    return _prompts(path, np.array(points, float).reshape(-1, len(axes)), labels)


def _read_json(path: Path, text: str) -> PromptFile:
    """Read {"points": [[row, column], ...], "labels": ["fg", ...], ...}."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path} is no JSON file ({error}); save it again.") from None
    if not isinstance(content, dict):
        raise FileError(f'{path} must hold an object, {{"points": [...], "labels": [...]}}.')
    unknown = [key for key in content if key not in _KEYS]
    if unknown:
        raise FileError(f"{path}: the entry {unknown[0]!r} is unknown; use {', '.join(_KEYS)}.")
    points = _list(content, "points", path)
    if points and "labels" not in content:
        raise FileError(
            f'{path} has points but no labels; add "labels" with fg or bg for each point.'
        )
    labels = _list(content, "labels", path)
    if len(points) != len(labels):
        raise FileError(
            f"{path} has {len(points)} points but {len(labels)} labels; give one label each."
        )
    size = _dimensions(content)
    where = [f"{path}, point {number}" for number in range(len(points))]
    coordinates = [_numbers(p, size, w) for p, w in zip(points, where, strict=True)]
    return _prompts(
        path,
        np.array(coordinates, float).reshape(-1, size),
        [_label(label, w) for label, w in zip(labels, where, strict=True)],
        boxes=[
            _numbers(box, 2 * size, f"{path}, box {number}")
            for number, box in enumerate(_list(content, "boxes", path))
        ],
        scribbles=tuple(
            _scribble(scribble, size, f"{path}, scribble {number}")
            for number, scribble in enumerate(_list(content, "scribbles", path))
        ),
    )


def _prompts(
    path: Path,
    points: Floats,
    labels: Sequence[bool],
    boxes: Sequence[Sequence[float]] = (),
    scribbles: tuple[tuple[Floats, bool], ...] = (),
) -> PromptFile:
    """Return the prompts as arrays."""
    corners = np.array(boxes, float).reshape(len(boxes), 2, points.shape[1])
    return PromptFile(path, points, np.array(labels, bool), corners, scribbles)


def _list(content: Mapping[str, Any], key: str, path: Path) -> list[Any]:
    """Return an entry that must be a list, empty if it is missing."""
    value = content.get(key, [])
    if not isinstance(value, list):
        raise FileError(f'{path}: "{key}" must be a list.')
    return value


def _dimensions(content: Mapping[str, Any]) -> int:
    """Return the number of coordinates of the first point, box corner or scribble point."""
    lengths = [(p, 1) for p in content.get("points", [])[:1]]
    lengths += [(b, 2) for b in content.get("boxes", [])[:1]]
    for scribble in content.get("scribbles", [])[:1]:
        path = scribble.get("path") if isinstance(scribble, dict) else None
        lengths += [(p, 1) for p in path[:1]] if isinstance(path, list) else []
    for value, parts in lengths:
        if isinstance(value, list):
            return max(2, len(value) // parts)
    return 2


def _scribble(value: Any, size: int, where: str) -> tuple[Floats, bool]:
    """Return the path (k, D) and the label of {"path": [[row, column], ...], "label": "fg"}."""
    if not isinstance(value, dict) or not isinstance(value.get("path"), list) or not value["path"]:
        raise FileError(
            f'{where}: give {{"path": [[row, column], ...], "label": "fg"}}, one point at least.'
        )
    path = np.array([_numbers(point, size, where) for point in value["path"]], float)
    return path, _label(value.get("label"), where)


def _numbers(values: Any, count: int, where: str) -> list[float]:
    """Return `count` coordinates."""
    if not isinstance(values, list) or len(values) != count:
        raise FileError(f"{where}: give {count} numbers, not {json.dumps(values)}.")
    return [_number(value, where) for value in values]


def _number(value: Any, where: str) -> float:
    """Return one coordinate."""
    try:
        number = math.nan if isinstance(value, bool) or value is None else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise FileError(f"{where}: the coordinate {value!r} is no number; correct or remove it.")
    return number


def _label(value: Any, where: str) -> bool:
    """Return True for foreground."""
    word = "" if value is None else str(value).strip().lower()
    # pandas writes 1 and 0 as floats when another column of the layer holds floats
    word = {"1.0": "1", "0.0": "0"}.get(word, word)
    if word in FOREGROUND:
        return True
    if word in BACKGROUND:
        return False
    problem = f"the label {str(value).strip()!r} is unknown" if word else "the label is missing"
    raise FileError(
        f"{where}: {problem}; use {', '.join(FOREGROUND)} for the object "
        f"and {', '.join(BACKGROUND)} for the rest."
    )
