"""What the commands that write a report share."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_m2n2.cli.console import ConsoleProgress
from napari_m2n2.errors import InputError

if TYPE_CHECKING:
    from napari_m2n2.evaluation.runs import Run


def add_report(parser: argparse.ArgumentParser, *, html: str, markdown: str) -> None:
    """Add what says where a report goes and what is in it; the texts name the defaults."""
    group = parser.add_argument_group("the report")
    add = group.add_argument
    add("--html", type=Path, metavar="FILE", help=f"one HTML file that needs no other ({html})")
    add(
        "--markdown",
        type=Path,
        metavar="FILE",
        help=f"the tables and sentences alone ({markdown})",
    )
    add(
        "--pictures",
        type=int,
        default=3,
        metavar="N",
        help="best and worst cases of each domain drawn in the HTML (default 3); they are parts "
        "of the dataset's images",
    )
    add("--names", metavar="NAMES", help="what to call the runs, one name each, parted by commas")


def write(
    writer: Callable[..., None],
    runs: Sequence[Run],
    options: argparse.Namespace,
    *,
    html: Path | None,
    markdown: Path | None,
) -> None:
    """Write a report, or print it as Markdown if there is no file to write."""
    if options.pictures < 0:
        raise InputError(f"--pictures {options.pictures} cannot be; give a whole number from 0.")
    names = None
    if options.names is not None:
        names = [name.strip() for name in options.names.split(",")]
    with tempfile.TemporaryDirectory(prefix="napari-m2n2-") as folder:
        printed = Path(folder) / "report.md" if html is None and markdown is None else None
        with ConsoleProgress() as progress:
            writer(
                runs,
                html,
                printed or markdown,
                names=names,
                # Markdown shows none, and each takes as long as its clicks
                pictures=0 if html is None else options.pictures,
                progress=progress,
            )
        if printed is not None:
            sys.stdout.write(printed.read_text(encoding="utf-8"))
    for path in (html, markdown):
        if path is not None:
            sys.stdout.write(f"{path}\n")
