from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import ipf, random_attention
from peak import Peak

from napari_m2n2.errors import Cancelled
from napari_m2n2.markov import transition
from napari_m2n2.markov.strips import StripBands
from napari_m2n2.markov.transition import balance, sharpen
from napari_m2n2.progress import ignore


@given(st.integers(1, 6), st.integers(1, 30), st.floats(0.3, 3), st.integers(0, 99))
def test_vector_form_has_the_iterates_of_the_matrix_form(columns, rounds, temperature, seed):
    matrix = random_attention(3, columns, seed).astype(np.float64)
    weights = sharpen(torch.from_numpy(matrix), temperature)
    expected = ipf(weights.numpy(), rounds)
    done = balance(weights, rounds)
    np.testing.assert_allclose(done.matrix.numpy(), expected, atol=1e-12)
    assert done.residual == pytest.approx(np.abs(expected.sum(0) - 1).max(), abs=1e-12)
    assert 1 <= done.rounds <= rounds


@given(st.integers(1, 8), st.floats(0.3, 2), st.floats(0.1, 6), st.integers(0, 99))
def test_single_precision_is_as_near_as_the_plain_form(columns, temperature, sharp, seed):
    attention = torch.from_numpy(random_attention(4, columns, seed, sharp))
    weights = sharpen(attention, temperature)
    expected = ipf(weights.double().numpy(), 200)
    np.testing.assert_allclose(balance(weights, 200).matrix.numpy(), expected, atol=2e-6)


def test_rounds_that_change_nothing_are_left_out():
    attention = torch.from_numpy(random_attention(6, 6, sharp=0.5))
    weights = sharpen(attention, 1.0)
    few, many = balance(weights.clone(), 30), balance(weights.clone(), 100_000)
    assert few.rounds < 30
    assert many.rounds < 60
    np.testing.assert_allclose(few.matrix, many.matrix, atol=3e-7)


def test_no_round_is_left_out_that_would_change_something():
    halves = torch.full((8, 8), 1e-9)  # mass goes from one half to the other very slowly
    halves[:4, :4], halves[4:, 4:] = torch.rand(
        2, 4, 4, generator=torch.Generator().manual_seed(0)
    )
    halves[0, 7] = 0.3
    weights = sharpen(halves / halves.sum(1, keepdim=True), 1.0)
    expected = ipf(weights.double().numpy(), 200)
    assert np.abs(ipf(weights.double().numpy(), 100) - expected).max() > 1e-4, "could not fail"
    done = balance(weights, 200)
    assert done.rounds == 200
    np.testing.assert_allclose(done.matrix.numpy(), expected, atol=2e-6)


def test_factors_beyond_single_precision():
    # the second column is almost never reached, and needs a factor of about 1e38 soon
    weights = torch.tensor([[1.0, 2e-38], [1.0, 2e-38]])
    expected = ipf(weights.double().numpy(), 60)
    np.testing.assert_allclose(balance(weights.clone(), 60).matrix, expected, atol=1e-6)
    # a pattern without a doubly stochastic form: factors grow in every round
    weights = torch.tensor([[1e-30, 1.0], [1e-30, 1e-30]])
    expected = ipf(weights.double().numpy(), 60)
    np.testing.assert_allclose(balance(weights.clone(), 60).matrix, expected, atol=1e-6)


def test_elsewhere_than_on_a_processor_the_numbers_are_the_same():
    weights = sharpen(torch.from_numpy(random_attention(5, 6)).double(), 0.65)
    expected = balance(weights.clone(), 25).matrix
    r, c, _ = transition._factors(
        transition._on_device(weights), weights.sum(0), 25, 0.0, 1e-16, ignore
    )
    transition._scale(weights, r, c)
    torch.testing.assert_close(weights, expected, rtol=1e-12, atol=0)


def test_memory_is_one_copy_beside_the_attention_or_none_that_is_overwritten():
    attention = torch.rand(1000, 1000, generator=torch.Generator().manual_seed(0)) + 0.1
    size = attention.nbytes
    with Peak() as peak:  # counts the attention too, of which views are taken
        balance(sharpen(attention, 0.65), 5)
    assert size < peak.most <= 2.3 * size
    with Peak() as peak:
        weights = balance(sharpen(attention, 0.65, overwrite=True), 5).matrix
    assert weights.data_ptr() == attention.data_ptr()
    assert peak.most <= 1.3 * size


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 130])
def test_blocks_of_rows_and_what_is_left_over(count):
    attention = torch.from_numpy(random_attention(1, count, sharp=1.0).astype(np.float64))
    weights = sharpen(attention.clone(), 0.65, overwrite=True)
    powered = attention.numpy() ** (1 / 0.65)
    np.testing.assert_allclose(weights, powered / powered.sum(1, keepdims=True), rtol=1e-9)
    expected = ipf(weights.numpy(), 9)
    np.testing.assert_allclose(balance(weights, 9).matrix, expected, atol=1e-12)


def test_sharpen_is_a_power_of_each_row():
    matrix = random_attention(4, 5).astype(np.float64)
    powered = matrix ** (1 / 0.65)
    np.testing.assert_allclose(
        sharpen(torch.from_numpy(matrix), 0.65).numpy(),
        powered / powered.sum(1, keepdims=True),
        rtol=1e-9,
    )


def test_sharpen_leaves_its_input_alone():
    matrix = torch.from_numpy(random_attention(2, 3))
    before = matrix.clone()
    balance(sharpen(matrix, 0.5), 3)
    assert torch.equal(matrix, before)


def test_zeros_do_not_break_it():
    weights = sharpen(torch.eye(6), 0.5)
    done = balance(weights, 10)
    assert bool(torch.isfinite(done.matrix).all())
    assert bool((done.matrix > 0).all())


def test_no_rounds_change_nothing():
    weights = sharpen(torch.from_numpy(random_attention(2, 3)), 2.0)
    assert torch.equal(balance(weights.clone(), 0).matrix, weights)


def test_tolerance_ends_early():
    weights = sharpen(torch.from_numpy(random_attention(4, 4)), 0.65)
    done = balance(weights, 200, tolerance=1e-3)
    assert 0 < done.rounds < 200
    assert done.residual <= 2e-3


def test_can_be_cancelled():
    def stop(phase, fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        balance(sharpen(torch.eye(4), 1.0), 100, progress=stop)


def band(count, reach=2.0):
    """Attention between neighbours along a line, and almost none elsewhere."""
    place = torch.arange(count, dtype=torch.float64)
    weights = torch.exp(-((place[:, None] - place) ** 2) / (2 * reach**2)) + 1e-14
    generator = torch.Generator().manual_seed(0)
    return weights * torch.rand(count, count, generator=generator, dtype=torch.float64)


def counted(monkeypatch):
    """Numbers of rounds with strips, one after the other."""
    rounds = []
    balance_rows = StripBands.balance_rows
    monkeypatch.setattr(
        StripBands,
        "balance_rows",
        lambda bands, *given: rounds.append(1) or balance_rows(bands, *given),
    )
    return rounds


def test_what_is_too_little_to_matter_is_left_out_of_the_rounds(monkeypatch):
    rounds = counted(monkeypatch)
    weights = sharpen(band(400), 1.0)
    expected = ipf(weights.numpy(), 64)
    found = balance(weights, 64).matrix
    assert len(rounds) >= 60
    np.testing.assert_allclose(found, expected, atol=2e-6)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-12)


def test_all_is_taken_where_little_entries_matter(monkeypatch):
    rounds = counted(monkeypatch)
    weights = band(400)
    weights[:, 200] = 1e-13  # a cell that is reached from everywhere, but hardly ever
    weights = sharpen(weights / weights.sum(1, keepdim=True), 1.0)
    expected = ipf(weights.numpy(), 60)
    found = balance(weights, 60).matrix
    assert 1 <= len(rounds) < 10, "begun with what matters, then given up"
    np.testing.assert_allclose(found, expected, atol=1e-12)
