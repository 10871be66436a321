"""`napari-m2n2 replay`: the objects of a session made once more, and compared."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_m2n2.cli.console import ConsoleProgress, tell, to_json
from napari_m2n2.cli.options import EXIT_CODES, Commands, add_common

if TYPE_CHECKING:
    from napari_m2n2.annotation.provenance import ChannelView
    from napari_m2n2.annotation.replay import Arrays, ReplayedObject
    from napari_m2n2.annotation.resume import Resumed

OTHER = 1
"""The exit code where an object is another one than it was."""


def add_parser(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "replay",
        description="Make the objects of a session once more from their prompts, with the "
        "backbone, weights and parameters that the session tells of, and compare them with its "
        "labels. Nothing is written.",
        epilog=f"Exit code 1 if an object is below --iou. {EXIT_CODES}",
    )
    add = parser.add_argument
    add("session", type=Path, metavar="SESSION", help="a file that ends in .m2n2.json")
    add("--image", type=Path, metavar="IMAGE", help="where the image is now, if it was moved")
    add(
        "--iou",
        type=float,
        default=1.0,
        metavar="X",
        help="what an object must reach, 0 to 1 (default 1: equal to the pixel)",
    )
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1 or mps (default auto)")
    add("--json", action="store_true", help="print what was found as JSON on stdout")
    add_common(parser, __name__)


def run(options: argparse.Namespace) -> int:
    """Replay a session and tell how each object compares."""
    from napari_m2n2.annotation.replay import replay
    from napari_m2n2.annotation.resume import resume
    from napari_m2n2.errors import InputError

    if not 0 <= options.iou <= 1:
        raise InputError(f"--iou {options.iou:g} cannot be; give a number from 0 to 1.")
    resumed = resume(options.session, image=options.image)
    for note in resumed.notes:
        tell(note)
    arrays = _arrays(resumed)
    with ConsoleProgress() as progress:
        found = list(replay(resumed, arrays, device=options.device, progress=progress))
    if options.json:
        sys.stdout.write(to_json(_summary(options, found)))
    else:
        sys.stdout.write("".join(_lines(options, found)))
    return 0 if all(_is_same(known, options.iou) for known in found) else OTHER


def _is_same(known: ReplayedObject, least: float) -> bool:
    """Tell whether an object is what it was, as far as was asked for."""
    return known.equal if least == 1 else known.iou >= least


def _arrays(resumed: Resumed) -> Arrays:
    """Return what opens the files of the session's layers."""
    from napari_m2n2.annotation.opening import FileArray, open_array
    from napari_m2n2.errors import FileError

    opened: dict[Path, FileArray] = {}
    image = resumed.session.image

    def arrays(view: ChannelView | None) -> Any:
        path = resumed.image
        if view is not None and view.path:
            path = Path(resumed.path.resolve().parent / view.path)
        if path is None:
            raise FileError(
                f"The image “{image.layer}” of this session was never in a file; "
                "save it, and begin a session on that file."
            )
        if path not in opened:
            opened[path] = open_array(path, image.shape, image.dtype)
        return opened[path]

    return arrays


def _lines(options: argparse.Namespace, found: list[ReplayedObject]) -> list[str]:
    """Return the lines that a person reads."""
    lines = []
    for known in found:
        name = f" ({known.name})" if known.name else ""
        if not known.planes:
            lines.append(f"object {known.id}{name}: has no prompts, so it was not made again\n")
            continue
        for plane in known.planes:
            where = f", {plane.plane.name}" if plane.plane.name else ""
            what = "equal" if plane.equal else f"IoU {plane.iou:.4f}"
            note = f" {plane.note}" if plane.note else ""
            sizes = f"{plane.area} pixels, {plane.recomputed} now"
            lines.append(f"object {known.id}{name}{where}: {what} ({sizes}).{note}\n")
    equal = sum(known.equal for known in found)
    lines.append(f"{options.session}: {equal} of {len(found)} objects are equal to the pixel\n")
    return lines


def _summary(options: argparse.Namespace, found: list[ReplayedObject]) -> dict[str, Any]:
    """Return what --json prints."""
    return {
        "session": str(options.session),
        "objects": [
            {
                "id": known.id,
                "name": known.name,
                "iou": known.iou,
                "equal": known.equal,
                "left_out": known.left_out,
                "planes": [
                    {
                        "plane": [list(pair) for pair in plane.plane.hidden],
                        "iou": plane.iou,
                        "equal": plane.equal,
                        "area": plane.area,
                        "recomputed": plane.recomputed,
                        "note": plane.note,
                    }
                    for plane in known.planes
                ],
            }
            for known in found
        ],
        "equal": all(known.equal for known in found),
    }
