"""The region tree: Ward's merges, nested regions, regions drawn at random."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label
from sklearn.cluster import ward_tree
from sklearn.feature_extraction.image import grid_to_graph

from napari_m2n2.errors import Cancelled, InputError
from napari_m2n2.segmentation.region_tree import RegionTree, build_tree, pairs_of

GRIDS = st.tuples(st.integers(1, 9), st.integers(1, 9))


def random_tree(grid, seed=0, depth=3) -> tuple[RegionTree, np.ndarray]:
    features = np.random.default_rng(seed).normal(size=(grid[0] * grid[1], depth))
    return build_tree(features, grid), features


def spread(features) -> float:
    """Sum of squared distances to the mean."""
    return float(((features - features.mean(axis=0)) ** 2).sum())


@pytest.mark.parametrize(("grid", "depth"), [((12, 9), 5), ((1, 30), 2), ((32, 32), 16)])
def test_the_merges_are_those_of_scikit_learn(grid, depth):
    tree, features = random_tree(grid, depth=depth)
    children, _, _, _, distances = ward_tree(
        features, connectivity=grid_to_graph(*grid), return_distance=True
    )
    np.testing.assert_array_equal(np.sort(tree.children, axis=1), np.sort(children, axis=1))
    np.testing.assert_allclose(np.sqrt(2 * tree.costs), distances, atol=1e-10)


@settings(max_examples=40, deadline=None)
@given(grid=GRIDS, seed=st.integers(0, 9))
def test_a_merge_costs_what_it_adds_to_the_spread(grid, seed):
    tree, features = random_tree(grid, seed)
    for merge, (a, b) in enumerate(tree.children):
        both, one, other = (features[tree.cells_of(n)] for n in (tree.cells + merge, a, b))
        assert tree.costs[merge] == pytest.approx(spread(both) - spread(one) - spread(other))
    assert tree.costs.sum() == pytest.approx(spread(features))


@settings(max_examples=40, deadline=None)
@given(grid=GRIDS, seed=st.integers(0, 9))
def test_every_node_is_connected_and_its_size_is_that_of_its_children(grid, seed):
    tree, _ = random_tree(grid, seed)
    for node in range(tree.root + 1):
        mask = tree.mask(node)
        assert label(mask)[1] == 1
        assert mask.sum() == tree.sizes[node]
    for merge, pair in enumerate(tree.children):
        assert tree.sizes[tree.cells + merge] == tree.sizes[pair].sum()
        assert (tree.parents[pair] == tree.cells + merge).all()
        assert tree.heights[tree.cells + merge] >= tree.heights[pair].max()


@settings(max_examples=40, deadline=None)
@given(grid=GRIDS, seed=st.integers(0, 9), growth=st.sampled_from([0.0, 0.03, 0.5]))
def test_the_regions_of_a_cell_are_nested(grid, seed, growth):
    tree, _ = random_tree(grid, seed)
    for cell in range(0, tree.cells, 3):
        chain = tree.chain(cell, growth=growth)
        assert chain[0] == cell
        assert chain[-1] == tree.root
        for small, large in pairwise(chain):
            assert (tree.mask(large) >= tree.mask(small)).all()
            assert tree.sizes[large] > (1 + growth) * tree.sizes[small] or large == tree.root


def test_the_whole_chain_is_the_default():
    tree, _ = random_tree((6, 6))
    chain = tree.chain(7)
    assert [int(tree.parents[node]) for node in chain[:-1]] == chain[1:]


@settings(max_examples=30, deadline=None)
@given(grid=GRIDS, seed=st.integers(0, 9))
def test_more_regions_part_those_of_fewer(grid, seed):
    tree, _ = random_tree(grid, seed)
    before = np.ones(grid, np.int64)
    for count in range(1, tree.cells + 1):
        labels = tree.regions(count)
        assert sorted(np.unique(labels)) == list(range(1, count + 1))
        pairs = set(zip(labels.ravel().tolist(), before.ravel().tolist(), strict=True))
        assert len(pairs) == count  # each new region lies in one old one
        before = labels


def test_two_colours_are_the_children_of_the_root():
    image = np.zeros((8, 10, 1))
    image[:, 4:] = 1
    image += np.random.default_rng(0).normal(0, 0.01, image.shape)
    tree = build_tree(image.reshape(80, 1), (8, 10))
    labels = tree.regions(2)
    assert len(np.unique(labels[:, :4])) == len(np.unique(labels[:, 4:])) == 1
    halves = {frozenset(tree.cells_of(int(node)).tolist()) for node in tree.children[-1]}
    assert frozenset(np.flatnonzero(np.arange(80) % 10 < 4).tolist()) in halves


def test_heights_never_fall_though_costs_may():
    tree, _ = random_tree((40, 40), depth=1)
    assert (np.diff(tree.costs) < 0).any()
    chain = tree.chain(tree.cells // 2)
    assert (np.diff(tree.heights[chain]) >= 0).all()


def test_a_constant_image_has_a_tree_too():
    tree = build_tree(np.ones((35, 4)), (5, 7))
    again = build_tree(np.ones((35, 4)), (5, 7))
    assert (tree.costs == 0).all()
    np.testing.assert_array_equal(tree.children, again.children)
    assert tree.sizes[tree.root] == 35


def test_one_cell():
    tree = build_tree(np.ones((1, 2)), (1, 1))
    assert tree.root == 0
    assert tree.chain(0) == [0]
    assert tree.regions(1).tolist() == [[1]]
    assert tree.sample(np.random.default_rng(0)) == 0


def test_neighbours_share_a_side():
    pairs = pairs_of((2, 3))
    assert sorted(map(tuple, pairs.tolist())) == [
        (0, 1), (0, 3), (1, 2), (1, 4), (2, 5), (3, 4), (4, 5),
    ]  # fmt: skip


def balanced_tree(levels: int) -> RegionTree:
    """Return a tree of a row of cells in which every node has two children of the same size."""
    nodes, children = list(range(2**levels)), []
    while len(nodes) > 1:
        above = []
        for pair in zip(nodes[::2], nodes[1::2], strict=True):
            above.append(2**levels + len(children))
            children.append(pair)
        nodes = above
    return RegionTree((1, 2**levels), np.array(children), np.zeros(len(children)))


def test_how_deep_a_random_region_lies():
    # with 4 levels nothing is too small, 1/16 > 5 %, so nothing is drawn again
    tree, generator = balanced_tree(4), np.random.default_rng(0)
    rounds = 20_000
    depths = Counter(
        int(np.log2(tree.cells // tree.sizes[tree.sample(generator)])) for _ in range(rounds)
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


def test_it_can_be_called_off():
    seen = []

    def progress(phase, fraction):
        seen.append((phase, fraction))
        if len(seen) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        build_tree(np.random.default_rng(0).normal(size=(2500, 2)), (50, 50), progress=progress)
    assert [phase for phase, _ in seen] == ["region tree"] * 3
    assert seen[0][1] < seen[1][1] < seen[2][1] < 1


def test_what_does_not_fit_is_said():
    with pytest.raises(InputError, match="one row for each cell"):
        build_tree(np.ones((5, 2)), (2, 3))
    with pytest.raises(InputError, match="not finite"):
        build_tree(np.full((6, 2), np.nan), (2, 3))
    with pytest.raises(InputError, match="choose 1 to 6"):
        random_tree((2, 3))[0].regions(7)
