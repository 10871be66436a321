"""`napari-m2n2 export`: labels or a session into the formats of other programs."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from napari_m2n2.cli.console import ConsoleProgress
from napari_m2n2.cli.options import EXIT_CODES, Commands, add_common
from napari_m2n2.errors import FileError, InputError

if TYPE_CHECKING:
    from napari_m2n2.annotation.export import Annotated

SESSION = ".json"
"""What the name of a session file ends with; label images are never JSON."""


def add_parser(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "export",
        description="Write labels, or those of a session, in the formats of other programs: "
        "label images (TIFF, NIfTI, OME-Zarr, PNG), COCO's JSON, a table of measurements (CSV).",
        epilog=EXIT_CODES,
    )
    add = parser.add_argument
    add("labels", type=Path, metavar="LABELS", help="label image, or session file (.json)")
    add(
        "-o",
        "--output",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE",
        help="files to write; the ending says the format: .tif, .nii.gz, .ome.zarr, .png, .json "
        "(COCO), .csv",
    )
    add(
        "--image",
        type=Path,
        metavar="IMAGE",
        help="the image that the labels belong to, for its pixel sizes, affine and grey values; "
        "for a session, where its image is now",
    )
    add(
        "--outlines",
        choices=("auto", "polygons", "rle"),
        default="auto",
        help="in COCO's JSON: polygons, run lengths, or polygons where no object has a hole "
        "(default)",
    )
    add(
        "--by",
        choices=("object", "plane"),
        default="object",
        help="in the table: a row for each object, over all slices (default), or one for each "
        "plane of it",
    )
    add(
        "--zarr-version",
        choices=("0.4", "0.5"),
        default="0.4",
        help="of OME-Zarr: 0.4 (zarr 2, default) or 0.5 (zarr 3)",
    )
    add_common(parser, __name__)


def run(options: argparse.Namespace) -> int:
    """Write every file that is asked for."""
    from napari_m2n2.annotation.export import ExportOptions, check_export, export, format_of

    for path in options.output:
        format_of(path)
        _check_is_no_input(path, options)
    if len({os.path.realpath(path) for path in options.output}) < len(options.output):
        raise InputError("The same file was given twice with -o; give each its own name.")
    what = _read(options)
    for path in options.output:
        check_export(path, what.geometry)
    chosen = ExportOptions(options.outlines, options.by, options.zarr_version)
    done = []
    with ConsoleProgress() as progress:
        for path in options.output:
            done.append(f"{path}: {export(what, path, chosen, progress)}\n")
    sys.stdout.write("".join(done))
    return 0


def _read(options: argparse.Namespace) -> Annotated:
    """Return what is to be written."""
    from napari_m2n2.annotation.export_sources import from_files, from_session

    if options.labels.suffix.lower() == SESSION:
        return from_session(options.labels, options.image)
    return from_files(options.labels, options.image)


def _check_is_no_input(path: Path, options: argparse.Namespace) -> None:
    """Raise `FileError` if what is read would be written over."""
    for given in (options.labels, options.image):
        if given is not None and os.path.realpath(path) == os.path.realpath(given):
            raise FileError(f"{path} is what is read; choose another name for the export.")
