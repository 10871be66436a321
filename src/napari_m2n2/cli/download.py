"""`napari-m2n2 download`: fetch the weights of a backbone, or gather them in a folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from napari_m2n2.attention.catalogue import MODELS
from napari_m2n2.attention.options import VAES
from napari_m2n2.cli.console import ConsoleProgress
from napari_m2n2.cli.options import EXIT_CODES, Commands, add_common
from napari_m2n2.errors import Cancelled


def add_parser(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "download",
        description="Fetch the weights of a backbone from the Hugging Face hub, once. When it was "
        "interrupted it goes on where it stopped. Only safetensors are fetched.",
        epilog=EXIT_CODES,
    )
    add = parser.add_argument
    add("name", metavar="NAME", help=", ".join(MODELS))
    add("--weights", metavar="WHERE", help="another repository, OWNER/NAME, or a folder")
    add("--weights-revision", metavar="REV", help="branch, tag or commit of the repository")
    add("--vae", choices=VAES, default="full", help="which encoder of Stable Diffusion to fetch")
    add(
        "--to",
        type=Path,
        metavar="FOLDER",
        help="also copy all that is needed into this folder, to carry it to a computer without "
        "network; there give it as --weights",
    )
    add_common(parser, __name__)


def run(options: argparse.Namespace) -> int:
    """Fetch weights and say where they are."""
    from napari_m2n2.attention.gather import fetch_all, gather
    from napari_m2n2.attention.options import check_options

    given = check_options(
        {
            "weights": options.weights,
            "revision": options.weights_revision,
            "vae": options.vae,
        }
    )
    try:
        with ConsoleProgress() as progress:
            found = fetch_all(options.name, given, progress)
            folder = found.path
            if options.to is not None:
                folder = gather(options.name, given, found, options.to, progress)
    except (KeyboardInterrupt, Cancelled):
        raise Cancelled(
            "Interrupted; what has come is kept, and the same command goes on from there."
        ) from None
    sys.stdout.write(f"{options.name}: {found} in {folder}\n")
    return 0
