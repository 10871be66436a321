from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import random_attention

from napari_m2n2 import Attention, Backbone
from napari_m2n2.errors import InputError


def test_push_and_pull_are_the_two_products():
    matrix = random_attention(3, 4)
    attention = Attention(matrix, (3, 4))
    rng = np.random.default_rng(0)
    p, batch = rng.random(12, np.float32), rng.random((5, 12), np.float32)
    np.testing.assert_allclose(attention.push(p), p @ matrix, rtol=1e-5)
    np.testing.assert_allclose(attention.push(batch), batch @ matrix, rtol=1e-5)
    np.testing.assert_allclose(attention.pull(p), matrix @ p, rtol=1e-5)
    np.testing.assert_allclose(attention.pull(batch.T), matrix @ batch.T, rtol=1e-5)


def test_tensors_give_tensors():
    attention = Attention(torch.eye(6), (2, 3))
    assert isinstance(attention.push(torch.ones(6)), torch.Tensor)
    assert isinstance(attention.pull(torch.ones(6, 2)), torch.Tensor)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (np.float64, torch.float64),
        (np.float32, torch.float32),
        (np.float16, torch.float32),
        (">f4", torch.float32),
        (">f8", torch.float64),
        (np.uint8, torch.float32),
    ],
)
def test_precision(given, kept):
    matrix = np.eye(4).astype(given)
    matrix.setflags(write=False)
    assert Attention(matrix, (2, 2)).matrix.dtype == kept


@pytest.mark.parametrize(
    ("matrix", "grid", "features", "words"),
    [
        (np.eye(6), (2, 2), None, "needs (4, 4)"),
        (np.ones((4, 5)) / 5, (2, 2), None, "needs (4, 4)"),
        (np.eye(0), (0, 0), None, "grid"),
        (np.eye(4) * 0.9, (2, 2), None, "within 0.1"),
        (np.array([[2.0, -1.0], [0, 1]]), (1, 2), None, "negative"),
        (np.array([[np.nan, 1.0], [0, 1]]), (1, 2), None, "not finite"),
        (np.eye(4), (2, 2), np.ones((3, 7)), "each of the 4 cells"),
        (np.eye(4).astype(complex), (2, 2), None, "complex"),
    ],
)
def test_what_is_no_attention_is_said_in_a_sentence(matrix, grid, features, words):
    with pytest.raises(InputError) as caught:
        Attention(matrix, grid, features=features)
    assert words in str(caught.value)


def test_moving_to_the_same_device_copies_nothing():
    attention = Attention(np.eye(4), (2, 2), features=np.ones((4, 7)))
    assert attention.to("cpu") is attention
    assert attention.features.shape == (4, 7)


def test_any_object_with_attend_is_a_backbone():
    class Mine:
        def attend(self, rgb):
            return Attention(np.eye(1), (1, 1))

    assert isinstance(Mine(), Backbone)
    assert not isinstance(object(), Backbone)
