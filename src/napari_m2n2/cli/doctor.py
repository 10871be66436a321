"""`napari-m2n2 doctor`: what works on this computer."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from napari_m2n2.cli.console import to_json
from napari_m2n2.cli.options import Commands, add_common

if TYPE_CHECKING:
    from napari_m2n2.diagnosis import Diagnosis


def add_parser(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "doctor",
        description="Print versions, devices, OpenGL, backbones and caches, and segment a tiny "
        "image. The exit code is 0 if that works, else 1.",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument(
        "--clear-store",
        nargs="?",
        type=Path,
        const=True,
        metavar="FOLDER",
        help="delete the attention that is kept, here or in FOLDER, and do nothing else",
    )
    add_common(parser, __name__)


def run(options: argparse.Namespace) -> int:
    """Print the report; 0 if the main job can run, else 1."""
    if options.clear_store is not None:
        return _clear_store(None if options.clear_store is True else options.clear_store)
    from napari_m2n2.diagnosis import diagnose

    report = diagnose()
    if options.json:
        sys.stdout.write(to_json(dataclasses.asdict(report)))
    else:
        sys.stdout.write("\n".join(_lines(report)) + "\n")
    return 0 if report.job.works else 1


def _clear_store(folder: Path | None) -> int:
    """Delete what a store has, and say how much that was."""
    from napari_m2n2.attention.disk import clear
    from napari_m2n2.attention.usual import default_folder

    folder = default_folder() if folder is None else folder
    sys.stdout.write(f"{folder}: {_bytes(clear(folder))} of attention deleted\n")
    return 0


def _lines(report: Diagnosis) -> Iterator[str]:
    """Yield the report line by line."""
    yield "Versions"
    for name, number in report.versions.items():
        yield f"  {name:<24}{number}"
    yield "Devices"
    for device in report.devices:
        yield (
            f"  {device.name:<24}{device.title}, "
            f"{_bytes(device.free)} of {_bytes(device.total)} free"
        )
    yield "OpenGL"
    yield f"  {report.opengl}"
    yield "Backbones"
    for backbone in report.backbones:
        yield f"  {backbone.name:<24}{'ready' if backbone.ready else 'NOT READY'}"
        yield f"  {'':<24}{backbone.reason}"
        for folder in backbone.looked_in:
            yield f"  {'':<24}looked in {folder}"
    yield "Caches"
    for cache in report.caches:
        size = "not there yet" if cache.size is None else _bytes(cache.size)
        yield f"  {cache.name:<24}{size}, {cache.path}"
    job = report.job
    yield f"Main job: {job.sentence} in {job.seconds:.1f} s"
    yield "All is well: images can be segmented." if job.works else "Images cannot be segmented."


def _bytes(size: int) -> str:
    """Return a size as people read it."""
    value = float(size)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
