"""`napari-m2n2 demo`: the main job on a sample image."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from napari_m2n2.cli.console import ConsoleProgress, tell
from napari_m2n2.cli.options import EXIT_CODES, Commands, add_common
from napari_m2n2.errors import InputError, MissingError, UserError

if TYPE_CHECKING:
    from napari_m2n2.segmenter import Result, Segmenter
    from napari_m2n2.viewer.samples import Sample

FOLDER = Path("napari-m2n2-demo")
"""Where the files go when there is no display and no folder was given."""

_WINDOW_SECONDS = 300


def add_parser(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "demo",
        description="Segment a real image that comes with scikit-image, and show it in napari.",
        epilog=EXIT_CODES,
    )
    parser.add_argument("--sample", metavar="NAME", help="which sample (default: the first)")
    parser.add_argument(
        "--headless",
        type=Path,
        metavar="DIR",
        help="open no window; write labels.tif, overlay.png and window.png into this folder",
    )
    add_common(parser, __name__)


def run(options: argparse.Namespace) -> int:
    """Show a sample in napari, or write what would be seen."""
    from napari_m2n2.viewer import display
    from napari_m2n2.viewer.samples import SAMPLES

    name = next(iter(SAMPLES)) if options.sample is None else options.sample
    if name not in SAMPLES:
        raise InputError(f"There is no sample {name!r}; choose one of {', '.join(SAMPLES)}.")
    folder = options.headless
    if folder is None and display.has_display():
        from napari_m2n2.viewer import app

        app.show_demo(SAMPLES[name])
        return 0
    if folder is None:
        folder = FOLDER
        tell(f"There is no display to open a window on, so the demo is written to ./{folder}.")
    return _write(SAMPLES[name], folder)


def _write(sample: Sample, folder: Path) -> int:
    """Write labels, overlay and window of a sample; say which files there are."""
    import imageio.v3

    from napari_m2n2 import files
    from napari_m2n2.overlay import draw_overlay

    labels, overlay, window = (folder / n for n in ("labels.tif", "overlay.png", "window.png"))
    _make_folder(folder)
    for path in (labels, overlay, window):
        files.check_writable(path)
    with ConsoleProgress() as progress:
        segmenter, result = _segment(sample, progress)
    files.write_labels(labels, result.mask)
    assert segmenter.rgb is not None  # the image was set
    picture = draw_overlay(segmenter.rgb, result.mask, sample.points, sample.labels)
    with files.replacing(overlay) as temporary:
        imageio.v3.imwrite(temporary, picture)
    try:
        draw_window(sample, result, window)
    except UserError as error:
        sys.stdout.write(f"{labels}\n{overlay}\n")
        tell(f"{labels.name} and {overlay.name} were written, but not the window: {error}")
        return 1
    sys.stdout.write(f"{labels}\n{overlay}\n{window}\n")
    return 0


def _make_folder(folder: Path) -> None:
    """Make the folder if it is not there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be made ({error.strerror or error}); choose another one."
        ) from error


def _segment(sample: Sample, progress: ConsoleProgress) -> tuple[Segmenter, Result]:
    """Segment a sample as `napari-m2n2 segment` would."""
    from napari_m2n2.segmenter import Segmenter

    segmenter = Segmenter()
    segmenter.set_image(sample.load_plane(), progress=progress)
    return segmenter, segmenter.segment(sample.points, sample.labels, progress=progress)


def draw_window(sample: Sample, result: Result, path: Path) -> None:
    """Save a picture of napari with the sample, on a private screen if there is none.

    A process of its own does it: Qt ends the process where it cannot open a window, and the
    files that are there already shall be told of.

    Raises
    ------
    MissingError
        If the window cannot be made.
    """
    import numpy as np

    from napari_m2n2.files import replacing
    from napari_m2n2.subprocesses import run_module
    from napari_m2n2.viewer import display

    with (
        display.virtual_display(),
        replacing(path) as temporary,
        tempfile.TemporaryDirectory(prefix="napari-m2n2-") as folder,
    ):
        arrays = Path(folder) / "result.npz"
        np.savez(
            arrays,
            mask=result.mask,
            score=result.score,
            thresholds=result.thresholds,
            phases=list(result.timings.keys()),
            seconds=list(result.timings.values()),
        )
        try:
            run_module(
                "napari_m2n2.cli.window", sample.name, arrays, temporary, seconds=_WINDOW_SECONDS
            )
        except MissingError as error:
            raise MissingError(
                f"napari could not open ({error}); run 'napari-m2n2 doctor'."
            ) from error
