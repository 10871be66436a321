"""Run every check of the project and say at the end which ones failed.

Usage: ``python tools/check.py [PYTEST ARGUMENT...]``

The quick checks come first and do not stop the rest, so that one run shows everything that is
wrong; pytest comes last, so that its summary is the last thing on the screen. Without arguments it
runs twice at the same time, the window tests in one process and all others in another: each of
them keeps about one core busy.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

STEPS: dict[str, list[str]] = {
    "ruff check": ["-m", "ruff", "check", "--no-cache", "."],
    "ruff format": ["-m", "ruff", "format", "--no-cache", "--check", "."],
    "mypy": ["-m", "mypy"],
}
# a private virtual display where there is none; with a display it only runs the command
PYTEST = ["-m", "napari_m2n2.viewer.display", sys.executable, "-m", "pytest"]
WINDOW = ["tests/viewer"]
OTHERS = ["--ignore=tests/viewer"]


def step(name: str, arguments: list[str]) -> bool:
    """Run one step in the project's folder and tell whether it passed."""
    sys.stdout.write(f"--- {name}\n")
    sys.stdout.flush()
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, check=False).returncode == 0


def both() -> bool:
    """Run the window tests and, beside them, all others; tell whether all passed."""
    # two processes with a thread for each core would wait for each other
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryFile("w+") as told:
        others = subprocess.Popen(
            [sys.executable, *PYTEST, *OTHERS],
            cwd=ROOT,
            env=environment,
            stdout=told,
            stderr=subprocess.STDOUT,
        )
        sys.stdout.write("--- pytest: the window tests, and all others beside them\n")
        sys.stdout.flush()
        window = subprocess.run(
            [sys.executable, *PYTEST, *WINDOW], cwd=ROOT, env=environment, check=False
        )
        code = others.wait()
        told.seek(0)
        sys.stdout.write("--- pytest: all others\n" + told.read())
        sys.stdout.flush()
    return window.returncode == 0 and code == 0


def main(arguments: list[str]) -> int:
    """Run all steps; return 1 if one of them failed."""
    failed = [name for name, command in STEPS.items() if not step(name, command)]
    if failed:
        # said before pytest too, because pytest's summary shall stay the last line
        sys.stdout.write(f"--- failed so far: {', '.join(failed)}\n")
    passed = step("pytest", [*PYTEST, *arguments]) if arguments else both()
    if failed:
        sys.stderr.write(f"Failed: {', '.join([*failed, *([] if passed else ['pytest'])])}\n")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
