from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from napari_m2n2.attention.preprocess import for_diffusion, for_imagenet, resize


@pytest.fixture
def image():
    return np.random.default_rng(1).integers(0, 256, (37, 53, 3), dtype=np.uint8)


@pytest.mark.parametrize("shape", [(16, 16), (64, 64), (16, 80), (1, 1)])
def test_images_of_eight_bits_are_resized_as_the_published_code_does(image, shape):
    expected = cv2.resize(image, shape[::-1], interpolation=cv2.INTER_AREA) / 255
    found = resize((image / 255).astype(np.float32), shape)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_each_axis_has_its_own_factor():
    image = np.zeros((4, 8, 3), np.float32)
    image[:, 4:] = 1
    assert resize(image, (8, 2))[:, :, 0].tolist() == [[0, 1]] * 8


def test_an_image_of_one_pixel_fills_everything():
    assert np.all(resize(np.full((1, 1, 3), 0.2, np.float32), (8, 8)) == np.float32(0.2))


def test_values_out_of_range_do_not_wrap():
    assert resize(np.array([[[-0.5, 1.5, 0.5]]], np.float32), (1, 1))[0, 0, :2].tolist() == [0, 1]


def test_diffusion_takes_minus_one_to_one(image):
    found = for_diffusion((image / 255).astype(np.float32), (16, 24))
    assert found.shape == (1, 3, 16, 24)
    assert found.dtype == torch.float32
    expected = cv2.resize(image, (24, 16), interpolation=cv2.INTER_AREA) / 127.5 - 1
    np.testing.assert_allclose(found[0].permute(1, 2, 0).numpy(), expected, atol=1e-6)


def test_imagenet_is_standardised(image):
    found = for_imagenet((image / 255).astype(np.float32), (14, 28))
    mean, deviation = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    expected = (cv2.resize(image, (28, 14), interpolation=cv2.INTER_AREA) / 255 - mean) / deviation
    np.testing.assert_allclose(found[0].permute(1, 2, 0).numpy(), expected, atol=1e-5)
