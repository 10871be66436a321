from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import markov_map, random_attention

from napari_m2n2.errors import Cancelled
from napari_m2n2.markov import walk
from napari_m2n2.markov.product import Bands, halved
from napari_m2n2.markov.transition import balance, sharpen
from napari_m2n2.markov.walk import markov_maps, rows_agree, start_states


def test_three_states_by_hand():
    matrix = torch.tensor([[0.6, 0.3, 0.1], [0.3, 0.5, 0.2], [0.1, 0.2, 0.7]])
    times = markov_maps(matrix, torch.tensor([[1.0, 0, 0]]))
    np.testing.assert_allclose(times[0].numpy(), [0, 0.714286, 1.541178], atol=1e-5)


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 999), st.floats(0.05, 0.9))
def test_equals_the_plain_walk(rows, columns, seed, tau):
    attention = torch.from_numpy(random_attention(rows, columns, seed).astype(np.float64))
    matrix = balance(sharpen(attention, 0.65), 20).matrix
    rng = np.random.default_rng(seed)
    pixels = torch.from_numpy(rng.integers(0, (40, 50), (3, 2)))
    starts = start_states(pixels, (40, 50), (rows, columns))
    times = markov_maps(matrix, starts, tau=tau, max_steps=60)
    for start, ours in zip(starts.numpy(), times.numpy(), strict=True):
        expected = markov_map(matrix.numpy(), start, tau, 60)
        np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_cells_that_cannot_be_reached_keep_the_last_step():
    matrix = torch.block_diag(torch.full((2, 2), 0.5), torch.full((3, 3), 1 / 3))
    times = markov_maps(matrix, torch.eye(5)[:1], max_steps=77)[0].tolist()
    assert times[0] == 0
    assert 0 < times[1] < 1
    assert times[2:] == [77, 77, 77]


def test_a_batch_is_the_same_as_one_by_one():
    matrix = torch.from_numpy(random_attention(5, 6))
    starts = start_states(torch.tensor([[0, 0], [9, 3], [4, 11]]), (10, 12), (5, 6))
    together = markov_maps(matrix, starts)
    for start, times in zip(starts, together, strict=True):
        torch.testing.assert_close(markov_maps(matrix, start[None])[0], times)


@pytest.mark.parametrize("rule", ["published", "aligned"])
@pytest.mark.parametrize("grid", [(1, 1), (1, 7), (8, 5), (30, 40)])
def test_every_pixel_starts_somewhere(rule, grid):
    shape = (9, 12)  # coarser and finer than the grids
    pixels = torch.cartesian_prod(torch.arange(9), torch.arange(12))
    starts = start_states(pixels, shape, grid, rule=rule)
    assert starts.shape == (108, grid[0] * grid[1])
    assert float(starts.min()) >= 0
    torch.testing.assert_close(starts.amax(1), torch.ones(108, dtype=torch.float64))
    assert bool(((starts > 0).sum(1) <= 4).all())


def test_published_rule_by_hand():
    # (out - 1) * p / in = 3 * 5 / 10 = 1.5 rows and 4 * 6 / 12 = 2 columns
    start = start_states(torch.tensor([[5, 6]]), (10, 12), (4, 5))[0].reshape(4, 5)
    expected = np.zeros((4, 5))
    expected[1, 2] = expected[2, 2] = 1
    np.testing.assert_allclose(start.numpy(), expected)


def test_aligned_rule_puts_the_middle_pixel_into_the_middle_cell():
    start = start_states(torch.tensor([[4, 7]]), (9, 15), (3, 5), rule="aligned")[0]
    assert start.reshape(3, 5)[1, 2] == 1
    assert start.sum() == 1


def test_aligned_rule_is_symmetric():
    corners = torch.tensor([[0, 0], [19, 29]])
    first, last = start_states(corners, (20, 30), (7, 9), rule="aligned")
    torch.testing.assert_close(first.flip(0), last)


def test_rows_and_columns_are_not_swapped():
    start = start_states(torch.tensor([[0, 29]]), (20, 30), (4, 6), rule="aligned")[0]
    assert int(start.argmax()) == 5


def test_can_be_cancelled():
    def stop(phase, fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        markov_maps(torch.eye(4), torch.eye(4), progress=stop)


@given(st.integers(1, 5), st.integers(0, 99), st.sampled_from([True, False, None]))
def test_what_is_said_of_the_rows_changes_the_way_and_not_the_maps(columns, seed, agree):
    attention = torch.from_numpy(random_attention(4, columns, seed).astype(np.float64))
    matrix = balance(sharpen(attention, 0.65), 20).matrix
    assert rows_agree(matrix, 60)
    starts = torch.eye(4 * columns, dtype=torch.float64)[:2]
    times = markov_maps(matrix, starts, max_steps=60, agree=agree)
    for start, ours in zip(starts.numpy(), times.numpy(), strict=True):
        np.testing.assert_allclose(ours, markov_map(matrix.numpy(), start, 0.3, 60), atol=1e-6)


def test_rows_are_looked_at_only_where_nothing_is_said(monkeypatch):
    looked, pushed = [], []
    push = Bands.push
    monkeypatch.setattr(walk, "rows_agree", lambda *given: looked.append(given) or True)
    monkeypatch.setattr(
        Bands, "push", lambda bands, states: pushed.append(states) or push(bands, states)
    )
    matrix = torch.from_numpy(random_attention(3, 4).astype(np.float64))
    starts = torch.eye(12, dtype=torch.float64)[:1]
    markov_maps(matrix, starts, agree=False)
    assert (len(looked), len(pushed)) == (0, 0), "walked step by step"
    markov_maps(matrix, starts, agree=True)
    assert len(looked) == 0
    assert pushed
    markov_maps(matrix, starts)
    assert len(looked) == 1


def test_rows_agree_where_an_error_does_not_outgrow_the_walk():
    matrix = torch.from_numpy(random_attention(3, 4).astype(np.float64))
    matrix /= matrix.sum(1, keepdim=True)
    assert rows_agree(matrix, 1000)
    assert rows_agree(7 * matrix, 1000), "they need not sum to 1"
    uneven = matrix * torch.linspace(1, 1.002, 12)[:, None]
    assert rows_agree(uneven, 400)
    assert not rows_agree(uneven, 1000)
    assert rows_agree(halved(uneven), 1000), "only one way knows half precision"
    assert not rows_agree(matrix.to("meta"), 1000), "elsewhere than on a processor"
