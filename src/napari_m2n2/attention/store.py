"""Where weights lie on this computer, found without loading the library that put them there.

The rules are those of huggingface_hub: its environment variables, and its folders
``models--OWNER--NAME/{blobs,refs,snapshots}``.
"""

from __future__ import annotations

import os
from pathlib import Path

_COMMIT = 40


def _home() -> Path:
    """Return the folder of all that huggingface_hub keeps."""
    if os.environ.get("HF_HOME"):
        return _expanded(os.environ["HF_HOME"])
    return _expanded(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"


def _expanded(path: str) -> Path:
    """Return a path with ~ and variables replaced."""
    return Path(os.path.expandvars(path)).expanduser()


def hub_folder() -> Path:
    """Return where huggingface_hub keeps weights."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(name):
            return _expanded(os.environ[name])
    return _home() / "hub"


def own_folder() -> Path:
    """Return where this package keeps what it computed from weights."""
    for name in ("HF_ASSETS_CACHE", "HUGGINGFACE_ASSETS_CACHE"):
        if os.environ.get(name):
            return _expanded(os.environ[name]) / "napari-m2n2"
    return _home() / "assets" / "napari-m2n2"


def is_offline() -> bool:
    """Tell whether the user forbids the network."""
    asked = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return asked.upper() in {"1", "ON", "YES", "TRUE"}


def repository_folder(repository: str) -> Path:
    """Return where a repository of models is kept, whether it is there or not."""
    return hub_folder() / f"models--{repository.replace('/', '--')}"


def snapshot(repository: str, revision: str | None = None) -> Path | None:
    """Return the folder of the files of a repository that are here, if there are any.

    Parameters
    ----------
    repository : str
        ``owner/name``.
    revision : str, optional
        Branch, tag or commit; None is the main branch.
    """
    folder = repository_folder(repository)
    name = revision or "main"
    try:
        commit = (folder / "refs" / name).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        commit = name
    path = folder / "snapshots" / commit
    return path if len(commit) == _COMMIT and path.is_dir() else None


def readable(size: int) -> str:
    """Return a number of bytes as people read it."""
    if size >= 10**9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 10**6 else f"{size / 1e3:.0f} kB"


def files_in(folder: Path) -> list[str]:
    """Return the files in a folder and the folders in it, with / between folder and name."""
    found = []
    for path in folder.iterdir():
        if path.is_dir():
            found += [f"{path.name}/{inner.name}" for inner in path.iterdir() if inner.is_file()]
        elif path.is_file():  # not a link to what was deleted
            found.append(path.name)
    return found
