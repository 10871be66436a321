"""`napari-m2n2 verify-weights`: whether weights give the numbers of the M2N2 paper."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

from napari_m2n2.cli.console import resumable
from napari_m2n2.cli.measuring import (
    measure,
    overview,
    tell_failures,
    weights_from,
)
from napari_m2n2.cli.options import EXIT_CODES, Commands, add_common, add_work


def add_parser(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "verify-weights",
        description="Evaluate GrabCut as the M2N2 paper does (its clicks, its conversion of the "
        "dataset, Stable Diffusion 2, grid 128) and say whether NoC@85 is 1.62 and NoC@90 is "
        "1.90, each within 0.10.",
        epilog=f"{EXIT_CODES} It is also 1 if the numbers are not met.",
    )
    add = parser.add_argument
    add("path", type=Path, metavar="PATH", help="GrabCut: the folder of data_GT and boundary_GT")
    add(
        "--weights",
        metavar="WHERE",
        help="folder of Stable Diffusion 2, or OWNER/NAME on the Hugging Face hub",
    )
    add("--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps")
    add(
        "--json",
        type=Path,
        metavar="RUN.json",
        help="keep every object's scores and clicks there; an interrupted run goes on",
    )
    add_work(parser)
    add_common(parser, __name__)


def run(options: argparse.Namespace) -> int:
    """Evaluate GrabCut and print the verdict; 0 if the numbers are met."""
    from napari_m2n2.evaluation import verification

    settings = verification.settings(device=options.device, weights=weights_from(options.weights))
    kept = options.json is not None
    with tempfile.TemporaryDirectory(prefix="napari-m2n2-") as folder:
        output = options.json if kept else Path(folder) / "run.json"
        with resumable(Path(f"{output}.journal")) if kept else nullcontext():
            found = measure(verification.DATASET, options.path, settings, output, options)
    verdict = verification.judge(found)
    sys.stdout.write(overview(found))
    sys.stdout.write(f"Weights: {found.details.get('weights') or 'not known'}\n")
    sys.stdout.write(f"{verdict.sentence}\n")
    sys.stdout.flush()
    tell_failures(found.failures, len(found.objects), kept)
    return 0 if verdict.met else 1
