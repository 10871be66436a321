"""How many processes this computer can do with, and the weights that all of them want."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import psutil

from napari_m2n2 import devices, parallel
from napari_m2n2.attention import catalogue, registry, weights
from napari_m2n2.attention.options import BackboneOptions, check_options
from napari_m2n2.progress import Progress

_PROCESS = 1 << 29
"""Memory of a process that has loaded its libraries."""

_MATRICES = 6
"""Most matrices of cells × cells that a process has at one time; 4 to 5 were seen."""

_MODEL = 6 << 30
"""Memory of a model and of its pass over an image."""


def how_many(backbone: str, grid: int | None, device: str, *, heavy: bool = False) -> int:
    """Return how many processes have a core and enough memory each, at least 1; 1 on a GPU.

    Parameters
    ----------
    backbone : str
    grid : int, optional
        Cells along the side of the attention grid; None takes the backbone's own.
    device : str
        "auto", "cpu", "cuda", "cuda:1", "mps".
    heavy : bool
        Whether each has a large model besides the backbone.
    """
    if devices.resolve(device) != "cpu":
        return 1
    side = grid or registry.default_grid(backbone, "cpu")
    each = _PROCESS + _MATRICES * 4 * side**4
    if heavy or backbone != registry.TEXTURE:
        each += _MODEL
    fit = int(psutil.virtual_memory().available) // each
    return max(1, min(parallel.cores(), fit))


def fetch(backbone: str, given: Mapping[str, Any], progress: Progress) -> None:
    """Have the weights of a backbone here before several processes want them.

    Parameters
    ----------
    backbone : str
        One without weights needs nothing.
    given : mapping
        Fields of `napari_m2n2.attention.options.BackboneOptions`, beside others.
    progress : callable
    """
    if backbone not in catalogue.BACKBONES:
        return
    names = [field.name for field in fields(BackboneOptions)]
    options = {name: given[name] for name in names if given.get(name) is not None}
    weights.locate(backbone, check_options(options), progress)
