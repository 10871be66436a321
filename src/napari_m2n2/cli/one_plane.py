"""What the commands share that work on one plane."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_m2n2.files import Plane


def read_plane(options: argparse.Namespace, path: Path) -> Plane:
    """Read the plane of an image that `napari_m2n2.cli.options.add_image` lets the user name.

    Raises
    ------
    FileError
        If the file is missing or damaged.
    InputError
        If it has no such plane, or channels have to be chosen.
    """
    from napari_m2n2 import files

    plane = files.read_image(
        path, axis=options.axis, index=options.index, channel_axis=options.channel_axis
    )
    files.check_channels(plane, options.channels)
    return plane
