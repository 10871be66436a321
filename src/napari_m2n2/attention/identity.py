"""The name under which the attention of a plane is kept: all that it depends on, and nothing else.

The device is no part of it, so that a laptop finds what a graphics card computed.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_m2n2.attention import weights as places
from napari_m2n2.attention.catalogue import BACKBONES
from napari_m2n2.attention.options import PLAIN, BackboneOptions
from napari_m2n2.attention.weights import Weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REVISIONS = {"texture": 1, "stable-diffusion": 1, "dinov2": 1}
"""To be raised whenever a kind of backbone gives another attention than it did before."""

_PIECE = 1 << 16
_PIECES = 16
"""How much of a file of weights is looked at, and in how many places."""


def describe(name: str, grid: int, options: BackboneOptions, weights: Weights | None) -> str:
    """Return all that the attention of a plane depends on besides the plane, as JSON.

    Parameters
    ----------
    name : str
        A backbone.
    grid : int
        Cells along a side.
    options : BackboneOptions
    weights : Weights or None
        Those in use.
    """
    kind = BACKBONES[name].kind if name in BACKBONES else name
    told: dict[str, Any] = {"backbone": name, "revision": REVISIONS[kind], "grid": grid}
    if weights is not None:
        own = dataclasses.asdict(options)
        told |= {option: own[option] for option in ("timestep", "blocks", "vae", "dtype")}
        told["weights"] = _weights(weights)
        if options.vae == "tiny":
            tiny = places.locate_here("tiny-vae", PLAIN)
            told["tiny"] = None if tiny is None else _weights(tiny)
    return json.dumps(told, sort_keys=True)


def key_of(rgb: NDArray[np.float32], description: str) -> str:
    """Return the key of what was computed from an image (H, W, 3): 40 hexadecimal digits."""
    digest = hashlib.sha256(f"{description} {rgb.dtype.str} {rgb.shape} ".encode())
    digest.update((rgb if rgb.flags.c_contiguous else rgb.copy()).data)
    return digest.hexdigest()[:40]


def derived(key: str, description: str) -> str:
    """Return the key of what was computed from something that has a key."""
    return hashlib.sha256(f"{key} {description}".encode()).hexdigest()[:40]


def _weights(weights: Weights) -> str:
    """Return what tells weights from others, wherever they lie."""
    if weights.revision:
        return str(weights)
    files = sorted(weights.path.rglob("*.safetensors"))
    return ",".join(
        f"{file.relative_to(weights.path).as_posix()}:{_stamp(file)}" for file in files
    )


def _stamp(path: Path) -> str:
    """Return what tells a file of weights from others: some of its content.

    Reading all of several gigabytes takes as long as a plane, and fine-tuning leaves no part of a
    network as it was; the header has the shapes of all of them.
    """
    state = path.stat()
    digest = hashlib.sha256(f"{state.st_size} {state.st_mtime_ns}".encode())
    with path.open("rb") as file:
        for number in range(_PIECES):
            file.seek(number * max(state.st_size - _PIECE, 0) // max(_PIECES - 1, 1))
            digest.update(file.read(_PIECE))
    return digest.hexdigest()[:40]
