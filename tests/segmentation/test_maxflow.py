from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import maximum_flow

from napari_m2n2.segmentation.maxflow import DIRECTIONS, minimum_cut


def grid(rows, columns):
    """Neighbours of the pixels of a whole plane."""
    numbers = np.pad(np.arange(rows * columns).reshape(rows, columns), 1, constant_values=-1)
    shifted = [numbers[1 + r : 1 + r + rows, 1 + c : 1 + c + columns] for r, c in DIRECTIONS]
    return np.stack([s.ravel() for s in shifted], axis=1).astype(np.int32)


def random_graph(rows, columns, seed, most=8):
    rng = np.random.default_rng(seed)
    neighbours = grid(rows, columns)
    capacities = rng.integers(0, most, neighbours.shape) * (neighbours >= 0)
    weights = rng.integers(-most - 1, most + 2, len(neighbours))
    return weights.astype(np.float32), neighbours, capacities.astype(np.float32)


def cost(inside, weights, neighbours, capacities):
    """What the edges cost that a cut goes through."""
    terminals = np.abs(weights)[(weights > 0) & ~inside | (weights < 0) & inside].sum()
    nodes, ways = np.nonzero(neighbours >= 0)
    through = inside[nodes] & ~inside[neighbours[nodes, ways]]
    return terminals + capacities[nodes, ways][through].sum()


def largest_flow(weights, neighbours, capacities):
    """The same graph for scipy's maximum flow, whose value is that of a minimum cut."""
    count = len(weights)
    nodes, ways = np.nonzero(neighbours >= 0)
    source, sink = np.flatnonzero(weights > 0), np.flatnonzero(weights < 0)
    begin = np.concatenate([nodes, np.full(source.size, count), sink])
    end = np.concatenate([neighbours[nodes, ways], source, np.full(sink.size, count + 1)])
    size = np.concatenate([capacities[nodes, ways], weights[source], -weights[sink]])
    graph = coo_array((size.astype(np.int32), (begin, end)), shape=(count + 2, count + 2))
    return maximum_flow(graph.tocsr(), count, count + 1).flow_value


@settings(max_examples=200)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 10_000))
def test_no_cut_is_cheaper(rows, columns, seed):
    weights, neighbours, capacities = random_graph(rows, columns, seed)
    inside = minimum_cut(weights, neighbours, capacities.copy())
    assert cost(inside, weights, neighbours, capacities) == largest_flow(
        weights, neighbours, capacities
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_larger_graph(seed):
    weights, neighbours, capacities = random_graph(40, 50, seed, most=30)
    weights[np.random.default_rng(seed).random(len(weights)) < 0.9] = 0
    inside = minimum_cut(weights, neighbours, capacities.copy())
    assert cost(inside, weights, neighbours, capacities) == largest_flow(
        weights, neighbours, capacities
    )


def test_what_is_given_stays_and_who_has_no_say_is_outside():
    weights = np.array([0, 3, -2, 0], np.float32)
    neighbours = np.full((4, 8), -1, np.int32)
    inside = minimum_cut(weights, neighbours, np.zeros((4, 8), np.float32))
    np.testing.assert_array_equal(inside, [False, True, False, False])
    np.testing.assert_array_equal(weights, [0, 3, -2, 0])


def test_no_node_is_no_cut():
    nothing = np.zeros((0, 8))
    found = minimum_cut(
        np.zeros(0, np.float32), nothing.astype(np.int32), nothing.astype(np.float32)
    )
    assert found.shape == (0,)
