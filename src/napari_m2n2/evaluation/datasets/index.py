"""A CSV index: one row for each mask, of any number of datasets.

The columns are dataset, domain, kind, object, image and mask; paths are relative to the index.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_m2n2.errors import FileError, InputError
from napari_m2n2.evaluation.datasets.arrays import stem
from napari_m2n2.evaluation.datasets.base import DOMAINS, Dataset
from napari_m2n2.evaluation.datasets.labelled import KINDS, PER_IMAGE, mask_file
from napari_m2n2.evaluation.datasets.options import check_most, check_names
from napari_m2n2.evaluation.datasets.pairing import existing
from napari_m2n2.evaluation.datasets.pictures import MaskFile, PictureCase
from napari_m2n2.evaluation.failure import Failure
from napari_m2n2.files.images import check_readable

_NEEDED = ("dataset", "kind", "image", "mask")


@dataclass
class _Image:
    """The rows of one image."""

    dataset: str
    domain: str
    image: str
    masks: list[MaskFile] = field(default_factory=list)


def open_index(
    name: str,
    path: Path,
    *,
    only: str | Iterable[str] | None = None,
    per_image: int | None = PER_IMAGE,
) -> Dataset:
    """Open a CSV index.

    Parameters
    ----------
    name : str
    path : Path
        The CSV file.
    only : sequence of str, or text with commas, optional
        Names of the datasets to take; all without it.
    per_image : int, optional
        At most so many objects of an image with instances, evenly over the ranks of area; None
        takes all.

    Returns
    -------
    Dataset
        A case for each image, with the objects of all of its rows, in the order of the index.

    Raises
    ------
    FileError
        If there is no such file, or it has other columns.
    InputError
        If it has no dataset of a name in `only`.
    """
    most, wanted = check_most(per_image), check_names("only", only)
    existing(path, "give the CSV file with the columns dataset, domain, kind, object, image, mask")
    rows = _read_rows(path)
    present = tuple(dict.fromkeys(row["dataset"] for _, row in rows))
    missing = [one for one in wanted or () if one not in present]
    if missing:
        raise InputError(f"{path} has no dataset {missing[0]}; it has {', '.join(present)}.")
    images: dict[tuple[str, str], _Image] = {}
    problems: list[Failure] = []
    seen: dict[tuple[str, ...], int] = {}
    for line, row in rows:
        if wanted is not None and row["dataset"] not in wanted:
            continue
        key = (row["dataset"], row["image"], row["object"])
        sentence = _wrong(path, row)
        if not sentence and key in seen:
            sentence = f"the object is the same as that of line {seen[key]}; remove one of them"
        if sentence:
            text = f"{path}, line {line}: {sentence}."
            problems.append(Failure(row["dataset"], row["image"], row["object"], text))
            continue
        seen[key] = line
        place = images.setdefault(key[:2], _Image(row["dataset"], row["domain"], row["image"]))
        mask = path.parent / row["mask"]
        place.masks.append(mask_file(mask, row["kind"], row["object"], per_image=most))
    return Dataset(name, _cases(path.parent, list(images.values())), tuple(problems))


def _cases(folder: Path, images: list[_Image]) -> tuple[PictureCase, ...]:
    """Return the cases; an image is called after its file where that is unique in its dataset."""
    count = Counter((image.dataset, stem(Path(image.image))) for image in images)
    cases = []
    for image in images:
        short = stem(Path(image.image))
        label = short if count[image.dataset, short] == 1 else image.image
        picture, masks = folder / image.image, tuple(image.masks)
        cases.append(PictureCase(image.dataset, image.domain, label, picture, masks))
    return tuple(cases)


def _read_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Return the rows with their line numbers, every column a text."""
    check_readable(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = tuple(reader.fieldnames or ())
            found = [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError(f"{path} is no CSV file in UTF-8; export it again.") from error
    lacking = [column for column in _NEEDED if column not in columns]
    if lacking:
        raise FileError(
            f"{path} lacks the column {lacking[0]}; an index has the columns "
            "dataset, domain, kind, object, image and mask."
        )
    if not found:
        raise FileError(f"{path} has no rows; give an index with a row for each mask.")
    names = (*_NEEDED, "domain", "object")
    return [(line, {key: (row.get(key) or "").strip() for key in names}) for line, row in found]


def _wrong(path: Path, row: Mapping[str, str]) -> str:
    """Return what is wrong with a row, "" if nothing is."""
    if row["kind"] not in KINDS:
        return f"the kind {row['kind']!r} is unknown; choose one of {', '.join(KINDS)}"
    if row["domain"] not in DOMAINS:
        offered = ", ".join(filter(None, DOMAINS))
        return f"the domain {row['domain']!r} is unknown; choose one of {offered}, or none"
    for column, other in (("image", "mask"), ("mask", "image")):
        if not row[column]:
            return f"the {other} {row[other]} has no {column}; add it or remove the line"
        if not os.path.exists(path.parent / row[column]):
            return f"the {column} {row[column]} does not exist; add it or remove the line"
    return ""
