"""See to it that a window can be opened where there is no display.

Usage: ``python tools/window_libraries.py``

On Linux without a display, Qt and OpenGL need a virtual X server and a few system libraries that
no Python package brings. As root on a machine with apt this script installs those that are
missing; anywhere else it says which ones are missing and ends with exit code 1. On Linux with a
display it only says what seems to be missing, and on Windows and macOS nothing is. It uses the
standard library alone, so that it also runs before anything is installed.
"""

from __future__ import annotations

import ctypes
import glob
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping


def _on_path(program: str) -> Callable[[], bool]:
    """Tell whether a program is found."""
    return lambda: shutil.which(program) is not None


def _loads(library: str) -> Callable[[], bool]:
    """Tell whether the dynamic linker finds a library: true on every distribution."""

    def probe() -> bool:
        try:
            ctypes.CDLL(library)
        except OSError:
            return False
        return True

    return probe


def _has_file(*patterns: str) -> Callable[[], bool]:
    """Tell whether a file exists: for what is loaded from a folder of its own."""
    return lambda: any(glob.glob(pattern) for pattern in patterns)


# Debian and Ubuntu name -> how to see that what it brings is there
NEEDED: Mapping[str, Callable[[], bool]] = {
    "xvfb": _on_path("Xvfb"),
    # the software renderer, so that vispy gets an OpenGL context without a graphics card
    "libgl1-mesa-dri": _has_file("/usr/lib/*/dri/swrast_dri.so", "/usr/lib*/dri/swrast_dri.so"),
    "libgl1": _loads("libGL.so.1"),
    "libglx-mesa0": _loads("libGLX_mesa.so.0"),
    "libegl1": _loads("libEGL.so.1"),
    "libopengl0": _loads("libOpenGL.so.0"),
    # what Qt itself links to
    "libglib2.0-0": _loads("libglib-2.0.so.0"),
    "libdbus-1-3": _loads("libdbus-1.so.3"),
    "libfontconfig1": _loads("libfontconfig.so.1"),
    # a window without a font shows empty boxes
    "fonts-dejavu-core": _has_file("/usr/share/fonts/*/*/*.[to]tf", "/usr/share/fonts/*/*.[to]tf"),
    # what Qt's plugin for X11 links to
    "libxkbcommon-x11-0": _loads("libxkbcommon-x11.so.0"),
    "libx11-xcb1": _loads("libX11-xcb.so.1"),
    "libxcb-cursor0": _loads("libxcb-cursor.so.0"),
    "libxcb-icccm4": _loads("libxcb-icccm.so.4"),
    "libxcb-image0": _loads("libxcb-image.so.0"),
    "libxcb-keysyms1": _loads("libxcb-keysyms.so.1"),
    "libxcb-randr0": _loads("libxcb-randr.so.0"),
    "libxcb-render-util0": _loads("libxcb-render-util.so.0"),
    "libxcb-shape0": _loads("libxcb-shape.so.0"),
    "libxcb-shm0": _loads("libxcb-shm.so.0"),
    "libxcb-sync1": _loads("libxcb-sync.so.1"),
    "libxcb-xfixes0": _loads("libxcb-xfixes.so.0"),
    "libxcb-xkb1": _loads("libxcb-xkb.so.1"),
}


def missing(needed: Mapping[str, Callable[[], bool]] = NEEDED) -> list[str]:
    """List the packages whose content is not there."""
    return [package for package, is_there in needed.items() if not is_there()]


def has_display(platform: str = sys.platform, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether a window can be opened without a virtual display."""
    if not platform.startswith("linux"):
        return True
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def can_install() -> bool:
    """Tell whether this process may install Debian packages."""
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(packages: list[str], run: Callable[..., object] = subprocess.run) -> None:
    """Install Debian packages, once more after a refresh when a mirror stumbles.

    Parameters
    ----------
    packages
        Debian names.
    run
        What starts a command; tests pass their own.

    Raises
    ------
    subprocess.CalledProcessError
        When apt-get fails twice.
    """
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    update = ["apt-get", "update", "-q"]
    # --no-install-recommends: the recommended packages are fonts and drivers for real screens
    add = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    for last in (False, True):
        # an outdated list of a foreign source is no reason to stop: the install will tell
        run(update, check=False, env=environment, capture_output=True)
        try:
            run(add, check=True, env=environment, capture_output=True)
        except subprocess.CalledProcessError:
            if last:
                raise
        else:
            return


def command(packages: list[str]) -> str:
    """Return the command that installs packages."""
    return shlex.join(["sudo", "apt-get", "install", "-y", *packages])


def main() -> int:
    """Install or name what is missing; return the exit code."""
    packages = missing() if sys.platform.startswith("linux") else []
    if has_display():
        # no error: a display may do without some of them
        packages = [package for package in packages if package != "xvfb"]
        if packages:
            sys.stderr.write(
                "Should the window not open, install what seems to be missing "
                f"(on Debian or Ubuntu: {command(packages)}).\n"
            )
        return 0
    if packages and can_install():
        sys.stderr.write(f"Installing what a window needs: {' '.join(packages)}\n")
        try:
            install(packages)
        except subprocess.CalledProcessError as error:
            # its hundreds of lines are of interest only now
            sys.stderr.write((error.stderr or b"").decode(errors="replace"))
            sys.stderr.write(f"apt-get ended with code {error.returncode}.\n")
        packages = missing()
    if packages:
        sys.stderr.write(
            "There is no display, and a virtual one needs libraries that are missing; "
            f"install them (on Debian or Ubuntu: {command(packages)}) and run this again.\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
