"""Random models of the architectures of the backbones, scaled down, and plain references.

The references run the whole network through the library's own modules and average the attention
probabilities, all heads at once, in float64.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import torch
import transformers
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor

from napari_m2n2.attention.diffusion_modules import Modules
from napari_m2n2.attention.options import BLOCKS

SD2 = {
    "block_out_channels": (320, 640, 1280, 1280),
    "attention_head_dim": (5, 10, 20, 20),
    "cross_attention_dim": 1024,
    "use_linear_projection": True,
}
SD1 = {
    "block_out_channels": (320, 640, 1280, 1280),
    "attention_head_dim": 8,
    "cross_attention_dim": 768,
    "use_linear_projection": False,
}
SMALL_SD2 = {
    "block_out_channels": (32, 64, 64, 64),
    "attention_head_dim": (2, 4, 4, 4),
    "cross_attention_dim": 32,
    "use_linear_projection": True,
    "norm_num_groups": 8,
}
SMALL_SD1 = SMALL_SD2 | {"attention_head_dim": 8, "use_linear_projection": False}


def randomise(model, seed=0, gain=1.0):
    """Give a model weights that make its attention vary, as the usual first ones do not."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if weights.ndim > 1:
                deviation = gain * weights[0].numel() ** -0.5
                weights.normal_(0, deviation, generator=generator)
            elif ("norm" in name and name.endswith("weight")) or "lambda" in name:
                weights.uniform_(0.5, 1.5, generator=generator)
            else:
                weights.normal_(0, 0.1, generator=generator)
    return model.eval()


def unet(config=SMALL_SD2):
    return UNet2DConditionModel(
        sample_size=8,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        layers_per_block=2,
        **config,
    )


def vae(channels=(8, 16, 16, 16), groups=4):
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=channels,
        latent_channels=4,
        norm_num_groups=groups,
        sample_size=64,
    )


def tiny_vae():
    return AutoencoderTiny(
        encoder_block_out_channels=(8, 8, 8, 8), decoder_block_out_channels=(8, 8, 8, 8)
    )


def stable_diffusion(config=SMALL_SD2, encoder=vae):
    embedding = torch.randn(1, 7, 32, generator=torch.Generator().manual_seed(3))
    image_encoder = encoder()
    gain = 1.2 if isinstance(image_encoder, AutoencoderTiny) else 1.4
    # gentle enough that rounding is not blown up on its way through the network
    return Modules(
        randomise(unet(config), 1, gain=0.8), randomise(image_encoder, 2, gain=gain), embedding
    )


def remember(seen, name, attention):
    """Have an attention of diffusers put its scores into a dict, under a name."""
    original = attention.get_attention_scores

    def scores(*args, **kwargs):
        seen[name] = original(*args, **kwargs)
        return seen[name]

    attention.get_attention_scores = scores


def plain_stable_diffusion(modules, rgb, grid, blocks, timestep=100):
    """Return the attention of a Stable Diffusion in the plain way."""
    eight_bits = (rgb * 255).round().astype(np.uint8)
    resized = cv2.resize(eight_bits, (grid[1] * 8, grid[0] * 8), interpolation=cv2.INTER_AREA)
    image = torch.from_numpy(resized).permute(2, 0, 1)[None].to(modules.unet.dtype) / 255 * 2 - 1
    usual = modules.unet.attn_processors
    modules.unet.set_attn_processor(AttnProcessor())
    seen = {}

    for name in blocks:
        remember(seen, name, modules.unet.get_submodule(BLOCKS[name]))
    with torch.no_grad():
        encoded = modules.vae.encode(image)
        if isinstance(modules.vae, AutoencoderTiny):
            latent = encoded.latents
        else:
            latent = 0.18215 * encoded.latent_dist.mode()
        modules.unet(latent, timestep, encoder_hidden_states=modules.embedding)
    for name in blocks:
        del modules.unet.get_submodule(BLOCKS[name]).get_attention_scores
    modules.unet.set_attn_processor(usual)
    total = sum(weight * seen[name].double().mean(dim=0) for name, weight in blocks.items())
    return total / total.sum(dim=1, keepdim=True)


def dino(registers=0, *, eager=False, config=None):
    sizes = {
        "hidden_size": 48,
        "num_hidden_layers": 3,
        "num_attention_heads": 3,
        "image_size": 14 * 5,
        "patch_size": 14,
        "mlp_ratio": 2,
        "attn_implementation": "eager" if eager else "sdpa",
    } | (config or {})
    if registers:
        made = transformers.Dinov2WithRegistersConfig(num_register_tokens=registers, **sizes)
        model = transformers.Dinov2WithRegistersModel(made)
    else:
        model = transformers.Dinov2Model(transformers.Dinov2Config(**sizes))
    return randomise(model, 5)


def plain_dino(model, rgb, grid, layer=-1, registers=0):
    """Return the attention of a DINOv2 with the eager implementation in the plain way."""
    cells = plain_dino_tokens(model, rgb, grid, layer, registers)
    return cells / cells.sum(dim=1, keepdim=True)


def plain_dino_tokens(model, rgb, grid, layer, registers=0):
    """Return the mean over heads between cells; what went to special tokens is missing."""
    eight_bits = (rgb * 255).round().astype(np.uint8)
    resized = cv2.resize(eight_bits, (grid[1] * 14, grid[0] * 14), interpolation=cv2.INTER_AREA)
    image = (resized / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    pixels = torch.from_numpy(image.astype(np.float32)).permute(2, 0, 1)[None]
    with torch.no_grad():
        attention = model(pixels, output_attentions=True).attentions[layer][0]
    return attention.double().mean(dim=0)[1 + registers :, 1 + registers :]


def save_stable_diffusion(folder: Path, modules=None, *, text=True) -> Path:
    """Write a Stable Diffusion in diffusers' layout."""
    modules = modules or stable_diffusion()
    modules.unet.save_pretrained(folder / "unet")
    modules.vae.save_pretrained(folder / "vae")
    if text:
        save_text_encoder(folder)
    return folder


def save_text_encoder(folder: Path) -> None:
    """Write a text encoder and a tokenizer of a few words."""
    config = transformers.CLIPTextConfig(
        vocab_size=520,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=7,
        bos_token_id=518,
        eos_token_id=519,
    )
    randomise(transformers.CLIPTextModel(config)).save_pretrained(folder / "text_encoder")
    vocabulary = ["!", *(f"word{n}" for n in range(517)), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = folder / "tokenizer"
    tokenizer.mkdir(parents=True)
    numbered = {word: number for number, word in enumerate(vocabulary)}
    (tokenizer / "vocab.json").write_text(json.dumps(numbered))
    (tokenizer / "merges.txt").write_text("#version: 0.2\n")
    (tokenizer / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "CLIPTokenizer", "pad_token": "<|endoftext|>"})
    )
    # as Stable Diffusion 2 does it, and as it contradicts itself
    (tokenizer / "special_tokens_map.json").write_text(json.dumps({"pad_token": "!"}))
