"""Clicks on trees: nested, never overruled, the same rules for every tree."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2.progress import ignore
from napari_m2n2.segmentation.methods.tree_clicks import TreeClicks
from napari_m2n2.segmentation.region_tree import RegionTree
from napari_m2n2.segmentation.seeds import Seed
from napari_m2n2.segmentation.ward import build_tree

GRID = (9, 12)
SHAPE = (90, 120)
CELLS = st.tuples(st.integers(0, 8), st.integers(0, 11))


def clicks(seed=0) -> TreeClicks:
    generator = np.random.default_rng(seed)
    tree = build_tree(generator.normal(size=(108, 2)), GRID)
    walk = torch.from_numpy(generator.random((108, 108)))
    return TreeClicks(tree, walk / walk.sum(dim=1, keepdim=True), SHAPE)


def at(cell, label=True, threshold=None) -> Seed:
    return Seed((cell[0] * 10 + 5, cell[1] * 10 + 5), label, threshold=threshold)


def mask_of(method, *seeds):
    return method.answer(seeds, ignore).foreground.numpy() > 0.5


@settings(max_examples=40, deadline=None)
@given(cell=CELLS, seed=st.integers(0, 5))
def test_a_higher_threshold_never_takes_away(cell, seed):
    method = clicks(seed)
    before = np.zeros(GRID, bool)
    for threshold in np.linspace(0, 1, 12):
        mask = mask_of(method, at(cell, threshold=float(threshold)))
        assert mask[cell]
        assert (mask >= before).all()
        before = mask
    assert before.all()


@settings(max_examples=60, deadline=None)
@given(positive=CELLS, other=CELLS, negative=CELLS, seed=st.integers(0, 5))
def test_a_background_click_never_adds(positive, other, negative, seed):
    if negative in (positive, other):
        return
    method = clicks(seed)
    without = mask_of(method, at(positive), at(other))
    with_it = mask_of(method, at(positive), at(other), at(negative, False))
    assert (with_it <= without).all()
    assert with_it[positive]
    assert with_it[other]
    assert not with_it[negative]


@settings(max_examples=40, deadline=None)
@given(positive=CELLS, other=CELLS, seed=st.integers(0, 5))
def test_clicks_are_united_whatever_their_order(positive, other, seed):
    method = clicks(seed)
    both = mask_of(method, at(positive), at(other))
    np.testing.assert_array_equal(both, mask_of(method, at(other), at(positive)))
    assert (both >= mask_of(method, at(positive))).all()
    assert (both >= mask_of(method, at(other))).all()


@settings(max_examples=30, deadline=None)
@given(cell=CELLS, seed=st.integers(0, 5))
def test_the_map_has_the_region_of_every_threshold(cell, seed):
    method = clicks(seed)
    distance = method.distances([at(cell)], ignore)[0].numpy()
    assert distance[cell] == 0
    assert distance.max() == 1
    answer = method.answer([at(cell)], ignore)
    np.testing.assert_array_equal(
        distance <= answer.thresholds[0] + 1e-6, answer.foreground.numpy() > 0.5
    )


@settings(max_examples=40, deadline=None)
@given(positive=CELLS, negative=CELLS, seed=st.integers(0, 5))
def test_a_background_click_means_the_largest_region_without_foreground(positive, negative, seed):
    if negative == positive:
        return
    method = clicks(seed)
    answer = method.answer([at(positive), at(negative, False)], ignore)
    distance = method.distances([at(negative, False)], ignore)[0].numpy()
    meant = distance <= answer.thresholds[1]
    assert meant[negative]
    assert not meant[positive]
    assert not (meant & (answer.foreground.numpy() > 0.5)).any()
    larger = distance <= answer.thresholds[1] + 1 / max(len(method.tree.chain(negative)), 2)
    assert larger.sum() >= meant.sum()


def two_halves() -> TreeClicks:
    image = np.zeros((*GRID, 1))
    image[:, 5:] = 1
    image += np.random.default_rng(0).normal(0, 0.01, image.shape)
    tree = build_tree(image.reshape(108, 1), GRID)
    return TreeClicks(tree, torch.full((108, 108), 1 / 108), SHAPE)


def test_by_itself_it_stops_where_the_height_jumps():
    half = np.zeros(GRID, bool)
    half[:, :4] = True  # 40 % of the plane is the most that one click means
    image = np.where(half, 0.0, 1.0)[..., None] + np.random.default_rng(0).normal(
        0, 0.01, (*GRID, 1)
    )
    method = TreeClicks(
        build_tree(image.reshape(108, 1), GRID), torch.full((108, 108), 1 / 108), SHAPE
    )
    np.testing.assert_array_equal(mask_of(method, at((4, 1))), half)


def test_two_clicks_mean_the_region_that_holds_them():
    method = two_halves()
    mask = mask_of(method, at((0, 0)), at((8, 4)), at((4, 8), False))
    assert mask[:, :5].all()
    assert not mask[:, 5:].any()


def test_a_box_means_the_region_most_like_it():
    method = two_halves()
    box = np.zeros(SHAPE, bool)
    box[5:88, 3:52] = True
    mask = mask_of(method, Seed((45, 25), True, box))
    assert mask[:, :5].all()
    assert not mask[:, 5:].any()


def test_a_leaf_with_clicks_of_both_classes_is_parted():
    leaves = np.zeros((1, 6), np.int64)
    leaves[0, 4:] = 1
    tree = RegionTree(leaves, np.array([[0, 1]]), np.array([1.0]))
    walk = torch.eye(6) * 0.5 + 0.05
    walk[0, 1], walk[3, 2] = 0.3, 0.3
    method = TreeClicks(tree, walk, (1, 6))
    mask = mask_of(method, Seed((0, 0), True), Seed((0, 3), False))
    assert mask.tolist() == [[True, True, False, False, False, False]]


def test_a_chosen_background_region_is_taken_away():
    method = two_halves()
    everything = at((4, 1), threshold=1.0)
    assert mask_of(method, everything).all()
    place = [
        number / 100
        for number in range(101)
        if (mask_of(method, at((4, 8), threshold=number / 100))[:, :5] == 0).all()
    ][-1]
    mask = mask_of(method, everything, at((4, 8), False, threshold=place))
    assert mask[:, :5].all()
    assert not mask[:, 5:].any()


@pytest.mark.parametrize("grid", [(1, 1), (1, 5)])
def test_tiny_grids(grid):
    count = grid[0] * grid[1]
    tree = build_tree(np.arange(count, dtype=float)[:, None], grid)
    method = TreeClicks(tree, torch.full((count, count), 1 / count), grid)
    assert mask_of(method, Seed((0, 0), True))[0, 0]
