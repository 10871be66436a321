"""DiffSeg's merging on made-up walks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_m2n2.attention.base import Attention
from napari_m2n2.errors import Cancelled
from napari_m2n2.segmentation.diffseg import anchors_of, merge_maps, region_tree
from napari_m2n2.segmentation.divergence import divergences
from napari_m2n2.segmentation.methods.diffseg import grow
from napari_m2n2.segmentation.parameters import Parameters


def quarters(side=12, leak=1e-3, seed=0):
    """Return the walk on a grid whose quarters hardly know each other, and each cell's quarter."""
    rows, columns = np.mgrid[:side, :side] * 2 // side
    quarter = (2 * rows + columns).ravel()
    weights = np.random.default_rng(seed).uniform(0.8, 1, (side**2, side**2))
    weights *= (quarter[:, None] == quarter) + leak
    return torch.from_numpy(weights / weights.sum(axis=1, keepdims=True)), quarter


def test_anchors_are_those_of_the_paper_at_64():
    expected = (np.arange(1, 64, 4)[:, None] * 64 + np.arange(1, 64, 4)).ravel()
    np.testing.assert_array_equal(anchors_of((64, 64)), expected)
    np.testing.assert_array_equal(anchors_of((3, 5)), np.arange(15))
    for grid in [(17, 40), (16, 16), (100, 1)]:
        found = anchors_of(grid)
        assert len(found) == min(grid[0], 16) * min(grid[1], 16)
        assert len(set(found.tolist())) == len(found)
        assert found.max() < grid[0] * grid[1]


def plain_merge(matrix, grid, threshold):
    """The published program, in loops."""
    maps = [row.double().numpy() for row in matrix]

    def apart(a, b):
        return float(divergences(torch.from_numpy(a[None]), torch.from_numpy(b[None])))

    proposals = [
        np.mean([m for m in maps if apart(maps[a], m) < threshold], axis=0)
        for a in anchors_of(grid)
    ]
    for _ in range(2):
        matched, merged = set(), []
        for i, own in enumerate(proposals):
            if i in matched:
                continue
            near = [j for j, other in enumerate(proposals) if apart(own, other) < threshold]
            matched |= set(near)
            merged.append(np.mean([proposals[j] for j in near], axis=0))
        proposals = merged
    return np.array(proposals)


@pytest.mark.parametrize("threshold", [0.002, 0.5])
def test_merging_equals_the_plain_program(threshold):
    matrix, _ = quarters(6, leak=0.05)
    found = merge_maps(matrix, (6, 6), threshold)
    np.testing.assert_allclose(found, plain_merge(matrix, (6, 6), threshold), rtol=1e-9)


def test_what_hardly_knows_each_other_is_parted():
    matrix, quarter = quarters()
    maps = merge_maps(matrix, (12, 12), 1.0)
    tree = region_tree(maps, (12, 12))
    assert tree.leaf_count == 4
    parts = tree.regions(4).ravel()
    assert len(set(zip(parts.tolist(), quarter.tolist(), strict=True))) == 4
    assert (np.diff(tree.sizes[:4]) == 0).all()
    np.testing.assert_allclose(maps.sum(dim=1), 1)


@pytest.mark.parametrize("steps", [1, 16])
def test_refined_regions_are_the_same_every_time(steps):
    matrix, _quarter = quarters()
    attention = Attention(matrix, (12, 12))
    parameters = Parameters(walk_steps=steps)
    seen = []
    grown = grow(attention, parameters, lambda *_: None, seen.append)
    assert len(seen) == 1
    assert grown.usual == grown.tree.leaf_count == 4
    again = grow(attention, parameters, lambda *_: None)
    np.testing.assert_array_equal(grown.tree.leaves, again.tree.leaves)

    def stop(phase, fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        grow(attention, parameters, stop)


def test_one_map_is_one_region():
    matrix = torch.full((16, 16), 1 / 16, dtype=torch.float64)
    tree = region_tree(merge_maps(matrix, (4, 4), 1.0), (4, 4))
    assert tree.leaf_count == 1
    np.testing.assert_array_equal(tree.regions(1), np.ones((4, 4)))
