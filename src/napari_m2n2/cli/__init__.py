"""The command `napari-m2n2`.

Exit codes: 0 all is well, 1 it cannot be done (one sentence on stderr says why), 2 the command
line is wrong, 130 interrupted by Ctrl-C. Each command lies in a module of its own, which is
imported when the command runs, and so is everything it computes with.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

from napari_m2n2.cli.arguments import parse
from napari_m2n2.cli.console import tell
from napari_m2n2.errors import Cancelled, UserError

FINE, CANNOT, INTERRUPTED = 0, 1, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments without the name of the program; by default those of the process.

    Returns
    -------
    int
        The exit code.
    """
    debug = False
    try:
        options = parse(sys.argv[1:] if argv is None else argv)
        debug = options.debug
        code: int = import_module(options.module).run(options)
        sys.stdout.flush()
    except SystemExit as end:  # argparse has said what is wrong, or printed the help
        return end.code if isinstance(end.code, int) else FINE
    except (KeyboardInterrupt, Cancelled) as end:
        tell(str(end) or "Interrupted; no half-written file is left behind.")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CANNOT
    except Exception as error:  # noqa: BLE001 - no user shall see a traceback without asking for it
        if debug:
            traceback.print_exc()
        tell(_sentence(error))
        return CANNOT
    return code


def _sentence(error: Exception) -> str:
    """Return what a user reads about an error."""
    text = " ".join(str(error).split())
    if isinstance(error, UserError):
        return text
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "There is not enough memory for this; use a smaller --grid or a smaller image."
    return (
        f"Something unexpected went wrong ({type(error).__name__}: {text[:200]}); "
        "run the same command with --debug and report what it prints."
    )
