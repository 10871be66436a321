"""Channels along an axis of one layer, or as several layers."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from napari_m2n2.annotation.channels import AS_IT_IS
from napari_m2n2.annotation.planes import shown_plane
from napari_m2n2.errors import InputError
from napari_m2n2.image import to_rgb
from napari_m2n2.viewer.source import ImageSource
from napari_m2n2.viewer.state import State


def noise(*shape):
    return np.random.default_rng(0).random(shape)


def picture(source, model):
    """What the model sees of the plane on screen."""
    position = source.to_pixels()(np.array([model.dims.point])[:, -source.image.ndim :])[0]
    plane = shown_plane(source.shape, model.dims.displayed, model.dims.ndim, position)
    source.check_plane(plane)
    return source.picture(plane)


# ------------------------------------------------------------------ along an axis
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(
    ("chosen", "places"), [((2,), (0, 1, 2)), ((3, 0), (0, 1)), ((1, 0, 3), (0, 1, 2))]
)
def test_channels_along_an_axis_are_red_green_and_blue(model, axis, chosen, places):
    data = noise(4, 5, 20, 24) if axis == 0 else noise(5, 4, 20, 24)
    state = State(channel_axis=axis, channels=chosen)
    image = model.add_image(data, contrast_limits=(0.2, 0.8))
    source = ImageSource(image, model, state)
    model.dims.current_step = (1, 3, 0, 0) if axis == 0 else (3, 1, 0, 0)
    seen = picture(source, model)
    assert seen.contrast == AS_IT_IS
    stack = np.moveaxis(data, axis, 0)[:, 3]
    expected = np.zeros((20, 24, 3))
    for place, channel in zip(places, chosen * 3 if len(chosen) == 1 else chosen, strict=True):
        expected[..., place] = np.clip((stack[channel] - 0.2) / 0.6, 0, 1)
    np.testing.assert_allclose(seen.read(), expected, atol=1e-6)


def test_the_slider_of_channels_changes_nothing(model):
    image = model.add_image(noise(4, 20, 24))
    source = ImageSource(image, model, State(channel_axis=0))
    seen = []
    for channel in range(4):
        model.dims.current_step = (channel, 0, 0)
        seen.append(picture(source, model).identity)
    assert len(set(seen)) == 1
    assert source.shape == (1, 20, 24)
    assert source.factors.tolist() == [4, 1, 1]


def test_without_a_choice_the_first_three_channels_are_seen(model):
    image = model.add_image(noise(5, 20, 24), contrast_limits=(0, 1))
    source = ImageSource(image, model, State(channel_axis=0))
    np.testing.assert_allclose(
        picture(source, model).read(), np.moveaxis(image.data[:3], 0, -1), atol=1e-6
    )
    assert source.note == "The model sees channels 0, 1, 2 of axis 0."


def test_percentiles_are_those_of_each_channel(model):
    data = noise(2, 20, 24) * np.array([1, 1000])[:, None, None]
    image = model.add_image(data)
    source = ImageSource(image, model, State(channel_axis=0, contrast="percentile"))
    seen = picture(source, model).read()
    for place in (0, 1):
        expected = to_rgb(data[place], contrast="percentile")[..., 0]
        np.testing.assert_allclose(seen[..., place], expected, atol=1e-6)


def test_of_lazy_channels_the_chosen_ones_are_computed(model):
    computed = []

    def block(block_info):
        computed.append(block_info[None]["chunk-location"][:2])
        return np.full((1, 1, 20, 24), 0.5)

    chunks = ((1,) * 6, (1,) * 7, 20, 24)
    lazy = da.map_blocks(block, chunks=chunks, dtype=float, meta=np.ones((0, 0, 0, 0)))
    image = model.add_image(lazy, contrast_limits=(0, 1))
    source = ImageSource(image, model, State(channel_axis=1, channels=(5, 2)))
    model.dims.current_step = (3, 0, 0, 0)
    computed.clear()
    picture(source, model).read()
    assert sorted(computed) == [(3, 2), (3, 5)]


@pytest.mark.parametrize("axis", [2, 7, -1])
def test_an_axis_that_the_image_lacks_is_refused(model, axis):
    data = noise(20, 24) if axis == 2 else noise(4, 20, 24)
    with pytest.raises(InputError, match="choose another axis of channels"):
        ImageSource(model.add_image(data), model, State(channel_axis=axis))


def test_an_axis_on_screen_is_refused(model):
    source = ImageSource(model.add_image(noise(4, 20, 24)), model, State(channel_axis=0))
    model.dims.order = (1, 0, 2)
    with pytest.raises(InputError, match="Axis 0 has the channels and is on screen"):
        picture(source, model)


def test_a_channel_that_is_not_there_is_refused(model):
    state = State(channel_axis=0, channels=(0, 4))
    source = ImageSource(model.add_image(noise(4, 20, 24)), model, state)
    with pytest.raises(InputError, match="Channel 4 does not exist"):
        picture(source, model)


# ------------------------------------------------------------------ as layers
def channel_layers(model, colormaps, **attributes):
    data = noise(len(colormaps), 20, 24)
    return [
        model.add_image(values, colormap=colormap, contrast_limits=(0, 1), **attributes)
        for values, colormap in zip(data, colormaps, strict=True)
    ]


def test_layers_add_up_as_they_are_blended_on_screen(model):
    layers = channel_layers(model, ["magenta", "green"])
    source = ImageSource(layers[0], model, State(more_images=tuple(layers[1:])))
    red, green = layers[0].data, layers[1].data
    expected = np.stack([red, green, red], axis=-1)
    np.testing.assert_allclose(picture(source, model).read(), expected, atol=1e-6)
    assert source.note == f"The model sees {layers[0].name} + {layers[1].name}."


@pytest.mark.parametrize("count", [2, 3])
def test_grey_layers_are_red_green_and_blue(model, count):
    layers = channel_layers(model, ["gray"] * count)
    source = ImageSource(layers[0], model, State(more_images=tuple(layers[1:])))
    seen = picture(source, model).read()
    for place in range(count):
        np.testing.assert_allclose(seen[..., place], layers[place].data, atol=1e-6)


def test_four_layers_need_colours_of_their_own(model):
    coloured = channel_layers(model, ["red", "green", "blue", "magenta"])
    source = ImageSource(coloured[0], model, State(more_images=tuple(coloured[1:])))
    assert picture(source, model).read().shape == (20, 24, 3)
    coloured[3].colormap = "red"
    with pytest.raises(InputError, match="choose at most three"):
        picture(source, model)


def test_each_layer_has_its_own_contrast(model):
    layers = channel_layers(model, ["red", "green"])
    layers[1].contrast_limits = (0, 2)
    source = ImageSource(layers[0], model, State(more_images=(layers[1],)))
    before = picture(source, model)
    np.testing.assert_allclose(before.read()[..., 1], layers[1].data / 2, atol=1e-6)
    layers[1].contrast_limits = (0, 1)
    assert picture(source, model).identity != before.identity


def test_channels_in_memory_and_on_disk_go_together(model):
    values = noise(2, 20, 24)
    first = model.add_image(values[0], contrast_limits=(0, 1))
    second = model.add_image(da.asarray(values[1]), contrast_limits=(0, 1))
    state = State(more_images=(second,), region="drawn", drawn=((2, 3), (15, 17)))
    seen = picture(ImageSource(first, model, state), model).read()
    for place in (0, 1):
        np.testing.assert_allclose(seen[..., place], values[place][2:16, 3:18], atol=1e-6)


def test_an_image_among_its_own_channels_counts_once(model):
    layers = channel_layers(model, ["gray", "gray"])
    source = ImageSource(layers[0], model, State(more_images=tuple(layers)))
    assert source.layers == tuple(layers)


def test_a_lone_layer_is_taken_as_it_is(model):
    [layer] = channel_layers(model, ["green"])
    seen = picture(ImageSource(layer, model, State(more_images=(layer,))), model)
    assert np.array_equal(seen.read(), layer.data)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"translate": (0, 1)}, "does not lie where"),
        ({"scale": (1, 1.01)}, "does not lie where"),
        ({"rotate": 1}, "does not lie where"),
        ({"affine": [[1, 0.1, 0], [0, 1, 0], [0, 0, 1]]}, "does not lie where"),
    ],
    ids=["translated", "scaled", "rotated", "affine"],
)
def test_layers_that_lie_elsewhere_are_refused(model, attributes, reason):
    first = model.add_image(noise(20, 24))
    other = model.add_image(noise(20, 24), name="other", **attributes)
    source = ImageSource(first, model, State(more_images=(other,)))
    with pytest.raises(InputError, match=reason) as refused:
        picture(source, model)
    assert "“other”" in str(refused.value)


@pytest.mark.parametrize("data", [noise(20, 25), noise(3, 20, 24), noise(24, 20)])
def test_layers_of_another_shape_are_refused(model, data):
    first, other = model.add_image(noise(20, 24)), model.add_image(data)
    source = ImageSource(first, model, State(more_images=(other,)))
    with pytest.raises(InputError, match="another shape"):
        picture(source, model)


@pytest.mark.parametrize("coloured_first", [True, False])
def test_layers_with_colours_are_no_channels(model, coloured_first):
    grey = model.add_image(noise(20, 24))
    coloured = model.add_image((noise(20, 24, 3) * 255).astype(np.uint8), rgb=True)
    first, other = (coloured, grey) if coloured_first else (grey, coloured)
    source = ImageSource(first, model, State(more_images=(other,)))
    with pytest.raises(InputError, match="has colours already"):
        picture(source, model)


def test_layers_aligned_by_other_means_are_accepted(model):
    first = model.add_image(noise(20, 24), scale=(2, 2))
    other = model.add_image(noise(20, 24), affine=np.diag([2, 2, 1]))
    seen = picture(ImageSource(first, model, State(more_images=(other,))), model)
    assert seen.read().shape == (20, 24, 3)


def test_pyramids_as_channels_give_the_same_level(model, monkeypatch):
    from napari_m2n2.annotation import planes

    monkeypatch.setattr(planes, "SENSIBLE_PIXELS", 10 * 12)
    pyramids = [[noise(20, 24) * k, noise(10, 12) * k] for k in (0.5, 1)]
    layers = [
        model.add_image(levels, multiscale=True, contrast_limits=(0, 1)) for levels in pyramids
    ]
    source = ImageSource(layers[0], model, State(more_images=(layers[1],)))
    seen = picture(source, model).read()
    for place in (0, 1):
        np.testing.assert_allclose(seen[..., place], pyramids[place][1], atol=1e-6)
