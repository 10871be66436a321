"""Diffusing, walking, cutting: clicks on the tree of cuts of the attention's walk."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.attention.base import Attention
from napari_m2n2.progress import Progress
from napari_m2n2.segmentation.methods.base import GridSolver
from napari_m2n2.segmentation.methods.tree_clicks import TreeClicks
from napari_m2n2.segmentation.ncut import automatic_count, cut_tree
from napari_m2n2.segmentation.parameters import Parameters
from napari_m2n2.segmentation.plane import Canvas


def prepare(
    rgb: NDArray[np.float32], attention: Attention, parameters: Parameters, progress: Progress
) -> GridSolver:
    """Cut the walk as far as it has structure."""
    canvas = Canvas.of(rgb, attention.grid, parameters)
    tree = cut_tree(attention, steps=parameters.walk_steps, progress=progress)
    usual = automatic_count(tree)
    return GridSolver(canvas, TreeClicks(tree, attention.matrix, canvas.shape, usual))
