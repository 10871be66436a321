"""The graph of a walk: thick and thin, of many steps, and of blocks of cells."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import random_attention

from napari_m2n2 import Attention
from napari_m2n2.attention.reversibility import stationary
from napari_m2n2.attention.texture import Texture
from napari_m2n2.markov import reversible
from napari_m2n2.segmentation.alike import alike_features, alike_rows
from napari_m2n2.segmentation.normalised_cut import best_cut
from napari_m2n2.segmentation.walks import (
    block_of,
    graph_of,
    pooled,
    power_walk,
    thin_graph,
    walk_graph,
)

KINDS = ("walk", "cosine", "dot")


def flow(count, seed=0):
    """Return a symmetric positive definite flow without parts, (count, count) float64."""
    rng = np.random.default_rng(seed)
    places = rng.random((count, 3))
    squared = ((places[:, None] - places) ** 2).sum(axis=-1)
    return (np.exp(-squared / 0.1) + 0.1) * np.outer(*2 * [rng.uniform(0.5, 2, count)])


def reversible_walk(rows, columns, seed=0):
    """Return a walk with an own long-run state, and the flow that it has then."""
    weights = flow(rows * columns, seed)
    return Attention(weights / weights.sum(axis=1, keepdims=True), (rows, columns)), weights


@settings(max_examples=12, deadline=None)
@given(
    rows=st.integers(1, 5),
    columns=st.integers(1, 5),
    seed=st.integers(0, 9),
    steps=st.sampled_from([8, 9, 10.5, 16]),
    kind=st.sampled_from(KINDS),
)
def test_the_thin_graph_is_the_graph(rows, columns, seed, steps, kind):
    attention, _ = reversible_walk(rows, columns, seed)
    thin = thin_graph(attention, steps, kind)
    graph = (thin @ thin.T).numpy()
    expected = graph_of(attention, steps, kind).numpy()
    if kind == "walk":  # of another scale, which no cut depends on
        expected *= graph.sum() / expected.sum()
    np.testing.assert_allclose(graph, expected, rtol=1e-3, atol=1e-4 * expected.max())


def test_what_has_died_out_is_left_out(monkeypatch):
    attention = Texture(16).attend(np.random.default_rng(0).random((64, 64, 3)).astype(np.float32))
    whole = thin_graph(attention, 16)
    monkeypatch.setattr(reversible, "_RANK", 60)
    few = thin_graph(attention, 16)
    assert few.shape == (256, 60)
    expected = (whole @ whole.T).numpy()
    np.testing.assert_allclose((few @ few.T).numpy(), expected, atol=2e-3 * expected.max())


def test_there_is_none_for_few_steps_or_a_walk_that_is_not_reversible(monkeypatch):
    attention, _ = reversible_walk(8, 8)
    assert thin_graph(attention, 2) is None
    assert thin_graph(Attention(random_attention(5, 5), (5, 5)), 16) is None
    assert thin_graph(attention, 16, "divergence") is None
    assert thin_graph(attention, 16, "features") is None
    # one that takes long to forget anything has no few eigenvectors
    monkeypatch.setattr(reversible, "_RANK", 10)
    slow = np.eye(64) + 1e-3
    assert thin_graph(Attention(slow / slow.sum(axis=1, keepdims=True), (8, 8)), 8) is None


@pytest.mark.parametrize("steps", [2, 4, 8])
def test_a_cut_costs_more_the_longer_one_walks(steps):
    """1 - (1 - cost)ᵏ for k steps, as thresholds are scaled."""
    block = np.repeat([0, 1], [30, 34])
    weights = np.random.default_rng(0).uniform(0.8, 1, (64, 64))
    weights = (weights + weights.T) * ((block[:, None] == block) + 0.05)
    attention = Attention(weights / weights.sum(axis=1, keepdims=True), (8, 8))
    single, side = best_cut(graph_of(attention, 1))
    several, same = best_cut(graph_of(attention, steps))
    assert (side == same).all() or (side == ~same).all()
    assert several == pytest.approx(1 - (1 - single) ** steps, rel=0.01)


@pytest.mark.parametrize("kind", [*KINDS, "divergence", "features"])
def test_blocks_are_what_belongs_together(kind):
    block = np.repeat([0, 1], [20, 29])
    weights = (block[:, None] == block) + 0.01
    features = np.stack([block, 1 - block], axis=1) + 0.1
    walk = weights / weights.sum(axis=1, keepdims=True)
    attention = Attention(walk, (7, 7), features=features)
    _, side = best_cut(graph_of(attention, 3, kind))
    assert len(np.unique(block[side])) == len(np.unique(block[~side])) == 1


def test_the_graph_of_alike_rows_is_that_of_the_power():
    matrix = torch.from_numpy(random_attention(4, 4)).double()
    attention = Attention(matrix, (4, 4), features=np.random.default_rng(0).random((16, 3)))
    for kind in ("dot", "cosine", "divergence"):
        graph = graph_of(attention, 3, kind)
        torch.testing.assert_close(graph, alike_rows(power_walk(matrix, 3), kind))
        # unlike the walk's own graph, another one the longer the walk
        assert not torch.allclose(graph, graph_of(attention, 6, kind), rtol=1e-3)
    features = alike_features(attention.features)
    torch.testing.assert_close(graph_of(attention, 3, "features"), features)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 9), one=st.floats(1, 6, exclude_min=True), other=st.floats(1, 6))
def test_walks_of_any_length_follow_each_other(seed, one, other):
    attention, weights = reversible_walk(4, 4, seed)
    first, second = power_walk(attention.matrix, one), power_walk(attention.matrix, other)
    both = power_walk(attention.matrix, one + other)
    # what a root of a walk has below 0 is left out, which is little
    np.testing.assert_allclose(first @ second, both, atol=1e-3)
    np.testing.assert_allclose(first.sum(dim=1), 1)
    assert float(first.min()) >= 0
    flow = torch.from_numpy(weights.sum(axis=1))[:, None] * first
    np.testing.assert_allclose(flow, flow.T, atol=1e-3 * float(flow.max()))


def test_a_real_length_near_a_whole_one_is_nearly_that():
    attention, _ = reversible_walk(5, 5)
    for steps in (2, 3, 7):
        near = power_walk(attention.matrix, steps + 1e-6)
        np.testing.assert_allclose(near, power_walk(attention.matrix, steps), atol=1e-5)


def test_what_alternates_has_no_walk_of_half_a_step():
    swap = torch.tensor([[0.1, 0.9], [0.9, 0.1]])  # eigenvalues 1 and -0.8
    torch.testing.assert_close(power_walk(swap, 2.5), torch.full((2, 2), 0.5))


def test_power_first_then_restrict_is_not_restrict_first():
    attention, _ = reversible_walk(5, 5)
    some = torch.arange(12)
    power = graph_of(attention, 4)[some][:, some]
    part = attention.matrix[some][:, some]
    part = Attention(part / part.sum(dim=1, keepdim=True), (3, 4))
    other = graph_of(part, 4)
    assert not torch.allclose(power / power.sum(), other / other.sum(), rtol=1e-2)


def test_pooling_means_queries_and_adds_keys():
    matrix = torch.from_numpy(random_attention(6, 6)).double()
    small = pooled(matrix, (6, 6), (3, 3))
    blocks = matrix.reshape(3, 2, 3, 2, 3, 2, 3, 2).numpy()
    expected = blocks.sum(axis=(5, 7)).mean(axis=(1, 3)).reshape(9, 9)
    np.testing.assert_allclose(small, expected, rtol=1e-5)
    np.testing.assert_allclose(small.sum(dim=1), 1)
    assert pooled(matrix, (6, 6), (6, 6)) is matrix
    uneven = pooled(matrix, (4, 9), (3, 3))
    np.testing.assert_allclose(uneven.sum(dim=1), 1)


def test_blocks_of_a_reversible_walk_are_one():
    attention, weights = reversible_walk(6, 4)
    state = torch.from_numpy(weights.sum(axis=1))
    small = pooled(attention.matrix, (6, 4), (3, 2), state)
    found = stationary(small, entrywise=True)
    assert found is not None
    expected = np.bincount(block_of((6, 4), (3, 2)).numpy(), weights=state.numpy())
    np.testing.assert_allclose(found / found.sum(), expected / expected.sum(), rtol=1e-6)


def test_the_graph_of_a_walk_is_symmetric_and_has_its_state():
    attention, weights = reversible_walk(5, 5)
    graph = walk_graph(attention.matrix)
    torch.testing.assert_close(graph, graph.T)
    np.testing.assert_allclose(graph.numpy(), weights / weights.sum(), atol=1e-6)
