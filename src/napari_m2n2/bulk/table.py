"""Tables of prompts for many images: a row for each point, or a row for each file of prompts."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from napari_m2n2.errors import FileError
from napari_m2n2.files import PromptFile, check_readable, read_prompts
from napari_m2n2.files.prompts import parse_points

_FIRST = 1
"""The number of an object where the table names none."""


@dataclass(frozen=True, eq=False)
class Prompted:
    """An image, and the prompts of its objects.

    Attributes
    ----------
    image : Path
        Need not exist.
    objects : mapping of int to PromptFile
        By the number that the object's pixels get, in the order of the table: what is named first
        keeps pixels that a later object wants too.
    """

    image: Path
    objects: Mapping[int, PromptFile]


def read_table(path: Path | str, images: Sequence[Path] = ()) -> tuple[Prompted, ...]:
    """Read a table of prompts.

    Parameters
    ----------
    path : path
        CSV. With the columns axis-0, axis-1, ... and label each row is a point, as napari saves
        them; with a column points each row names a file of prompts. Columns besides: image, and
        object, a whole number from 1 (default 1). Paths are seen from the table's folder.
    images : sequence of Path
        The images that the prompts count for, each of them for every one, where the table has no
        column image.

    Returns
    -------
    tuple of Prompted
        In the order of the table.

    Raises
    ------
    FileError
        If the table cannot be read; the sentence names the line.
    """
    path = Path(path)
    check_readable(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = list(csv.reader(io.StringIO(text), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"{path} is no CSV file ({error}); save the table again.") from None
    header = [name.strip().lower() for name in rows[0]] if rows else []
    if ("image" in header) == bool(images):
        raise FileError(
            f"{path} has a column image, so that no other images can be given; leave one out."
            if images
            else f"{path} has no column image; add one, or name the images with --images."
        )
    groups = _grouped(path, header, rows)
    read = _from_files if "points" in header else parse_points
    found: dict[Path, dict[int, PromptFile]] = {}
    for (image, number), lines in groups.items():
        prompts = read(path, header, lines)
        for one in images or [path.parent / image]:
            found.setdefault(one, {})[number] = prompts
    if not found:
        raise FileError(f"{path} has no prompts; add a row for each point.")
    return tuple(Prompted(image, objects) for image, objects in found.items())


_Line: TypeAlias = tuple[int, list[str]]
"""Number and cells of a line of the table."""


def _grouped(
    path: Path, header: list[str], rows: list[list[str]]
) -> dict[tuple[str, int], list[_Line]]:
    """Return the lines of each object of each image."""
    groups: dict[tuple[str, int], list[_Line]] = {}
    for line, row in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in row):
            continue
        where = f"{path}, line {line}"
        if len(row) != len(header):
            raise FileError(f"{where}: there are {len(row)} values for {len(header)} columns.")
        cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
        if "image" in cells and not cells["image"]:
            raise FileError(f"{where}: the image is missing; name its file.")
        key = cells.get("image", ""), _number(cells.get("object", ""), where)
        groups.setdefault(key, []).append((line, row))
    return groups


def _number(text: str, where: str) -> int:
    """Return the number of an object."""
    try:
        number = float(text) if text else float(_FIRST)
    except ValueError:
        number = 0.0
    if number < 1 or number != int(number) or number >= 2**31:
        raise FileError(f"{where}: the object {text!r} cannot be; give a whole number from 1.")
    return int(number)


def _from_files(path: Path, header: list[str], lines: Sequence[_Line]) -> PromptFile:
    """Return the prompts of the file that a line names."""
    (line, row), *more = lines
    if more:
        raise FileError(
            f"{path}, line {more[0][0]}: the object has a file of prompts in line {line} already; "
            "give it another number."
        )
    name = row[header.index("points")].strip()
    if not name:
        raise FileError(f"{path}, line {line}: the file of points is missing; name it.")
    return read_prompts(path.parent / name)
