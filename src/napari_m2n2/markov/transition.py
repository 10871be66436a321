"""The transition matrix: attention at a temperature, made doubly stochastic.

M2N2 (CVPR 2025) §3.2: softmax(log A / T) row by row, then iterative proportional fitting
(Sinkhorn's algorithm) until rows and columns sum to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from napari_m2n2.progress import Progress, ignore

TINY = 1e-12
"""Smallest entry before the logarithm: with no zero left, no row or column can vanish."""

_BLOCK = 64
"""Rows handled together: a block of a 4096-cell matrix is 1 MB and stays in a core's cache."""


@dataclass(frozen=True)
class Transition:
    """A transition matrix and how well it was balanced.

    Attributes
    ----------
    matrix : (N, N) tensor
        Rows sum to 1, columns nearly.
    residual : float
        Largest deviation of a column sum from 1.
    rounds : int
        Rounds of iterative proportional fitting that were done.
    """

    matrix: torch.Tensor
    residual: float
    rounds: int


def sharpen(attention: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return softmax(log A / T) of each row, (N, N); T < 1 sharpens, T > 1 flattens."""
    logits = attention.clamp_min(TINY).log_().div_(temperature)
    logits -= logits.amax(dim=1, keepdim=True)
    weights = logits.exp_()
    # a step that underflowed is still possible: the walk must be able to reach every cell
    weights.clamp_min_(torch.finfo(weights.dtype).tiny)
    weights /= weights.sum(dim=1, keepdim=True)
    return weights


def balance(
    weights: torch.Tensor, rounds: int, *, tolerance: float = 0.0, progress: Progress = ignore
) -> Transition:
    """Make a positive matrix doubly stochastic by iterative proportional fitting.

    One round divides every column by its sum and then every row by its sum. Instead of rewriting
    the matrix, the two vectors of factors are kept: c = 1 / (Kᵀ r), r = 1 / (K c), and
    diag(r) K diag(c) is formed once in the end; the iterates are the same.

    Parameters
    ----------
    weights : (N, N) tensor
        K, all entries positive. Overwritten.
    rounds : int
        Most rounds; 0 returns the matrix as it is.
    tolerance : float
        End when no column sum is further than this from 1. 0 does all rounds.
    progress : callable, optional
        Called as ``progress("transition", fraction)``.

    Returns
    -------
    Transition
        Ends on rows: row sums are exact, column sums within `residual`.
    """
    r = weights.new_ones(len(weights))
    c = weights.new_ones(len(weights))
    column_sums = weights.sum(dim=0)  # Kᵀ r, carried from round to round
    done = 0
    for done in range(1, rounds + 1):
        c = column_sums.reciprocal()
        column_sums = torch.zeros_like(c)
        for begin in range(0, len(weights), _BLOCK):  # one pass over the matrix a round
            block = weights[begin : begin + _BLOCK]
            part = (block @ c).reciprocal_()
            r[begin : begin + _BLOCK] = part
            column_sums += part @ block
        if done % 8 == 0:
            progress("transition", done / rounds)
        if tolerance and float((column_sums * c - 1).abs().max()) <= tolerance:
            break
    weights *= r[:, None]
    weights *= c
    if rounds:
        weights /= weights.sum(dim=1, keepdim=True)  # what rounding left over, about 1e-7
    residual = float((weights.sum(dim=0) - 1).abs().max())
    progress("transition", 1.0)
    return Transition(weights, residual, done)
