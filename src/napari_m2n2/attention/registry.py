"""The backbones by name: which there are, whether they can run, and how to make one.

Imports nothing heavy, so that a widget or a command line can list them at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_m2n2.errors import InputError

if TYPE_CHECKING:
    from napari_m2n2.attention.base import Backbone

_NAMES = ("texture",)


@dataclass(frozen=True)
class BackboneStatus:
    """Whether a backbone can run here.

    Attributes
    ----------
    name : str
        Its name.
    ready : bool
        Whether all it needs is there.
    reason : str
        What it is, or what it lacks and what to do.
    looked_in : tuple of Path
        Where its weights were looked for.
    """

    name: str
    ready: bool
    reason: str
    looked_in: tuple[Path, ...] = ()


def names() -> tuple[str, ...]:
    """Return the names of the backbones, the first one being the default."""
    return _NAMES


def status(name: str) -> BackboneStatus:
    """Say whether a backbone can run, without loading it."""
    _check(name)
    return BackboneStatus(name, True, "built in: needs no weights, no network and no GPU")


def create(name: str, grid: int) -> Backbone:
    """Make a backbone that gives attention on about ``grid * grid`` cells."""
    _check(name)
    from napari_m2n2.attention.texture import Texture

    return Texture(grid)


def _check(name: str) -> None:
    """Say which backbones there are if this is none."""
    if name not in _NAMES:
        raise InputError(f"The backbone {name!r} is unknown; choose one of {', '.join(_NAMES)}.")
