"""`napari-m2n2 report`: runs next to each other and to published numbers."""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_m2n2.cli.options import EXIT_CODES, Commands, add_common
from napari_m2n2.cli.writing import add_report, write


def add_parser(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "report",
        description="Compare runs of `napari-m2n2 evaluate` with each other and with published "
        "numbers. The first run is what the others are compared with.",
        epilog=EXIT_CODES,
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN.json", help="run files")
    add_report(
        parser,
        html="without it there is none",
        markdown="without both it is printed",
    )
    add_common(parser, __name__)


def run(options: argparse.Namespace) -> int:
    """Write the report."""
    from napari_m2n2.evaluation.report.compare import write_report
    from napari_m2n2.evaluation.runs import read_run

    runs = [read_run(path) for path in options.runs]
    write(write_report, runs, options, html=options.html, markdown=options.markdown)
    return 0
