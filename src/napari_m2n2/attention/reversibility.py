"""Whether a walk is reversible: π_i A_ij = π_j A_ji for some π, so that diag(π) A is symmetric."""

from __future__ import annotations

import torch

_PROBES = 16
"""Rows on which reversibility is checked."""


_SHARE, _EACH = 1e-3, 1e-2
"""How far a flow and the one back may differ: as a share of the row's largest, or of itself."""


def stationary(weights: torch.Tensor, *, entrywise: bool = False) -> torch.Tensor | None:
    """Return π with π_i A_ij = π_j A_ji and mean 1, (N,), or None if the walk is not reversible.

    π is read off one row and checked on others: beside the largest flow of their row, which is
    what a walk feels, or `entrywise`.
    """
    count = len(weights)
    probes = torch.linspace(0, count - 1, min(_PROBES, count), device=weights.device).long()
    pi = (weights[probes[0]] / weights[:, probes[0]]).double()
    pi /= pi.mean()
    forth = weights[probes].double() * pi[probes, None]
    back = weights[:, probes].double().T * pi
    scale, limit = (forth, _EACH) if entrywise else (forth.amax(dim=1, keepdim=True), _SHARE)
    error = (forth - back).abs() / scale
    reversible = bool(torch.isfinite(error).all()) and float(error.max()) < limit
    return pi.to(weights) if reversible else None
