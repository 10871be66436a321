"""`napari-m2n2 domain-bias`: how much worse it is on medical images than on natural ones."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from napari_m2n2.cli.console import resumable
from napari_m2n2.cli.measuring import (
    add_measuring,
    make_folder,
    measure,
    settings_from,
    tell_failures,
)
from napari_m2n2.cli.options import EXIT_CODES, Commands, add_common
from napari_m2n2.cli.writing import add_report, write

if TYPE_CHECKING:
    from napari_m2n2.evaluation.runs import Run, Settings


class _Part(NamedTuple):
    """A dataset to run."""

    dataset: str
    path: Path


def add_parser(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "domain-bias",
        description="Measure how much worse a method is on medical images than on natural ones, "
        "and write the report as HTML and Markdown. Datasets that are named are run first, in "
        "the order natural, BraTS, OAI-ZIB; with --runs, runs that are there are taken.",
        epilog=f"{EXIT_CODES} It is also 1 if single objects could not be evaluated.",
    )
    add = parser.add_argument_group("what is compared").add_argument
    add("--runs", nargs="+", type=Path, default=[], metavar="RUN.json", help="run files to take")
    add(
        "--natural",
        nargs=2,
        metavar=("NAME", "PATH"),
        help="a dataset of natural images, such as grabcut; `evaluate --list` shows them",
    )
    add("--brats", type=Path, metavar="PATH", help="BraTS, as 2D folders or as NIfTI volumes")
    add("--oai", type=Path, metavar="PATH", help="OAI-ZIB")
    add(
        "--merged",
        action="store_true",
        help="of OAI-ZIB: all labels as one object, as in M2N2's evaluation",
    )
    add(
        "--folder",
        type=Path,
        default=Path("domain-bias"),
        metavar="DIR",
        help="where run files and the report go (default ./domain-bias)",
    )
    add_report(parser, html="default DIR/domain-bias.html", markdown="default DIR/domain-bias.md")
    add_measuring(parser)
    parser.set_defaults(check=_check)
    add_common(parser, __name__)


def _check(options: argparse.Namespace) -> None:
    """End with a message unless there is something to compare."""
    if not options.runs and not _parts(options):
        options.parser.error("give --runs RUN.json ..., or --natural NAME PATH, --brats, --oai")


def run(options: argparse.Namespace) -> int:
    """Run what is to be run, and write the report."""
    from napari_m2n2.evaluation.datasets import open_dataset
    from napari_m2n2.evaluation.report.domain_bias import write_domain_bias
    from napari_m2n2.evaluation.runs import read_run

    folder, parts, settings = options.folder, _parts(options), settings_from(options)
    runs = [read_run(path) for path in options.runs]
    for part in parts:  # a path that is wrong is said before the first of them is run
        open_dataset(part.dataset, part.path)
    html = options.html or folder / "domain-bias.html"
    markdown = options.markdown or folder / "domain-bias.md"
    make_folder(folder)
    with resumable(folder):
        new = _run(parts, settings, folder, options)
    write(write_domain_bias, [*runs, *new], options, html=html, markdown=markdown)
    failures = [failure for one in new for failure in one.failures]
    return tell_failures(failures, sum(len(one.objects) for one in new), kept=True)


def _run(
    parts: list[_Part], settings: Settings, folder: Path, options: argparse.Namespace
) -> list[Run]:
    """Run datasets, each into a file of its own."""
    return [
        measure(
            part.dataset,
            part.path,
            settings,
            folder / f"{part.dataset}.json",
            options,
            title=f"{part.dataset} ({number} of {len(parts)})",
        )
        for number, part in enumerate(parts, 1)
    ]


def _parts(options: argparse.Namespace) -> list[_Part]:
    """Return the datasets that are to be run."""
    parts = []
    if options.natural:
        parts.append(_Part(options.natural[0], Path(options.natural[1])))
    if options.brats:
        flat = not options.brats.exists() or (options.brats / "image").exists()
        parts.append(_Part("brats" if flat else "brats-nifti", options.brats))
    if options.oai:
        parts.append(_Part("oai-zib-merged" if options.merged else "oai-zib", options.oai))
    return parts
