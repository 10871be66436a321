"""Ward's merges of neighbouring cells: scikit-learn's, and what each of them costs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import ward_tree
from sklearn.feature_extraction.image import grid_to_graph

from napari_m2n2.errors import Cancelled, InputError
from napari_m2n2.segmentation.region_tree import RegionTree
from napari_m2n2.segmentation.ward import build_tree, pairs_of

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
        both, one, other = (features[tree.cells_of(n)] for n in (tree.leaf_count + merge, a, b))
        assert tree.costs[merge] == pytest.approx(spread(both) - spread(one) - spread(other))
    assert tree.costs.sum() == pytest.approx(spread(features))


def test_two_colours_are_the_children_of_the_root():
    image = np.zeros((8, 10, 1))
    image[:, 4:] = 1
    image += np.random.default_rng(0).normal(0, 0.01, image.shape)
    tree = build_tree(image.reshape(80, 1), (8, 10))
    labels = tree.regions(2)
    assert len(np.unique(labels[:, :4])) == len(np.unique(labels[:, 4:])) == 1
    halves = {frozenset(tree.cells_of(int(node)).tolist()) for node in tree.children[-1]}
    assert frozenset(np.flatnonzero(np.arange(80) % 10 < 4).tolist()) in halves


def test_a_constant_image_has_a_tree_too():
    tree = build_tree(np.ones((35, 4)), (5, 7))
    again = build_tree(np.ones((35, 4)), (5, 7))
    assert (tree.costs == 0).all()
    np.testing.assert_array_equal(tree.children, again.children)
    assert tree.sizes[tree.root] == 35


def test_neighbours_share_a_side():
    pairs = pairs_of((2, 3))
    assert sorted(map(tuple, pairs.tolist())) == [
        (0, 1), (0, 3), (1, 2), (1, 4), (2, 5), (3, 4), (4, 5),
    ]  # fmt: skip


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
