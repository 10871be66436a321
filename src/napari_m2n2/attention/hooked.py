"""What the backbones with weights share: queries and keys taken from a model while it runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.attention import fit, libraries
from napari_m2n2.attention.base import Attention
from napari_m2n2.attention.heads import add_mean_attention
from napari_m2n2.errors import (
    InputError,
    MissingError,
    NoMemoryError,
    UserError,
    is_out_of_memory,
)
from napari_m2n2.progress import Progress, ignore

T = TypeVar("T")


@dataclass(frozen=True)
class Probe:
    """A self-attention block, and how it is read.

    Attributes
    ----------
    query, key : str
        Paths of the two projections in the model.
    heads : int
        Number of heads.
    scale : float
        What the products of queries and keys are multiplied with before the softmax.
    weight : float
        Weight of the block among those that are read.
    """

    query: str
    key: str
    heads: int
    scale: float
    weight: float


class _Enough(Exception):
    """Raised in a model to end its run once all that is needed was seen."""


class Hooked(ABC):
    """A backbone whose attention is that of a network.

    Parameters
    ----------
    name : str
        What it is called in sentences to the user.
    grid : int or (int, int)
        Rows and columns of cells, equal where one number is given.
    device : str
        As torch calls it.

    Notes
    -----
    One object serves one thread at a time. The weights are loaded by the first image.
    """

    def __init__(self, name: str, grid: int | tuple[int, int], device: str) -> None:
        rows, columns = (grid, grid) if isinstance(grid, int) else grid
        if min(rows, columns) < 1:
            raise InputError(f"The grid {grid} has no cells; give a number such as 64.")
        self.name = name
        self.grid = (int(rows), int(columns))
        self.device = device

    def attend(self, rgb: NDArray[np.float32], *, progress: Progress = ignore) -> Attention:
        """Return the attention of an image.

        Parameters
        ----------
        rgb : (H, W, 3) float32 array
            In [0, 1].
        progress : callable, optional
            Called as ``progress("weights", fraction)`` while the weights are loaded, which the
            first image needs, and as ``progress("encode", fraction)``; may raise `Cancelled`.

        Raises
        ------
        NoMemoryError
            If the grid needs more memory than there is. Then the weights are given back, too.
        MissingError, FileError
            If the weights or the library that runs them cannot be used.
        """
        # without a name, which would keep it alive while a sentence about memory is raised
        return self.guarded(lambda: Attention(self._matrix(rgb, progress), self.grid), progress)

    def guarded(self, work: Callable[[], T], progress: Progress) -> T:
        """Do work with the weights loaded; where memory runs out give them back and say so.

        Raises
        ------
        NoMemoryError, MissingError, FileError
            See `attend`.
        """
        try:
            with torch.inference_mode(), libraries.quiet():
                self.check_fit()
                self.load(progress)
                return work()
        except (RuntimeError, MemoryError) as error:
            if isinstance(error, UserError) or not is_out_of_memory(error):
                raise
        # here, where no traceback holds on to tensors any more
        self.release()
        raise NoMemoryError(fit.ran_out(self.name, self.grid, self.device, self.need))

    @abstractmethod
    def load(self, progress: Progress = ignore) -> None:
        """Load the weights unless they are there."""

    @abstractmethod
    def release(self) -> None:
        """Give the memory of the weights back; they are loaded again when they are needed."""

    @abstractmethod
    def need(self, cells: int) -> fit.Need:
        """Return the memory that a grid of so many cells takes."""

    @abstractmethod
    def check_fit(self) -> None:
        """Raise `InputError` if what is still to be allocated is more than there is."""

    @abstractmethod
    def _matrix(self, rgb: NDArray[np.float32], progress: Progress) -> torch.Tensor:
        """Return the (N, N) float32 attention of an image."""


def averaged(
    read: Sequence[tuple[Probe, torch.Tensor, torch.Tensor]],
    cells: int,
    *,
    skip: int = 0,
    progress: Progress = ignore,
) -> torch.Tensor:
    """Return the weighted mean of the attention of blocks, (N, N) float32, rows summing to 1."""
    device = read[0][1].device
    matrix = torch.zeros((cells, cells), dtype=torch.float32, device=device)
    for number, (probe, query, key) in enumerate(read):
        add_mean_attention(
            matrix,
            query,
            key,
            probe.heads,
            scale=probe.scale,
            weight=probe.weight,
            skip=skip,
            progress=part(progress, number / len(read), (number + 1) / len(read)),
        )
    matrix /= matrix.sum(dim=1, keepdim=True)
    return matrix


def read_blocks(
    model: torch.nn.Module, probes: Sequence[Probe], run: Callable[[], Any], tokens: int
) -> list[tuple[Probe, torch.Tensor, torch.Tensor]]:
    """Run a model until the queries and keys of some blocks are known.

    Parameters
    ----------
    model : Module
        The network.
    probes : sequence of Probe
        What to read.
    run : callable
        Runs the network. It is ended as soon as the last block was read.
    tokens : int
        T, the number of tokens that each block must have.

    Returns
    -------
    list of (Probe, query, key)
        With (T, heads · d) tensors.

    Raises
    ------
    MissingError
        If the network does not have these projections, or does not use them.
    InputError
        If a block has another number of tokens, or numbers overflowed.
    """
    paths = [path for probe in probes for path in (probe.query, probe.key)]
    return blocks_of(read_outputs(model, paths, run), probes, tokens)


def blocks_of(
    seen: Mapping[str, torch.Tensor], probes: Sequence[Probe], tokens: int
) -> list[tuple[Probe, torch.Tensor, torch.Tensor]]:
    """Return the queries and keys of blocks among outputs that were read; see `read_blocks`."""
    for probe in probes:
        for path in (probe.query, probe.key):
            _check_tokens(path, seen.get(path), tokens)
    return [(probe, seen[probe.query][0], seen[probe.key][0]) for probe in probes]


def read_outputs(
    model: torch.nn.Module, paths: Sequence[str], run: Callable[[], Any]
) -> dict[str, torch.Tensor]:
    """Run a model until the outputs of some of its parts are known, and return them by path.

    The run is ended as soon as the last of them was seen; one that the model does not use is
    missing.
    """
    seen: dict[str, torch.Tensor] = {}

    def keep(path: str) -> Callable[..., None]:
        def hook(module: torch.nn.Module, inputs: Any, output: torch.Tensor) -> None:
            seen[path] = output
            if len(seen) == len(set(paths)):
                raise _Enough

        return hook

    with ExitStack() as hooks:
        for path in paths:
            handle = submodule(model, path).register_forward_hook(keep(path))
            hooks.callback(handle.remove)
        with suppress(_Enough):
            run()
    return seen


def submodule(model: torch.nn.Module, path: str) -> torch.nn.Module:
    """Return a part of a model by its path.

    Raises
    ------
    MissingError
        If there is none.
    """
    try:
        return model.get_submodule(path)
    except AttributeError:
        raise MissingError(
            f"The model {type(model).__name__} has no part {path}; choose other blocks, or "
            "install the versions of diffusers and transformers that this release names."
        ) from None


@contextmanager
def watched(model: torch.nn.Module, progress: Progress) -> Iterator[None]:
    """Report before each step of a model that it was reached; that is where it can be ended."""
    steps = [
        step
        for child in model.children()
        for step in (
            child if isinstance(child, torch.nn.ModuleList | torch.nn.Sequential) else (child,)
        )
    ]

    reached = 0

    def report(module: torch.nn.Module, inputs: Any) -> None:
        nonlocal reached
        # their order in the model need not be the order they run in, and tiles run them again
        progress("encode", min(reached / len(steps), 1.0))
        reached += 1

    with ExitStack() as hooks:
        for step in steps:
            hooks.callback(step.register_forward_pre_hook(report).remove)
        yield


def part(progress: Progress, begin: float, end: float) -> Progress:
    """Return a progress that covers only a part of another."""
    return lambda phase, fraction: progress(phase, begin + (end - begin) * fraction)


def _check_tokens(path: str, output: torch.Tensor | None, tokens: int) -> None:
    """Say what is wrong with what a projection gave, if anything."""
    if output is None:
        raise MissingError(
            f"The model does not use its part {path} any more; install the versions of diffusers "
            "and transformers that this release names."
        )
    if output.ndim != 3 or output.shape[:2] != (1, tokens):
        raise InputError(
            f"The block {path} works on {output.shape[1]} cells and the grid has {tokens}; choose "
            "blocks of the finest level."
        )
    if not bool(torch.isfinite(output).all()):
        raise InputError(
            f"Numbers overflowed in the model at {path} in {str(output.dtype)[6:]}; use dtype "
            "float32."
        )
