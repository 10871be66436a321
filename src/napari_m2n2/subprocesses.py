"""Running a module of this package as its own process, since Qt ends the process it fails in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from napari_m2n2.errors import MissingError


def run_module(module: str, *arguments: str | Path, seconds: float) -> str:
    """Run ``python -m module arguments`` and return what it printed.

    Parameters
    ----------
    module : str
        A module with a main block.
    *arguments : str or Path
        Its arguments.
    seconds : float
        How long it may take.

    Returns
    -------
    str
        Its standard output.

    Raises
    ------
    MissingError
        If it fails or takes too long; the message is the reason, and no sentence yet.
    """
    command = [sys.executable, "-m", module, *(str(argument) for argument in arguments)]
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise MissingError(f"no answer within {seconds:.0f} seconds") from None
    if ended.returncode != 0:
        raise MissingError(_reason(ended.stderr, ended.returncode))
    return ended.stdout


def _reason(errors: str, code: int) -> str:
    """Return the line that tells why a process failed."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    if not lines:
        return f"exit code {code}"
    # a traceback ends with its reason; Qt names a missing library first and gives advice after
    telling = lines[-1] if any(line.startswith("Traceback") for line in lines) else lines[0]
    return telling.removeprefix("WARNING: ").rstrip(".")[:300]
