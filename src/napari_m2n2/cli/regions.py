"""`napari-m2n2 regions`: a whole plane parted into regions, or regions drawn as pseudo-labels."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from napari_m2n2.cli.console import ConsoleProgress, counted, tell
from napari_m2n2.cli.one_plane import read_plane
from napari_m2n2.cli.options import (
    EXIT_CODES,
    Commands,
    add_backbone,
    add_backbone_details,
    add_common,
    add_image,
    add_output,
    backbone_settings,
    check_plane,
)
from napari_m2n2.cli.segment import device_notes
from napari_m2n2.cli.work import add_store, tell_failure
from napari_m2n2.errors import UserError
from napari_m2n2.progress import Progress
from napari_m2n2.segmentation.registry import REGIONS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_m2n2.files import Plane
    from napari_m2n2.segmentation.regions import Regions

_USUAL_SAMPLES = 8


def add_parser(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "regions",
        description="Part one plane into regions, without a prompt, and write them as labels; or, "
        "with --pseudo-labels, draw regions of many images at random, as MIS does for the "
        "training of a network.",
        epilog=EXIT_CODES,
    )
    add = parser.add_argument
    add(
        "images",
        type=Path,
        nargs="+",
        metavar="IMAGE",
        help="an image; with --pseudo-labels several, or folders with such",
    )
    add("-n", "--count", type=int, metavar="N", help="how many regions (default: as found)")
    add_output(parser, required=False)
    add("--by", choices=REGIONS, default=next(iter(REGIONS)), help=_ways())
    add_image(parser)
    add_backbone(parser.add_argument_group("where the attention comes from"))
    add_backbone_details(parser)
    add_store(parser)
    drawn = parser.add_argument_group("pseudo-labels")
    drawn.add_argument(
        "--pseudo-labels",
        type=Path,
        metavar="FOLDER",
        help="write images, masks of regions drawn at random, and an index there",
    )
    drawn.add_argument(
        "--samples",
        type=int,
        default=_USUAL_SAMPLES,
        metavar="K",
        help=f"regions to draw of each image (default {_USUAL_SAMPLES}); equal ones count once",
    )
    drawn.add_argument(
        "--seed", type=int, default=0, metavar="S", help="another number draws others (default 0)"
    )
    parser.set_defaults(check=_check)
    add_common(parser, __name__)


def _ways() -> str:
    """Return the ways to find regions as users read them."""
    return "; ".join(f"{name}: {way.title}" for name, way in REGIONS.items())


def _check(options: argparse.Namespace) -> None:
    """End with a message where options do not fit together."""
    check_plane(options)
    error = options.parser.error
    if (options.output is None) == (options.pseudo_labels is None):
        error("give either -o, a label image to write, or --pseudo-labels, a folder")
    if options.output is not None and len(options.images) > 1:
        error("-o takes one image; --pseudo-labels takes several")
    if options.samples < 1:
        error("--samples takes a number from 1")
    if options.seed < 0:
        error("--seed takes a number from 0")
    if options.count is not None and options.pseudo_labels is not None:
        error("-n is for -o; --pseudo-labels draws regions of all sizes")


def run(options: argparse.Namespace) -> int:
    """Write regions of one plane, or pseudo-labels of many images."""
    for note in device_notes(options):
        tell(note)
    return _labels(options) if options.pseudo_labels is None else _pseudo_labels(options)


def _labels(options: argparse.Namespace) -> int:
    """Write one plane's regions."""
    from napari_m2n2 import files

    files.check_output(options.output, options.images[0])
    plane = read_plane(options, options.images[0])
    files.check_fits(options.output, plane)
    began = time.perf_counter()
    with ConsoleProgress() as progress:
        _, regions = _finder(options)(plane, progress)
    labels = regions.labels(options.count)
    files.write_labels(options.output, labels, like=plane)
    rows, columns = plane.plane_shape
    sys.stdout.write(
        f"{options.output}: {len(set(labels.ravel().tolist()))} regions of {rows} x {columns} "
        f"pixels by {options.by}, of up to {regions.finest} "
        f"({time.perf_counter() - began:.1f} s)\n"
    )
    return 0


def _pseudo_labels(options: argparse.Namespace) -> int:
    """Draw regions of many images; one that cannot be used is told and left out."""
    from napari_m2n2.files.pseudo_labels import PseudoLabels
    from napari_m2n2.files.stacks import image_files

    paths = image_files(options.images)
    folder = PseudoLabels(options.pseudo_labels)
    find = _finder(options)
    masks = failures = 0
    with ConsoleProgress() as progress:
        for number, path in enumerate(paths, start=1):
            try:
                plane = read_plane(options, path)
                rgb, regions = find(plane, progress)
            except UserError as error:
                failures += 1
                tell_failure(path, str(error))
                continue
            drawn = _draw(regions, options.samples, (options.seed, number))
            folder.add(path.name.partition(".")[0], rgb, drawn)
            masks += len(drawn)
    sys.stdout.write(
        f"{options.pseudo_labels}: {counted(masks, 'mask')} of "
        f"{counted(len(paths) - failures, 'image')}\n"
    )
    return 1 if failures else 0


def _draw(regions: Regions, samples: int, seed: tuple[int, int]) -> list[NDArray[np.bool_]]:
    """Return regions drawn at random, each once."""
    import numpy as np

    generator = np.random.default_rng(seed)
    drawn = (regions.sample(generator) for _ in range(samples))
    return list({mask.tobytes(): mask for mask in drawn}.values())


def _finder(
    options: argparse.Namespace,
) -> Callable[[Plane, Progress], tuple[NDArray[np.float32], Regions]]:
    """Return what finds the image as it is seen, and its regions."""
    from napari_m2n2.attention.keeping import open_store
    from napari_m2n2.segmentation.finder import RegionFinder

    finder = RegionFinder(
        options.backbone,
        options.by,
        device=options.device,
        store=open_store(options.store, warn=tell),
        **backbone_settings(options),
    )

    def find(plane: Plane, progress: Progress) -> tuple[NDArray[np.float32], Regions]:
        return finder.find(
            plane.data,
            channel_axis=plane.channel_axis,
            channels=options.channels,
            contrast=options.contrast,
            progress=progress,
        )

    return find
