"""Graphs of how alike cells are, against their formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import random_attention

from napari_m2n2.errors import InputError
from napari_m2n2.segmentation.alike import alike_features, alike_rows


@pytest.fixture
def walk():
    return torch.from_numpy(random_attention(4, 5)).double()


def test_rows_by_product_and_angle(walk):
    rows = walk.numpy()
    np.testing.assert_allclose(alike_rows(walk, "dot"), rows @ rows.T)
    length = np.sqrt((rows**2).sum(axis=1))
    np.testing.assert_allclose(
        alike_rows(walk, "cosine"), rows @ rows.T / np.outer(length, length)
    )


def test_rows_by_divergence_beside_the_usual_one(walk):
    rows = walk.numpy()
    apart = np.array(
        [[0.5 * ((p - q) * (np.log(p) - np.log(q))).sum() for q in rows] for p in rows]
    )
    usual = np.sort(apart.ravel())[(apart.size - 1) // 2]
    found = alike_rows(walk, "divergence")
    np.testing.assert_allclose(found, np.exp(-apart / usual), rtol=1e-6)
    np.testing.assert_allclose(found.diagonal(), 1)


def test_rows_that_are_all_the_same_are_all_alike():
    walk = torch.full((9, 9), 1 / 9)
    for measure in ("cosine", "divergence"):
        torch.testing.assert_close(alike_rows(walk, measure), torch.ones(9, 9))


def test_features_as_diffcut_connects_them():
    features = np.random.default_rng(0).normal(size=(12, 5)).astype(np.float32)
    rows = features / np.linalg.norm(features, axis=1, keepdims=True)
    cosines = rows @ rows.T
    expected = ((cosines - cosines.min()) / (cosines.max() - cosines.min())) ** 10
    found = alike_features(torch.from_numpy(features))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert 0 <= float(found.min()) < float(found.max()) <= 1 + 1e-5


def test_features_of_zero_or_all_the_same():
    torch.testing.assert_close(alike_features(torch.ones(4, 3)), torch.ones(4, 4))
    lonely = torch.eye(4)
    lonely[2] = 0
    assert torch.isfinite(alike_features(lonely)).all()


def test_no_features_is_said():
    with pytest.raises(InputError, match=r"no features.*cut_graph"):
        alike_features(None)
