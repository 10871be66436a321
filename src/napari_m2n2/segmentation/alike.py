"""Graphs of how alike cells are: by where walks from them end, or by the backbone's features.

The second version of "Diffusing, Walking, Cutting" (arXiv 2412.04678) cuts a graph of how alike
rows of the attention are; its abstract does not say how that is measured. By features, the graph
is that of DiffCut (Couairon et al., NeurIPS 2024).
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch

from napari_m2n2.errors import InputError
from napari_m2n2.segmentation.divergence import divergences

Measure: TypeAlias = Literal["cosine", "dot", "divergence"]

_CONTRAST = 10
"""α of DiffCut: what is half as alike as the most alike pair counts a thousandth."""


def alike_rows(walk: torch.Tensor, measure: Measure) -> torch.Tensor:
    """Return how alike the rows of a walk (N, N) are, (N, N).

    Parameters
    ----------
    walk : (N, N) tensor
        Row-stochastic.
    measure : {"cosine", "dot", "divergence"}
        The cosine of their angle, their product, or exp(-D / D₀) with the symmetric
        Kullback-Leibler divergence D and its median D₀.
    """
    if measure == "divergence":
        apart = divergences(walk, walk)
        usual = apart.median().clamp_min(torch.finfo(apart.dtype).tiny)
        return (-apart / usual).exp().to(walk)
    rows = walk / walk.norm(dim=1, keepdim=True) if measure == "cosine" else walk
    return rows @ rows.T


def alike_features(features: torch.Tensor | None) -> torch.Tensor:
    """Return ((c - least) / (most - least))^10 for the cosines c of features (N, D), (N, N).

    Raises
    ------
    InputError
        If there are none.
    """
    if features is None:
        raise InputError(
            'This backbone has no features of its cells; choose another cut_graph, such as "walk".'
        )
    rows = torch.nn.functional.normalize(features.float(), dim=1)
    cosines = rows @ rows.T
    least, most = torch.aminmax(cosines)
    if float(most - least) < torch.finfo(cosines.dtype).eps:
        return torch.ones_like(cosines)
    return ((cosines - least) / (most - least)) ** _CONTRAST
