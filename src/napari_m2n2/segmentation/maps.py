"""The methods: how far each cell is from a prompt, by each of them.

`m2n2` and `m2n2-no-flood` use Markov maps, M2N2 (CVPR 2025) §3.3; `attention-nn` and `kl-nn` are
the baselines of its Table 3, which the published implementation does not contain. What is
inferred: Attention-NN uses the mixed attention row of the prompt, d = 1 - a / max(a); KL-NN uses
the symmetric divergence of DiffSeg and does not renormalise after clipping; neither balances the
matrix.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from napari_m2n2.attention.base import Attention, Tensors
from napari_m2n2.attention.reversibility import stationary
from napari_m2n2.markov.packed import Packed
from napari_m2n2.markov.packing import pack
from napari_m2n2.markov.product import halved
from napari_m2n2.markov.reversible import (
    balance_reversible,
    leading_spectrum,
    spectral_maps,
)
from napari_m2n2.markov.transition import balance, sharpen
from napari_m2n2.markov.walk import markov_maps, rows_agree
from napari_m2n2.progress import Progress
from napari_m2n2.segmentation.parameters import Parameters

_CLIP = 1e-5
"""Smallest entry in KL-NN."""

_ROWS = 512
"""Rows of a divergence computed together, to bound memory."""

REVISION = 3
"""To be raised whenever what is kept of a walk would come out otherwise than it did before."""

MapMaker = Callable[[torch.Tensor, Progress], torch.Tensor]
"""Takes start states (B, N) and gives a map for each, (B, N), small near the prompt."""


def make_maps(
    attention: Attention,
    method: str,
    parameters: Parameters,
    progress: Progress,
    *,
    overwrite: bool = False,
) -> MapMaker:
    """Do a method's work that depends on the image alone; return what makes maps from starts.

    With `overwrite` the attention's matrix is used up, which saves a copy of it.
    """
    weights = sharpen(attention.matrix, parameters.temperature, overwrite=overwrite)
    if method == "attention-nn":
        return lambda starts, _: attention_distance(weights, starts)
    if method == "kl-nn":
        clipped = weights.clamp_(_CLIP, 1)
        logs = clipped.log()
        return lambda starts, _: divergence(clipped, logs, starts)

    def recall(description: str, compute: Callable[[], Tensors]) -> Tensors:
        said = f"{description}, T = {parameters.temperature}, revision {REVISION}"
        return attention.recall(said, compute)

    pi = stationary(weights) if parameters.walk == "spectral" else None
    if pi is None:
        transition = balance(
            weights,
            parameters.ipf_rounds,
            grid=attention.grid,
            tolerance=parameters.ipf_tolerance,
            progress=progress,
            recall=recall,
        ).matrix
        if parameters.storage == "half" and transition.device.type == "cpu":
            transition = halved(transition)
        agree = rows_agree(transition, parameters.max_steps)
        packs = agree and transition.dtype != torch.float16
        packed = pack(transition, grid=attention.grid, overwrite=True) if packs else None
        walked: torch.Tensor | Packed = packed or transition
        del transition
        return lambda starts, report: markov_maps(
            walked,
            starts,
            tau=parameters.tau,
            max_steps=parameters.max_steps,
            agree=agree,
            progress=report,
        )
    symmetric = balance_reversible(weights, pi, progress=progress, recall=recall).matrix
    spectrum = leading_spectrum(symmetric, progress=progress, recall=recall)
    return lambda starts, report: spectral_maps(
        symmetric,
        spectrum,
        starts,
        tau=parameters.tau,
        max_steps=parameters.max_steps,
        progress=report,
    )


def attention_distance(attention: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
    """Return 1 - a / max(a) with a = p₀ A, (B, N), for start states (B, N)."""
    a = _mixed_rows(attention, starts)
    return 1 - a / a.amax(dim=1, keepdim=True)


def divergence(attention: torch.Tensor, logs: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
    """Return ½ KL(p‖q) + ½ KL(q‖p) of the prompt's row p and the row q of every cell, (B, N)."""
    rows = _mixed_rows(attention, starts)
    result = torch.empty_like(rows)
    for row, target in zip(rows, result, strict=True):
        for begin in range(0, len(attention), _ROWS):
            block = slice(begin, begin + _ROWS)
            terms = (row - attention[block]) * (row.log() - logs[block])
            target[block] = terms.sum(dim=1) / 2
    return result


def _mixed_rows(attention: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
    """Return the mean of the attention rows under each start state."""
    starts = starts.to(attention)
    return (starts / starts.sum(dim=1, keepdim=True)) @ attention
