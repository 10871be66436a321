"""Modules that come with an extra; tests of them are skipped where it is not installed.

Only there: a module that is installed and cannot be imported fails, and so does an extra that is
missing in an environment of tox, whose `dev` has all of them.
"""

from __future__ import annotations

import importlib
import os
from importlib.util import find_spec
from types import ModuleType

import pytest

PACKAGES = {
    "models": ("diffusers", "huggingface_hub", "safetensors", "transformers"),
    "cluster": ("distributed",),
}
"""What each extra brings, of which modules of tests and libraries may be wanted."""


def load(module: str, extra: str) -> ModuleType:
    """Return a module that needs an extra, and skip the test where that is not installed."""
    missing = [name for name in PACKAGES[extra] if find_spec(name) is None]
    if not missing:
        return importlib.import_module(module)
    told = f"{', '.join(missing)} not installed: pip install napari-m2n2[{extra}]"
    if "TOX_ENV_NAME" in os.environ:
        pytest.fail(f"{told}; no environment of tox may be without")
    pytest.skip(told, allow_module_level=True)
