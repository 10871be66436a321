"""What an evaluation found, and its file RUN.json.

A number that is not finite (a surface that is not there) is ``null`` in the file and NaN here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from napari_m2n2.bulk.jsontext import to_text
from napari_m2n2.errors import FileError
from napari_m2n2.evaluation.clicks import Click
from napari_m2n2.evaluation.failure import Failure
from napari_m2n2.files import replacing

FORMAT = 1
"""Version of RUN.json; a reader takes no other."""

KIND = "napari-m2n2 evaluation"
"""What the file says it is, so that somebody else's JSON is told apart from a damaged file."""


@dataclass(frozen=True)
class Settings:
    """How objects were clicked: all that changes a score.

    Attributes
    ----------
    backbone, method, preset : str
        As for `napari_m2n2.segmenter.Segmenter`; `method` may also be a peer
        (`napari_m2n2.evaluation.predictors.PEERS`).
    grid : int, optional
        Cells along the side of the attention grid; None takes the method's own.
    protocol : str
        One of `napari_m2n2.evaluation.clicks.PROTOCOLS`.
    clicks : int
        Most clicks on one object, at least 1.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps".
    weights : str, optional
        The folder or the name of the weights; None takes the backbone's own.
    parameters : mapping
        Further parameters of the method by name, of types that JSON has.
    """

    backbone: str = "texture"
    method: str = "m2n2"
    preset: str = "default"
    grid: int | None = None
    protocol: str = "ritm"
    clicks: int = 20
    device: str = "auto"
    weights: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """How one object was clicked.

    Attributes
    ----------
    dataset, domain, image, object : str
        Where the object is from; the domain is "natural", "microscopy", "medical" or "".
    iou, dice, boundary_f, surface : tuple of float
        Score after 1, 2, ... clicks, in [0, 1], as many as the settings ask for; where the
        protocol found nothing more to click, the last score is repeated.
    clicks : tuple of Click
        The clicks that were made.
    seconds : mapping
        "prepare" (the image, once for all of its objects), "clicks" (a list, one number for each
        click) and "rescore" (the last prompts again, with the maps of all points known).
    """

    dataset: str
    domain: str
    image: str
    object: str
    iou: tuple[float, ...]
    dice: tuple[float, ...]
    boundary_f: tuple[float, ...]
    surface: tuple[float, ...]
    clicks: tuple[Click, ...]
    seconds: Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """A finished evaluation.

    Attributes
    ----------
    format : int
        Version of the file, `FORMAT`.
    settings : Settings
    versions : mapping of str to str
        Package -> version.
    machine : mapping
        What it ran on.
    source : mapping
        The dataset's name, its absolute path and its options, so that a report finds the images.
    objects : tuple of Record
        In the order of the dataset.
    failures : tuple of Failure
        In the order of the dataset.
    summary : mapping of str to mapping
        Dataset -> what `napari_m2n2.evaluation.summary.summarise` says of its records.
    details : mapping
        What the settings came to: "parameters" with every parameter of the method, "weights".
    """

    format: int
    settings: Settings
    versions: Mapping[str, Any]
    machine: Mapping[str, Any]
    source: Mapping[str, Any]
    objects: tuple[Record, ...]
    failures: tuple[Failure, ...]
    summary: Mapping[str, Mapping[str, Any]]
    details: Mapping[str, Any] = field(default_factory=dict)


def write_run(run: Run, path: Path | str) -> None:
    """Write RUN.json, complete or not at all.

    Raises
    ------
    FileError
        If the folder cannot be written to or the disk is full.
    """
    entries = {
        "kind": KIND,
        "format": run.format,
        "settings": settings_to_json(run.settings),
        "versions": run.versions,
        "machine": run.machine,
        "source": run.source,
        "details": run.details,
        "summary": run.summary,
    }
    lines = [f'"{key}": {to_text(value)}' for key, value in entries.items()]
    lines += [
        _one_line_each("objects", [record_to_json(record) for record in run.objects]),
        _one_line_each("failures", [failure_to_json(failure) for failure in run.failures]),
    ]
    with replacing(path) as temporary:
        temporary.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def read_run(path: Path | str) -> Run:
    """Read RUN.json.

    Raises
    ------
    FileError
        If there is no such file, it is damaged, of another version, or not from here.
    """
    entries = _read_json(path)
    if not isinstance(entries, dict) or entries.get("kind") != KIND:
        raise FileError(
            f"{path} is not a run of this program; give a RUN.json that "
            "napari-m2n2 evaluate has written."
        )
    check_format(entries, path)
    try:
        return Run(
            format=FORMAT,
            settings=settings_from_json(entries["settings"]),
            versions=dict(entries["versions"]),
            machine=dict(entries["machine"]),
            source=dict(entries["source"]),
            objects=tuple(record_from_json(item) for item in entries["objects"]),
            failures=tuple(failure_from_json(item) for item in entries["failures"]),
            summary={name: dict(item) for name, item in entries["summary"].items()},
            details=dict(entries.get("details", {})),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        _refuse_damaged(path)


def check_format(entries: Mapping[str, Any], path: Path | str) -> None:
    """Raise FileError if a file was written by another version of this program."""
    found = entries.get("format")
    if found != FORMAT:
        raise FileError(
            f"{path} is a run of format {found!r} and this version reads format {FORMAT}; "
            "evaluate again or install the version that wrote it."
        )


def settings_to_json(settings: Settings) -> dict[str, Any]:
    """Return settings as JSON gives them back, so that two can be compared by ``==``."""
    found = json.loads(to_text({**vars(settings), "parameters": dict(settings.parameters)}))
    return dict(found)


def settings_from_json(entry: Mapping[str, Any]) -> Settings:
    """Return the settings of a file; ValueError, TypeError or KeyError if it is damaged."""
    found = Settings(**{**entry, "parameters": dict(entry["parameters"])})
    for text in (found.backbone, found.method, found.preset, found.protocol, found.device):
        _text(text)
    if not isinstance(found.clicks, int) or not isinstance(found.grid, int | None):
        raise TypeError(entry)
    return found


def record_to_json(record: Record) -> dict[str, Any]:
    """Return the entry of an object in a file."""
    return {
        **vars(record),
        "clicks": [[click.row, click.column, click.label] for click in record.clicks],
    }


def record_from_json(entry: Mapping[str, Any]) -> Record:
    """Return the object of an entry; ValueError, TypeError or KeyError if it is damaged."""
    seconds = entry["seconds"]
    return Record(
        dataset=_text(entry["dataset"]),
        domain=_text(entry["domain"]),
        image=_text(entry["image"]),
        object=_text(entry["object"]),
        iou=_numbers(entry["iou"]),
        dice=_numbers(entry["dice"]),
        boundary_f=_numbers(entry["boundary_f"]),
        surface=_numbers(entry["surface"]),
        clicks=tuple(Click(int(r), int(c), bool(label)) for r, c, label in entry["clicks"]),
        seconds={
            "prepare": _number(seconds["prepare"]),
            "clicks": list(_numbers(seconds["clicks"])),
            "rescore": _number(seconds["rescore"]),
        },
    )


def failure_to_json(failure: Failure) -> dict[str, Any]:
    """Return the entry of a failure in a file."""
    return dict(vars(failure))


def failure_from_json(entry: Mapping[str, Any]) -> Failure:
    """Return the failure of an entry; ValueError, TypeError or KeyError if it is damaged."""
    return Failure(**{key: _text(value) for key, value in entry.items()})


def _read_json(path: Path | str) -> Any:
    """Return what a JSON file holds."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(
            f"{path} cannot be read ({error.strerror or error}); give the path of a RUN.json."
        ) from error
    except UnicodeDecodeError:
        _refuse_damaged(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        _refuse_damaged(path)


def _refuse_damaged(path: Path | str) -> NoReturn:
    """Say that a file cannot be used."""
    raise FileError(
        f"{path} is damaged or no JSON; remove it and evaluate again, or give another RUN.json."
    ) from None


def _one_line_each(key: str, entries: Sequence[Mapping[str, Any]]) -> str:
    """Return a list in JSON with a line for each entry, so that a person finds an object."""
    return f'"{key}": [' + ",".join("\n" + to_text(entry) for entry in entries) + "\n]"


def _text(value: Any) -> str:
    """Return a text as it is."""
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _number(value: Any) -> float:
    """Return a number, NaN for None."""
    return math.nan if value is None else float(value)


def _numbers(values: Sequence[Any]) -> tuple[float, ...]:
    """Return numbers, NaN for None."""
    return tuple(_number(value) for value in values)
