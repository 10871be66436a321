"""Where a segmenter's attention comes from: a backbone by name, or an object of the user's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.attention import fit, registry
from napari_m2n2.attention.base import Attention, Backbone
from napari_m2n2.attention.identity import describe, key_of
from napari_m2n2.attention.keeping import AttentionStore
from napari_m2n2.attention.options import PLAIN, BackboneOptions
from napari_m2n2.attention.sharing import OnGrid
from napari_m2n2.attention.weights import Weights
from napari_m2n2.attention.words import Emphasis
from napari_m2n2.errors import InputError, NoMemoryError, UserError, is_out_of_memory
from napari_m2n2.progress import Progress, ignore

T = TypeVar("T")


class AttentionSource:
    """A backbone that is made by the first image, and given back when memory runs out.

    Parameters
    ----------
    backbone : str or Backbone
        A name (`napari_m2n2.attention.registry.names`) or an object with ``attend(rgb)``.
    grid : int
        Cells along a side.
    device : str
        As torch calls it.
    options : BackboneOptions
        For a backbone with weights.
    store : AttentionStore, optional
        Where attention is kept and looked for. That of a user's backbone is not kept: nobody
        knows what it depends on.

    Attributes
    ----------
    name : str
        The backbone's.
    gives_away : bool
        Whether an attention may be overwritten; one of the user's backbone may be kept by it.
    weights : Weights or None
        Those in use; None before the first image, and for a backbone that has none.

    Raises
    ------
    InputError
        If the name is unknown, the object has no ``attend``, or options mean nothing to it.
    """

    def __init__(
        self,
        backbone: str | Backbone,
        grid: int,
        device: str,
        options: BackboneOptions = PLAIN,
        store: AttentionStore | None = None,
    ) -> None:
        self._backbone: Backbone | None = None
        if isinstance(backbone, str):
            self.name = backbone
            registry.check_use(backbone, options)
        elif isinstance(backbone, Backbone):
            self.name = type(backbone).__name__
            self._backbone = backbone
            if options != PLAIN:
                raise InputError("A backbone of one's own has no weights, timestep or blocks.")
        else:
            raise InputError("The backbone has no attend(rgb); give a name or an object with it.")
        self.gives_away = isinstance(backbone, str)
        self._grid = grid
        self._device = device
        self._options = options
        self._store = store if self.gives_away else None
        self._description = ""
        self.weights: Weights | None = None

    def attend(self, rgb: NDArray[np.float32], progress: Progress = ignore) -> Attention:
        """Return the attention of an RGB image, (H, W, 3) float32 in [0, 1].

        Raises
        ------
        MissingError, FileError
            If weights are not there and cannot be had.
        NoMemoryError
            If the grid does not fit into memory.
        """
        progress("attention", 0.0)
        with torch.inference_mode():
            attention = (
                self._attend(rgb, progress) if self._store is None else self._kept(rgb, progress)
            )
        progress("attention", 1.0)
        return attention

    def attend_words(
        self,
        rgb: NDArray[np.float32],
        phrases: Sequence[str],
        *,
        emphasis: Emphasis,
        progress: Progress = ignore,
    ) -> tuple[torch.Tensor, Attention]:
        """Return where an image answers to each phrase, (P, N), and its attention meanwhile.

        Raises
        ------
        InputError
            If the backbone does not understand text, or there is too much of it.
        MissingError, FileError, NoMemoryError
            See `attend`.
        """
        attend = None
        if registry.understands_text(self.name) or not self.gives_away:
            attend = getattr(self._made(progress), "attend_words", None)
        if attend is None:
            raise InputError(f"The backbone {self.name!r} does not understand text; use points.")
        found: tuple[torch.Tensor, Attention] = attend(
            rgb, phrases, emphasis=emphasis, progress=progress
        )
        return found

    def key(self, rgb: NDArray[np.float32], progress: Progress = ignore) -> str:
        """Return the key of the attention of an image in a store; looks for the weights."""
        if not self._description:
            self._made(progress)
            self._description = describe(self.name, self._grid, self._options, self.weights)
        return key_of(rgb, self._description)

    def _kept(self, rgb: NDArray[np.float32], progress: Progress) -> Attention:
        """Return the attention of an image from the store, or into it."""
        assert self._store is not None
        key = self.key(rgb, progress)
        found = self._store.find(key)
        if found is None:
            found = self._store.keep(key, self._attend(rgb, progress), own=True)
        return found

    def _attend(self, rgb: NDArray[np.float32], progress: Progress) -> Attention:
        """Return what the backbone gives."""
        backbone = self._made(progress)
        # a backbone of the user's need not report
        reports = "progress" in inspect.signature(backbone.attend).parameters
        arguments: dict[str, Any] = {"progress": progress} if reports else {}
        return backbone.attend(rgb, **arguments)

    def _made(self, progress: Progress) -> Backbone:
        """Return the backbone."""
        if self._backbone is None:
            self._backbone, self.weights = registry.create(
                self.name, self._grid, self._device, self._options, progress
            )
        return self._backbone

    def within_memory(self, work: Callable[[], T]) -> T:
        """Do work; where memory runs out give back the model, and say in a sentence what to do.

        Raises
        ------
        NoMemoryError
            If memory ran out.
        """
        try:
            return work()
        except (RuntimeError, MemoryError) as error:
            if isinstance(error, UserError) or not is_out_of_memory(error):
                raise
        # here, where no traceback holds on to large arrays any more
        if isinstance(self._backbone, OnGrid):
            self._backbone.release()
        fit.give_back(self._device)
        raise NoMemoryError(self._too_large())

    def _too_large(self) -> str:
        """Say that memory ran out, and what would fit."""
        if isinstance(self._backbone, OnGrid):
            return self._backbone.too_large(self._device)
        smaller = max(self._grid * 3 // 4 // 8 * 8, 8)
        advice = f"use grid {smaller} or" if smaller < self._grid else "crop the image, or"
        return (
            f"The memory of {self._device} ran out for {self.name} on a grid of {self._grid}; "
            f"{advice} close other programs."
        )
