"""`napari-m2n2 encode`: the attention of an image into a file, to compare or to work with."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from napari_m2n2.cli.console import ConsoleProgress, tell
from napari_m2n2.cli.options import (
    EXIT_CODES,
    Commands,
    add_backbone,
    add_backbone_details,
    add_common,
    add_image,
    backbone_settings,
)
from napari_m2n2.cli.segment import check_channels, device_notes
from napari_m2n2.errors import FileError

if TYPE_CHECKING:
    from napari_m2n2.attention.base import Attention


def add_parser(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "encode",
        description="Write the attention of one plane as the backbone gives it, before the "
        "temperature: 'attention', N x N float32 with rows that sum to 1, 'grid', its rows and "
        "columns of cells, and 'weights', where it comes from.",
        epilog=EXIT_CODES,
    )
    parser.add_argument("image", type=Path, metavar="IMAGE", help="TIFF, PNG, JPEG or NIfTI file")
    parser.add_argument(
        "--export", type=Path, required=True, metavar="FILE", help="file to write, .npz"
    )
    add_image(parser)
    add_backbone(parser.add_argument_group("where the attention comes from"))
    add_backbone_details(parser)
    add_common(parser, __name__)


def run(options: argparse.Namespace) -> int:
    """Encode one plane and write its attention."""
    from napari_m2n2 import devices, files
    from napari_m2n2.attention.options import check_options
    from napari_m2n2.attention.source import AttentionSource
    from napari_m2n2.image import to_rgb
    from napari_m2n2.segmentation.parameters import PRESETS, resolve

    if options.export.suffix.lower() != ".npz":
        raise FileError(f"{options.export} does not end in .npz; choose a name that does.")
    files.check_writable(options.export)
    given = backbone_settings(options)
    device = devices.resolve(options.device)
    own = {"grid": given.pop("grid")} if "grid" in given else {}
    grid = resolve("m2n2", PRESETS[0], options.backbone, own, device).grid
    source = AttentionSource(options.backbone, grid, device, check_options(given))
    plane = files.read_image(
        options.image,
        axis=options.axis,
        index=options.index,
        channel_axis=options.channel_axis,
    )
    check_channels(plane, options.channels)
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
