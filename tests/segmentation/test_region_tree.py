"""The region tree: nested regions, regions drawn at random."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label

from napari_m2n2.errors import InputError
from napari_m2n2.segmentation.region_tree import RegionTree
from napari_m2n2.segmentation.ward import build_tree

GRIDS = st.tuples(st.integers(1, 9), st.integers(1, 9))


def random_tree(grid, seed=0, depth=3) -> tuple[RegionTree, np.ndarray]:
    features = np.random.default_rng(seed).normal(size=(grid[0] * grid[1], depth))
    return build_tree(features, grid), features


@settings(max_examples=40, deadline=None)
@given(grid=GRIDS, seed=st.integers(0, 9))
def test_every_node_is_connected_and_its_size_is_that_of_its_children(grid, seed):
    tree, _ = random_tree(grid, seed)
    for node in range(tree.root + 1):
        mask = tree.mask(node)
        assert label(mask)[1] == 1
        assert mask.sum() == tree.sizes[node]
    for merge, pair in enumerate(tree.children):
        assert tree.sizes[tree.leaf_count + merge] == tree.sizes[pair].sum()
        assert (tree.parents[pair] == tree.leaf_count + merge).all()
        assert tree.heights[tree.leaf_count + merge] >= tree.heights[pair].max()


@settings(max_examples=40, deadline=None)
@given(grid=GRIDS, seed=st.integers(0, 9), growth=st.sampled_from([0.0, 0.03, 0.5]))
def test_the_regions_of_a_cell_are_nested(grid, seed, growth):
    tree, _ = random_tree(grid, seed)
    for cell in range(0, tree.leaf_count, 3):
        chain = tree.chain(divmod(cell, grid[1]), growth=growth)
        assert chain[0] == cell
        assert chain[-1] == tree.root
        for small, large in pairwise(chain):
            assert (tree.mask(large) >= tree.mask(small)).all()
            assert tree.sizes[large] > tree.sizes[small]
        for node in tree.chain(divmod(cell, grid[1])):
            stands_for = min(
                int(tree.sizes[n]) for n in chain if tree.sizes[n] >= tree.sizes[node]
            )
            assert stands_for <= (1 + growth) * tree.sizes[node]


def test_the_whole_chain_is_the_default():
    tree, _ = random_tree((6, 6))
    chain = tree.chain((1, 1))
    assert [int(tree.parents[node]) for node in chain[:-1]] == chain[1:]


@settings(max_examples=30, deadline=None)
@given(grid=GRIDS, seed=st.integers(0, 9))
def test_more_regions_part_those_of_fewer(grid, seed):
    tree, _ = random_tree(grid, seed)
    before = np.ones(grid, np.int64)
    for count in range(1, tree.leaf_count + 1):
        labels = tree.regions(count)
        assert sorted(np.unique(labels)) == list(range(1, count + 1))
        pairs = set(zip(labels.ravel().tolist(), before.ravel().tolist(), strict=True))
        assert len(pairs) == count  # each new region lies in one old one
        before = labels


def test_heights_never_fall_though_costs_may():
    tree, _ = random_tree((40, 40), depth=1)
    assert (np.diff(tree.costs) < 0).any()
    chain = tree.chain((20, 20))
    assert (np.diff(tree.heights[chain]) >= 0).all()


def test_one_cell():
    tree = build_tree(np.ones((1, 2)), (1, 1))
    assert tree.root == 0
    assert tree.chain((0, 0)) == [0]
    assert tree.regions(1).tolist() == [[1]]
    assert tree.sample(np.random.default_rng(0)) == 0


def test_leaves_may_hold_several_cells():
    leaves = np.array([[0, 0, 1], [2, 2, 1]])
    tree = RegionTree(leaves, np.array([[0, 2], [1, 3]]), np.array([1.0, 2.0]))
    assert tree.sizes.tolist() == [2, 2, 2, 4, 6]
    assert tree.chain((1, 0)) == [2, 3, 4]
    assert tree.mask(3).tolist() == [[True, True, False], [True, True, False]]
    assert tree.regions(2).tolist() == [[1, 1, 2], [1, 1, 2]]
    assert tree.regions(3).tolist() == [[1, 1, 2], [3, 3, 2]]
    assert tree.heights.tolist() == [0, 0, 0, 1, 2]


def balanced_tree(levels: int) -> RegionTree:
    """Return a tree of a row of cells in which every node has two children of the same size."""
    nodes, children = list(range(2**levels)), []
    while len(nodes) > 1:
        above = []
        for pair in zip(nodes[::2], nodes[1::2], strict=True):
            above.append(2**levels + len(children))
            children.append(pair)
        nodes = above
    leaves = np.arange(2**levels)[None]
    return RegionTree(leaves, np.array(children), np.zeros(len(children)))


def test_how_deep_a_random_region_lies():
    # with 4 levels nothing is too small, 1/16 > 5 %, so nothing is drawn again
    tree, generator = balanced_tree(4), np.random.default_rng(0)
    rounds = 20_000
    depths = Counter(
        int(np.log2(tree.leaf_count // tree.sizes[tree.sample(generator)])) for _ in range(rounds)
    )
    # going on from depth d has probability 0.9^d, so P(depth >= d) = 0.9^(d (d - 1) / 2)
    for depth in range(1, 5):
        deeper = sum(depths[d] for d in range(depth, 5)) / rounds
        assert deeper == pytest.approx(0.9 ** (depth * (depth - 1) / 2), abs=0.015)


def test_random_regions_are_not_small():
    tree, generator = random_tree((20, 20))[0], np.random.default_rng(1)
    drawn = [tree.sample(generator) for _ in range(300)]
    assert (tree.sizes[drawn] > 20).all()
    assert len(set(drawn)) > 5
    again = np.random.default_rng(1)
    assert [tree.sample(again) for _ in range(300)] == drawn


def test_more_regions_than_parts_are_refused():
    with pytest.raises(InputError, match="choose 1 to 6"):
        random_tree((2, 3))[0].regions(7)
