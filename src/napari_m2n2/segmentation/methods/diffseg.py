"""DiffSeg's merging, refined by iSeg: regions of a plane without a prompt."""

from __future__ import annotations

from collections.abc import Callable

import torch

from napari_m2n2.attention.base import Attention
from napari_m2n2.progress import Progress
from napari_m2n2.segmentation.diffseg import merge_maps, region_tree
from napari_m2n2.segmentation.entropy import reduce_entropy
from napari_m2n2.segmentation.parameters import Parameters
from napari_m2n2.segmentation.propagation import refine_maps
from napari_m2n2.segmentation.regions import Grown
from napari_m2n2.segmentation.walks import pooled, power_walk

_ROUNDS = 8
"""Of iSeg's refinement of regions; unlike single marks, whole regions have no long way to go."""

_MOST = 64
"""Cells along a side on which maps are merged, as published."""

_MOST_OF_WALK = 32
"""The same where a walk of several steps is merged, each of which is a product of matrices."""


def grow(
    attention: Attention,
    parameters: Parameters,
    progress: Progress,
    partial: Callable[[Grown], None] | None = None,
) -> Grown:
    """Merge alike attention maps, then let the regions be refined as iSeg does."""
    grid = attention.grid
    with torch.inference_mode():
        most = _MOST if parameters.walk_steps == 1 else _MOST_OF_WALK
        smaller = (min(grid[0], most), min(grid[1], most))
        coarse = pooled(attention.matrix, grid, smaller)
        # a walk gets across a block twice as wide in a fourth of the steps
        share = smaller[0] * smaller[1] / (grid[0] * grid[1])
        walk = power_walk(coarse, max(round(parameters.walk_steps * share), 1))
        maps = merge_maps(walk, smaller, parameters.merge_threshold, progress=progress)
        fine = torch.nn.functional.interpolate(
            maps.reshape(-1, 1, *smaller), size=grid, mode="bilinear", align_corners=False
        ).reshape(len(maps), -1)
        fine /= fine.sum(dim=1, keepdim=True)
        if partial is not None:
            first = region_tree(fine, grid)
            partial(Grown(first, first.leaf_count))
        masks = torch.nn.functional.one_hot(fine.argmax(dim=0), len(fine)).T.to(fine)
        held = masks.any(dim=1)
        reduced = reduce_entropy(attention.matrix, parameters.entropy)
        refined = refine_maps(reduced, masks[held], _ROUNDS, progress=progress)
        tree = region_tree(fine[held], grid, refined=refined)
    return Grown(tree, tree.leaf_count)
