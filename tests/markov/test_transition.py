from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import ipf, random_attention

from napari_m2n2.errors import Cancelled
from napari_m2n2.markov.transition import balance, sharpen


@given(st.integers(1, 6), st.integers(1, 30), st.floats(0.3, 3), st.integers(0, 99))
def test_vector_form_has_the_iterates_of_the_matrix_form(columns, rounds, temperature, seed):
    matrix = random_attention(3, columns, seed).astype(np.float64)
    weights = sharpen(torch.from_numpy(matrix), temperature)
    expected = ipf(weights.numpy(), rounds)
    done = balance(weights, rounds)
    np.testing.assert_allclose(done.matrix.numpy(), expected, atol=1e-12)
    assert done.residual == pytest.approx(np.abs(expected.sum(0) - 1).max(), abs=1e-12)
    assert done.rounds == rounds


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
