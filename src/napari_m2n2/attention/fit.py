"""What a grid needs of a device's memory, known before anything is allocated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from napari_m2n2 import devices
from napari_m2n2.errors import NoMemoryError

_MARGIN = 1 << 28
"""What a device keeps for itself beside our tensors: kernels, workspaces, fragments."""

_STEP = 8
"""Sides of a grid that are offered are multiples of this, as the UNet prefers."""


@dataclass(frozen=True)
class Need:
    """Memory of one image, in bytes.

    Attributes
    ----------
    weights : int
        The model itself.
    encoder : int
        What encodes the image, beside the weights. Given back before there is any attention.
    network : int
        The network whose attention is read, beside the weights; also given back before.
    attention : int
        The N × N attention in float32.
    """

    weights: int
    encoder: int
    network: int
    attention: int

    @property
    def working(self) -> int:
        """The most that is needed at one time beside the weights.

        The Markov stage keeps the attention and makes the transition matrix of it.
        """
        return max(self.encoder, self.network, 2 * self.attention) + _MARGIN

    @property
    def total(self) -> int:
        """The most that is needed at one time."""
        return self.weights + self.working


def attention_bytes(cells: int) -> int:
    """Return the size of the attention of N cells in float32."""
    return 4 * cells * cells


def check(
    name: str,
    grid: tuple[int, int],
    device: str,
    need: Callable[[int], Need],
    *,
    loaded: bool,
) -> None:
    """Say so if a grid needs more memory than a device has free.

    Parameters
    ----------
    name : str
        What the backbone is called.
    grid : (int, int)
        Rows and columns of cells.
    device : str
        As torch calls it.
    need : callable
        Returns the `Need` of a number of cells.
    loaded : bool
        Whether the weights are in memory already.

    Raises
    ------
    NoMemoryError
        In one sentence: the grid that would fit, the processor, or a smaller model.
    """
    asked = need(grid[0] * grid[1])
    room = at_hand(device, asked, loaded=loaded)
    if asked.total <= room:
        return
    raise NoMemoryError(
        f"{name} on a grid of {_shown(grid)} needs {_gigabytes(asked.total)} of memory and "
        f"{device} has {_gigabytes(room)} for it; "
        f"{_instead(name, _largest(grid, need, room), device)}."
    )


def at_hand(device: str, need: Need, *, loaded: bool) -> int:
    """Return the memory that a device has for a model, loaded already or not, and an image."""
    return _free(device) + (need.weights if loaded else 0)


def ran_out(name: str, grid: tuple[int, int], device: str, need: Callable[[int], Need]) -> str:
    """Return the sentence for memory that ran out although it should have been enough."""
    smaller = (grid[0] * 3 // 4, grid[1] * 3 // 4)
    free = _free(device)
    return (
        f"The memory of {device} ran out for {name} on a grid of {_shown(grid)}; "
        f"{_instead(name, _largest(smaller, need, free), device)}."
    )


def _free(device: str) -> int:
    """Return the bytes that a device has free; what torch holds in reserve is free, too."""
    give_back(device)
    return devices.memory(device)[1]


def give_back(device: str) -> None:
    """Hand the memory that torch holds in reserve back to the device."""
    kind = torch.device(device).type
    if kind == "cuda":
        torch.cuda.empty_cache()
    elif kind == "mps":
        torch.mps.empty_cache()


def _largest(
    grid: tuple[int, int], need: Callable[[int], Need], free: int
) -> tuple[int, int] | None:
    """Return the largest grid of the same shape, at most the one given, that fits."""
    longest = max(grid)
    for side in range(longest // _STEP * _STEP, 2 * _STEP - 1, -_STEP):
        rows, columns = (max(round(one * side / longest), 1) for one in grid)
        if need(rows * columns).total <= free:
            return rows, columns
    return None


def _instead(name: str, grid: tuple[int, int] | None, device: str) -> str:
    """Return what to do, as the end of a sentence."""
    ways = [] if grid is None else [f"grid {_shown(grid)}"]
    if torch.device(device).type != "cpu":
        ways.append("the device cpu")
    smaller = (
        "texture"
        if name.startswith(("dinov2-small", "dinov2-with-registers-small"))
        else "dinov2-small"
    )
    ways.append(f"the smaller backbone {smaller}")
    return "use " + (", ".join(ways[:-1]) + " or " if ways[1:] else "") + ways[-1]


def _shown(grid: tuple[int, int]) -> str:
    """Return a grid as one number if it is square."""
    return str(grid[0]) if grid[0] == grid[1] else f"{grid[0]} × {grid[1]}"


def _gigabytes(size: int) -> str:
    """Return bytes for people."""
    return f"{size / 1e9:.1f} GB"
