"""Transition matrices of which little matters, as attention at a low temperature gives them."""

from __future__ import annotations

import torch


def concentrated(count, seed=0, reach=2.0, dtype=torch.float64):
    """Rows that sum to 1, with all but very little near the diagonal."""
    place = torch.arange(count, dtype=torch.float64)
    weights = torch.exp(-((place[:, None] - place) ** 2) / (2 * reach**2)) + 1e-14
    generator = torch.Generator().manual_seed(seed)
    weights *= torch.rand(count, count, generator=generator, dtype=torch.float64) + 0.1
    return (weights / weights.sum(1, keepdim=True)).to(dtype)


def on_grid(rows, columns, seed=0, reach=1.2):
    """Rows that sum to 1, with all but very little near each cell of a grid."""
    side = torch.cartesian_prod(torch.arange(rows), torch.arange(columns)).double()
    weights = torch.exp(-torch.cdist(side, side).square() / (2 * reach**2)) + 1e-15
    generator = torch.Generator().manual_seed(seed)
    weights *= torch.rand(weights.shape, generator=generator, dtype=torch.float64) + 0.1
    return weights / weights.sum(1, keepdim=True)
