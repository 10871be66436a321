"""What prompts say, carried on by the attention: iSeg's refinement and CDNet's conditions.

Two ways to make a map of the grid from marks on it. iSeg (2024) pulls the map through the
attention again and again, C ← A C. The conditional affinity is the diffusion of CDNet (ICCV 2021,
§3.2) without its trained parts: every cell gathers the evidence of foreground and background
marks, weighed by what it was believed to be.
"""

from __future__ import annotations

import torch

from napari_m2n2.progress import Progress, ignore

_SETTLED = 1e-3
"""iSeg ends when a map, with sum 1, changes by less than this in all."""

_EPSILON = 1e-12


def refine_maps(
    matrix: torch.Tensor, marks: torch.Tensor, iterations: int, *, progress: Progress = ignore
) -> torch.Tensor:
    """Return maps after some rounds of C ← A C, each less its minimum and divided by its sum.

    Many rounds lead to the slowest pattern of the attention whatever was marked, which may even
    be another object; iSeg uses 8 to 10, and this ends earlier once a map hardly changes.

    Parameters
    ----------
    matrix : (N, N) tensor
        Row-stochastic, usually from `napari_m2n2.segmentation.entropy.reduce_entropy`.
    marks : (B, N) tensor
        One map a prompt, not negative.
    iterations : int
        Most rounds.
    progress : callable, optional
        Called as ``progress("refining", fraction)``.

    Returns
    -------
    (B, N) tensor
        Each in [0, 1] with largest entry 1; a map that is the same everywhere becomes 1.
    """
    maps = _normalised(marks.to(matrix))
    for done in range(iterations):
        progress("refining", done / iterations)
        after = _normalised(maps @ matrix.T)
        change = (after - maps).abs().sum(dim=1)
        maps = after
        if bool((change < _SETTLED).all()):
            break
    progress("refining", 1.0)
    return maps / maps.amax(dim=1, keepdim=True)


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
        Marks, not negative. e_B is at least the mean of e_F, so that one background mark does not
        leave the rest of the plane to the foreground; without foreground marks there is none.
    prior : (N,) tensor, optional
        D to begin with; ½ by default.
    steps : int
        k >= 1; a slow walk needs several steps to get across an object.
    iterations : int
        How often D is renewed.
    """
    forth, back = foreground.to(matrix), background.to(matrix)
    for _ in range(steps):
        forth, back = matrix @ forth, matrix @ back
    back = back + forth.mean()
    if not bool(foreground.any()):
        return torch.zeros_like(forth)
    belief = torch.full_like(forth, 0.5) if prior is None else prior.to(matrix)
    for _ in range(iterations):
        believed = belief * forth
        belief = believed / (believed + (1 - belief) * back + _EPSILON)
    return belief


def _normalised(maps: torch.Tensor) -> torch.Tensor:
    """Return maps (B, N) less their minima and with sum 1; a flat one becomes uniform."""
    lifted = maps - maps.amin(dim=1, keepdim=True)
    sums = lifted.sum(dim=1, keepdim=True)
    # what rounding leaves of a flat map is not a pattern
    flat = sums <= _EPSILON * maps.abs().sum(dim=1, keepdim=True).clamp_min(_EPSILON)
    uniform = torch.full_like(lifted, 1 / maps.shape[1])
    return torch.where(flat, uniform, lifted / sums.clamp_min(_EPSILON))
