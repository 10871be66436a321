"""The command line as a whole: which commands there are, and how a line is read."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from napari_m2n2 import __version__
from napari_m2n2.cli.console import PROGRAM
from napari_m2n2.cli.options import EXIT_CODES, add_common

COMMANDS = {
    "demo": "see it work on a sample",
    "segment": "an image file and a file of points into a label file",
    "replay": "the objects of a session made once more and compared",
    "regions": "a whole image parted into regions, without a prompt",
    "batch": "many images from a table of prompts or from session files",
    "encode": "all planes of stacks and folders into the store of attention",
    "export": "labels or a session into the formats of other programs",
    "download": "fetch the weights of a backbone",
    "evaluate": "simulated clicks on every object of a dataset",
    "report": "runs next to each other and to published numbers",
    "domain-bias": "how much worse it is on medical images than on natural ones",
    "ablate": "the ablations of the M2N2 paper",
    "verify-weights": "whether weights give the numbers of the paper",
    "doctor": "what works here",
}
"""The commands with what they do; each is the module of this name (- becomes _) in this package.

A command's module has ``add_parser(commands)`` and ``run(options)``, and imports what it computes
with inside of `run`. Its parser may set a default `check`, which is called with the options and
ends with the parser's error if they do not fit together.
"""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Return the options of a command and, as `module`, where the command lies.

    Raises
    ------
    SystemExit
        After the help, the version, or a message on stderr about what is wrong.
    """
    words = [word for word in argv if not word.startswith("-")]
    if words and words[0] in COMMANDS:
        options = _command(words[0]).parse_args(argv)
        if "check" in options:
            options.check(options)
        return options
    return _viewer().parse_args(argv)


def _viewer() -> argparse.ArgumentParser:
    """Return the parser of `napari-m2n2 [IMAGE]`."""
    listed = ", ".join(f"{name} ({what})" for name, what in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [IMAGE]\n       {PROGRAM} {{{','.join(COMMANDS)}}} ...",
        description="Interactive, training-free segmentation: click, and the object is outlined. "
        "Without a command, napari opens with the M2N2 widget.",
        epilog=f"Commands: {listed}; '{PROGRAM} COMMAND --help' tells more. {EXIT_CODES}",
    )
    parser.add_argument("image", nargs="?", type=Path, metavar="IMAGE", help="an image to open")
    add_common(parser, "napari_m2n2.cli.viewer")
    parser.set_defaults(debug=False)
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    return parser


def _command(name: str) -> argparse.ArgumentParser:
    """Return the parser of one command; the others' modules are not even imported."""
    parser = argparse.ArgumentParser(prog=PROGRAM)
    parser.add_argument("--debug", action="store_true", default=False)
    module = import_module(f"napari_m2n2.cli.{name.replace('-', '_')}")
    module.add_parser(parser.add_subparsers(required=True))
    return parser
