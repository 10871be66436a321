"""Finding a display to open windows on, or starting a private one.

``python -m napari_m2n2.viewer.display COMMAND [ARGUMENT...]`` runs a command under it. A private
display is needed on Linux without a desktop only; Qt's own "offscreen" cannot draw images.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from napari_m2n2.errors import MissingError

SCREEN = "1600x1000x24"
"""Columns x rows x bits of a private display."""

_SECONDS_TO_START = 30
_NO_XVFB = (
    "There is no display, and Xvfb, which can stand in for one, is not installed; "
    "install it (Debian and Ubuntu: apt-get install xvfb) or use a desktop session."
)
_NOT_STARTED = "Xvfb did not start; see what 'Xvfb :99' says, or use a desktop session."


def has_display() -> bool:
    """Tell whether windows can be opened."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@contextmanager
def virtual_display() -> Iterator[None]:
    """While it lasts there is a display, a private one if need be.

    Raises
    ------
    MissingError
        If there is none and none can be started.
    """
    if has_display():
        yield
        return
    server = shutil.which("Xvfb")
    if server is None:
        raise MissingError(_NO_XVFB)
    reader, writer = os.pipe()
    # the server chooses a free number and tells it, so that no two ever clash
    process = subprocess.Popen(
        [server, "-displayfd", str(writer), "-screen", "0", SCREEN, "-nolisten", "tcp"],
        pass_fds=[writer],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    try:
        number = _read_number(reader)
        environment = {
            "DISPLAY": f":{number}",
            "QT_QPA_PLATFORM": "xcb",
            "LIBGL_ALWAYS_SOFTWARE": "1",
        }
        with _environment(environment):
            yield
    finally:
        os.close(reader)
        process.terminate()
        process.wait()


def _read_number(reader: int) -> int:
    """Read the number of the display from the server once it is ready."""
    text = b""
    while not text.endswith(b"\n"):
        ready, _, _ = select.select([reader], [], [], _SECONDS_TO_START)
        part = os.read(reader, 16) if ready else b""
        if not part:  # the server has ended or says nothing
            raise MissingError(_NOT_STARTED)
        text += part
    return int(text)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def main(command: Sequence[str]) -> int:
    """Run a command under a display and return its exit code."""
    if not command:
        sys.stderr.write("Usage: python -m napari_m2n2.viewer.display COMMAND [ARGUMENT...]\n")
        return 2
    try:
        with virtual_display():
            return subprocess.run(command, check=False).returncode
    except MissingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except FileNotFoundError:
        sys.stderr.write(f"There is no command {command[0]!r}; check its name.\n")
        return 127


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
