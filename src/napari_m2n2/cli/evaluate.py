"""`napari-m2n2 evaluate`: simulated clicks on every object of a dataset."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

from napari_m2n2.cli.console import resumable, tell
from napari_m2n2.cli.measuring import (
    add_data,
    add_measuring,
    data_options,
    measure,
    overview,
    settings_from,
    tell_failures,
)
from napari_m2n2.cli.options import EXIT_CODES, Commands, add_common


def add_parser(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "evaluate",
        description="Click every object of a dataset as a simulated user would, and say how good "
        "the masks are after each click. Nothing is downloaded.",
        epilog=f"{EXIT_CODES} It is also 1 if single objects could not be evaluated.",
    )
    add = parser.add_argument
    add("dataset", nargs="?", metavar="DATASET", help="name of the dataset; --list shows them")
    add("path", nargs="?", type=Path, metavar="PATH", help="where it is: a folder or a file")
    add("--list", action="store_true", help="show the datasets: layout, origin, licence, options")
    add(
        "--json",
        type=Path,
        metavar="RUN.json",
        help="keep every object's scores and clicks there; an interrupted run goes on",
    )
    add_data(parser)
    add_measuring(parser)
    parser.set_defaults(check=_check)
    add_common(parser, __name__)


def _check(options: argparse.Namespace) -> None:
    """End with a message unless there is something to do."""
    if not options.list and options.path is None:
        options.parser.error("give DATASET and PATH, or --list to see which datasets there are")


def run(options: argparse.Namespace) -> int:
    """Evaluate a dataset, or list those there are."""
    if options.list:
        sys.stdout.write("\n".join(_described(options.dataset)) + "\n")
        return 0
    settings, data = settings_from(options), data_options(options)
    kept = options.json is not None
    with tempfile.TemporaryDirectory(prefix="napari-m2n2-") as folder:
        output = options.json if kept else Path(folder) / "run.json"
        with resumable(Path(f"{output}.journal")) if kept else nullcontext():
            found = measure(options.dataset, options.path, settings, output, options, data=data)
    sys.stdout.write(overview(found))
    sys.stdout.flush()
    if not kept:
        tell("The scores of each object were not kept; --json RUN.json keeps them.")
    return tell_failures(found.failures, len(found.objects), kept)


def _described(name: str | None) -> Iterator[str]:
    """Yield what users have to know about one dataset, or about all of them."""
    from napari_m2n2.evaluation.datasets import describe, names

    for one in names() if name is None else (name,):
        found = describe(one)
        yield f"{one}: {found.title}"
        yield f"  layout   {found.layout}"
        yield f"  from     {found.where}"
        yield f"  licence  {found.licence}"
        for option, what in found.options.items():
            yield f"  option   {_option(option)}: {what}"
        yield ""


def _option(name: str) -> str:
    """Return how an option of a dataset is given."""
    return f"--{name.replace('_', '-')} …" if name in ("only", "per_image") else f"--data {name}=…"
