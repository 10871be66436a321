"""`napari-m2n2 ablate`: the ablations of the M2N2 paper, for a backbone and a dataset."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from napari_m2n2.cli.console import resumable, tell
from napari_m2n2.cli.measuring import (
    add_data,
    add_measuring,
    data_options,
    make_folder,
    measure,
    settings_from,
    tell_failures,
)
from napari_m2n2.cli.options import EXIT_CODES, Commands, add_common
from napari_m2n2.errors import UserError

if TYPE_CHECKING:
    from napari_m2n2.evaluation.ablation import Study, Variant
    from napari_m2n2.evaluation.runs import Run

_TABLES = ("1", "2", "figure4")
_SWEEPS = ("grid", "timestep", "temperature", "tau")


def add_parser(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "ablate",
        description="Run the ablations of the M2N2 paper: which attention block (Table 1), which "
        "score of the threshold (Table 2), and the sweeps of Figure 4. Unlike in `evaluate`, the "
        "preset is `published` and the protocol `m2n2` unless others are given.",
        epilog=f"{EXIT_CODES} It is also 1 if single objects or rows could not be evaluated.",
    )
    add = parser.add_argument
    add("dataset", metavar="DATASET", help="name of the dataset; `evaluate --list` shows them")
    add("path", type=Path, metavar="PATH", help="where it is: a folder or a file")
    add("--table", required=True, choices=_TABLES, help="what of the paper to run")
    add(
        "--sweep",
        action="append",
        choices=_SWEEPS,
        help="of figure4: only this curve; may be repeated",
    )
    add(
        "--folder",
        type=Path,
        metavar="DIR",
        help="keep a run file for each row there; rows that are there are not run again",
    )
    add_data(parser)
    add_measuring(parser, protocol="m2n2", preset="published")
    add_common(parser, __name__)


def run(options: argparse.Namespace) -> int:
    """Run the rows and print the tables."""
    from napari_m2n2.evaluation.ablation import SWEEPS, markdown, studies
    from napari_m2n2.evaluation.datasets import open_dataset

    base = settings_from(options)
    found = studies(options.table, base, options.sweep or SWEEPS)
    open_dataset(options.dataset, options.path, **data_options(options))
    kept = options.folder is not None
    with tempfile.TemporaryDirectory(prefix="napari-m2n2-") as temporary:
        folder = options.folder if kept else Path(temporary)
        make_folder(folder)
        with resumable(folder) if kept else nullcontext():
            runs, complete = _run(found, folder, options)
    for study in found:
        sys.stdout.write(markdown(study, runs) + "\n")
    sys.stdout.flush()
    # an object that fails does so in every row
    failures = dict.fromkeys(failure for one in runs.values() for failure in one.failures)
    evaluated = max((len(one.objects) for one in runs.values()), default=0)
    return max(tell_failures(list(failures), evaluated, kept), 0 if complete else 1)


def _run(
    found: Sequence[Study], folder: Path, options: argparse.Namespace
) -> tuple[dict[str, Run], bool]:
    """Run every row once, and return the runs by key, and whether all rows could be run."""
    rows: dict[str, Variant] = {row.key: row for study in found for row in study.variants}
    # what all others are compared with comes first: if it cannot be run, nothing can
    order = sorted(rows.values(), key=lambda row: row.key != "base")
    runs: dict[str, Run] = {}
    for number, row in enumerate(order, 1):
        try:
            runs[row.key] = measure(
                options.dataset,
                options.path,
                row.settings,
                folder / f"{row.key}.json",
                options,
                data=data_options(options),
                title=f"{row.label} ({number} of {len(order)})",
            )
        except UserError as error:
            if number == 1:
                raise
            tell(f"The row {row.label} was left out: {error}")
    return runs, len(runs) == len(order)
