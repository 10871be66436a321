"""What a run was computed with: versions of packages, and the computer, without its name."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from napari_m2n2 import devices, parallel

PACKAGES = (
    "napari-m2n2",
    "numpy",
    "scipy",
    "scikit-image",
    "opencv-python-headless",
    "numba",
    "torch",
    "diffusers",
    "transformers",
)
"""Those that a score can depend on."""


@lru_cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that are installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


@lru_cache
def machine(device: str) -> dict[str, Any]:
    """Return what a device and the computer around it are.

    Parameters
    ----------
    device : str
        As for `napari_m2n2.devices.resolve`.

    Returns
    -------
    dict
        "os", "processor", "cores", "memory_gb" and "device"; no name of the computer or a user.

    Raises
    ------
    InputError
        If the device is unknown or not there.
    """
    # torch takes seconds to load, and not every method needs it
    name = device if device == "cpu" else devices.resolve(device)
    return {
        "os": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": parallel.cores(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "device": name if name == "cpu" else f"{name}, {_title(name)}",
    }


def joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return what two parts of a run were computed with, all values where they differ."""
    found = dict(one)
    for key, value in other.items():
        if key not in found:
            found[key] = value
        elif str(value) not in str(found[key]).split("; "):
            found[key] = f"{found[key]}; {value}"
    return found


def _title(name: str) -> str:
    """Return the name of a device as its maker gives it."""
    return next(found.title for found in devices.available() if found.name == name)


def _processor() -> str:
    """Return the name of the processor as its maker gives it, if the system tells."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
