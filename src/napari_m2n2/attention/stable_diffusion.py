"""Stable Diffusion 1 and 2: the self-attention of their UNet, as M2N2 (CVPR 2025) §3.1 takes it.

The image is encoded, its latent goes through the UNet once at one timestep with the empty prompt
and without noise, and the attention of some blocks of the finest level is averaged.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.attention import fit, libraries
from napari_m2n2.attention.base import Attention
from napari_m2n2.attention.cross_attention import heavier_keys, paths_of, phrase_maps
from napari_m2n2.attention.diffusion_modules import (
    PIXELS,
    Modules,
    placed,
    sizes_in,
    sizes_of,
)
from napari_m2n2.attention.empty_prompt import empty_prompt
from napari_m2n2.attention.hooked import (
    Hooked,
    Probe,
    averaged,
    blocks_of,
    part,
    read_blocks,
    read_outputs,
    submodule,
    watched,
)
from napari_m2n2.attention.options import BLOCKS, BackboneOptions
from napari_m2n2.attention.preprocess import for_diffusion
from napari_m2n2.attention.words import Emphasis, embed_phrases
from napari_m2n2.errors import MissingError
from napari_m2n2.progress import Progress, ignore

PUBLISHED_BLOCKS = (("up0", 0.5), ("up1", 0.5))
"""The best of the paper's Table 1."""

_UNUSED = ("decoder.", "post_quant_conv.")


class StableDiffusion(Hooked):
    """The self-attention of Stable Diffusion's UNet.

    Parameters
    ----------
    folder : Path
        Weights in diffusers' layout, of any size of the architecture: unet, vae, and for the empty
        prompt text_encoder and tokenizer.
    grid : int or (int, int)
        Cells along each side; the image is resized to 8 pixels a cell.
    device : str
        As torch calls it.
    options : BackboneOptions
        Timestep, blocks and their weights, encoder, precision.
    name : str
        What sentences to the user call it.
    tiny_vae : Path, optional
        Folder of the tiny encoder for ``vae="tiny"``; without it `folder`/vae_tiny
        or `folder`/taesd.
    embedding : Path, optional
        Where the embedding of the empty prompt is kept; see `empty_prompt`.

    Raises
    ------
    InputError
        If the device has too little memory for this grid, known before anything is loaded.
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
        name: str = "stable-diffusion-2",
        tiny_vae: Path | None = None,
        embedding: Path | None = None,
    ) -> None:
        super().__init__(name, grid, device)
        self.options = options
        self._folder: Path | None = folder
        self._vae_folder = folder / "vae"
        if options.vae == "tiny":
            taesd = folder / "taesd"
            self._vae_folder = tiny_vae or (taesd if taesd.is_dir() else folder / "vae_tiny")
        self._embedding = embedding
        self._dtype = libraries.resolve_dtype(options.dtype, device)
        self._modules: Modules | None = None
        self._sizes = sizes_in(folder / "unet", self._vae_folder)
        self.check_fit()

    @classmethod
    def from_modules(
        cls,
        modules: Modules,
        *,
        grid: int | tuple[int, int],
        device: str = "cpu",
        options: BackboneOptions | None = None,
        name: str = "stable-diffusion-2",
    ) -> StableDiffusion:
        """Make the backbone of networks that are there; `release` does not give them back."""
        self = object.__new__(cls)
        Hooked.__init__(self, name, grid, device)
        self.options = options or BackboneOptions()
        self._folder = None
        self._dtype = libraries.resolve_dtype(self.options.dtype, device)
        self._modules = placed(modules, device, self._dtype)
        self._sizes = sizes_of(self._modules)
        return self

    def load(self, progress: Progress = ignore) -> None:
        """Load the weights unless they are there."""
        if self._modules is not None or self._folder is None:
            return
        diffusers = libraries.library("diffusers")
        progress("weights", 0.0)
        embedding = empty_prompt(self._folder, self._embedding)
        progress("weights", 0.2)
        kind = diffusers.AutoencoderTiny if self.options.vae == "tiny" else diffusers.AutoencoderKL
        vae = libraries.load(kind, self._vae_folder, self._dtype, unused=_UNUSED)
        progress("weights", 0.3)
        unet = libraries.load(diffusers.UNet2DConditionModel, self._folder / "unet", self._dtype)
        progress("weights", 0.9)
        self._modules = placed(Modules(unet, vae, embedding), self.device, self._dtype)
        progress("weights", 1.0)

    def release(self) -> None:
        """Give the memory of the weights back; they are loaded again when they are needed."""
        if self._folder is not None:
            self._modules = None
        gc.collect()  # the parts of a network know each other
        fit.give_back(self.device)

    def need(self, cells: int) -> fit.Need:
        """Return the memory that a grid of so many cells takes at least."""
        return self._sizes.need(cells, self._dtype.itemsize, tiled=not self._sizes.tiny)

    def check_fit(self) -> None:
        """Raise `InputError` if what is still to be allocated is more than there is."""
        loaded = self._modules is not None
        fit.check(self.name, self.grid, self.device, self.need, loaded=loaded)

    @property
    def tiled(self) -> bool:
        """Whether the image is encoded in tiles, since the device has too little memory at once.

        Each tile is then normalised by itself, so that the latent differs from the published one.
        """
        if self._sizes.tiny:
            return False
        whole = self._sizes.need(self.grid[0] * self.grid[1], self._dtype.itemsize, tiled=False)
        return whole.total > fit.at_hand(self.device, whole, loaded=self._modules is not None)

    def encode(self, rgb: NDArray[np.float32], *, progress: Progress = ignore) -> torch.Tensor:
        """Return the latent of an image, (1, 4, h, w), as the UNet takes it."""
        vae = self.modules.vae
        shape = (self.grid[0] * PIXELS, self.grid[1] * PIXELS)
        image = for_diffusion(rgb, shape).to(self.device, self._dtype)
        vae.use_tiling = self.tiled
        with watched(vae.encoder, progress):
            encoded = vae.encode(image)
        # the tiny encoder was trained to give latents that are scaled already
        if hasattr(encoded, "latents"):
            return torch.as_tensor(encoded.latents)
        return torch.as_tensor(encoded.latent_dist.mode() * vae.config.scaling_factor)

    def read(
        self, latent: torch.Tensor, *, progress: Progress = ignore
    ) -> list[tuple[Probe, torch.Tensor, torch.Tensor]]:
        """Return the blocks with their queries and keys, from one run of the UNet."""
        modules = self.modules
        step = torch.tensor(self.options.timestep, device=latent.device)
        probes = _probes(modules.unet, self.options.blocks or PUBLISHED_BLOCKS)

        def run() -> None:
            modules.unet(latent, step, encoder_hidden_states=modules.embedding)

        with watched(modules.unet, progress):
            return read_blocks(modules.unet, probes, run, latent.shape[2] * latent.shape[3])

    def _matrix(self, rgb: NDArray[np.float32], progress: Progress) -> torch.Tensor:
        """Return the (N, N) float32 attention of an image."""
        latent = self.encode(rgb, progress=part(progress, 0.0, 0.55))
        read = self.read(latent, progress=part(progress, 0.55, 0.95))
        del latent
        fit.give_back(self.device)
        cells = self.grid[0] * self.grid[1]
        matrix = averaged(read, cells, progress=part(progress, 0.95, 1.0))
        progress("encode", 1.0)
        return matrix

    def attend_words(
        self,
        rgb: NDArray[np.float32],
        phrases: Sequence[str],
        *,
        emphasis: Emphasis,
        progress: Progress = ignore,
    ) -> tuple[torch.Tensor, Attention]:
        """Return where an image answers to each phrase, (P, N), and its attention meanwhile.

        Parameters are those of `attend` and of `napari_m2n2.attention.words.embed_phrases`, and
        so are the errors. Unlike iSeg's program, no noise is added to the image, as in `attend`.
        """
        return self.guarded(lambda: self._answer(rgb, phrases, emphasis, progress), progress)

    def _answer(
        self,
        rgb: NDArray[np.float32],
        phrases: Sequence[str],
        emphasis: Emphasis,
        progress: Progress,
    ) -> tuple[torch.Tensor, Attention]:
        """Run the UNet with a sentence instead of the empty prompt."""
        if self._folder is None:
            raise MissingError("Networks without a folder have no text encoder; use points.")
        keys_only = emphasis.keys_only
        worded = embed_phrases(self._folder, phrases, 1.0 if keys_only else emphasis.gain)
        unet = self.modules.unet
        latent = self.encode(rgb, progress=part(progress, 0.0, 0.55))
        step = torch.tensor(self.options.timestep, device=latent.device)
        embedding = worded.embedding.to(self.device, self._dtype)
        probes = _probes(unet, self.options.blocks or PUBLISHED_BLOCKS)
        paths = [path for probe in probes for path in (probe.query, probe.key)]
        heavier = heavier_keys(unet, worded.places, emphasis.gain) if keys_only else nullcontext()
        with watched(unet, part(progress, 0.55, 0.95)), heavier:
            seen = read_outputs(
                unet,
                [*paths, *paths_of()],
                lambda: unet(latent, step, encoder_hidden_states=embedding),
            )
        maps = phrase_maps(unet, seen, self.grid, worded.places, clusters=emphasis.clusters)
        cells = self.grid[0] * self.grid[1]
        read = blocks_of(seen, probes, cells)
        return maps, Attention(
            averaged(read, cells, progress=part(progress, 0.95, 1.0)), self.grid
        )

    @property
    def modules(self) -> Modules:
        """The networks, which `load` loads."""
        if self._modules is None:
            raise MissingError("The weights are not loaded; call load first.")
        return self._modules


def _probes(unet: Any, blocks: Sequence[tuple[str, float]]) -> list[Probe]:
    """Return how the named blocks are read."""
    probes = []
    for name, weight in blocks:
        path = BLOCKS.get(name, name)
        block: Any = submodule(unet, path)
        try:
            probes.append(
                Probe(f"{path}.to_q", f"{path}.to_k", int(block.heads), block.scale, weight)
            )
        except AttributeError:
            raise MissingError(
                f"The part {path} of the UNet is no self-attention; choose blocks such as up0."
            ) from None
    return probes
