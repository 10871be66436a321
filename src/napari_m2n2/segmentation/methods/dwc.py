"""Diffusing, walking, cutting: clicks on the tree of cuts of the attention's walk."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.attention.base import Attention
from napari_m2n2.attention.reversibility import stationary
from napari_m2n2.progress import Progress
from napari_m2n2.segmentation.methods.base import GridSolver
from napari_m2n2.segmentation.methods.tree_clicks import TreeClicks
from napari_m2n2.segmentation.ncut import automatic_count, count_at, cut_tree
from napari_m2n2.segmentation.parameters import Parameters
from napari_m2n2.segmentation.plane import Canvas
from napari_m2n2.segmentation.region_tree import RegionTree
from napari_m2n2.segmentation.regions import Grown
from napari_m2n2.segmentation.walks import block_of, pooled

_MOST_CELLS = 4500
"""More are cut in blocks of so many: a graph grows with the square of its cells."""


def grow(
    attention: Attention,
    parameters: Parameters,
    progress: Progress,
    partial: Callable[[Grown], None] | None = None,
) -> Grown:
    """Cut the walk as far as it has structure."""
    grid, steps, threshold = attention.grid, parameters.walk_steps, parameters.cut_threshold
    share = min(math.sqrt(_MOST_CELLS / (grid[0] * grid[1])), 1.0)
    smaller = (max(int(grid[0] * share), 1), max(int(grid[1] * share), 1))

    def grown(tree: RegionTree) -> Grown:
        usual = count_at(tree, threshold, steps=steps) if threshold else automatic_count(tree)
        leaves = tree.leaves.ravel()[block_of(grid, smaller).numpy()].reshape(grid)
        return Grown(replace(tree, leaves=leaves), usual)

    def show(tree: RegionTree) -> None:
        if partial is not None:
            partial(grown(tree))

    if smaller != grid:
        weights = stationary(attention.matrix)
        attention = Attention(pooled(attention.matrix, grid, smaller, weights), smaller)
    kind = parameters.cut_graph
    tree = cut_tree(attention, steps=steps, kind=kind, partial=show, progress=progress)
    return grown(tree)


def prepare(
    rgb: NDArray[np.float32], attention: Attention, parameters: Parameters, progress: Progress
) -> GridSolver:
    """Build the tree."""
    canvas = Canvas.of(rgb, attention.grid, parameters)
    grown = grow(attention, parameters, progress)
    clicks = TreeClicks(grown.tree, attention.matrix, canvas.shape, grown.usual)
    return GridSolver(canvas, clicks)
