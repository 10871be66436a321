"""What prompts say, carried on by the attention: iSeg's refinement and CDNet's conditions.

Two ways to make a map of the grid from marks on it. iSeg (2024) pulls the map through the
attention again and again, C ← A C. The conditional affinity is the diffusion of CDNet (ICCV 2021,
§3.2) without its trained parts: every cell gathers the evidence of foreground and background
marks, weighed by what it was believed to be.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_array

from napari_m2n2.progress import Progress, ignore

_SETTLED = 1e-3
"""iSeg ends when a map, with sum 1, changes by less than this in all."""

_EPSILON = 1e-12

_ROUNDED = 32
"""Roundings that an entry of a map may be off by."""

_FULL = 0.1
"""A matrix with more entries than this share of all is not worth being a sparse one."""


def thinned(matrix: torch.Tensor) -> torch.Tensor | csr_array:
    """Return a matrix that is mostly 0 as a sparse one, on a processor; any other as it is."""
    if matrix.device.type != "cpu" or int(torch.count_nonzero(matrix)) > _FULL * matrix.numel():
        return matrix
    return csr_array(matrix.numpy())


def refine_maps(
    matrix: torch.Tensor | csr_array,
    marks: torch.Tensor,
    iterations: int,
    *,
    hold: float = 0.0,
    progress: Progress = ignore,
) -> torch.Tensor:
    """Return maps after some rounds of C ← A C, each less its minimum and divided by its sum.

    Many rounds lead to the slowest pattern of the attention whatever was marked, which may even
    be another object; iSeg uses 8 to 10. A map ends earlier once it hardly changes, or, with
    `hold`, before its largest value has moved away from the mark. Maps do not depend on which
    others they are refined with.

    Parameters
    ----------
    matrix : (N, N) tensor or csr_array
        Row-stochastic, usually from `napari_m2n2.segmentation.entropy.reduce_entropy`.
    marks : (B, N) tensor
        One map a prompt, not negative.
    iterations : int
        Most rounds.
    hold : float
        A map ends before its largest value at the mark falls below this share of its largest
        value anywhere; 0 as published.
    progress : callable, optional
        Called as ``progress("refining", fraction)``.

    Returns
    -------
    (B, N) tensor
        Each in [0, 1] with largest entry 1; a map that is the same everywhere becomes 1.
    """
    like = matrix if isinstance(matrix, torch.Tensor) else torch.from_numpy(matrix.data)
    own = marks.to(like)
    maps, marked = _normalised(own), own > 0
    going = torch.arange(len(maps), device=maps.device)
    for done in range(iterations):
        progress("refining", done / iterations)
        before = maps[going]
        after = _normalised(_pulled(matrix, before))
        held = (after * marked[going]).amax(dim=1) >= hold * after.amax(dim=1)
        maps[going[held]] = after[held]
        moved = (after - before).abs().sum(dim=1) >= _SETTLED
        going = going[held & moved]
        if not len(going):
            break
    progress("refining", 1.0)
    return maps / maps.amax(dim=1, keepdim=True)


def _pulled(matrix: torch.Tensor | csr_array, maps: torch.Tensor) -> torch.Tensor:
    """Return what each cell gathers of maps (B, N)."""
    if isinstance(matrix, torch.Tensor):
        return maps @ matrix.T
    return torch.from_numpy(np.ascontiguousarray((matrix @ maps.numpy().T).T))


def conditional_affinity(
    matrix: torch.Tensor,
    foreground: torch.Tensor,
    background: torch.Tensor,
    *,
    prior: torch.Tensor | None = None,
    steps: int = 1,
    iterations: int = 3,
) -> torch.Tensor:
    """Return how likely each cell is foreground, (N,) in [0, 1].

    e_F = Aᵏ s_F and e_B = Aᵏ s_B are what reaches a cell from the marks, and D the belief in
    foreground so far: D ← D e_F / (D e_F + (1 - D) e_B). Probabilities are weighed, not logits as
    in the paper, where a mark of 0 would not silence a cell.

    Parameters
    ----------
    matrix : (N, N) tensor
        Row-stochastic.
    foreground, background : (N,) tensor
        Marks, not negative. e_B is at least the mean of e_F, or half of its largest value if that
        is less, so that one background mark does not leave the rest of the plane to the
        foreground, and a mark on everything means everything; without foreground marks there is
        none.
    prior : (N,) tensor, optional
        D to begin with; ½ by default.
    steps : int
        k >= 1; a slow walk needs several steps to get across an object.
    iterations : int
        How often D is renewed.
    """
    reached = spread_marks(matrix, torch.stack([foreground, background]), steps)
    return weighed(*reached, prior=prior, iterations=iterations)


def spread_marks(matrix: torch.Tensor, marks: torch.Tensor, steps: int) -> torch.Tensor:
    """Return what reaches each cell from marks (B, N) in k steps, Aᵏ s of each, (B, N)."""
    reached = marks.to(matrix).T
    for _ in range(steps):
        reached = matrix @ reached
    return reached.T


def weighed(
    forth: torch.Tensor,
    back: torch.Tensor,
    *,
    prior: torch.Tensor | None = None,
    iterations: int = 3,
) -> torch.Tensor:
    """Return `conditional_affinity` of what reaches each cell, e_F and e_B, (N,)."""
    if not bool(forth.any()):
        return torch.zeros_like(forth)
    back = back + torch.minimum(forth.mean(), forth.max() / 2)
    belief = torch.full_like(forth, 0.5) if prior is None else prior.to(forth)
    for _ in range(iterations):
        believed = belief * forth
        belief = believed / (believed + (1 - belief) * back + _EPSILON)
    return belief


def _normalised(maps: torch.Tensor) -> torch.Tensor:
    """Return maps (B, N) less their minima and with sum 1; a flat one becomes uniform."""
    lifted = maps - maps.amin(dim=1, keepdim=True)
    sums = lifted.sum(dim=1, keepdim=True)
    # what rounding leaves of a flat map is not a pattern
    rounding = _ROUNDED * torch.finfo(maps.dtype).eps
    flat = sums <= rounding * maps.abs().sum(dim=1, keepdim=True).clamp_min(_EPSILON)
    uniform = torch.full_like(lifted, 1 / maps.shape[1])
    return torch.where(flat, uniform, lifted / sums.clamp_min(_EPSILON))
