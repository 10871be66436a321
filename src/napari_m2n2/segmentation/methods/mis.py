"""MIS: clicks on the tree of regions that grows by merging alike neighbours.

Li et al., "Multi-granularity Interaction Simulation for Unsupervised Interactive Segmentation",
ICCV 2023: only its tree, which needs no training; the network that the paper trains on regions of
it is left out.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.attention.base import Attention
from napari_m2n2.progress import Progress
from napari_m2n2.segmentation.embedding import diffusion_map
from napari_m2n2.segmentation.methods.base import GridSolver
from napari_m2n2.segmentation.methods.tree_clicks import TreeClicks
from napari_m2n2.segmentation.parameters import Parameters
from napari_m2n2.segmentation.plane import Canvas
from napari_m2n2.segmentation.regions import Grown
from napari_m2n2.segmentation.ward import build_tree

_USUAL = 20
"""Regions to begin with: few enough to look at, more than a plane has large things."""


def grow(
    attention: Attention,
    parameters: Parameters,
    progress: Progress,
    partial: Callable[[Grown], None] | None = None,
) -> Grown:
    """Build the tree over the backbone's features, or where it has none over its walk."""
    if attention.features is None:
        features = diffusion_map(attention, progress=progress)
    else:
        features = attention.features.double().numpy(force=True)
    tree = build_tree(features, attention.grid, progress=progress)
    return Grown(tree, min(_USUAL, tree.leaf_count))


def prepare(
    rgb: NDArray[np.float32], attention: Attention, parameters: Parameters, progress: Progress
) -> GridSolver:
    """Build the tree."""
    canvas = Canvas.of(rgb, attention.grid, parameters)
    tree = grow(attention, parameters, progress).tree
    return GridSolver(canvas, TreeClicks(tree, attention.matrix, canvas.shape))
