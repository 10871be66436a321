"""Regions of cells with alike attention: the merging of DiffSeg.

Tian et al., "Diffuse, Attend, and Segment: Unsupervised Zero-Shot Segmentation using Stable
Diffusion", CVPR 2024, §3.2 and 3.3: attention maps of a grid of anchors are merged where their
symmetric Kullback-Leibler divergence is small, and each cell goes to the map that is largest in
it. iSeg (2024) begins with these regions and refines them by its entropy-reduced attention. The
paper ends with a flat list of regions; here the same merging goes on, the most alike pair first,
until one region is left, so that there is a tree.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.progress import Progress, ignore
from napari_m2n2.segmentation.divergence import divergences
from napari_m2n2.segmentation.region_tree import RegionTree

ANCHORS = 16
"""Along each side of the grid."""

ROUNDS = 3
"""Of merging, as published."""


def anchors_of(grid: tuple[int, int]) -> NDArray[np.int64]:
    """Return the flat indices of the cells to begin with, 16 × 16 of them or all of a small grid.

    On a grid of 64 they lie in rows and columns 1, 5, ..., 61, as published.
    """
    rows, columns = (
        np.unique(((np.arange(min(side, ANCHORS)) + 0.25) * side / min(side, ANCHORS)).astype(int))
        for side in grid
    )
    anchors: NDArray[np.int64] = (rows[:, None] * grid[1] + columns).ravel()
    return anchors


def merge_maps(
    matrix: torch.Tensor,
    grid: tuple[int, int],
    threshold: float,
    *,
    progress: Progress = ignore,
) -> torch.Tensor:
    """Return the maps that DiffSeg's merging leaves, (K, N), each with sum 1.

    In the first round each anchor's map becomes the mean of all cells' maps that diverge from it
    by less than the threshold; in the others a map takes up all that diverge from it by less, in
    the order of the anchors.

    Parameters
    ----------
    matrix : (N, N) tensor
        Row-stochastic.
    grid : (int, int)
        h · w = N.
    threshold : float
        τ; 0.9 to 1.1 in the paper.
    progress : callable, optional
        Called as ``progress("merging", fraction)``.
    """
    progress("merging", 0.0)
    anchors = matrix[torch.from_numpy(anchors_of(grid)).to(matrix.device)]
    near = (divergences(anchors, matrix) < threshold).to(matrix)
    maps = (near @ matrix) / near.sum(dim=1, keepdim=True).clamp_min(1)
    for done in range(1, ROUNDS):
        progress("merging", done / ROUNDS)
        maps = _absorb(maps, threshold)
    progress("merging", 1.0)
    return maps


def _absorb(maps: torch.Tensor, threshold: float) -> torch.Tensor:
    """Let each map that no other has taken up yet take up all that are alike."""
    near = divergences(maps, maps) < threshold
    taken = torch.zeros(len(maps), dtype=torch.bool, device=maps.device)
    merged = []
    for own in range(len(maps)):
        if not taken[own]:
            taken |= near[own]
            merged.append(maps[near[own]].mean(dim=0))
    return torch.stack(merged)


def region_tree(
    maps: torch.Tensor, grid: tuple[int, int], *, refined: torch.Tensor | None = None
) -> RegionTree:
    """Return the tree whose leaves are the cells in which each map is largest.

    Parameters
    ----------
    maps : (K, N) tensor
        Distributions over the cells.
    grid : (int, int)
    refined : (K, N) tensor, optional
        What decides instead of the maps which cell belongs to which, as after iSeg's refinement.
    """
    decided = maps if refined is None else refined
    winners = decided.argmax(dim=0).numpy(force=True)
    kept, leaves = np.unique(winners, return_inverse=True)
    sizes = np.bincount(leaves.ravel()).astype(np.float64).tolist()
    held = maps[torch.from_numpy(kept).to(maps.device)].double()
    children, costs = _merge_all(held, sizes)
    return RegionTree(
        leaves.reshape(grid).astype(np.int64),
        np.array(children, np.int64).reshape(-1, 2),
        np.array(costs, np.float64),
    )


def _merge_all(
    maps: torch.Tensor, sizes: list[float]
) -> tuple[list[tuple[int, int]], list[float]]:
    """Merge the pair that diverges least until one map is left; means count cells."""
    count = len(maps)
    maps, names, sizes = maps.clone(), list(range(count)), list(sizes)
    apart = divergences(maps, maps).fill_diagonal_(torch.inf)
    children: list[tuple[int, int]] = []
    costs: list[float] = []
    for merge in range(count - 1):
        one, other = sorted(divmod(int(apart.argmin()), count))
        children.append((names[one], names[other]))
        costs.append(float(apart[one, other]))
        size = sizes[one] + sizes[other]
        maps[one] = (sizes[one] * maps[one] + sizes[other] * maps[other]) / size
        names[one], sizes[one] = count + merge, size
        apart[other, :] = apart[:, other] = torch.inf
        gone = torch.isinf(apart[one])
        apart[one] = apart[:, one] = torch.where(
            gone, torch.inf, divergences(maps[one : one + 1], maps)[0]
        )
    return children, costs
