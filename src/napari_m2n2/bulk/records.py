"""What is told of each image of a batch: a line of JSON in the file of records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_m2n2.annotation.codec import Misfit, from_plain, to_plain
from napari_m2n2.bulk.jsontext import to_text
from napari_m2n2.errors import FileError
from napari_m2n2.files import check_readable, replacing

FORMAT = 1
"""Of a record; a reader takes no other."""

_BLOCK = 1 << 20


@dataclass(frozen=True)
class ObjectRecord:
    """An object of an image.

    Attributes
    ----------
    number : int
        What its pixels hold.
    name : str
    planes : tuple of tuple of int
        Where it lies along the axes of the stack; one () for an image of one plane.
    pixels : int
        All that hold its number.
    prompts : int
        What it was made from.
    seconds : float
    """

    number: int
    name: str = ""
    planes: tuple[tuple[int, ...], ...] = ()
    pixels: int = 0
    prompts: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Failure:
    """Something that could not be done.

    Attributes
    ----------
    sentence : str
        Why, and what to do.
    object : int
        0 where it is all of a plane or image.
    plane : tuple of int, optional
        None where it is all of an image.
    """

    sentence: str
    object: int = 0
    plane: tuple[int, ...] | None = None


@dataclass(frozen=True)
class ImageRecord:
    """An image of a batch.

    Attributes
    ----------
    image : str
    labels : str
        The file of its labels; "" where there are none.
    key : str
        Names all that the labels were made from.
    written : str
        Digest of the file as it was written, which tells whether somebody changed it.
    objects : tuple of ObjectRecord
    failures : tuple of Failure
    weights, device, version : str
        See `napari_m2n2.annotation.provenance.Provenance`.
    grid : (int, int)
    format : int
    """

    image: str
    labels: str = ""
    key: str = ""
    written: str = ""
    objects: tuple[ObjectRecord, ...] = ()
    failures: tuple[Failure, ...] = ()
    weights: str = ""
    device: str = ""
    version: str = ""
    grid: tuple[int, int] = (0, 0)
    format: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        plain: dict[str, Any] = to_plain(self)
        return plain


def record_from_json(entry: Mapping[str, Any]) -> ImageRecord:
    """Return a record from JSON; raises ValueError if it cannot be one."""
    if not isinstance(entry, Mapping) or entry.get("format") != FORMAT:
        raise ValueError("another format")
    try:
        return from_plain(ImageRecord, dict(entry), "the record")
    except Misfit as error:
        raise ValueError(str(error)) from error


def read_records(path: Path) -> dict[str, ImageRecord]:
    """Return the records of a file by their images, none if there is no file.

    Raises
    ------
    FileError
        If it is no file of records.
    """
    if not path.exists():
        return {}
    check_readable(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        records = [record_from_json(json.loads(line)) for line in lines if line.strip()]
    except (UnicodeDecodeError, ValueError):
        raise FileError(
            f"{path} is no file of records of this version, or it is damaged; give another name "
            "for the records, or remove it."
        ) from None
    return {record.image: record for record in records}


def write_records(records: Iterable[ImageRecord], path: Path) -> None:
    """Write records, a line each, complete or not at all.

    Raises
    ------
    FileError
        If the folder cannot be written to or the disk is full.
    """
    with replacing(path) as temporary:
        text = "".join(to_text(record.to_json()) + "\n" for record in records)
        temporary.write_text(text, encoding="utf-8")


def digest_of(path: Path) -> str:
    """Return the digest of a file or folder, "" if it is not there."""
    if not path.exists():
        return ""
    found = hashlib.blake2b(digest_size=16)
    files = [path] if path.is_file() else sorted(f for f in path.rglob("*") if f.is_file())
    for file in files:
        found.update(file.relative_to(path).as_posix().encode())
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                found.update(block)
    return found.hexdigest()
