from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage import data

from napari_m2n2 import Attention, Backbone
from napari_m2n2.attention.reversibility import stationary
from napari_m2n2.attention.texture import Texture, TextureParameters, cells_of, describe
from napari_m2n2.image import to_rgb


@pytest.fixture(scope="module")
def photograph():
    return to_rgb(data.coffee()[::2, ::2])


@pytest.fixture(scope="module")
def attention(photograph):
    return Texture(20).attend(photograph)


def test_it_is_a_backbone():
    assert isinstance(Texture(), Backbone)


def test_rows_are_probabilities_and_nothing_is_out_of_reach(attention):
    torch.testing.assert_close(attention.matrix.sum(1), torch.ones(len(attention.matrix)))
    assert float(attention.matrix.min()) > 0


def test_the_affinity_is_symmetric_before_rows_are_divided(attention):
    assert stationary(attention.matrix) is not None


def test_the_same_every_time(photograph, attention):
    again = Texture(20).attend(photograph)
    assert torch.equal(again.matrix, attention.matrix)


def test_equals_the_formula(photograph):
    parameters = TextureParameters(neighbour=5, reach=0.3)
    small = np.ascontiguousarray(photograph[:60, :90])
    attention = Texture(8, parameters).attend(small)
    f = attention.features.double().numpy()
    difference = ((f[:, None] - f) ** 2).sum(-1)
    own = np.sqrt(np.sort(difference, axis=1)[:, 5])
    rows, columns = attention.grid
    place = np.stack(np.mgrid[:rows, :columns], -1).reshape(-1, 2) + 0.5
    place *= np.array([60 / rows, 90 / columns]) / 90
    apart = ((place[:, None] - place) ** 2).sum(-1)
    weights = np.exp(-difference / np.outer(own, own) - apart / (2 * 0.3**2)) + 1e-8
    expected = weights / weights.sum(1, keepdims=True)
    np.testing.assert_allclose(attention.matrix.numpy(), expected, rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "side", "expected"),
    [
        ((512, 512), 64, (64, 64)),
        ((480, 854), 64, (48, 85)),
        ((854, 480), 64, (85, 48)),
        ((20, 2000), 64, (6, 640)),
        ((1, 9), 64, (1, 9)),
        ((1, 1), 64, (1, 1)),
        ((30, 30), 64, (30, 30)),
    ],
)
def test_cells_are_square_and_no_finer_than_pixels(shape, side, expected):
    assert cells_of(shape, side) == expected


def test_descriptors_have_five_components_a_scale(photograph):
    parameters = TextureParameters(scales=(0.5, 1.0))
    assert describe(photograph, (10, 15), parameters).shape == (150, 10)


def test_a_grey_image_has_no_colour():
    grey = to_rgb(data.camera()[::4, ::4])
    features = describe(grey, (16, 16), TextureParameters(scales=(1.0,)))
    assert np.abs(features[:, 1:3]).max() < 0.05
    assert features[:, 0].std() > 0.5


def test_brightness_and_contrast_of_the_image_do_not_matter():
    grey = data.camera()[::4, ::4] / 255
    plain = Texture(12).attend(to_rgb(grey, contrast=(0, 1)))
    dimmed = Texture(12).attend(to_rgb(grey * 0.9, contrast=(0, 1)))
    assert float((plain.matrix - dimmed.matrix).abs().sum(1).mean()) < 0.2


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (2, 2), (5, 3)])
def test_tiny_planes(shape):
    rgb = to_rgb(np.arange(np.prod(shape), dtype=np.uint8).reshape(shape) * 9)
    attention = Texture().attend(rgb)
    assert isinstance(attention, Attention)
    assert attention.grid == shape


def test_a_constant_plane_knows_only_nearness():
    attention = Texture(6).attend(np.full((24, 24, 3), 0.4, np.float32))
    first = attention.matrix[0].reshape(6, 6)
    assert bool((first.diff(dim=0) < 0).all())
    assert bool((first.diff(dim=1) < 0).all())


def test_cells_of_one_object_see_each_other():
    rows, columns = np.mgrid[:80, :80]
    truth = np.hypot(rows - 40, columns - 30) < 18
    image = np.where(truth, 0.8, 0.3) + np.random.default_rng(0).normal(0, 0.03, truth.shape)
    attention = Texture(20).attend(to_rgb(image, contrast=(0, 1)))
    inside = truth.reshape(20, 4, 20, 4).mean((1, 3)).ravel()
    within = attention.matrix[inside == 1][:, inside == 1].sum(1).mean()
    across = attention.matrix[inside == 1][:, inside == 0].sum(1).mean()
    assert float(within) > 5 * float(across)
