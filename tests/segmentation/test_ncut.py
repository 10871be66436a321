"""Recursive normalised cuts: the theory's equalities, and trees of made-up walks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2 import Attention
from napari_m2n2.attention.texture import Texture
from napari_m2n2.errors import Cancelled, InputError
from napari_m2n2.segmentation import ncut
from napari_m2n2.segmentation.ncut import automatic_count, count_at, cut_tree
from napari_m2n2.segmentation.normalised_cut import best_cut
from napari_m2n2.segmentation.region_tree import RegionTree
from napari_m2n2.segmentation.walks import power_walk, walk_graph


def random_walk(count, seed=0):
    """Return a walk that is not reversible, (count, count) float64."""
    weights = np.random.default_rng(seed).random((count, count)) ** 4 + 1e-3
    return torch.from_numpy(weights / weights.sum(axis=1, keepdims=True))


def block_walk(sizes, leak=0.0):
    """Return a walk that stays within blocks, but for a leak."""
    block = np.repeat(np.arange(len(sizes)), sizes)
    weights = (block[:, None] == block).astype(float) + leak
    return torch.from_numpy(weights / weights.sum(axis=1, keepdims=True)), block


def cost_of(graph, side):
    graph = graph.numpy()
    cut = graph[np.ix_(side, ~side)].sum()
    return cut / graph[side].sum() + cut / graph[~side].sum()


@settings(max_examples=30, deadline=None)
@given(count=st.integers(2, 12), seed=st.integers(0, 20))
def test_a_cut_costs_the_probability_to_cross_it(count, seed):
    walk = random_walk(count, seed)
    graph = walk_graph(walk)
    state = graph.sum(dim=1)
    np.testing.assert_allclose(state @ walk, state, atol=1e-5)  # the long-run state
    side = np.arange(count) < max(1, count // 2)
    if side.all():
        return
    flow = (state[:, None] * walk).numpy()
    out, back = flow[np.ix_(side, ~side)].sum(), flow[np.ix_(~side, side)].sum()
    mass = state.numpy()[side].sum()
    assert out == pytest.approx(back, abs=1e-5)  # in the long run as much comes as goes
    crossing = out / mass + back / (1 - mass)
    assert cost_of(graph, side) == pytest.approx(crossing, abs=1e-4)


@settings(max_examples=30, deadline=None)
@given(count=st.integers(2, 14), seed=st.integers(0, 20))
def test_the_best_cut_is_what_it_says_and_keeps_the_bounds(count, seed):
    graph = walk_graph(random_walk(count, seed))
    cost, side = best_cut(graph)
    assert 0 < side.sum() < count
    assert cost == pytest.approx(cost_of(graph, side))
    root = graph.sum(dim=1).rsqrt()
    values = torch.linalg.eigvalsh(graph * root[:, None] * root)
    assert 1 - float(values[-2]) - 1e-9 <= cost <= 2


@settings(max_examples=20, deadline=None)
@given(count=st.integers(3, 12), seed=st.integers(0, 20))
def test_every_place_along_the_eigenvector_is_tried(count, seed):
    graph = walk_graph(random_walk(count, seed))
    degrees = graph.sum(dim=1)
    root = degrees.rsqrt()
    values, vectors = torch.linalg.eigh(graph * root[:, None] * root)
    if float(values[-2] - values[-3]) < 1e-3:
        return
    order = torch.argsort(vectors[:, -2] * root).numpy()
    costs = []
    for place in range(1, count):
        side = np.zeros(count, bool)
        side[order[:place]] = True
        costs.append(cost_of(graph, side))
    assert best_cut(graph)[0] == pytest.approx(min(costs))


def test_sparse_and_dense_solvers_agree(monkeypatch):
    walk, _ = block_walk([30, 40, 50], leak=0.01)
    noisy = walk * torch.from_numpy(np.random.default_rng(0).uniform(0.5, 1, walk.shape))
    graph = walk_graph(noisy / noisy.sum(dim=1, keepdim=True))
    dense = best_cut(graph)
    monkeypatch.setattr("napari_m2n2.segmentation.normalised_cut._DENSE", 10)
    leading = best_cut(graph)
    assert leading[0] == pytest.approx(dense[0], rel=1e-6)
    assert (leading[1] == dense[1]).all() or (leading[1] == ~dense[1]).all()


def test_separate_blocks_cost_nothing():
    walk, block = block_walk([9, 16])
    cost, side = best_cut(walk_graph(walk))
    assert cost == pytest.approx(0, abs=1e-9)
    assert len(np.unique(block[side])) == len(np.unique(block[~side])) == 1


def test_a_graph_without_structure_is_not_cut():
    walk = torch.full((36, 36), 1 / 36, dtype=torch.float64)
    assert best_cut(walk_graph(walk))[0] == pytest.approx(1)
    tree = cut_tree(Attention(walk, (6, 6)))
    assert tree.leaf_count == 1
    assert automatic_count(tree) == 1


def four_blocks(leak=0.002):
    """Return a grid of 12 × 12 in four squares, of which those on one side are closer."""
    rows, columns = np.divmod(np.arange(144), 12)
    square, half = (rows // 6) * 2 + columns // 6, columns // 6
    weights = 1.0 * (square[:, None] == square) + 0.05 * (half[:, None] == half) + leak
    walk = torch.from_numpy(weights / weights.sum(axis=1, keepdims=True))
    return Attention(walk, (12, 12)), square.reshape(12, 12), half.reshape(12, 12)


def test_a_hierarchy_is_found():
    attention, square, half = four_blocks()
    tree = cut_tree(attention)
    two, four = tree.regions(2), tree.regions(4)
    assert len(np.unique(two[half == 0])) == len(np.unique(two[half == 1])) == 1
    for number in range(4):
        assert len(np.unique(four[square == number])) == 1
    assert automatic_count(tree) == 4
    assert (np.diff(tree.heights[tree.chain((0, 0))]) >= 0).all()


def test_partial_trees_grow_and_nest():
    attention, *_ = four_blocks()
    partial: list[RegionTree] = []
    tree = cut_tree(attention, partial=partial.append)
    assert [one.leaf_count for one in partial] == list(range(2, tree.leaf_count + 1))
    for one in partial:
        np.testing.assert_array_equal(one.regions(one.leaf_count), tree.regions(one.leaf_count))


def test_costs_are_those_of_the_way_from_the_root():
    walk = random_walk(225, 3)
    tree = cut_tree(Attention(walk**3 / (walk**3).sum(dim=1, keepdim=True), (15, 15)))
    assert tree.leaf_count > 3
    assert (np.diff(tree.costs) >= 0).all()
    assert (tree.sizes[: tree.leaf_count] >= 4).all()


def test_it_is_the_same_every_time():
    walk = random_walk(225, 3)
    one, other = (cut_tree(Attention(walk, (15, 15))) for _ in range(2))
    np.testing.assert_array_equal(one.leaves, other.leaves)
    np.testing.assert_array_equal(one.children, other.children)


def test_a_power_has_the_eigenvectors_of_the_walk():
    walk, _ = block_walk([5, 7], leak=0.05)
    graph = walk_graph(walk)
    reversible = graph / graph.sum(dim=1, keepdim=True)
    values = np.sort(np.linalg.eigvals(reversible.numpy()).real)
    for steps in (2, 3, 5):
        power = power_walk(reversible, steps)
        np.testing.assert_allclose(power, torch.linalg.matrix_power(reversible, steps))
        np.testing.assert_allclose(
            np.sort(np.linalg.eigvals(power.numpy()).real), values**steps, atol=1e-9
        )
        cost, side = best_cut(walk_graph(power))
        single, same = best_cut(graph)
        assert (side == same).all() or (side == ~same).all()
        assert cost > single  # more steps mix more


def test_a_walk_that_has_forgotten_where_it_began_is_not_cut():
    walk, _ = block_walk([12, 13], leak=0.3)
    attention = Attention(walk, (5, 5))
    assert cut_tree(attention).leaf_count > 1
    assert cut_tree(attention, steps=12).leaf_count == 1  # the second eigenvalue is below 1e-2


def test_a_walk_of_no_step_is_refused():
    with pytest.raises(InputError, match="at least 1"):
        power_walk(random_walk(4), 0)


def test_one_cell():
    tree = cut_tree(Attention(np.ones((1, 1)), (1, 1)))
    assert tree.leaf_count == 1
    assert tree.regions(1).tolist() == [[1]]


def test_it_can_be_called_off():
    attention, *_ = four_blocks()

    def progress(phase, fraction):
        assert phase == "cutting"
        if fraction > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        cut_tree(attention, progress=progress)


def test_a_long_walk_gives_the_same_tree_thin_or_whole(monkeypatch):
    rows, columns = np.mgrid[:48, :48]
    image = np.where((rows - 24) ** 2 + (columns - 20) ** 2 < 12**2, 0.8, 0.2)[..., None]
    image = image + np.random.default_rng(0).normal(0, 0.05, (48, 48, 3))
    attention = Texture(14).attend(image.clip(0, 1).astype(np.float32))
    thin = cut_tree(attention, steps=16)
    monkeypatch.setattr(ncut, "thin_graph", lambda *_, **__: None)
    whole = cut_tree(attention, steps=16)
    assert thin.leaf_count > 4
    count = min(thin.leaf_count, whole.leaf_count, 8)
    np.testing.assert_array_equal(thin.regions(count), whole.regions(count))
    np.testing.assert_allclose(thin.costs[-count:], whole.costs[-count:], atol=2e-3)


@pytest.mark.parametrize("kind", ["cosine", "dot", "divergence"])
def test_alike_rows_give_the_hierarchy_too(kind):
    attention, square, half = four_blocks()
    tree = cut_tree(attention, kind=kind)
    two, four = tree.regions(2), tree.regions(4)
    assert len(np.unique(two[half == 0])) == len(np.unique(two[half == 1])) == 1
    for number in range(4):
        assert len(np.unique(four[square == number])) == 1


def test_a_threshold_means_as_many_regions_however_long_the_walk():
    attention, *_ = four_blocks()
    for steps in (1, 1.5, 2, 4):
        tree = cut_tree(attention, steps=steps)
        assert count_at(tree, 0.04, steps=steps) == 2
        assert count_at(tree, 0.4, steps=steps) == 4
        assert count_at(tree, 0.0, steps=steps) == 1
