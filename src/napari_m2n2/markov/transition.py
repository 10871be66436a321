"""The transition matrix: attention at a temperature, made doubly stochastic.

M2N2 (CVPR 2025) §3.2: softmax(log A / T) row by row, then iterative proportional fitting
(Sinkhorn's algorithm) until rows and columns sum to 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from napari_m2n2.attention.base import Recall, Tensors, compute_again
from napari_m2n2.markov.cutting import cut
from napari_m2n2.markov.fewer import InFew, MissingTooMuch
from napari_m2n2.markov.packing import LEFT_OUT
from napari_m2n2.markov.powers import normalised_powers
from napari_m2n2.markov.product import Bands
from napari_m2n2.markov.strips import StripBands
from napari_m2n2.progress import Progress, ignore

TINY = 1e-12
"""Smallest entry before the logarithm: with no zero left, no row or column can vanish."""

_BLOCK = 64
"""Rows handled together: a block of a 4096-cell matrix is 1 MB and stays in a core's cache."""

_NEAR_REST = 1e-4
"""Columns that agree better than this are summed in double precision from then on: single would
hide when nothing changes any more, which is what ends the rounds early."""

_KEPT = 0.275
"""Largest share of a matrix that is copied, so that balancing takes little more memory than it."""

_LEFT_OUT = (LEFT_OUT, 3e-7, 3e-6, 3e-5, 1e-4)
"""Most that a row of the copy lacks; more where less would take too much memory."""

_HalfRound = Callable[[Any], tuple[Any, Any]]
"""From column factors c to row factors r = 1 / (K c) and Kᵀ r, arrays on a processor and tensors
elsewhere."""


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
        Rounds of iterative proportional fitting that were done; fewer than asked for where the
        others would not have changed an entry.
    """

    matrix: torch.Tensor
    residual: float
    rounds: int


def sharpen(
    attention: torch.Tensor, temperature: float, *, overwrite: bool = False
) -> torch.Tensor:
    """Return softmax(log A / T) of each row, (N, N); T < 1 sharpens, T > 1 flattens.

    With `overwrite` the result takes the place of the attention, which then needs no memory of
    its own.
    """
    if attention.device.type == "cpu" and attention.dtype == torch.float32:
        # numpy's memory comes in large pages, torch's takes 25 ms more of one core at grid 64
        room = attention if overwrite else torch.from_numpy(np.empty(attention.shape, np.float32))
        _sharpen_here(attention, room, temperature)
        return room
    weights = attention if overwrite else torch.empty_like(attention)
    for begin in range(0, len(weights), _block(weights)):
        block = weights[begin : begin + _block(weights)]
        torch.clamp_min(attention[begin : begin + len(block)], TINY, out=block)
        block.log_().div_(temperature)
        block -= block.amax(dim=1, keepdim=True)
        # a step that underflowed is still possible: the walk must be able to reach every cell
        block.exp_().clamp_min_(torch.finfo(block.dtype).tiny)
        block /= block.sum(dim=1, keepdim=True)
    return weights


def _sharpen_here(attention: torch.Tensor, weights: torch.Tensor, temperature: float) -> None:
    """Do so on a processor, in threads."""
    least, result = np.float32(TINY).view(np.int32), weights.numpy()
    bits, result_bits = attention.numpy().view(np.int32), result.view(np.int32)
    parts = [(k, min(k + _BLOCK, len(bits))) for k in range(0, len(bits), _BLOCK)]

    def work(part: tuple[int, int]) -> None:
        normalised_powers(bits, result, result_bits, 1 / temperature, least, *part)

    with Bands(weights) as bands:
        bands.each(work, parts)


def balance(
    weights: torch.Tensor,
    rounds: int,
    *,
    grid: tuple[int, int] | None = None,
    tolerance: float = 0.0,
    progress: Progress = ignore,
    recall: Recall = compute_again,
) -> Transition:
    """Make a positive matrix doubly stochastic by iterative proportional fitting.

    One round divides every column by its sum and then every row by its sum. Instead of rewriting
    the matrix, the two vectors of factors are kept: c = 1 / (Kᵀ r), r = 1 / (K c), and
    diag(r) K diag(c) is formed once in the end; the iterates are the same.

    From round to round, the largest quotient of two column sums never grows (the map between
    factors is monotone and homogeneous, hence does not expand Hilbert's metric). If it is q, all
    of k further rounds change an entry by at most the factor qᵏ. Rounds end when that is no more
    than one rounding of the matrix's precision.

    Parameters
    ----------
    weights : (N, N) tensor
        K, all entries positive. Overwritten.
    rounds : int
        Most rounds; 0 returns the matrix as it is.
    grid : (int, int), optional
        Rows and columns of the cells; rounds are faster where it is known.
    tolerance : float
        End when no column sum is further than this from 1. 0 does all rounds that change
        something.
    progress : callable, optional
        Called as ``progress("transition", fraction)``.
    recall : callable, optional
        Where factors of these weights are kept; a few numbers a cell save all rounds.

    Returns
    -------
    Transition
        Ends on rows: row sums are exact, column sums within `residual`.
    """
    done = 0
    if rounds:
        found = recall(
            f"factors after {rounds} rounds, {tolerance}",
            lambda: _found(weights, rounds, grid, tolerance, progress),
        )
        done = int(found["rounds"])
        factors = (found[name].to(weights.device) for name in ("rows", "columns"))
        sums = _scale(weights, *factors)
    else:
        sums = weights.sum(dim=0)
    residual = float((sums - 1).abs().max())
    progress("transition", 1.0)
    return Transition(weights, residual, done)


def _found(
    weights: torch.Tensor,
    rounds: int,
    grid: tuple[int, int] | None,
    tolerance: float,
    progress: Progress,
) -> Tensors:
    """Return the factors of rows and columns, and after how many rounds, by name."""
    limits = (rounds, tolerance, torch.finfo(weights.dtype).eps)
    if weights.device.type != "cpu":
        return _named(_factors(_on_device(weights), weights.sum(dim=0), *limits, progress))
    sums = weights.sum(dim=0).numpy()
    strips = cut(weights, _LEFT_OUT, grid=grid, most=_KEPT)
    if strips is not None:
        few = StripBands(strips)
        with few, Bands(weights) as bands:
            try:
                return _named(_factors(InFew(few, bands, rounds), sums, *limits, progress))
            except MissingTooMuch:
                del strips, few
    with Bands(weights) as bands:
        factors = _factors(bands.balance_rows, sums, *limits, progress)
        if not np.isfinite(factors[1]).all():  # more than single can hold
            sums = weights.sum(dim=0, dtype=torch.float64).numpy()
            factors = _factors(bands.balance_rows, sums, *limits, progress)
    return _named(factors)


def _named(factors: tuple[Any, Any, int]) -> Tensors:
    """Return factors, and after how many rounds, by name."""
    rows, columns, done = factors
    return {
        "rows": torch.as_tensor(rows),
        "columns": torch.as_tensor(columns),
        "rounds": torch.tensor(float(done)),
    }


@np.errstate(all="ignore")  # what comes of it is looked at
def _factors(
    half_round: _HalfRound,
    sums: Any,
    rounds: int,
    tolerance: float,
    rounding: float,
    progress: Progress,
) -> tuple[Any, Any, int]:
    """Return the factors of rows and columns, and after how many rounds."""
    for done in range(1, rounds + 1):
        columns = 1 / sums
        rows, sums = half_round(columns)
        if done % 8 == 0 or done == 1:
            progress("transition", done / rounds)
        quotients = sums * columns
        low, high = float(quotients.min()), float(quotients.max())
        if not (low > 0 and high < math.inf):
            break
        if tolerance and max(high - 1, 1 - low) <= tolerance:
            break
        spread = math.log(high / low)
        if (rounds - done) * spread <= rounding:
            break
        if spread < _NEAR_REST and isinstance(sums, np.ndarray):
            sums = sums.astype(np.float64)
    return rows, columns, done


def _on_device(weights: torch.Tensor) -> _HalfRound:
    """Return half a round elsewhere."""

    def half_round(columns: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rows = (weights @ columns).reciprocal_()
        return rows, rows @ weights

    return half_round


def _scale(weights: torch.Tensor, rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Form diag(r) K diag(c) in place, and divide by the row sums what rounding left over.

    Returns the column sums.
    """
    if weights.device.type == "cpu":
        with Bands(weights) as bands:
            return torch.from_numpy(bands.scale(rows.numpy(), columns.numpy()))
    for begin in range(0, len(weights), _block(weights)):
        block = weights[begin : begin + _block(weights)]
        scaled = block.to(rows.dtype)
        scaled *= rows[begin : begin + len(block), None]
        scaled *= columns
        scaled /= scaled.sum(dim=1, keepdim=True)
        block.copy_(scaled)
    return weights.sum(dim=0)


def _block(weights: torch.Tensor) -> int:
    """Return how many rows are handled together; a GPU takes more, to be busy."""
    return _BLOCK if weights.device.type == "cpu" else 16 * _BLOCK
