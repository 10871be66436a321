"""Interactive, training-free segmentation: click, and the object is outlined.

The public names are resolved when they are first used, so that importing the package loads
neither torch nor napari.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_m2n2.attention.base import Attention, Backbone
    from napari_m2n2.segmenter import Result, Segmenter

try:
    __version__ = version("napari-m2n2")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

_HOME = {
    "Attention": "napari_m2n2.attention.base",
    "Backbone": "napari_m2n2.attention.base",
    "Result": "napari_m2n2.segmenter",
    "Segmenter": "napari_m2n2.segmenter",
}

__all__ = ["Attention", "Backbone", "Result", "Segmenter", "__version__"]


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use."""
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names."""
    return sorted(__all__)
