from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_m2n2.errors import InputError
from napari_m2n2.image import to_rgb

REAL = [
    *(np.dtype(name) for name in ("bool", "int8", "int16", "int32", "int64")),
    *(np.dtype(name) for name in ("uint8", "uint16", "uint32", "uint64")),
    *(np.dtype(name) for name in ("float16", "float32", "float64", ">u2", ">f4", ">i4")),
]


@given(
    st.sampled_from(REAL).flatmap(
        lambda dtype: hnp.arrays(
            dtype, hnp.array_shapes(min_dims=2, max_dims=2, max_side=7), elements=None
        )
    )
)
def test_any_plane_becomes_rgb(plane):
    rgb = to_rgb(plane)
    assert rgb.shape == (*plane.shape, 3)
    assert rgb.dtype == np.float32
    assert rgb.min() >= 0
    assert rgb.max() <= 1
    assert (rgb[..., 0] == rgb[..., 1]).all()


def test_bytes_are_taken_as_they_are():
    plane = np.arange(256, dtype=np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(to_rgb(plane)[..., 0], plane / np.float32(255))


def test_bool_is_black_and_white():
    np.testing.assert_array_equal(to_rgb(np.eye(3, dtype=bool))[..., 0], np.eye(3))


def test_sixteen_bit_is_stretched_between_percentiles():
    plane = np.linspace(1000, 3000, 10_000).reshape(100, 100).astype(np.uint16)
    rgb = to_rgb(plane)[..., 0]
    assert rgb[0, 0] == 0
    assert rgb[-1, -1] == 1
    assert rgb[50, 0] == pytest.approx(0.5, abs=0.01)


def test_contrast_limits():
    plane = np.array([[0.0, 10, 20, 30]])
    np.testing.assert_allclose(to_rgb(plane, contrast=(10, 20))[0, :, 0], [0, 0, 1, 1])


def test_percentiles_are_taken_by_channel():
    plane = np.stack([np.linspace(0, 1, 1000), np.linspace(0, 50, 1000)] * 2, -1)[None, :, :3]
    rgb = to_rgb(plane, contrast="percentile")
    np.testing.assert_allclose(rgb[..., 0], rgb[..., 1], atol=1e-6)


def test_uint8_can_be_stretched():
    plane = np.linspace(81, 131, 10_000).reshape(100, 100).astype(np.uint8)
    assert to_rgb(plane).max() < 0.6
    assert to_rgb(plane, contrast="percentile").max() == 1


@pytest.mark.parametrize("value", [0, 7, -3.5, np.nan, np.inf, -np.inf])
def test_constant_images(value):
    rgb = to_rgb(np.full((4, 5), value))
    assert np.isfinite(rgb).all()
    assert rgb.min() == rgb.max()


def test_one_bright_pixel_is_not_lost_in_the_percentiles():
    plane = np.zeros((100, 100), np.uint16)
    plane[3, 4] = 900
    assert to_rgb(plane)[3, 4, 0] == 1


def test_not_finite_values_become_finite_neighbours():
    plane = np.array([[np.nan, 1.0, 2.0], [3.0, np.inf, -np.inf]])
    np.testing.assert_allclose(
        to_rgb(plane, contrast=(1, 3))[..., 0], [[0, 0, 0.5], [1, 1, 0]], atol=1e-6
    )


def test_channels():
    image = np.zeros((4, 6, 5), np.uint8)
    image[..., 3] = 255
    np.testing.assert_array_equal(to_rgb(image, channels=3), np.ones((4, 6, 3)))
    np.testing.assert_array_equal(to_rgb(image, channels=[0, 3])[0, 0], [0, 1, 0])
    np.testing.assert_array_equal(to_rgb(image, channels=(3, 0, 3))[0, 0], [1, 0, 1])


def test_channel_axis_first():
    image = np.zeros((3, 4, 6), np.uint8)
    image[1] = 255
    np.testing.assert_array_equal(to_rgb(image, channel_axis=0)[2, 3], [0, 1, 0])


def test_alpha_is_left_out():
    image = np.zeros((2, 2, 4), np.uint8)
    image[..., 3] = 255
    assert to_rgb(image).max() == 0


def test_dask_and_read_only():
    plane = np.arange(12, dtype=np.uint8).reshape(3, 4)
    expected = to_rgb(plane)
    plane.setflags(write=False)
    np.testing.assert_array_equal(to_rgb(plane), expected)
    np.testing.assert_array_equal(to_rgb(da.from_array(plane, chunks=2)), expected)


@pytest.mark.parametrize(
    ("image", "options", "words"),
    [
        (np.zeros((4, 4, 5)), {}, "5 channels"),
        (np.zeros((4, 4, 2)), {}, "2 channels"),
        (np.zeros((4, 4, 5)), {"channels": 5}, "Channel 5 does not exist"),
        (np.zeros((4, 4, 5)), {"channels": [0, 1, 2, 3]}, "4 channels were chosen"),
        (np.zeros((4, 4, 5)), {"channels": []}, "0 channels were chosen"),
        (np.zeros((4, 4)), {"channel_axis": 0}, "channel_axis=0"),
        (np.zeros((4, 4, 3)), {"channel_axis": 3}, "channel_axis=3"),
        (np.zeros((2, 4, 4, 3)), {}, "shape (2, 4, 4, 3)"),
        (np.zeros(4), {}, "shape (4,)"),
        (np.zeros((0, 4)), {}, "empty"),
        (np.zeros((4, 4), complex), {}, "complex128"),
        (np.array([["a", "b"]]), {}, "type <U1"),
        (np.zeros((4, 4)), {"contrast": (1, 1)}, "not in order"),
        (np.zeros((4, 4)), {"contrast": (np.nan, 1)}, "not in order"),
        (np.zeros((4, 4)), {"contrast": "loud"}, "'loud'"),
        (np.zeros((4, 4)), {"contrast": (1, 2, 3)}, "no pair"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(image, options, words):
    with pytest.raises(InputError) as caught:
        to_rgb(image, **options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
