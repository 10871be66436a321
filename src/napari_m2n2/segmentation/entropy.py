"""Attention with less entropy: weak entries vanish, strong ones stay.

iSeg (Sun et al., "iSeg: An Iterative Refinement-based Framework for Training-free Segmentation",
2024), Ent-Self. The paper's formula, b + λ (1 + ln b), means something only with what its program
does besides: every column is divided by its largest entry first, what falls below 0 becomes 0,
and rows are made to sum to 1 again. The program's parameter `ent` is λ · ln 10.
"""

from __future__ import annotations

import math

import torch
from scipy.special import lambertw

from napari_m2n2.errors import InputError


def reduce_entropy(matrix: torch.Tensor, strength: float) -> torch.Tensor:
    """Return attention without its weak entries, (N, N), rows sum to 1.

    Parameters
    ----------
    matrix : (N, N) tensor
        Row-stochastic attention, before temperature and balancing.
    strength : float
        λ >= 0, with the natural logarithm; 0.02 in the paper. 0 leaves the order of entries as
        it is and only divides columns by their maxima.

    Raises
    ------
    InputError
        If λ is negative or not finite.
    """
    if not (math.isfinite(strength) and strength >= 0):
        raise InputError(f"An entropy strength of {strength!r} cannot be; give 0 or more.")
    largest = matrix.amax(dim=0, keepdim=True)
    reduced = matrix / largest.clamp_min(torch.finfo(matrix.dtype).tiny)
    if strength:
        # where nothing is attended the logarithm would be infinite, and the entry stays 0
        logs = reduced.clamp_min(torch.finfo(matrix.dtype).tiny).log_()
        reduced += logs.add_(1).mul_(strength) * (reduced > 0)
        reduced.clamp_min_(0)
    sums = reduced.sum(dim=1, keepdim=True)
    lost = torch.nonzero(sums[:, 0] == 0)[:, 0]
    reduced[lost, lost] = 1  # a cell that attends to nothing any more keeps to itself
    sums[lost] = 1
    reduced /= sums
    return reduced


def vanishing_point(strength: float) -> float:
    """Return the share of its column's largest entry below which an entry vanishes.

    The root of b + λ (1 + ln b), b* = λ W(1 / (e λ)) with Lambert's W.
    """
    if strength == 0:
        return 0.0
    return float(strength * lambertw(1 / (math.e * strength)).real)
