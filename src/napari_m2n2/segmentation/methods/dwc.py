"""Diffusing, walking, cutting: clicks on the tree of cuts of the attention's walk."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.attention.base import Attention
from napari_m2n2.progress import Progress
from napari_m2n2.segmentation.methods.base import GridSolver
from napari_m2n2.segmentation.methods.tree_clicks import TreeClicks
from napari_m2n2.segmentation.ncut import automatic_count, cut_tree
from napari_m2n2.segmentation.parameters import Parameters
from napari_m2n2.segmentation.plane import Canvas
from napari_m2n2.segmentation.region_tree import RegionTree
from napari_m2n2.segmentation.regions import Grown


def grow(
    attention: Attention,
    parameters: Parameters,
    progress: Progress,
    partial: Callable[[Grown], None] | None = None,
) -> Grown:
    """Cut the walk as far as it has structure."""

    def show(tree: RegionTree) -> None:
        if partial is not None:
            partial(Grown(tree, automatic_count(tree)))

    tree = cut_tree(attention, steps=parameters.walk_steps, partial=show, progress=progress)
    return Grown(tree, automatic_count(tree))


def prepare(
    rgb: NDArray[np.float32], attention: Attention, parameters: Parameters, progress: Progress
) -> GridSolver:
    """Build the tree."""
    canvas = Canvas.of(rgb, attention.grid, parameters)
    grown = grow(attention, parameters, progress)
    clicks = TreeClicks(grown.tree, attention.matrix, canvas.shape, grown.usual)
    return GridSolver(canvas, clicks)
