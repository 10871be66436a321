"""`napari-m2n2 segment`: an image file and a file of points into a label file."""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_m2n2.attention.registry import names, understands_text
from napari_m2n2.cli.console import ConsoleProgress, counted, tell, to_json
from napari_m2n2.cli.one_plane import read_plane
from napari_m2n2.cli.options import (
    EXIT_CODES,
    Commands,
    add_backbone_details,
    add_common,
    add_engine,
    add_image,
    add_output,
    backbone_settings,
    check_plane,
)
from napari_m2n2.cli.work import add_store

if TYPE_CHECKING:
    from napari_m2n2.files import Plane, PromptsOnPlane
    from napari_m2n2.segmenter import Result, Segmenter


def add_parser(commands: Commands) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "segment",
        description="Segment one plane of an image file from a file of points.",
        epilog=EXIT_CODES,
    )
    add = parser.add_argument
    add("image", type=Path, metavar="IMAGE", help="TIFF, PNG, JPEG, NIfTI or OME-Zarr image")
    add(
        "--points",
        type=Path,
        metavar="FILE",
        help="points with labels: CSV as napari saves it, or JSON; needed unless there is --text",
    )
    add(
        "--text",
        metavar="WORDS",
        help="what to look for, for a backbone that understands text (Stable Diffusion); of "
        "several phrases, parted by semicolons, the first is the object: 'nucleus; background'",
    )
    add_output(parser)
    add_image(parser)
    add_engine(parser)
    add_backbone_details(parser)
    add_store(parser)
    add("--json", action="store_true", help="print a summary as JSON on stdout")
    parser.set_defaults(check=_check)
    add_common(parser, __name__)


def _check(options: argparse.Namespace) -> None:
    """End with a message where options do not fit together."""
    check_plane(options)
    if options.points is None and options.text is None:
        options.parser.error("give --points, a file of prompts, or --text, words")
    if options.text is not None and not understands_text(options.backbone):
        options.parser.error(
            f"the backbone {options.backbone} does not understand --text; choose "
            f"{' or '.join(filter(understands_text, names()))} with --backbone"
        )


def run(options: argparse.Namespace) -> int:
    """Segment one plane and write its labels."""
    from napari_m2n2 import files

    # everything that can be wrong is found before the work begins
    files.check_output(options.output, options.image)
    prompt_file = None if options.points is None else files.read_prompts(options.points)
    plane = read_plane(options, options.image)
    files.check_fits(options.output, plane)
    nothing = files.PromptsOnPlane.none()
    prompts = nothing if prompt_file is None else prompt_file.on_plane(plane)
    notes = [*device_notes(options), *_notes(plane, prompts, options.text)]
    for note in notes:
        tell(note)
    with ConsoleProgress() as progress:
        segmenter, result = _segment(options, plane, prompts, progress)
    files.write_labels(options.output, result.mask, like=plane)
    if options.json:
        summary = _summary(options, plane, prompts, segmenter, result, notes)
        sys.stdout.write(to_json(summary))
    else:
        sys.stdout.write(_line(options, plane, prompts, result))
    return 0


def _segment(
    options: argparse.Namespace, plane: Plane, prompts: PromptsOnPlane, progress: ConsoleProgress
) -> tuple[Segmenter, Result]:
    """Do the work."""
    from napari_m2n2.attention.keeping import open_store
    from napari_m2n2.segmenter import Segmenter

    segmenter = Segmenter(
        options.backbone,
        method=options.method,
        preset=options.preset,
        refine=options.refine,
        device=options.device,
        store=open_store(options.store, warn=tell),
        **backbone_settings(options),
    )
    segmenter.set_image(
        plane.data,
        channel_axis=plane.channel_axis,
        channels=options.channels,
        contrast=options.contrast,
        progress=progress,
    )
    result = segmenter.segment(
        prompts.points,
        prompts.labels,
        boxes=prompts.boxes,
        scribbles=prompts.scribbles,
        text=options.text,
        progress=progress,
    )
    return segmenter, result


def _notes(plane: Plane, prompts: PromptsOnPlane, text: str | None) -> list[str]:
    """Return what the user should know about the prompts; refuse what lies outside the plane."""
    from napari_m2n2.prompts import check_prompts

    checked = check_prompts(
        prompts.points,
        prompts.labels,
        plane.plane_shape,
        boxes=prompts.boxes,
        scribbles=prompts.scribbles,
    )
    notes = []
    if prompts.left_out:
        left = counted(prompts.left_out, "prompt")
        notes.append(f"Left out, as they lie on other planes: {left}.")
    if checked.superseded.any():
        left = counted(int(checked.superseded.sum()), "point")
        notes.append(f"Left out, as their pixel gets the other label later: {left}.")
    shown = checked.labels.any() or checked.regions or checked.stroke_labels.any()
    if not shown and text is None:
        notes.append("There is no foreground prompt on this plane, so the labels are empty.")
    return notes


def device_notes(options: argparse.Namespace) -> list[str]:
    """Say so if a backbone that is made for a GPU has none, unless that was asked for."""
    from napari_m2n2 import devices
    from napari_m2n2.attention.catalogue import BACKBONES
    from napari_m2n2.attention.registry import default_grid

    if options.backbone not in BACKBONES or options.device != "auto":
        return []
    if devices.resolve() != "cpu":
        return []
    grid = options.grid or default_grid(options.backbone, "cpu")
    return [
        f"There is no CUDA device, so {options.backbone} runs on the processor, on a grid of "
        f"{grid}; --device mps or a larger --grid may be asked for."
    ]


def _line(
    options: argparse.Namespace, plane: Plane, prompts: PromptsOnPlane, result: Result
) -> str:
    """Return the line a person reads."""
    rows, columns = plane.plane_shape
    seconds = result.timings["prepare"] + result.timings["total"]
    points = counted(len(prompts.points), "point")
    return (
        f"{options.output}: {int(result.mask.sum())} of {rows * columns} pixels are foreground "
        f"(plane of {rows} x {columns}, {points}, {seconds:.1f} s)\n"
    )


def _summary(
    options: argparse.Namespace,
    plane: Plane,
    prompts: PromptsOnPlane,
    segmenter: Segmenter,
    result: Result,
    notes: list[str],
) -> dict[str, Any]:
    """Return what --json prints."""
    return {
        "image": str(options.image),
        "points": None if options.points is None else str(options.points),
        "text": options.text,
        "labels": str(options.output),
        "shape": list(plane.plane_shape),
        "stack_shape": list(plane.shape),
        "stack_axes": plane.axes,
        "plane": [{"axis": a, "index": i} for a, i in sorted(plane.fixed.items())],
        "channels": plane.channel_count,
        "prompts": {
            "points": len(prompts.points),
            "foreground": int(prompts.labels.sum()),
            "background": int((~prompts.labels).sum()),
            "boxes": len(prompts.boxes),
            "scribbles": len(prompts.scribbles),
            "left_out": prompts.left_out,
        },
        "foreground_pixels": int(result.mask.sum()),
        "thresholds": [None if math.isnan(t) else float(t) for t in result.thresholds],
        "timings": {name: round(float(s), 4) for name, s in result.timings.items()},
        "device": segmenter.device,
        "backbone": segmenter.backbone_name,
        "weights": result.weights or None,
        "method": options.method,
        "preset": options.preset,
        "refine": options.refine,
        "grid": list(segmenter.grid or ()),
        "parameters": dataclasses.asdict(segmenter.parameters),
        "options": dataclasses.asdict(segmenter.options),
        "contrast": options.contrast,
        "chosen_channels": options.channels,
        "notes": notes,
        "versions": {
            "python": ".".join(str(part) for part in sys.version_info[:3]),
            **{name: version(name) for name in ("napari-m2n2", "numpy", "torch", "scikit-image")},
        },
    }
