"""The networks of a Stable Diffusion, and the memory that they take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from napari_m2n2.attention import fit, libraries
from napari_m2n2.errors import FileError

PIXELS = 8
"""Pixels along the side of a cell of the latent."""

_ENCODER_COPIES = 6
"""Images of all channels of the finest level that the encoder holds at one time, measured."""

_UNET_COPIES = 56
"""Likewise for the UNet: what its blocks hand on to later ones, and its widest layer."""


@dataclass(frozen=True, eq=False)
class Modules:
    """The networks.

    Attributes
    ----------
    unet : Module
        diffusers' UNet2DConditionModel.
    vae : Module
        diffusers' AutoencoderKL or AutoencoderTiny.
    embedding : (1, T, D) tensor
        What the text encoder makes of the empty prompt.
    """

    unet: Any
    vae: Any
    embedding: torch.Tensor


@dataclass(frozen=True)
class Sizes:
    """What the memory of a model depends on.

    Attributes
    ----------
    weights : int
        Number of weights that are kept.
    channels : int
        Of the UNet's finest level.
    encoder_channels : int
        Of the encoder's finest level.
    tiny : bool
        Whether the encoder is the tiny one.
    tile : int
        Side of a tile in pixels.
    """

    weights: int
    channels: int
    encoder_channels: int
    tiny: bool
    tile: int

    def need(self, cells: int, itemsize: int, *, tiled: bool) -> fit.Need:
        """Return the memory that an image takes."""
        pixels = cells * PIXELS**2
        if tiled:
            pixels = min(pixels, self.tile**2)
        return fit.Need(
            weights=self.weights * itemsize,
            encoder=_ENCODER_COPIES * pixels * self.encoder_channels * itemsize,
            network=_UNET_COPIES * cells * self.channels * itemsize,
            attention=fit.attention_bytes(cells),
        )


def _sizes(weights: int, unet: Mapping[str, Any], vae: Mapping[str, Any]) -> Sizes:
    """Return the sizes of a model from its configurations."""
    tiny = is_tiny(vae)
    channels = vae["encoder_block_out_channels" if tiny else "block_out_channels"]
    tile = vae.get("sample_size", 512)
    return Sizes(
        weights=weights,
        channels=int(unet["block_out_channels"][0]),
        encoder_channels=int(channels[0]),
        tiny=tiny,
        tile=int(max(tile) if isinstance(tile, Sequence) else tile),
    )


def is_tiny(vae: Mapping[str, Any]) -> bool:
    """Whether the configuration of an encoder is that of the tiny one."""
    return "encoder_block_out_channels" in vae


def sizes_in(unet: Path, vae: Path) -> Sizes:
    """Return the sizes of a model in files, from what they say of themselves."""
    weights = libraries.count_weights(unet)
    weights += libraries.count_weights(vae, beginnings=("encoder.", "quant_conv."))
    try:
        return _sizes(weights, libraries.config(unet), libraries.config(vae))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise FileError(
            f"The folder {unet.parent} does not describe a Stable Diffusion ({error!r}); give "
            "another folder."
        ) from error


def sizes_of(modules: Modules) -> Sizes:
    """Return the sizes of a model that is there."""
    parameters = (p for part in (modules.unet, modules.vae) for p in part.parameters())
    return _sizes(sum(p.numel() for p in parameters), modules.unet.config, modules.vae.config)


def placed(modules: Modules, device: str, dtype: torch.dtype) -> Modules:
    """Return the networks on a device, without the part of the encoder that decodes."""
    modules.vae.decoder = torch.nn.Identity()
    with libraries.quiet():
        vae = modules.vae.eval().to(device, dtype)
        if is_tiny(vae.config) and torch.device(device).type == "cpu":
            # a third less time; Stable Diffusion's own encoder gains a seventh, and is left as it
            # is so that its numbers are those of the plain form
            vae = vae.to(memory_format=torch.channels_last)
        unet = modules.unet.eval().to(device, dtype)
        if torch.device(device).type == "mps":
            # Apple's GPU would fill heads × N × N; this way it is one head at a time
            unet.set_attention_slice("max")
    return Modules(unet, vae, modules.embedding.to(device, dtype))
