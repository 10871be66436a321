"""`napari-m2n2 encode`: all planes of stacks into the store, or one plane's attention."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from napari_m2n2.cli.console import ConsoleProgress, counted, resumable, tell
from napari_m2n2.cli.one_plane import read_plane
from napari_m2n2.cli.options import (
    EXIT_CODES,
    Commands,
    add_backbone_details,
    add_common,
    add_engine,
    add_image,
    add_work,
    backbone_settings,
    check_plane,
)
from napari_m2n2.cli.segment import device_notes
from napari_m2n2.cli.work import (
    TOLD,
    add_store,
    engine_from,
    look_from,
    store_folder,
    tell_failure,
    workers_for,
)
from napari_m2n2.errors import FileError

if TYPE_CHECKING:
    from napari_m2n2.attention.base import Attention
    from napari_m2n2.bulk.encoding import Encoded


def add_parser(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "encode",
        description="Put what every click on a plane needs into the store, for all planes of "
        "stacks and folders, so that `segment --store`, `batch --store` and the window find it "
        "there. Interrupted, the same command goes on. With --export: write the attention of one "
        "plane as the backbone gives it, before the temperature: 'attention', N x N float32 with "
        "rows that sum to 1, 'grid', its rows and columns of cells, and 'weights', where it comes "
        "from.",
        epilog=EXIT_CODES,
    )
    parser.add_argument(
        "paths",
        type=Path,
        nargs="+",
        metavar="PATH",
        help="TIFF, PNG, JPEG, NIfTI or OME-Zarr images, or folders with such",
    )
    parser.add_argument(
        "--export", type=Path, metavar="FILE", help="write one plane's attention there, .npz"
    )
    add_image(parser)
    add_engine(parser)
    add_backbone_details(parser)
    add_store(parser, always=True)
    add_work(parser)
    parser.set_defaults(check=_check)
    add_common(parser, __name__)


def _check(options: argparse.Namespace) -> None:
    """End with a message where options do not fit together."""
    error = options.parser.error
    if options.export is None:
        if options.index:
            error("--index is for --export; without it all planes are encoded")
    elif len(options.paths) > 1:
        error("--export takes one image")
    else:
        check_plane(options)


def run(options: argparse.Namespace) -> int:
    """Encode stacks, or one plane."""
    return _encode(options) if options.export is None else _export(options)


def _encode(options: argparse.Namespace) -> int:
    """Put all planes into the store."""
    from napari_m2n2.bulk.encoding import encode
    from napari_m2n2.bulk.engine import create
    from napari_m2n2.files.stacks import image_files

    store = store_folder(options)
    engine = engine_from(options, store)
    create(engine)  # whatever is wrong with the settings is found before the work begins
    paths = image_files(options.paths)
    for note in device_notes(options):
        tell(note)
    began = time.monotonic()
    with resumable(Path(store), "what is encoded"), ConsoleProgress() as progress:
        found = encode(
            paths,
            engine,
            look_from(options),
            axes=tuple(options.axis or ()),
            channel_axis=options.channel_axis,
            workers=workers_for(options, engine, progress),
            scheduler=options.scheduler,
            progress=progress,
            warn=tell,
        )
    return _report(found, len(paths), store, time.monotonic() - began)


def _report(found: Encoded, files: int, store: str, seconds: float) -> int:
    """Say what was done and what could not be, and return the exit code."""
    for failure in found.failures[:TOLD]:
        tell_failure(failure.path, failure.sentence, plane=failure.index)
    sys.stdout.write(
        f"{store}: {counted(found.new, 'plane')} encoded and {found.known} there before, of "
        f"{found.planes} in {counted(files, 'file')} ({seconds:.1f} s)\n"
    )
    sys.stdout.flush()
    if found.unkept:
        tell(
            f"{counted(found.unkept, 'plane')} could not be kept there; mend that, and the same "
            "command goes on."
        )
    if found.failures:
        entries = counted(len(found.failures), "entry", "entries")
        tell(f"{entries} (planes or files) could not be encoded; the same command tries again.")
    return 1 if found.unkept or found.failures else 0


def _export(options: argparse.Namespace) -> int:
    """Encode one plane and write its attention."""
    from napari_m2n2 import devices, files
    from napari_m2n2.attention.options import check_options
    from napari_m2n2.attention.source import AttentionSource
    from napari_m2n2.image import to_rgb
    from napari_m2n2.segmentation.parameters import resolve

    if options.export.suffix.lower() != ".npz":
        raise FileError(f"{options.export} does not end in .npz; choose a name that does.")
    files.check_writable(options.export)
    given = backbone_settings(options)
    device = devices.resolve(options.device)
    own = {"grid": given.pop("grid")} if "grid" in given else {}
    grid = resolve(options.method, options.preset, options.backbone, own, device).grid
    source = AttentionSource(options.backbone, grid, device, check_options(given))
    plane = read_plane(options, options.paths[0])
    rgb = to_rgb(
        plane.data,
        channel_axis=plane.channel_axis,
        channels=options.channels,
        contrast=options.contrast,
    )
    with ConsoleProgress() as progress:
        attention = source.within_memory(lambda: source.attend(rgb, progress))
        progress("writing", 0.0)
        _write(options.export, attention, str(source.weights or ""))
    for note in device_notes(options):
        tell(note)
    rows, columns = attention.grid
    sys.stdout.write(
        f"{options.export}: attention of {rows * columns} cells ({rows} x {columns}) from "
        f"{source.weights or options.backbone}\n"
    )
    return 0


def _write(path: Path, attention: Attention, weights: str) -> None:
    """Write the arrays."""
    import numpy as np

    from napari_m2n2.files import replacing

    with replacing(path) as temporary:
        np.savez(
            temporary,
            attention=attention.matrix.float().numpy(force=True),
            grid=np.asarray(attention.grid),
            weights=np.asarray(weights),
        )
