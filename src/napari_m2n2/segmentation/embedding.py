"""Cells as points whose distances are those of the attention's walk: the diffusion map.

Coifman and Lafon, "Diffusion maps", 2006: coordinates λᵗ ψ of the leading eigenvectors ψ of the
walk; the Euclidean distance of two cells is about how differently walks of t steps end that began
in them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import eigsh

from napari_m2n2.attention.base import Attention
from napari_m2n2.progress import Progress, ignore
from napari_m2n2.segmentation.walks import walk_graph

_COORDINATES = 32
"""Eigenvectors; those of a walk on an image fall off fast."""


def diffusion_map(
    attention: Attention,
    *,
    coordinates: int = _COORDINATES,
    steps: float = 1.0,
    progress: Progress = ignore,
) -> NDArray[np.float64]:
    """Return coordinates of the cells, (N, r) with r <= `coordinates`.

    Parameters
    ----------
    attention : Attention
        Made reversible first, as `napari_m2n2.segmentation.walks.walk_graph` does.
    coordinates : int
        Most eigenvectors; the constant one is left out.
    steps : float
        t, how long the walks are.
    progress : callable, optional
        Called as ``progress("diffusion map", fraction)``.
    """
    progress("diffusion map", 0.0)
    graph = walk_graph(attention.matrix).double().numpy(force=True)
    root = 1 / np.sqrt(graph.sum(axis=1))
    normalised = graph * root[:, None] * root
    count = len(graph)
    wanted = min(coordinates + 1, count)
    if wanted >= count - 1:
        values, vectors = np.linalg.eigh(normalised)
    else:
        start = np.random.default_rng(0).standard_normal(count)
        values, vectors = eigsh(normalised, k=wanted, which="LA", v0=start)
    order = np.argsort(values)[::-1][1:wanted]
    found: NDArray[np.float64] = np.clip(values[order], 0, None) ** steps * (
        vectors[:, order] * root[:, None]
    )
    progress("diffusion map", 1.0)
    return found if found.shape[1] else np.zeros((count, 1))
