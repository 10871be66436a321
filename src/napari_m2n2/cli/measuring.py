"""What the commands that measure share: options, the run itself, and what is said after it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_m2n2.cli.console import ConsoleProgress, counted, tell
from napari_m2n2.cli.options import (
    add_backbone_details,
    add_engine,
    add_work,
    backbone_settings,
)
from napari_m2n2.errors import FileError, InputError
from napari_m2n2.evaluation.predictors import PEERS, names

if TYPE_CHECKING:
    from napari_m2n2.evaluation.failure import Failure
    from napari_m2n2.evaluation.runs import Run, Settings

_TOLD = 10
"""Failures that are told one by one."""

_PATHS = ("images", "mask")
"""Options of datasets that name a file or folder."""


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add what says which objects of a dataset are clicked."""
    data = parser.add_argument_group("which objects")
    data.add_argument(
        "--only", metavar="NAMES", help="of an index: its datasets to take, parted by commas"
    )
    data.add_argument(
        "--per-image",
        type=int,
        metavar="N",
        help="at most so many objects of an image, evenly over the ranks of area (an index and "
        "label images: 5, all others: all)",
    )
    data.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other option of the dataset, as `evaluate --list` names them; may be repeated",
    )


def add_measuring(
    parser: argparse.ArgumentParser, *, protocol: str = "ritm", preset: str = "default"
) -> None:
    """Add what says how objects are clicked, and who does the work."""
    add_engine(parser, peers=PEERS)
    add_backbone_details(parser)
    parser.set_defaults(preset=preset)
    add = parser.add_argument_group("how to measure").add_argument
    add(
        "--protocol",
        default=protocol,
        metavar="NAME",
        help=f"where a simulated user clicks: ritm or m2n2 (default {protocol})",
    )
    add("--clicks", type=int, default=20, metavar="N", help="clicks on each object (default 20)")
    add(
        "--set",
        action="append",
        default=[],
        dest="parameters",
        metavar="NAME=VALUE",
        help="any other parameter of the method, such as tau=0.2; may be repeated",
    )
    add_work(parser)


def data_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of a dataset that a command line gives."""
    given: dict[str, Any] = {}
    for name, value in _pairs("--data", options.data).items():
        given[name] = str(Path(value).absolute()) if name in _PATHS else _value(value)
    if options.only is not None:
        given["only"] = options.only
    if options.per_image is not None:
        given["per_image"] = options.per_image
    return given


def settings_from(options: argparse.Namespace) -> Settings:
    """Return the settings that a command line names.

    Raises
    ------
    InputError
        If a parameter is not written as NAME=VALUE, or the method is unknown.
    """
    from napari_m2n2.evaluation.runs import Settings

    if options.method not in names():
        raise InputError(
            f"The method {options.method!r} is unknown; choose one of {', '.join(names())}."
        )
    backbone = backbone_settings(options)
    grid, weights = backbone.pop("grid", None), weights_from(backbone.pop("weights", None))
    refine = {} if options.refine is None else {"refine": options.refine}
    own = {name: _value(text) for name, text in _pairs("--set", options.parameters).items()}
    return Settings(
        backbone=options.backbone,
        method=options.method,
        preset=options.preset,
        grid=grid,
        protocol=options.protocol,
        clicks=options.clicks,
        device=options.device,
        weights=weights,
        parameters={**backbone, **refine, **own},
    )


def weights_from(text: str | None) -> str | None:
    """Return where weights are; a folder by its whole path, for processes started elsewhere."""
    return str(Path(text).absolute()) if text and Path(text).is_dir() else text


def make_folder(folder: Path) -> None:
    """Make the folder of the results, which may be there already.

    Raises
    ------
    FileError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"The folder {folder} cannot be made ({error.strerror or error}); "
            "choose another one with --folder."
        ) from error


def measure(
    dataset: str,
    path: Path,
    settings: Settings,
    output: Path,
    options: argparse.Namespace,
    *,
    data: Mapping[str, Any] | None = None,
    title: str = "",
) -> Run:
    """Click the objects of a dataset and write the run file, with progress on stderr.

    Parameters
    ----------
    dataset, path, data
        As for `napari_m2n2.evaluation.datasets.open_dataset`.
    settings : Settings
    output : Path
        The run file.
    options : argparse.Namespace
        With what `add_work` adds.
    title : str
        Which of several runs this is, for the progress.
    """
    from napari_m2n2.evaluation.datasets import open_dataset
    from napari_m2n2.evaluation.run import evaluate

    data = dict(data or {})
    opened = open_dataset(dataset, path, **data)
    with ConsoleProgress() as console:
        return evaluate(
            opened.cases,
            settings,
            output,
            source={"dataset": dataset, "path": str(path.absolute()), "options": data},
            problems=opened.problems,
            workers=options.workers,
            scheduler=options.scheduler,
            progress=lambda phase, done: console(f"{title}: {phase}" if title else phase, done),
        )


def tell_failures(failures: Sequence[Failure], evaluated: int, kept: bool) -> int:
    """Say what could not be evaluated, the first ones with their reason; return the exit code.

    Parameters
    ----------
    failures : sequence of Failure
    evaluated : int
        Number of objects that could be.
    kept : bool
        Whether there is a run file that names them all.
    """
    if not failures:
        return 0
    for failure in failures[:_TOLD]:
        place = " ".join(filter(None, (failure.image, failure.object)))
        tell(f"{', '.join(filter(None, (failure.dataset, place)))}: {failure.sentence}")
    objects = counted(evaluated, "object was", "objects were")
    entries = counted(len(failures), "entry", "entries")
    named = "; the run file names each" if kept else ""
    tell(f"{objects} evaluated, and {entries} (objects or whole images) could not be{named}.")
    return 1


def overview(run: Run) -> str:
    """Return a run as a table with a line for each dataset."""
    from napari_m2n2.evaluation.report.numbers import mean, seconds

    rows = []
    shown = [k for k in ("1", "3", "5", "10", "20") if int(k) <= run.settings.clicks]
    for name, found in run.summary.items():
        rows.append(
            {
                "dataset": name,
                "objects": str(found["objects"]),
                **{f"IoU@{k}": mean(found["iou"].get(k)) for k in shown},
                **{f"NoC@{t}": mean(found["noc"][t], 2) for t in ("85", "90")},
                "never 90": str(found["nof"]["90"]["never"]),
                "image s": seconds(found["seconds"]["prepare"]),
                "click s": seconds(found["seconds"]["click"]),
            }
        )
    return aligned(rows)


def aligned(rows: Sequence[Mapping[str, str]]) -> str:
    """Return rows under their head, in columns; "" without rows."""
    if not rows:
        return ""
    lines = [list(rows[0]), *(list(row.values()) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = ""
    for first, *others in lines:
        cells = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:], strict=True)]
        text += "  ".join([f"{first:<{widths[0]}}", *cells]).rstrip() + "\n"
    return text


def _pairs(option: str, texts: Sequence[str]) -> dict[str, str]:
    """Return what was given as NAME=VALUE."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise InputError(f"{option} {text!r} cannot be read; write NAME=VALUE.")
        found[name.strip().replace("-", "_")] = value.strip()
    return found


def _value(text: str) -> Any:
    """Return a number, true or false, or whatever else JSON has; any other text as it is."""
    try:
        return json.loads(text.lower() if text.lower() in ("true", "false") else text)
    except ValueError:
        return text
