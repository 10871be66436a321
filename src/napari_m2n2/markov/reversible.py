"""Reversible walks: balanced in a few rounds, and followed through their spectrum.

An affinity that is symmetric before its rows are normalised gives a reversible walk, π_i A_ij =
π_j A_ji. Its doubly stochastic form is symmetric, diag(x) S diag(x), so one vector of factors
replaces two and converges without the slow swing between rows and columns. The state after t
steps is V diag(λᵗ) Vᵀ p: once the small eigenvalues have died out, a few eigenvectors give any
number of steps at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from napari_m2n2.attention.base import Recall, Tensors, compute_again
from napari_m2n2.markov.crossing import EPSILON
from napari_m2n2.markov.transition import Transition
from napari_m2n2.markov.walk import advance, depart
from napari_m2n2.progress import Progress, ignore

_RANK = 160
"""Eigenvectors that are kept; at grid 64 the next eigenvalue was 0.5 to 0.6 on three images."""

_FILTER = 12
"""Multiplications that separate the leading eigenvectors from the rest."""

_DIRECT_STEPS = 24
"""Steps that are walked one by one, until what the kept eigenvectors lack has died out."""

_WINDOW = 64
"""Steps that are read off the spectrum in one product."""

_DEAD = 1e-20
"""Powers of eigenvalues below this count as zero."""


@dataclass(frozen=True)
class Spectrum:
    """The leading eigenpairs of a symmetric transition matrix.

    Attributes
    ----------
    values : (r,) tensor
        Eigenvalues, descending.
    vectors : (N, r) tensor
        Orthonormal columns.
    """

    values: torch.Tensor
    vectors: torch.Tensor


def balance_reversible(
    weights: torch.Tensor,
    pi: torch.Tensor,
    *,
    tolerance: float = 1e-4,
    rounds: int = 200,
    progress: Progress = ignore,
    recall: Recall = compute_again,
) -> Transition:
    """Make a reversible matrix doubly stochastic and symmetric.

    The iteration is x ← √(x / (S x)) with S = diag(π) A (Knight and Ruiz 2013 discuss its
    relatives); iterative proportional fitting has the same limit.

    Parameters
    ----------
    weights : (N, N) tensor
        Overwritten.
    pi : (N,) tensor
        As `napari_m2n2.attention.reversibility.stationary` gives it.
    tolerance : float
        Largest deviation of a row sum from 1 at which to end.
    rounds : int
        Most rounds.
    progress : callable, optional
        Called as ``progress("transition", fraction)``.
    recall : callable, optional
        Where the factors of these weights are kept.

    Returns
    -------
    Transition
    """
    symmetric = weights.mul_(pi[:, None])
    found = recall(
        f"symmetric factors after {rounds} rounds, {tolerance}",
        lambda: _factors(symmetric, tolerance, rounds, progress),
    )
    x, done = found["factors"].to(symmetric), int(found["rounds"])
    symmetric *= x[:, None]
    symmetric *= x
    residual = float((symmetric.sum(dim=0) - 1).abs().max())
    progress("transition", 1.0)
    return Transition(symmetric, residual, done)


def _factors(
    symmetric: torch.Tensor, tolerance: float, rounds: int, progress: Progress
) -> Tensors:
    """Return the factors x of a symmetric matrix, and after how many rounds, by name."""
    x = symmetric.sum(dim=1).rsqrt()
    done = 0
    for done in range(1, rounds + 1):
        sums = x * (symmetric @ x)
        if float((sums - 1).abs().max()) <= tolerance:
            break
        x = x * sums.rsqrt()
        progress("transition", done / rounds)
    return {"factors": x, "rounds": torch.tensor(float(done))}


def leading_spectrum(
    matrix: torch.Tensor, *, progress: Progress = ignore, recall: Recall = compute_again
) -> Spectrum:
    """Return the leading eigenpairs of a symmetric matrix by subspace iteration.

    Deterministic: the iteration begins from a fixed random block. `recall` is where the pairs of
    this matrix are kept, ``progress("spectrum", fraction)`` is called.
    """
    found = recall(f"spectrum {_RANK}, {_FILTER}", lambda: _iterate(matrix, progress))
    return Spectrum(found["values"].to(matrix), found["vectors"].to(matrix))


def _iterate(matrix: torch.Tensor, progress: Progress) -> Tensors:
    """Return the leading eigenvalues and eigenvectors by name."""
    count = len(matrix)
    rank = min(_RANK, count)
    generator = torch.Generator().manual_seed(0)
    block = torch.randn(count, rank, generator=generator, dtype=matrix.dtype).to(matrix)
    for step in range(_FILTER):
        block = matrix @ block
        if step % 3 == 2:  # before rounding makes the columns alike
            block = torch.linalg.qr(block).Q
        progress("spectrum", step / _FILTER)
    image = matrix @ block
    small = block.T @ image
    values, rotation = torch.linalg.eigh((small + small.T) / 2)
    progress("spectrum", 1.0)
    return {"values": values.flip(0), "vectors": (block @ rotation).flip(1)}


def spectral_maps(
    transition: torch.Tensor,
    spectrum: Spectrum,
    starts: torch.Tensor,
    *,
    tau: float = 0.3,
    max_steps: int = 1000,
    progress: Progress = ignore,
) -> torch.Tensor:
    """Return the Markov maps of start states, as `napari_m2n2.markov.walk.markov_maps` does.

    The first steps are walked one by one with the whole matrix; the others are read off the
    spectrum, a window of steps at a time.

    Parameters
    ----------
    transition : (N, N) tensor
        Symmetric, rows sum to 1.
    spectrum : Spectrum
        Its leading eigenpairs.
    starts : (B, N) tensor
        Start states with largest entry 1.
    tau, max_steps, progress
        As for `markov_maps`.

    Returns
    -------
    (B, N) tensor
    """
    p, times, unreached = depart(transition, starts, tau, max_steps)
    direct = min(_DIRECT_STEPS, max_steps)
    for step in range(direct):
        p = advance(transition, p, times, unreached, step, tau)
    progress("Markov map", direct / max_steps)
    for k in range(len(p)):
        _follow(spectrum, p[k], unreached[k], times[k], direct, tau, max_steps)
        progress("Markov map", (k + 1) / len(p))
    return times


def _follow(
    spectrum: Spectrum,
    p: torch.Tensor,
    unreached: torch.Tensor,
    times: torch.Tensor,
    begin: int,
    tau: float,
    max_steps: int,
) -> None:
    """Fill in the times of the cells that one walk reaches after step `begin`."""
    parts = spectrum.vectors.T @ p
    values = spectrum.values.double()
    for first in range(begin, max_steps, _WINDOW):
        waiting = unreached.nonzero()[:, 0]
        if not len(waiting):
            return
        window = min(_WINDOW, max_steps - first)
        steps = torch.arange(window + 1, dtype=torch.float64, device=values.device)
        powers = (values[None].sign() ** steps[:, None]) * values.abs() ** (
            steps[:, None] + (first - begin)
        )
        if (first - begin) % 2:
            powers *= values.sign()
        # what has died out must not linger as denormal numbers, which are slow
        powers = torch.where(powers.abs() > _DEAD, powers, 0.0)
        states = (powers.to(parts) * parts) @ spectrum.vectors.T
        states = states[:, waiting] / states.amax(dim=1, keepdim=True)
        crossed = states[1:] > tau
        hit = crossed.any(dim=0)
        step = crossed.int().argmax(dim=0)[hit]
        columns = hit.nonzero()[:, 0]
        before, after = states[step, columns], states[step + 1, columns]
        times[waiting[hit]] = first + step + 1 - (after - tau) / (after - before + EPSILON)
        unreached[waiting[hit]] = False
