"""Where an image answers to words: the cross-attention of Stable Diffusion's UNet.

iSeg (Sun et al., "iSeg: An Iterative Refinement-based Framework for Training-free Segmentation",
2024), Cat-Cross, as its program does it: softmax over the tokens, mean over heads, each token's
map divided by its sum, levels of two resolutions weighted, mean over the tokens of a phrase.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from napari_m2n2.attention.hooked import submodule
from napari_m2n2.attention.word_clusters import clustered
from napari_m2n2.errors import InputError, MissingError


@dataclass(frozen=True)
class Level:
    """Blocks of one resolution.

    Attributes
    ----------
    weight : float
    halvings : int
        The grid is halved so often.
    blocks : tuple of str
        Paths of the cross-attention in the UNet.
    """

    weight: float
    halvings: int
    blocks: tuple[str, ...]


def _paths(*places: str) -> tuple[str, ...]:
    """Return the paths of cross-attention blocks."""
    return tuple(
        f"{side}_blocks.{level}.attentions.{number}.transformer_blocks.0.attn2"
        for side, level, number in (place.split(".") for place in places)
    )


LEVELS = (
    Level(0.7, 2, _paths("down.2.0", "down.2.1", "up.1.0", "up.1.1", "up.1.2")),
    Level(0.3, 1, _paths("down.1.1", "up.2.0", "up.2.1")),
)
"""What the program reads: at 16 × 16 and at 32 × 32 cells, where the grid has 64 × 64."""


def paths_of(levels: Sequence[Level] = LEVELS) -> list[str]:
    """Return the parts of a UNet whose outputs `phrase_maps` needs."""
    return [
        f"{block}.{name}"
        for level in levels
        for block in level.blocks
        for name in ("to_q", "to_k")
    ]


def phrase_maps(
    unet: torch.nn.Module,
    seen: Mapping[str, torch.Tensor],
    grid: tuple[int, int],
    places: Sequence[Sequence[int]],
    *,
    clusters: int = 0,
    levels: Sequence[Level] = LEVELS,
) -> torch.Tensor:
    """Return where an image answers to each phrase, (P, N) float32, not negative.

    Parameters
    ----------
    unet : Module
        diffusers' UNet2DConditionModel.
    seen : mapping of str to tensor
        What its parts `paths_of` gave: (1, cells of the level, heads · d) and (1, T, heads · d).
    grid : (int, int)
        h · w = N, cells of the finest level.
    places : sequence of sequence of int
        The tokens of each phrase.
    clusters : int
        Cells of so many clusters share their mean before the tokens are chosen; 0 for none.
    levels : sequence of Level

    Raises
    ------
    MissingError
        If the network does not use one of the parts.
    InputError
        If the grid is too small for its coarse levels, or numbers overflowed.
    """
    total: torch.Tensor | None = None
    for level in levels:
        maps = torch.stack([_token_maps(unet, seen, block) for block in level.blocks])
        shape = grid
        for _ in range(level.halvings):
            shape = (-(-shape[0] // 2), -(-shape[1] // 2))
        if maps.shape[2] != shape[0] * shape[1]:
            raise InputError(
                f"The network works on {maps.shape[2]} cells where {shape[0]} × {shape[1]} are "
                "expected; use a grid whose sides are multiples of 8."
            )
        mean = maps.mean(dim=0)
        mean = mean / mean.sum(dim=1, keepdim=True)
        enlarged = torch.nn.functional.interpolate(
            mean.reshape(1, -1, *shape), size=grid, mode="bilinear", align_corners=False
        )[0]
        total = level.weight * enlarged if total is None else total + level.weight * enlarged
    assert total is not None
    total = total.flatten(1)
    if clusters:
        total = clustered(total, grid, clusters)
    return torch.stack([total[list(some)].mean(dim=0) for some in places])


@contextmanager
def heavier_keys(
    unet: torch.nn.Module, places: Sequence[Sequence[int]], gain: float
) -> Iterator[None]:
    """Multiply the keys of some tokens in every cross-attention of a UNet while this is open.

    The paper's equations 7 and 8; the published program multiplies what keys and values are made
    of (`napari_m2n2.attention.words`).
    """
    tokens = [place for some in places for place in some]

    def scale(module: torch.nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        scaled = output.clone()
        scaled[:, tokens] *= gain
        return scaled

    with ExitStack() as hooks:
        for path, module in unet.named_modules():
            if path.endswith("attn2.to_k"):
                hooks.callback(module.register_forward_hook(scale).remove)
        yield


def _token_maps(
    unet: torch.nn.Module, seen: Mapping[str, torch.Tensor], block: str
) -> torch.Tensor:
    """Return how strongly each cell looks at each token, (T, cells), mean over heads."""
    attention: Any = submodule(unet, block)
    try:
        query, key = seen[f"{block}.to_q"][0], seen[f"{block}.to_k"][0]
        heads, scale = int(attention.heads), float(attention.scale)
    except (KeyError, AttributeError):
        raise MissingError(
            f"The model does not use its part {block} any more; install the versions of diffusers "
            "and transformers that this release names."
        ) from None
    queries, keys = (
        tensor.reshape(len(tensor), heads, -1).transpose(0, 1).float() for tensor in (query, key)
    )
    shares = torch.softmax(queries @ keys.transpose(1, 2) * scale, dim=-1)
    found = shares.mean(dim=0).T
    if not bool(torch.isfinite(found).all()):
        raise InputError(
            f"Numbers overflowed in the model at {block} in {str(query.dtype)[6:]}; use dtype "
            "float32."
        )
    return found
