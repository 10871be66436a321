"""`napari-m2n2 [IMAGE]`: napari with the M2N2 widget."""

from __future__ import annotations

import argparse

from napari_m2n2.errors import MissingError


def run(options: argparse.Namespace) -> int:
    """Open napari and wait until it is closed."""
    from napari_m2n2.files import check_readable
    from napari_m2n2.files.ome_zarr import is_zarr
    from napari_m2n2.viewer import app, display

    if options.image is not None and not is_zarr(options.image):
        check_readable(options.image)
    if not display.has_display():
        raise MissingError(
            "There is no display to open a window on; use a desktop session or 'ssh -X', "
            "or 'napari-m2n2 segment', which needs none."
        )
    app.open_viewer(options.image)
    return 0
