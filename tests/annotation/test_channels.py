from __future__ import annotations

from dataclasses import replace

import dask.array as da
import numpy as np
import pytest

from napari_m2n2.annotation.channels import (
    AS_IT_IS,
    WHITE,
    Channel,
    along_axis,
    read_channels,
    with_index,
)
from napari_m2n2.annotation.planes import Plane, shown_plane
from napari_m2n2.annotation.region import Region
from napari_m2n2.errors import InputError
from napari_m2n2.image import to_rgb

STACK = np.random.default_rng(0).integers(0, 4000, (5, 4, 12, 14)).astype(np.uint16)  # ZCYX
PLANE = shown_plane(STACK.shape, (2, 3), 4, (3, 0, 0, 0))


def grey(values, low=0, high=4000):
    return np.clip((values.astype(float) - low) / (high - low), 0, 1)


def test_channels_along_an_axis_are_red_green_and_blue():
    image = read_channels(along_axis(STACK, PLANE, 1, (2, 0, 3), contrast=(0, 4000)))
    assert image.dtype == np.float32
    for colour, channel in enumerate((2, 0, 3)):
        np.testing.assert_allclose(image[..., colour], grey(STACK[3, channel]), atol=1e-6)


def test_two_channels_are_red_and_green_and_one_is_grey():
    two = read_channels(along_axis(STACK, PLANE, 1, (1, 2), contrast=(0, 4000)))
    assert (two[..., 2] == 0).all()
    one = read_channels(along_axis(STACK, PLANE, 1, (1,), contrast=(0, 4000)))
    np.testing.assert_array_equal(one, to_rgb(STACK[3, 1], contrast=(0, 4000)))


def test_transposed_views_and_regions():
    plane = shown_plane(STACK.shape, (3, 2), 4, (3, 0, 0, 0))
    channels = along_axis(STACK, plane, 1, (2,), contrast=(0, 4000))
    image = read_channels(channels, Region((1, 9), (2, 12)))
    np.testing.assert_allclose(image[..., 0], grey(STACK[3, 2].T[1:9, 2:]), atol=1e-6)


def test_layers_each_with_contrast_and_colour():
    plane = Plane((12, 14), (0, 1))
    first, second = STACK[0, 0], STACK[0, 1]
    image = read_channels(
        [
            Channel(first, plane, (0, 2000), (1.0, 0.0, 1.0)),
            Channel(second, plane, (1000, 3000), (0.0, 1.0, 0.5)),
        ]
    )
    a, b = grey(first, 0, 2000), grey(second, 1000, 3000)
    np.testing.assert_allclose(image[..., 0], a, atol=1e-6)
    np.testing.assert_allclose(image[..., 1], b, atol=1e-6)
    np.testing.assert_allclose(image[..., 2], np.clip(a + b / 2, 0, 1), atol=1e-6)


def test_each_channel_may_be_stretched_between_its_percentiles():
    dim = np.stack([STACK[0, 0], STACK[0, 1] // 100])
    plane = shown_plane(dim.shape, (1, 2), 3, (0, 0, 0))
    image = read_channels(along_axis(dim, plane, 0, (0, 1), contrast="percentile"))
    assert image[..., 0].max() == image[..., 1].max() == 1


def test_the_model_sees_it_as_it_is():
    image = read_channels(along_axis(STACK, PLANE, 1, (2, 0), contrast=(0, 4000)))
    np.testing.assert_array_equal(to_rgb(image, contrast=AS_IT_IS), image)


def test_only_the_chosen_channels_are_read():
    read = []

    def block(block_info):
        read.append(block_info[None]["chunk-location"])
        return np.ones((1, 1, 12, 14))

    chunks = ((1,) * 5, (1,) * 4, 12, 14)
    data = da.map_blocks(block, chunks=chunks, dtype=float, meta=np.ones((0,) * 4))
    read_channels(along_axis(data, PLANE, 1, (0, 3), contrast=(0, 1)))
    assert sorted(read) == [(3, 0, 0, 0), (3, 3, 0, 0)]


def test_keys_tell_channels_apart():
    channel = Channel(STACK, PLANE, (0, 1))
    others = [
        replace(channel, plane=with_index(PLANE, 1, 2)),
        replace(channel, contrast="percentile"),
        replace(channel, colour=(1.0, 0.0, 0.0)),
    ]
    assert len({hash(c.key) for c in (channel, *others)}) == 4
    assert replace(channel, data=None).key == channel.key
    assert channel.colour == WHITE


@pytest.mark.parametrize(
    ("axis", "chosen", "words"),
    [
        (2, (0,), "Axis 2 is on screen"),
        (1, (), "0 channels were chosen"),
        (1, (0, 1, 2, 3), "4 channels were chosen"),
        (1, (0, 4), "Channel 4 does not exist; axis 1 has channels 0 to 3"),
    ],
)
def test_what_cannot_be_is_said(axis, chosen, words):
    with pytest.raises(InputError, match=words):
        along_axis(STACK, PLANE, axis, chosen)


def test_layers_have_to_fit_each_other():
    channels = [Channel(np.ones((4, 5)), Plane((4, 5), (0, 1))) for _ in range(2)]
    channels.append(Channel(np.ones((4, 6)), Plane((4, 6), (0, 1))))
    with pytest.raises(InputError, match="4 × 5 and 4 × 6 pixels"):
        read_channels(channels)
    with pytest.raises(InputError, match="No channel"):
        read_channels([])
