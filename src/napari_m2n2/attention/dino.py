"""DINOv2, with or without registers: the self-attention of its last layer.

It looks at 14 pixels a cell and needs no diffusion: faster and smaller than Stable Diffusion, and
in the paper's Table 3 less exact.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.attention import fit, libraries
from napari_m2n2.attention.hooked import (
    Hooked,
    Probe,
    averaged,
    part,
    read_blocks,
    submodule,
    watched,
)
from napari_m2n2.attention.options import BackboneOptions
from napari_m2n2.attention.preprocess import for_imagenet
from napari_m2n2.errors import FileError, InputError, MissingError
from napari_m2n2.progress import Progress, ignore

_CLASSES = {"dinov2": "Dinov2Model", "dinov2_with_registers": "Dinov2WithRegistersModel"}

_PROJECTIONS = (
    ("attention.q_proj", "attention.k_proj"),
    ("attention.attention.query", "attention.attention.key"),  # transformers 4
)

_COPIES = 14
"""Layers of tokens that a layer holds at one time, its wide inner one as four, measured."""


class Dino(Hooked):
    """The self-attention of DINOv2.

    Parameters
    ----------
    folder : Path
        Weights in transformers' layout, of any size of the architecture.
    grid : int or (int, int)
        Cells along each side; the image is resized to 14 pixels a cell.
    device : str
        As torch calls it.
    options : BackboneOptions
        Layers and their weights (``layer.N``; the last one without), precision.
    name : str
        What sentences to the user call it.

    Raises
    ------
    InputError
        If the device has too little memory for this grid, known before anything is loaded, or
        there is no such layer.
    MissingError, FileError
        If weights lack or cannot be read.
    """

    def __init__(
        self,
        folder: Path,
        *,
        grid: int | tuple[int, int],
        device: str,
        options: BackboneOptions,
        name: str = "dinov2-base",
    ) -> None:
        super().__init__(name, grid, device)
        self.options = options
        self._folder: Path | None = folder
        self._dtype = libraries.resolve_dtype(options.dtype, device)
        self._model: Any = None
        self._config: Mapping[str, Any] = libraries.config(folder)
        if self._config.get("model_type") not in _CLASSES:
            raise FileError(
                f"The folder {folder} holds a model of type {self._config.get('model_type')!r}; "
                "give one with DINOv2."
            )
        self._weights = libraries.count_weights(folder)
        self.check_fit()

    @classmethod
    def from_model(
        cls,
        model: Any,
        *,
        grid: int | tuple[int, int],
        device: str = "cpu",
        options: BackboneOptions | None = None,
        name: str = "dinov2-base",
    ) -> Dino:
        """Make the backbone of a model that is there; `release` does not give it back."""
        self = object.__new__(cls)
        Hooked.__init__(self, name, grid, device)
        self.options = options or BackboneOptions()
        self._folder = None
        self._dtype = libraries.resolve_dtype(self.options.dtype, device)
        self._model = model.eval().to(device, self._dtype)
        self._config = model.config.to_dict()
        self._weights = sum(p.numel() for p in model.parameters())
        return self

    def load(self, progress: Progress = ignore) -> None:
        """Load the weights unless they are there."""
        if self._model is not None or self._folder is None:
            return
        transformers = libraries.library("transformers")
        progress("weights", 0.0)
        kind = getattr(transformers, _CLASSES[self._config["model_type"]])
        self._model = libraries.load(kind, self._folder, self._dtype).to(self.device)
        progress("weights", 1.0)

    def release(self) -> None:
        """Give the memory of the weights back; they are loaded again when they are needed."""
        if self._folder is not None:
            self._model = None
        gc.collect()  # the parts of a network know each other
        fit.give_back(self.device)

    def need(self, cells: int) -> fit.Need:
        """Return the memory that a grid of so many cells takes."""
        size = self._dtype.itemsize
        return fit.Need(
            weights=self._weights * size,
            encoder=0,
            network=_COPIES * cells * int(self._config["hidden_size"]) * size,
            attention=fit.attention_bytes(cells),
        )

    def check_fit(self) -> None:
        """Raise `InputError` if what is still to be allocated is more than there is."""
        loaded = self._model is not None
        fit.check(self.name, self.grid, self.device, self.need, loaded=loaded)

    def read(
        self, rgb: NDArray[np.float32], *, progress: Progress = ignore
    ) -> list[tuple[Probe, torch.Tensor, torch.Tensor]]:
        """Return the layers with their queries and keys, from one run of the network."""
        patch = int(self._config["patch_size"])
        image = for_imagenet(rgb, (self.grid[0] * patch, self.grid[1] * patch))
        pixels = image.to(self.device, self._dtype)
        tokens = self.special + self.grid[0] * self.grid[1]
        with watched(self._model.encoder, progress):
            return read_blocks(self._model, self._probes(), lambda: self._model(pixels), tokens)

    @property
    def special(self) -> int:
        """The first tokens, which are no cells: the class token, and registers after it."""
        return 1 + int(self._config.get("num_register_tokens", 0))

    def _matrix(self, rgb: NDArray[np.float32], progress: Progress) -> torch.Tensor:
        """Return the (N, N) float32 attention of an image."""
        read = self.read(rgb, progress=part(progress, 0.0, 0.9))
        fit.give_back(self.device)
        cells = self.grid[0] * self.grid[1]
        last = part(progress, 0.9, 1.0)
        matrix = averaged(read, cells, skip=self.special, progress=last)
        progress("encode", 1.0)
        return matrix

    def _probes(self) -> list[Probe]:
        """Return how the layers are read."""
        heads = int(self._config["num_attention_heads"])
        depth = int(self._config["num_hidden_layers"])
        scale = (int(self._config["hidden_size"]) // heads) ** -0.5
        probes = []
        for name, weight in self.options.blocks or ((f"layer.{depth - 1}", 1.0),):
            word, _, number = name.rpartition(".")
            if word != "layer" or not number.isdecimal() or int(number) >= depth:
                raise InputError(
                    f"{self.name} has no block {name!r}; choose layer.0 to layer.{depth - 1}."
                )
            query, key = self._projections(f"encoder.{name}")
            probes.append(Probe(query, key, heads, scale, weight))
        return probes

    def _projections(self, layer: str) -> tuple[str, str]:
        """Return the paths of a layer's projections to queries and keys."""
        for query, key in _PROJECTIONS:
            try:
                submodule(self._model, f"{layer}.{query}")
            except MissingError:
                continue
            return f"{layer}.{query}", f"{layer}.{key}"
        return f"{layer}.{_PROJECTIONS[0][0]}", f"{layer}.{_PROJECTIONS[0][1]}"
