"""Normalised cuts of graphs, whole ones and products of thin matrices."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2.segmentation.normalised_cut import best_cut, thin_cut


def cost_of(graph, side):
    cut = graph[np.ix_(side, ~side)].sum()
    return cut / graph[side].sum() + cut / graph[~side].sum()


@settings(max_examples=40, deadline=None)
@given(count=st.integers(2, 30), rank=st.integers(1, 12), seed=st.integers(0, 20))
def test_a_thin_graph_is_cut_as_the_whole_one(count, rank, seed):
    factor = torch.from_numpy(np.random.default_rng(seed).random((count, rank)) ** 3 + 1e-3)
    graph = factor @ factor.T
    cost, side = thin_cut(factor)
    assert 0 < side.sum() < count
    assert cost == pytest.approx(cost_of(graph.numpy(), side), abs=1e-9)
    assert cost == pytest.approx(best_cut(graph)[0], abs=1e-6)


@pytest.mark.parametrize("count", [2, 5, 8])
def test_without_structure_every_cut_costs_one(count):
    graph = np.full((count, count), 0.3)
    for few in range(1, count):
        for cells in combinations(range(count), few):
            side = np.isin(np.arange(count), cells)
            assert cost_of(graph, side) == pytest.approx(1)
    assert best_cut(torch.from_numpy(graph))[0] == pytest.approx(1)
    assert thin_cut(torch.full((count, 1), 0.5, dtype=torch.float64))[0] == pytest.approx(1)


def test_separate_blocks_cost_nothing():
    factor = torch.zeros(25, 2, dtype=torch.float64)
    factor[:9, 0] = factor[9:, 1] = 1
    cost, side = thin_cut(factor)
    assert cost == pytest.approx(0, abs=1e-12)
    assert set(side[:9]) != set(side[9:])
    assert len(set(side[:9])) == len(set(side[9:])) == 1


def test_a_cell_that_nothing_connects_is_cut_off_for_nothing():
    factor = torch.from_numpy(np.random.default_rng(0).random((12, 3)))
    factor[4] = 0
    graph = factor @ factor.T
    for cost, side in (thin_cut(factor), best_cut(graph)):
        assert np.isfinite(cost)
        assert 0 < side.sum() < 12
