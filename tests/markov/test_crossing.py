"""When cells are reached, beside a loop over cells and steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.markov import crossing
from napari_m2n2.markov.crossing import EPSILON, Crossings


def plain_times(start, states, tau, max_steps):
    """The first state in which each cell is above τ of the largest, between it and the last."""
    times = np.where(start > tau, 0.0, float(max_steps))
    before = start
    for step, state in enumerate(states):
        state = state / state.max()
        for cell in np.flatnonzero((times == max_steps) & (state > tau)):
            rise = 1 - tau if step == 0 else state[cell] - before[cell]
            times[cell] = step + 1 - (state[cell] - tau) / (rise + EPSILON)
        before = state
    return times


def states_of(rng, steps, cells):
    """Random positive states, as a walk gives them or not; largest entries differ."""
    return rng.random((steps, cells)) * rng.random((steps, 1)) + 1e-6


@given(
    st.integers(1, 9),
    st.lists(st.integers(1, 7), min_size=1, max_size=5),
    st.floats(0.05, 0.95),
    st.integers(0, 999),
)
def test_cells_are_reached_when_a_loop_over_them_says_so(cells, windows, tau, seed):
    rng = np.random.default_rng(seed)
    start = rng.random(cells)
    start /= start.max()
    states = states_of(rng, sum(windows), cells)
    expected = plain_times(start, states, tau, 1000)
    found = Crossings(start[None], tau, 1000)
    step, reached = 0, False
    for window in windows:
        reached = found.note(0, step, states[step : step + window].copy())
        step += window
    np.testing.assert_allclose(found.times[0], expected, rtol=1e-12)
    assert reached == bool((expected < 1000).all())


def test_windows_of_steps_say_what_single_steps_say():
    rng = np.random.default_rng(3)
    start, states = np.eye(30)[4], states_of(rng, 12, 30)
    one, many = Crossings(start[None], 0.8, 99), Crossings(start[None], 0.8, 99)
    many.note(0, 0, states.copy())
    for step, state in enumerate(states):
        one.note(0, step, state[None].copy())
    np.testing.assert_array_equal(one.times, many.times)


def test_walks_do_not_meddle_with_each_other():
    rng = np.random.default_rng(5)
    starts, states = np.eye(8)[[0, 3]], states_of(rng, 4, 8)
    both, alone = Crossings(starts, 0.5, 50), Crossings(starts[1:], 0.5, 50)
    both.note(1, 0, states.copy())
    alone.note(0, 0, states.copy())
    np.testing.assert_array_equal(both.times[0], np.where(starts[0] > 0.5, 0, 50))
    np.testing.assert_array_equal(both.times[1], alone.times[0])


def test_the_loop_counts_what_still_waits_and_scales_the_states():
    before, times = np.zeros(4), np.full(4, 70.0)
    still, states = np.ones(4, bool), np.array([[4.0, 1.0, 0.2, 0.0], [1.0, 0.9, 0.1, 0.4]])
    waiting = np.arange(4)
    left = crossing._note(states, waiting, before, 0.3, 10, times, still)
    assert left == 1
    np.testing.assert_array_equal(still, [False, False, True, False])
    np.testing.assert_allclose(states, [[1, 0.25, 0.05, 0], [1, 0.9, 0.1, 0.4]])
    # at step 11 the first rises from 0 to 1, at 12 the second from 0.25 and the fourth from 0
    expected = [11 - 0.7 / 1, 12 - 0.6 / 0.65, 70, 12 - 0.1 / 0.4]
    np.testing.assert_allclose(times, expected, atol=1e-5)


@pytest.mark.parametrize("step", [0, 5])
def test_the_first_step_is_graded_as_published(step):
    found = Crossings(np.array([[1.0, 0.0]]), 0.3, 9)
    found.note(0, step, np.array([[1.0, 0.65]]))
    expected = 1 - 0.35 / 0.7 if step == 0 else step + 1 - 0.35 / 0.65
    assert found.times[0, 1] == pytest.approx(expected, abs=1e-5)
