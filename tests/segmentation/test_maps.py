from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import ipf, markov_map, random_attention

from napari_m2n2 import Attention
from napari_m2n2.markov.walk import start_states
from napari_m2n2.progress import ignore
from napari_m2n2.segmentation.maps import make_maps
from napari_m2n2.segmentation.parameters import resolve

SHAPE, GRID = (30, 40), (4, 6)


@pytest.fixture
def matrix():
    return random_attention(*GRID).astype(np.float64)


@pytest.fixture
def starts():
    return start_states(torch.tensor([[3, 5], [29, 39], [14, 0]]), SHAPE, GRID)


def maps(method, matrix, starts, preset="published", **overrides):
    parameters = resolve(method, preset, "texture", overrides)
    return make_maps(Attention(matrix, GRID), method, parameters, ignore)(starts, ignore).numpy()


def mixed(matrix, temperature, starts):
    powered = matrix ** (1 / temperature)
    powered /= powered.sum(1, keepdims=True)
    weights = starts.numpy() / starts.numpy().sum(1, keepdims=True)
    return powered, weights


def test_m2n2(matrix, starts):
    powered, _ = mixed(matrix, 0.65, starts)
    walked = [markov_map(ipf(powered, 200), start) for start in starts.numpy()]
    np.testing.assert_allclose(maps("m2n2", matrix, starts), walked, atol=1e-6)
    np.testing.assert_allclose(maps("m2n2-no-flood", matrix, starts), walked, atol=1e-6)


def test_attention_nn(matrix, starts):
    powered, weights = mixed(matrix, 10, starts)
    a = weights @ powered
    np.testing.assert_allclose(maps("attention-nn", matrix, starts), 1 - a / a.max(1)[:, None])


def test_kl_nn(matrix, starts):
    powered, weights = mixed(matrix, 2, starts)
    q = np.clip(powered, 1e-5, 1)
    expected = []
    for p in weights @ q:
        forth = (p * np.log(p / q)).sum(1)
        back = (q * np.log(q / p)).sum(1)
        expected.append((forth + back) / 2)
    np.testing.assert_allclose(maps("kl-nn", matrix, starts), expected, atol=1e-9)


def test_spectral_walk_where_the_attention_is_symmetric(starts):
    matrix = random_attention(*GRID, sharp=0.7, symmetric=True)
    plain = maps("m2n2", matrix, starts)
    spectral = maps("m2n2", matrix, starts, preset="published", walk="spectral")
    np.testing.assert_allclose(spectral, plain, atol=1e-2)


def test_spectral_walk_falls_back_where_it_is_not(matrix, starts):
    plain = maps("m2n2", matrix, starts)
    np.testing.assert_array_equal(maps("m2n2", matrix, starts, walk="spectral"), plain)


def test_attention_is_used_up_only_where_that_is_said(matrix, starts):
    parameters = resolve("m2n2", "published", "texture", {})
    attention = Attention(matrix.copy(), GRID)
    kept = make_maps(attention, "m2n2", parameters, ignore)(starts, ignore)
    np.testing.assert_array_equal(attention.matrix, matrix)
    used = make_maps(attention, "m2n2", parameters, ignore, overwrite=True)(starts, ignore)
    torch.testing.assert_close(used, kept, rtol=0, atol=0)
    assert not np.array_equal(attention.matrix, matrix)


def test_half_precision_changes_maps_little(starts):
    matrix = random_attention(*GRID, sharp=1.0)
    single = maps("m2n2", matrix, starts)
    half = maps("m2n2", matrix, starts, storage="half")
    assert half.dtype == np.float32
    assert 0 < np.abs(half - single).max() < 5e-3 * single.max()
    spectral = maps("m2n2", matrix, starts, walk="spectral", storage="half")
    np.testing.assert_array_equal(spectral, half)  # not reversible, hence walked
