"""Run every check of the project and say at the end which ones failed.

Usage: ``python tools/check.py [PYTEST ARGUMENT...]``

The quick checks come first and do not stop the rest, so that one run shows everything that is
wrong; pytest comes last, so that its summary is the last thing on the screen.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

STEPS: dict[str, list[str]] = {
    "ruff check": ["-m", "ruff", "check", "--no-cache", "."],
    "ruff format": ["-m", "ruff", "format", "--no-cache", "--check", "."],
    "mypy": ["-m", "mypy"],
}
# a private virtual display where there is none; with a display it only runs the command
PYTEST = ["-m", "napari_m2n2.viewer.display", sys.executable, "-m", "pytest"]


def step(name: str, arguments: list[str]) -> bool:
    """Run one step in the project's folder and tell whether it passed."""
    sys.stdout.write(f"--- {name}\n")
    sys.stdout.flush()
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, check=False).returncode == 0


def main(arguments: list[str]) -> int:
    """Run all steps; return 1 if one of them failed."""
    failed = [name for name, command in STEPS.items() if not step(name, command)]
    if failed:
        # said before pytest too, because pytest's summary shall stay the last line
        sys.stdout.write(f"--- failed so far: {', '.join(failed)}\n")
    passed = step("pytest", [*PYTEST, *arguments])
    if failed:
        sys.stderr.write(f"Failed: {', '.join([*failed, *([] if passed else ['pytest'])])}\n")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
