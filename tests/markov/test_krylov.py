"""Slow walks, followed in a small space, beside the walk step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import markov_map, random_attention

from napari_m2n2.errors import Cancelled
from napari_m2n2.markov import krylov
from napari_m2n2.markov.product import Bands
from napari_m2n2.markov.transition import balance, sharpen
from napari_m2n2.markov.walk import markov_maps


def slow(rows, columns, seed=0, reach=0.6, floor=1e-9):
    """Attention between neighbours that is connected, slow to mix and not symmetric."""
    place = np.stack(np.mgrid[:rows, :columns], -1).reshape(-1, 2)
    weights = np.exp(-((place[:, None] - place[None]) ** 2).sum(-1) / (2 * reach**2))
    weights *= np.exp(np.random.default_rng(seed).standard_normal(weights.shape))
    weights += floor
    return torch.from_numpy(weights / weights.sum(1, keepdims=True))


def one_hot(count, *cells):
    return torch.eye(count, dtype=torch.float64)[list(cells)]


def assert_same(matrix, starts, max_steps=1000, tau=0.3):
    """Double precision: times agree to what the bound on the states leaves."""
    times = markov_maps(matrix, starts, max_steps=max_steps, tau=tau).numpy()
    for ours, start in zip(times, starts.numpy(), strict=True):
        expected = markov_map(matrix.numpy(), start, tau, max_steps)
        np.testing.assert_allclose(ours, expected, atol=2e-2)
        assert np.abs(ours - expected).mean() < 1e-3


class Counted:
    """Counts the products with the matrix."""

    def __init__(self, monkeypatch):
        self.products = 0
        push = Bands.push

        def counted(bands, states):
            self.products += 1
            return push(bands, states)

        monkeypatch.setattr(Bands, "push", counted)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(2, 7),
    st.integers(2, 7),
    st.integers(0, 99),
    st.sampled_from([17, 60, 400]),
    st.floats(0.1, 0.8),
)
def test_slow_walks_equal_the_plain_ones(rows, columns, seed, max_steps, tau):
    matrix = balance(sharpen(slow(rows, columns, seed), 0.65), 20).matrix
    starts = one_hot(rows * columns, 0, rows * columns - 1)
    assert_same(matrix, starts, max_steps, tau)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 30), st.integers(0, 99), st.floats(0.5, 12))
def test_any_attention_equals_the_plain_walk(count, seed, sharp):
    attention = torch.from_numpy(random_attention(1, count, seed, sharp).astype(np.float64))
    matrix = attention / attention.sum(1, keepdim=True)
    assert_same(matrix, one_hot(count, 0), max_steps=120)


def test_far_fewer_products_than_steps(monkeypatch):
    counted = Counted(monkeypatch)
    matrix = balance(sharpen(slow(14, 14, reach=0.5), 0.65), 50).matrix
    times = markov_maps(matrix, one_hot(196, 0, 100))
    assert times.max() > 500
    assert counted.products < 200


def test_never_more_products_than_steps(monkeypatch):
    counted = Counted(monkeypatch)
    ring = torch.eye(90, dtype=torch.float64).roll(1, dims=1)  # nothing to be gained
    assert_same(ring, one_hot(90, 3), max_steps=80)
    assert counted.products <= 80


def test_a_basis_that_is_full_is_begun_anew(monkeypatch):
    monkeypatch.setattr(krylov, "_BASIS", 12)
    matrix = balance(sharpen(slow(6, 6), 0.65), 20).matrix
    assert_same(matrix, one_hot(36, 0, 20))


def test_a_basis_that_is_closed():
    halves = torch.block_diag(torch.full((2, 2), 0.5), torch.full((3, 3), 1 / 3)).double()
    times = markov_maps(halves, one_hot(5, 0, 4), max_steps=300).tolist()
    assert times[0][2:] == [300, 300, 300]
    assert times[1][:2] == [300, 300]
    standing = markov_maps(torch.eye(4, dtype=torch.float64), one_hot(4, 2), max_steps=300)
    assert standing.tolist() == [[300, 300, 0, 300]]


def test_walks_with_drift_and_rotation():
    drift = 0.5 * torch.eye(40).double() + 0.4 * torch.eye(40).double().roll(1, dims=1)
    drift += 0.1 / 40
    assert_same(drift, one_hot(40, 0, 20))


def test_rows_that_do_not_agree_are_walked_step_by_step(monkeypatch):
    counted = Counted(monkeypatch)
    matrix = slow(5, 5) * torch.linspace(0.99, 1.01, 25)[:, None]
    assert_same(matrix, one_hot(25, 0, 24))
    assert counted.products == 0


def test_states_are_as_near_as_promised():
    matrix = balance(sharpen(slow(9, 9), 0.65), 20).matrix.numpy()
    walk = krylov._Walk(0, np.eye(81)[40], 0, 400)
    exact, seen = np.eye(81)[40], 0
    for _ in range(400):
        if abs(walk._place[walk._known]) * np.abs(walk.newest).sum() > walk._limit:
            walk.grow(walk.newest @ matrix)
            continue
        krylov._walk(walk._small, walk._known, walk._place, walk._path, 1, np.inf)
        seen += 1
        exact = exact @ matrix
        state = walk._place @ np.nan_to_num(walk._basis)
        assert np.abs(state - exact).max() <= krylov.ACCURACY * exact.max()
    assert seen > 250


@given(st.integers(1, 9), st.integers(1, 30), st.integers(1, 300), st.integers(0, 99))
def test_states_are_products_of_places_and_basis_in_any_parts(steps, size, cells, seed):
    rng = np.random.default_rng(seed)
    basis, places = rng.standard_normal((size + 2, cells)), rng.standard_normal((steps, size))
    whole, parts = np.empty((2, steps, cells))
    krylov._combine(basis, places, 0, cells, whole)
    middle = cells // 2
    krylov._combine(basis, places, 0, middle, parts)
    krylov._combine(basis, places, middle, cells, parts)
    np.testing.assert_allclose(whole, places @ basis[:size], atol=1e-12)
    np.testing.assert_allclose(parts, whole, atol=1e-12)


@pytest.mark.parametrize("new", [1.0, 1e-3, 1e-9])
def test_a_basis_stays_orthonormal_where_little_is_new(new):
    rng = np.random.default_rng(0)
    basis = np.zeros((7, 50))
    basis[:6] = np.linalg.qr(rng.standard_normal((50, 6)))[0].T
    parts = np.zeros(7)
    image = rng.standard_normal(6) @ basis[:6] + new * rng.standard_normal(50)
    krylov._orthogonalise(basis, 5, image.copy(), parts)
    np.testing.assert_allclose(basis @ basis.T, np.eye(7), atol=1e-12)
    np.testing.assert_allclose(parts @ basis, image, atol=1e-12)


def test_two_hundred_prompts_and_prompts_on_the_same_cell():
    matrix = balance(sharpen(slow(5, 6), 0.65), 20).matrix
    starts = one_hot(30, *(k % 30 for k in range(200)))
    times = markov_maps(matrix, starts)
    torch.testing.assert_close(times[:30], times[30:60], rtol=0, atol=0)
    assert_same(matrix, starts[:3])
    torch.testing.assert_close(markov_maps(matrix, starts[7:8])[0], times[187])


def test_can_be_cancelled_while_it_is_followed():
    def stop(phase, fraction):
        if fraction > 0.1:
            raise Cancelled

    with pytest.raises(Cancelled):
        markov_maps(slow(12, 12, reach=0.4), one_hot(144, 0), max_steps=400, progress=stop)
