"""Options that several commands share."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from napari_m2n2.attention.options import DTYPES, VAES
from napari_m2n2.attention.registry import names
from napari_m2n2.segmentation.parameters import PRESETS
from napari_m2n2.segmentation.registry import METHODS, REFINERS

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
"""What a command adds itself to."""

EXIT_CODES = (
    "Exit codes: 0 all is well, 1 it cannot be done (a sentence says why), "
    "2 the command line is wrong, 130 interrupted."
)


def add_image(parser: argparse.ArgumentParser) -> None:
    """Add what says which plane is meant and how it is looked at."""
    plane = parser.add_argument_group("which plane")
    plane.add_argument(
        "--index",
        type=int,
        nargs="+",
        metavar="N",
        help="number of the plane in a stack, from 0; one for each axis of the stack",
    )
    plane.add_argument(
        "--axis",
        nargs="+",
        metavar="A",
        help="axes that --index counts along, by number or letter (Z, T, ...)",
    )
    _add_channel_axis(plane)
    parser.set_defaults(check=check_plane)
    _add_look(parser)


def add_output(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add where the labels of a plane go."""
    parser.add_argument(
        *("-o", "--output"),
        type=Path,
        required=required,
        metavar="LABELS",
        help="label image to write: .tif, .tiff, .png, .nii, .nii.gz or .zarr",
    )


def add_stacks(parser: argparse.ArgumentParser) -> None:
    """Add what says which planes of stacks are meant and how they are looked at."""
    planes = parser.add_argument_group("which planes")
    planes.add_argument(
        "--axis",
        nargs="+",
        metavar="A",
        help="axes that the planes of a stack lie across, by number or letter (Z, T, ...)",
    )
    _add_channel_axis(planes)
    _add_look(parser)


def _add_channel_axis(group: argparse._ActionsContainer) -> None:
    """Add the axis of channels."""
    group.add_argument(
        "--channel-axis",
        metavar="A",
        help="axis that holds channels, where the file does not say",
    )


def _add_look(parser: argparse.ArgumentParser) -> None:
    """Add what says how a plane is looked at."""
    look = parser.add_argument_group("how to look at it")
    look.add_argument(
        "--channels",
        type=int,
        nargs="+",
        metavar="C",
        help="one to three channels, from 0: grey, red-green or red-green-blue",
    )
    look.add_argument(
        "--contrast",
        nargs="+",
        action=_Contrast,
        metavar="LIMIT",
        help="'LOW HIGH' (values shown black and white) or 'percentile'",
    )


def add_engine(parser: argparse.ArgumentParser, *, peers: Sequence[str] = ()) -> None:
    """Add what says how the plane is segmented; `peers` are further methods that can be chosen."""
    engine = parser.add_argument_group("how to segment it")
    add_backbone(engine)
    engine.add_argument(
        "--method", default="m2n2", metavar="NAME", help=", ".join([*METHODS, *peers])
    )
    engine.add_argument("--preset", default=PRESETS[0], metavar="NAME", help=", ".join(PRESETS))
    engine.add_argument(
        "--refine", metavar="NAME", help=f"what mends outlines afterwards: {', '.join(REFINERS)}"
    )


def add_backbone(group: argparse._ActionsContainer) -> None:
    """Add what says where the attention comes from."""
    group.add_argument("--backbone", default=names()[0], metavar="NAME", help=", ".join(names()))
    group.add_argument(
        "--weights",
        metavar="WHERE",
        help="folder of the backbone's weights, or OWNER/NAME on the Hugging Face hub",
    )
    group.add_argument(
        "--grid",
        type=int,
        metavar="R",
        help="cells along a side of the attention grid (default: the backbone's own)",
    )
    group.add_argument(
        "--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps"
    )


def add_backbone_details(parser: argparse.ArgumentParser) -> None:
    """Add the options of backbones with weights that are seldom needed."""
    details = parser.add_argument_group("backbones with weights")
    add = details.add_argument
    add("--weights-revision", metavar="REV", help="branch, tag or commit of the repository")
    add(
        "--vae", choices=VAES, help="encoder of Stable Diffusion: full as published, or a fast one"
    )
    add("--timestep", type=int, metavar="T", help="step of the diffusion, 0 to 999 (default 100)")
    add("--blocks", metavar="NAMES", help="attention blocks with weights, such as up0=0.5,up1=0.5")
    add("--dtype", choices=DTYPES, help="precision of the model (default auto)")


def backbone_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of `BackboneOptions` and the grid that were given on a command line."""
    given = {
        "grid": options.grid,
        "weights": options.weights,
        "revision": options.weights_revision,
        "vae": options.vae,
        "timestep": options.timestep,
        "blocks": options.blocks,
        "dtype": options.dtype,
    }
    return {name: value for name, value in given.items() if value is not None}


def add_work(parser: argparse.ArgumentParser) -> None:
    """Add who does the work."""
    add = parser.add_argument_group("who does the work").add_argument
    add(
        "--workers",
        type=int,
        metavar="N",
        help="processes, one thread each; their number changes no result (default: one for each "
        "core, one on a GPU)",
    )
    add("--scheduler", metavar="ADDRESS", help="a Dask cluster instead, such as tcp://HOST:8786")


def add_common(parser: argparse.ArgumentParser, module: str) -> None:
    """Add what every command knows, and in which module it lies."""
    # SUPPRESS: a command's own default would undo `napari-m2n2 --debug COMMAND`
    parser.add_argument(
        "--debug",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print the traceback of an error",
    )
    parser.set_defaults(module=module, parser=parser)


def check_plane(options: argparse.Namespace) -> None:
    """End with a message where the axes of a plane are named but not its number."""
    if options.axis and not options.index:
        options.parser.error("--axis needs --index, the number of the plane along that axis")


class _Contrast(argparse.Action):
    """Turns 'LOW HIGH' into two numbers and lets 'percentile' through."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        words = [str(word) for word in values] if isinstance(values, list) else []
        if words == ["percentile"]:
            setattr(namespace, self.dest, "percentile")
            return
        try:
            low, high = (float(word) for word in words)
        except ValueError:
            parser.error("--contrast takes two numbers, LOW HIGH, or the word percentile")
        if not (math.isfinite(low) and math.isfinite(high) and low < high):
            parser.error("--contrast takes a finite low number and a higher one")
        setattr(namespace, self.dest, (low, high))
