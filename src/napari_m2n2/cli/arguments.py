"""The arguments of all commands."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

from napari_m2n2 import __version__
from napari_m2n2.cli.console import PROGRAM

_COMMANDS = ("demo", "segment", "doctor")
_EXIT_CODES = (
    "Exit codes: 0 all is well, 1 it cannot be done (a sentence says why), "
    "2 the command line is wrong, 130 interrupted."
)


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the options of a command and, as `module`, where the command lies.

    Raises
    ------
    SystemExit
        After the help, the version, or a message on stderr about what is wrong.
    """
    words = [word for word in argv if not word.startswith("-")]
    if words and words[0] in _COMMANDS:
        options = _commands().parse_args(argv)
        if getattr(options, "axis", None) and not options.index:
            options.parser.error("--axis needs --index, the number of the plane along that axis")
        return options
    return _viewer().parse_args(argv)


def _viewer() -> argparse.ArgumentParser:
    """Return the parser of `napari-m2n2 [IMAGE]`."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [IMAGE]\n       {PROGRAM} {{{','.join(_COMMANDS)}}} ...",
        description="Interactive, training-free segmentation: click, and the object is outlined. "
        "Without a command, napari opens with the M2N2 widget.",
        epilog="Commands: demo (see it work on a sample), segment (an image file and a file of "
        f"points into a label file), doctor (what works here); '{PROGRAM} COMMAND --help' tells "
        f"more. {_EXIT_CODES}",
    )
    parser.add_argument("image", nargs="?", type=Path, metavar="IMAGE", help="an image to open")
    _add_common(parser, "napari_m2n2.cli.viewer")
    parser.set_defaults(debug=False)
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    return parser


def _commands() -> argparse.ArgumentParser:
    """Return the parser of the commands."""
    parser = argparse.ArgumentParser(prog=PROGRAM)
    parser.add_argument("--debug", action="store_true", default=False)
    commands = parser.add_subparsers(required=True)
    demo = commands.add_parser(
        "demo",
        help="segment a sample image",
        description="Segment a real image that comes with scikit-image, and show it in napari.",
        epilog=_EXIT_CODES,
    )
    demo.add_argument("--sample", metavar="NAME", help="which sample (default: the first)")
    demo.add_argument(
        "--headless",
        type=Path,
        metavar="DIR",
        help="open no window; write labels.tif, overlay.png and window.png into this folder",
    )
    _add_common(demo, "napari_m2n2.cli.demo")
    doctor = commands.add_parser(
        "doctor",
        help="tell what works here",
        description="Print versions, devices, OpenGL, backbones and caches, and segment a tiny "
        "image. The exit code is 0 if that works, else 1.",
    )
    doctor.add_argument("--json", action="store_true", help="print the report as JSON")
    _add_common(doctor, "napari_m2n2.cli.doctor")
    _add_segment(
        commands.add_parser(
            "segment",
            help="segment an image file",
            description="Segment one plane of an image file from a file of points.",
            epilog=_EXIT_CODES,
        )
    )
    return parser


def _add_segment(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `napari-m2n2 segment`."""
    add = parser.add_argument
    add("image", type=Path, metavar="IMAGE", help="TIFF, PNG, JPEG or NIfTI file")
    add(
        "--points",
        type=Path,
        required=True,
        metavar="FILE",
        help="points with labels: CSV as napari saves it, or JSON",
    )
    add(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="LABELS",
        help="label image to write: .tif, .tiff, .png, .nii or .nii.gz",
    )
    _add_image(parser)
    _add_engine(parser)
    add("--json", action="store_true", help="print a summary as JSON on stdout")
    _add_common(parser, "napari_m2n2.cli.segment")


def _add_image(parser: argparse.ArgumentParser) -> None:
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
    plane.add_argument(
        "--channel-axis",
        metavar="A",
        help="axis that holds channels, where the file does not say",
    )
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


def _add_engine(parser: argparse.ArgumentParser) -> None:
    """Add what says how the plane is segmented."""
    # imported here as `demo` and `doctor` do without
    from napari_m2n2.attention.registry import names
    from napari_m2n2.segmentation.parameters import METHODS, PRESETS

    engine = parser.add_argument_group("how to segment it")
    engine.add_argument("--backbone", default=names()[0], metavar="NAME", help=", ".join(names()))
    engine.add_argument("--method", default="m2n2", metavar="NAME", help=", ".join(METHODS))
    engine.add_argument("--preset", default=PRESETS[0], metavar="NAME", help=", ".join(PRESETS))
    engine.add_argument(
        "--grid", type=int, metavar="R", help="cells along a side of the attention grid"
    )
    engine.add_argument(
        "--device", default="auto", metavar="NAME", help="auto, cpu, cuda, cuda:N or mps"
    )


def _add_common(parser: argparse.ArgumentParser, module: str) -> None:
    """Add what every command knows."""
    # SUPPRESS: a command's own default would undo `napari-m2n2 --debug COMMAND`
    parser.add_argument(
        "--debug",
        action="store_true",
        default=argparse.SUPPRESS,
        help="print the traceback of an error",
    )
    parser.set_defaults(module=module, parser=parser)


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
