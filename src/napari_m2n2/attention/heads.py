"""The mean over heads of softmax(Q Kᵀ / √d), row block by row block.

A self-attention block with H heads over N tokens would fill H × N × N numbers, 5.4 GB in float32
for Stable Diffusion 2 on a grid of 128. Here one block of rows of one head exists at a time, and
all that is kept is their mean.

Everything is computed in float32, whatever the precision of the queries and keys: on a grid of 128
an average entry of the attention is 2⁻¹⁴, the smallest normal number of half precision, so that
half of a softmax in float16 would be lost.
"""

from __future__ import annotations

import torch

from napari_m2n2.progress import Progress, ignore

_BYTES = {"cpu": 1 << 22}
"""Memory of one block of rows: on a processor what stays in its cache."""

_BYTES_ELSEWHERE = 1 << 27
"""On a GPU large enough to keep it busy, small beside the attention itself."""


def add_mean_attention(
    into: torch.Tensor,
    query: torch.Tensor,
    key: torch.Tensor,
    heads: int,
    *,
    scale: float,
    weight: float = 1.0,
    skip: int = 0,
    progress: Progress = ignore,
) -> None:
    """Add weight × the mean over heads of softmax(scale · Q Kᵀ) to a matrix.

    Parameters
    ----------
    into : (N, N) float32 tensor
        What is added to.
    query, key : (skip + N, heads · d) tensors
        As they leave the projections of a self-attention block: the d numbers of the first head,
        then those of the second. Any precision, on the device of `into`.
    heads : int
        H, number of heads.
    scale : float
        What the products are multiplied with, in these models 1 / √d.
    weight : float
        Weight of this block among several.
    skip : int
        The first tokens, which are no cells (DINOv2's class token and registers). They take part
        in the softmax; then their rows and columns are left out, so that rows sum to less than
        `weight`.
    progress : callable, optional
        Called as ``progress("encode", fraction)``; may raise `Cancelled`.
    """
    tokens = len(query)
    keys = _by_head(key, heads).transpose(1, 2).contiguous()
    rows = rows_at_once(tokens, into.device.type)
    for begin in range(skip, tokens, rows):
        queries = _by_head(query[begin : begin + rows], heads) * scale
        target = into[begin - skip : begin - skip + rows]
        for own_queries, own_keys in zip(queries, keys, strict=True):
            shares = torch.softmax(own_queries @ own_keys, dim=-1)
            target.add_(shares[:, skip:], alpha=weight / heads)
        progress("encode", min((begin + rows) / tokens, 1.0))


def rows_at_once(tokens: int, device: str) -> int:
    """Return how many rows of one head are computed together on a type of device."""
    return max(_BYTES.get(device, _BYTES_ELSEWHERE) // (4 * tokens), 1)


def _by_head(tokens: torch.Tensor, heads: int) -> torch.Tensor:
    """Return (heads, T, d) float32 of what a projection gives, (T, heads · d)."""
    return tokens.reshape(len(tokens), heads, -1).transpose(0, 1).float().contiguous()
