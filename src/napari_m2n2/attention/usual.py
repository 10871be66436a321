"""Where attention is kept, and how much of it, where nothing else is said."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from napari_m2n2.errors import InputError

FOLDER = "NAPARI_M2N2_STORE"
"""The environment variable that names another folder."""

LIMIT = "NAPARI_M2N2_STORE_LIMIT"
"""The environment variable that names another limit, in GB."""

DEFAULT_LIMIT = 10 * 10**9
"""Bytes."""


def default_folder() -> Path:
    """Return where attention is kept where nothing else is said."""
    named = os.environ.get(FOLDER)
    if named:
        return Path(os.path.expandvars(named)).expanduser()
    if sys.platform == "win32":
        caches = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        caches = "~/Library/Caches"
    else:
        caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.path.expandvars(caches)).expanduser() / "napari-m2n2" / "attention"


def default_limit() -> int:
    """Return how many bytes a store may have where nothing else is said.

    Raises
    ------
    InputError
        If the environment variable is no number above 0.
    """
    text = os.environ.get(LIMIT)
    if not text:
        return DEFAULT_LIMIT
    try:
        size = float(text)
    except ValueError:
        size = 0.0
    if not 0 < size < float("inf"):
        raise InputError(f"{LIMIT}={text!r} is no size; give gigabytes, such as 20.")
    return int(size * 10**9)
