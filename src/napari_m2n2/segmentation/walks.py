"""What the attention's random walk looks like as a graph: which cells belong together.

Meila and Shi, "A random walks view of spectral segmentation", 2001: a cut of a walk's graph costs
the probability to cross it. A walk of many steps is smooth; where the attention is reversible it
is a product of two thin matrices, and neither its power nor its graph has to be made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import torch

from napari_m2n2.attention.base import Attention, Tensors
from napari_m2n2.attention.reversibility import stationary
from napari_m2n2.errors import InputError
from napari_m2n2.markov.reversible import leading_spectrum
from napari_m2n2.progress import Progress, ignore
from napari_m2n2.segmentation.alike import alike_features, alike_rows

Kind: TypeAlias = Literal["walk", "cosine", "dot", "divergence", "features"]
"""What connects two cells: the walk from one to the other; how alike walks from them end, by the
angle, product or divergence of their rows of P^k; or how alike the backbone's features are."""

_TELEPORT = 1e-6
"""Share of jumps to anywhere, without which a walk in two parts has no single long-run state."""

_POWER_ROUNDS = 200

_MANY = 8
"""Steps from which on it is worth looking whether a few eigenvectors are enough."""

_LEFT_OUT = 1e-3
"""They are if no other one has a larger share of the walk than this."""

_WHOLE = ("divergence", "features")
"""Graphs that are no product of thin matrices."""


def power_walk(matrix: torch.Tensor, steps: float, *, progress: Progress = ignore) -> torch.Tensor:
    """Return P^k for a row-stochastic P (N, N), with rows that sum to 1.

    A whole k >= 1 goes by squaring. For any other the walk is made reversible first, as by
    `walk_graph`, so that it has real eigenvalues, of which the k-th powers are taken; negative
    ones, which have none, are left out.
    """
    if steps < 1:
        raise InputError(f"A walk of {steps:g} steps is none; give at least 1.")
    if steps != int(steps):
        return _real_power(matrix, steps, progress)
    left = int(steps)
    result: torch.Tensor | None = None
    power = matrix
    products = left.bit_length()
    while left:
        if left & 1:
            result = power if result is None else _stochastic(result @ power)
        left >>= 1
        if left:
            progress("walking", 1 - left.bit_length() / products)
            power = _stochastic(power @ power)
    assert result is not None
    return result


def _real_power(matrix: torch.Tensor, steps: float, progress: Progress) -> torch.Tensor:
    """Return the k-th power of a walk (N, N) made reversible, for a k that is not whole."""
    progress("walking", 0.0)
    pi = stationary(matrix)
    graph = _both_ways(matrix, _long_run(matrix) if pi is None else pi / pi.sum())
    root = graph.sum(dim=1).sqrt()
    values, vectors = torch.linalg.eigh(graph / root / root[:, None])
    power = (vectors * values.clamp_min(0) ** steps) @ vectors.T
    progress("walking", 1.0)
    return _stochastic((power * root / root[:, None]).clamp_min(0))


def walk_graph(matrix: torch.Tensor) -> torch.Tensor:
    """Return the symmetric graph of a walk, W = ½ (Π P + Pᵀ Π), (N, N).

    π is the walk's long-run state, so the degrees of W are π, and the cost of a normalised cut is
    the probability to leave one side in one step plus that to leave the other (Meila and Shi).

    Parameters
    ----------
    matrix : (N, N) tensor
        Row-stochastic P.
    """
    return _both_ways(matrix, _long_run(matrix))


def _both_ways(matrix: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
    """Return what goes from cell to cell in a state (N,), as much as comes back, (N, N)."""
    flow = matrix * state[:, None]
    return (flow + flow.T) / 2


def _long_run(matrix: torch.Tensor) -> torch.Tensor:
    """Return the state of a walk (N, N) after long, (N,).

    It begins everywhere alike, and so do parts that hardly know each other stay.
    """
    count = len(matrix)
    state = matrix.new_full((count,), 1 / count)
    for _ in range(_POWER_ROUNDS):
        after = (1 - _TELEPORT) * (state @ matrix) + _TELEPORT / count
        after /= after.sum()
        settled = bool((after - state).abs().sum() < 1e-9)
        state = after
        if settled:
            break
    return state


def graph_of(
    attention: Attention, steps: float, kind: Kind = "walk", *, progress: Progress = ignore
) -> torch.Tensor:
    """Return the graph of a walk of k steps, (N, N): of P^k, or of how alike its rows are.

    That of how alike features are does not depend on k.

    Raises
    ------
    InputError
        If features are asked for and the attention has none.
    """
    if kind == "features":
        return alike_features(attention.features)
    power = power_walk(attention.matrix, steps, progress=progress)
    return walk_graph(power) if kind == "walk" else alike_rows(power, kind)


def thin_graph(
    attention: Attention, steps: float, kind: Kind = "walk", *, progress: Progress = ignore
) -> torch.Tensor | None:
    """Return F with F Fᵀ the graph of a walk of k steps, (N, r) float64, where that is known.

    With π P symmetric, S = π^½ P π^-½ = V Λ Vᵀ has orthonormal eigenvectors. The graph of P^k is
    π^½ V Λᵏ Vᵀ π^½, and that of the products of its rows is π^-½ V Λᵏ (Vᵀ π V) Λᵏ Vᵀ π^-½.
    Eigenvalues that have died out after k steps are left out, and so are negative ones unless k is
    even.

    Returns
    -------
    (N, r) tensor or None
        None for few steps, for attention that is not reversible, where more eigenvectors would be
        needed, and for graphs that are no such product; see `graph_of`.
    """
    if kind in _WHOLE or steps < _MANY or (pi := stationary(attention.matrix)) is None:
        return None
    root = pi.sqrt()
    symmetric = attention.matrix * root[:, None]
    symmetric /= root
    symmetric = (symmetric + symmetric.T) / 2

    def recall(description: str, compute: Callable[[], Tensors]) -> Tensors:
        return attention.recall(f"{description} of the walk itself", compute)

    spectrum = leading_spectrum(symmetric, progress=progress, recall=recall)
    values, vectors = spectrum.values.double(), spectrum.vectors.double()
    powers = (values if steps == int(steps) else values.clamp_min(0)) ** steps
    if len(values) < len(pi) and float(powers.abs().min()) > _LEFT_OUT:
        return None
    powers = powers.clamp_min(0)
    root = root.double()[:, None]
    factor: torch.Tensor
    if kind == "walk":
        factor = root * vectors * powers.sqrt()
        return factor
    middle, rotation = torch.linalg.eigh(vectors.T @ (root**2 * vectors))
    factor = (vectors * powers) @ (rotation * middle.clamp_min(0).sqrt()) / root
    if kind == "cosine":
        factor = factor / factor.norm(dim=1, keepdim=True)
    return factor


def pooled(
    matrix: torch.Tensor,
    grid: tuple[int, int],
    smaller: tuple[int, int],
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the attention between blocks of cells, (M, M), rows sum to 1.

    A block looks at another as its cells do in the mean at all cells of the other.

    Parameters
    ----------
    matrix : (N, N) tensor
        Row-stochastic.
    grid : (int, int)
        h · w = N.
    smaller : (int, int)
        Rows and columns of blocks, no more than of cells.
    weights : (N,) tensor, optional
        How much each cell counts in the mean of its block. With the long-run state of a reversible
        walk the walk of blocks is reversible, too.
    """
    if smaller == grid:
        return matrix
    block = block_of(grid, smaller).to(matrix.device)
    count = smaller[0] * smaller[1]
    rows = matrix if weights is None else matrix * weights[:, None]
    sums = matrix.new_zeros(count, len(matrix)).index_add_(0, block, rows)
    return _stochastic(matrix.new_zeros(count, count).index_add_(1, block, sums))


def block_of(grid: tuple[int, int], smaller: tuple[int, int]) -> torch.Tensor:
    """Return the flat index of the block that each cell of a grid lies in, (N,)."""
    rows, columns = (
        torch.arange(side) * few // side for side, few in zip(grid, smaller, strict=True)
    )
    return (rows[:, None] * smaller[1] + columns).ravel()


def _stochastic(matrix: torch.Tensor) -> torch.Tensor:
    """Return a matrix with its rows divided by their sums."""
    return matrix / matrix.sum(dim=1, keepdim=True)
