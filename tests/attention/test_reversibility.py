from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import random_attention

from napari_m2n2.attention.reversibility import stationary


@given(st.integers(1, 6), st.integers(0, 99))
def test_symmetric_affinities_are_recognised(columns, seed):
    matrix = torch.from_numpy(random_attention(3, columns, seed, sharp=1.0, symmetric=True))
    pi = stationary(matrix)
    assert pi is not None
    flow = pi[:, None] * matrix
    torch.testing.assert_close(flow, flow.T, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_other_attention_is_not(seed):
    assert stationary(torch.from_numpy(random_attention(3, 4, seed))) is None


def test_one_wrong_row_is_noticed():
    matrix = torch.from_numpy(random_attention(6, 6, sharp=1.0, symmetric=True))
    matrix[17] = matrix[17].roll(3)
    assert stationary(matrix) is None
