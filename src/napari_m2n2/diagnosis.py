"""What works on this computer: versions, devices, OpenGL, backbones, caches, and the main job."""

from __future__ import annotations

import json
import os
import platform
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from napari_m2n2 import devices
from napari_m2n2.attention import registry
from napari_m2n2.attention.disk import size_of
from napari_m2n2.attention.registry import BackboneStatus
from napari_m2n2.attention.store import hub_folder, own_folder
from napari_m2n2.attention.usual import default_folder
from napari_m2n2.devices import Device
from napari_m2n2.errors import MissingError
from napari_m2n2.subprocesses import run_module

_PACKAGES = (
    "napari-m2n2",
    "numpy",
    "scipy",
    "scikit-image",
    "torch",
    "numba",
    "opencv-python-headless",
    "diffusers",
    "transformers",
    "huggingface_hub",
    "safetensors",
    "napari",
    "qtpy",
)
_BINDINGS = ("PySide6", "PyQt6", "PyQt5", "PySide2")
_OPENGL_SECONDS = 60


@dataclass(frozen=True)
class Cache:
    """A folder where something is kept between runs.

    Attributes
    ----------
    name : str
        What is kept.
    path : Path
        Where.
    size : int or None
        Bytes; None if the folder does not exist.
    """

    name: str
    path: Path
    size: int | None


@dataclass(frozen=True)
class Job:
    """How a tiny segmentation went.

    Attributes
    ----------
    works : bool
        Whether the object was found.
    sentence : str
        What happened.
    seconds : float
        How long it took, with loading and compiling.
    """

    works: bool
    sentence: str
    seconds: float


@dataclass(frozen=True)
class Diagnosis:
    """The whole report.

    Attributes
    ----------
    versions : mapping of str to str
        Of Python, the system and the packages; "missing" where a package is not there.
    devices : tuple of Device
        The one that "auto" takes comes first.
    opengl : str
        Vendor and renderer, or why they are not known.
    backbones : tuple of BackboneStatus
        Those that are ready and those that are not.
    caches : tuple of Cache
        Folders and sizes.
    job : Job
        Whether the main job can run.
    """

    versions: Mapping[str, str]
    devices: tuple[Device, ...]
    opengl: str
    backbones: tuple[BackboneStatus, ...]
    caches: tuple[Cache, ...]
    job: Job


def diagnose() -> Diagnosis:
    """Look at this computer; takes seconds, as a tiny image is segmented."""
    return Diagnosis(
        versions=versions(),
        devices=devices.available(),
        opengl=opengl(),
        backbones=tuple(registry.status(name) for name in registry.names()),
        caches=caches(),
        job=try_main_job(),
    )


def versions() -> dict[str, str]:
    """Return the versions of Python, the system and the packages."""
    found = {"python": platform.python_version(), "system": platform.platform()}
    found |= {name: _version(name) for name in _PACKAGES}
    bindings = [f"{name} {_version(name)}" for name in _BINDINGS if _version(name) != "missing"]
    found["Qt binding"] = ", ".join(bindings) or "missing"
    return found


def _version(name: str) -> str:
    """Return the version of a package, or "missing"."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def opengl() -> str:
    """Return what draws the window, asked in a process of its own that may crash."""
    from napari_m2n2.viewer.display import has_display

    if not has_display():
        there = (
            "Xvfb is there to draw windows unseen" if shutil.which("Xvfb") else "no Xvfb either"
        )
        return f"not known: there is no display ({there})"
    try:
        printed = run_module("napari_m2n2.viewer.opengl", seconds=_OPENGL_SECONDS)
        answer = json.loads(printed.splitlines()[-1])
        return f"{answer['vendor']}, {answer['renderer']}, {answer['version']}"
    except MissingError as error:
        return f"does not work: {error}"
    except (ValueError, IndexError, KeyError):
        return "an answer that cannot be read"


def caches() -> tuple[Cache, ...]:
    """Return where things are kept: weights, what was made of them, and compiled code."""
    compiled = os.environ.get("NUMBA_CACHE_DIR")
    package = Path(__file__).parent
    return (
        Cache("weights (Hugging Face)", hub_folder(), _size(hub_folder(), "*")),
        Cache("made from weights", own_folder(), _size(own_folder(), "*")),
        Cache("attention of planes", default_folder(), size_of(default_folder())),
        Cache("compiled code (numba)", Path(compiled), _size(Path(compiled), "*"))
        if compiled
        else Cache("compiled code (numba)", package, _size(package, "*.nb[ic]")),
    )


def _size(folder: Path, pattern: str) -> int | None:
    """Return the bytes of the files below a folder; links count for nothing."""
    if not folder.is_dir():
        return None
    total = 0
    for path in folder.rglob(pattern):
        try:
            total += path.lstat().st_size if path.is_file() and not path.is_symlink() else 0
        except OSError:  # gone since it was listed
            continue
    return total


def try_main_job() -> Job:
    """Segment a bright square of 20 × 20 pixels from two points."""
    began = time.perf_counter()
    try:
        import numpy as np

        from napari_m2n2.segmenter import Segmenter

        image = np.zeros((48, 48), np.uint8)
        image[14:34, 14:34] = 255
        segmenter = Segmenter(grid=12)
        segmenter.set_image(image)
        mask = segmenter.segment([(23, 23), (4, 4)], [True, False]).mask
    except Exception as error:  # noqa: BLE001 - whatever it is, the report shall say it
        text = " ".join(str(error).split())[:200]
        return Job(False, f"{type(error).__name__}: {text}", time.perf_counter() - began)
    overlap = int((mask & (image > 0)).sum()) / int((mask | (image > 0)).sum())
    found = f"a square was found with an overlap (IoU) of {overlap:.2f}"
    return Job(overlap > 0.5, found, time.perf_counter() - began)
