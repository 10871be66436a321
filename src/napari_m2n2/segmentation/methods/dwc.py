"""Diffusing, walking, cutting: clicks on the tree of cuts of the attention's walk."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
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
    grid, kind, threshold = attention.grid, parameters.cut_graph, parameters.cut_threshold
    steps = 1 if kind == "features" else parameters.walk_steps
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
        attention = _in_blocks(attention, smaller)
    tree = cut_tree(attention, steps=steps, kind=kind, partial=show, progress=progress)
    return grown(tree)


def _in_blocks(attention: Attention, smaller: tuple[int, int]) -> Attention:
    """Return the attention between blocks of cells, with their mean features."""
    matrix, grid, features = attention.matrix, attention.grid, attention.features
    if features is not None:
        block = block_of(grid, smaller).to(features.device)
        sums = features.new_zeros(smaller[0] * smaller[1], features.shape[1])
        features = sums.index_add_(0, block, features) / torch.bincount(block)[:, None]
    coarse = pooled(matrix, grid, smaller, stationary(matrix))
    return Attention(coarse, smaller, features=features)


def prepare(
    rgb: NDArray[np.float32], attention: Attention, parameters: Parameters, progress: Progress
) -> GridSolver:
    """Build the tree."""
    canvas = Canvas.of(rgb, attention.grid, parameters)
    grown = grow(attention, parameters, progress)
    clicks = TreeClicks(grown.tree, attention.matrix, canvas.shape, grown.usual)
    return GridSolver(canvas, clicks)
