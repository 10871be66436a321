"""How differently distributions lie on the cells: symmetric Kullback-Leibler divergences."""

from __future__ import annotations

import torch

_EPSILON = 1e-12


def divergences(some: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Return ½ KL(p‖q) + ½ KL(q‖p) of each map p (a, N) and q (b, N), (a, b).

    In double precision; entries of 0 count as 1e-12.
    """
    p = some.double().clamp_min(_EPSILON)
    q = p if others is some else others.double().clamp_min(_EPSILON)
    log_p = p.log()
    log_q = log_p if q is p else q.log()
    found = (p * log_p).sum(dim=1)[:, None] + (q * log_q).sum(dim=1)
    crossed = p @ log_q.T
    found -= crossed
    found -= crossed.T if q is p else log_p @ q.T
    return found.div_(2).clamp_min_(0)
