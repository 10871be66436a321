from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.errors import InputError
from napari_m2n2.evaluation.statistics import (
    Difference,
    Interval,
    bootstrap_interval,
    bootstrap_intervals,
    paired_difference,
)

numbers = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@given(numbers)
def test_the_mean_lies_within_and_the_ends_within_the_values(values):
    found = bootstrap_interval(values, rounds=200)
    assert found.mean == pytest.approx(np.mean(values))
    slack = 1e-12
    assert min(values) - slack <= found.low <= found.high <= max(values) + slack


def test_the_same_seed_gives_the_same_interval_and_another_one_another():
    values = np.random.default_rng(0).random(40)
    assert bootstrap_interval(values, seed=3) == bootstrap_interval(values, seed=3)
    assert bootstrap_interval(values, seed=3) != bootstrap_interval(values, seed=4)


def test_equal_values_have_no_width():
    found = bootstrap_interval([0.25] * 10)
    assert (found.mean, found.low, found.high) == (0.25, 0.25, 0.25)
    assert bootstrap_interval([0.3]) == Interval(0.3, 0.3, 0.3)


def test_the_interval_is_that_of_the_normal_distribution_for_many_objects():
    values = np.random.default_rng(1).normal(5, 2, 2000)
    found = bootstrap_interval(values)
    reach = 1.96 * values.std() / math.sqrt(2000)
    assert found.low == pytest.approx(values.mean() - reach, abs=0.1 * reach)
    assert found.high == pytest.approx(values.mean() + reach, abs=0.1 * reach)


def test_a_higher_level_is_wider():
    values = np.random.default_rng(2).random(40)
    half, most = bootstrap_interval(values, level=0.5), bootstrap_interval(values, level=0.99)
    assert most.low < half.low < half.high < most.high
    drawn = np.random.default_rng(2).random(40).mean()
    assert half.low < drawn < half.high


@pytest.mark.parametrize("draw", ["normal", "exponential"])
def test_19_of_20_intervals_hold_the_true_mean(draw):
    rng = np.random.default_rng(5)
    held = 0
    for trial in range(300):
        values = getattr(rng, draw)(size=60)
        found = bootstrap_interval(values, rounds=400, seed=trial)
        held += found.low <= (draw == "exponential") <= found.high
    # 300 trials have a standard error of 1.3 %, and the percentile bootstrap is a little narrow
    assert 0.90 <= held / 300 <= 0.98


def test_drawing_by_hand_gives_the_same_ends():
    values = np.array([0.0, 0.1, 0.5, 0.9])
    rng = np.random.default_rng(7)
    means = [values[rng.integers(4, size=4)].mean() for _ in range(500)]
    found = bootstrap_interval(values, rounds=500, seed=7, level=0.8)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(means, [0.1, 0.9])))


def test_values_that_are_not_finite_are_left_out():
    values = [0.2, math.nan, 0.4, math.inf]
    found = bootstrap_interval(values)
    assert found.mean == pytest.approx(0.3)
    assert (found.low, found.high) == pytest.approx((0.2, 0.4))
    for nothing in ([], [math.nan]):
        found = bootstrap_interval(nothing)
        assert all(math.isnan(value) for value in (found.mean, found.low, found.high))


def test_columns_share_their_draws():
    values = np.random.default_rng(4).random((30, 2))
    columns = np.column_stack([values, values[:, 0] + 1, np.full(30, np.nan)])
    first, second, shifted, nothing = bootstrap_intervals(columns)
    assert first != second
    assert (shifted.low, shifted.high) == pytest.approx((first.low + 1, first.high + 1))
    assert math.isnan(nothing.mean)
    alone = bootstrap_interval(values[:, 0])
    assert (first.mean, first.low, first.high) == pytest.approx(
        (alone.mean, alone.low, alone.high)
    )


@pytest.mark.parametrize("level", [0, 1, -0.1, 95, math.nan])
def test_a_level_that_is_none_is_refused(level):
    with pytest.raises(InputError, match="between 0 and 1"):
        bootstrap_interval([1.0], level=level)


def test_no_rounds_are_refused():
    with pytest.raises(InputError, match="1 or more"):
        bootstrap_interval([1.0], rounds=0)


# ---------------------------------------------------------------- differences
def test_pairs_are_far_more_telling_than_two_means():
    rng = np.random.default_rng(6)
    a = {f"object {k}": rng.random() for k in range(50)}
    b = {key: value - 0.02 + rng.normal(0, 0.01) for key, value in a.items()}
    found = paired_difference(a, b)
    assert found.mean == pytest.approx(np.mean(list(a.values())) - np.mean(list(b.values())))
    assert 0.01 < found.low < found.mean < found.high < 0.03
    one, other = bootstrap_interval(list(a.values())), bootstrap_interval(list(b.values()))
    assert one.low < other.high


def test_only_objects_of_both_runs_are_compared():
    a = {"x": 0.5, "y": 0.9, "z": math.nan, "only here": 0.0}
    b = {"y": 0.5, "x": 0.3, "z": 0.1, "only there": 1.0}
    found = paired_difference(a, b)
    assert found.n == 2
    assert found.mean == pytest.approx(0.3)
    assert (found.low, found.high) == pytest.approx((0.2, 0.4))


@given(st.dictionaries(st.integers(), st.floats(0, 1), min_size=1), st.integers(0, 99))
def test_the_order_of_the_objects_makes_no_difference(a, seed):
    rng = np.random.default_rng(seed)
    b = {key: rng.random() for key in a}
    turned = {key: a[key] for key in reversed(list(a))}
    assert paired_difference(a, b, rounds=50) == paired_difference(turned, b, rounds=50)


def test_a_run_does_not_differ_from_itself():
    a = {"x": 0.5, "y": 0.9}
    assert paired_difference(a, a) == Difference(0, 0, 0, 2)


def test_runs_without_a_common_object_are_refused():
    with pytest.raises(InputError, match="no object in common"):
        paired_difference({"x": 1.0}, {"y": 1.0})
