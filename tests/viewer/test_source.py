"""What of a layer reaches the model, and what is read for it."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import zarr

from napari_m2n2.annotation.planes import shown_plane
from napari_m2n2.annotation.prompts import PlanePrompts
from napari_m2n2.errors import InputError
from napari_m2n2.viewer import content
from napari_m2n2.viewer.source import ImageSource
from napari_m2n2.viewer.state import State

from .views import look_at


def noise(*shape):
    return np.random.default_rng(0).random(shape)


def shown(source, model):
    """The plane on screen, as the labels have it."""
    position = source.to_pixels()(np.array([model.dims.point])[:, -source.image.ndim :])[0]
    return shown_plane(source.shape, model.dims.displayed, model.dims.ndim, position)


@pytest.fixture
def look(model):
    """Add an image and return what the model sees of the plane on screen."""

    def look(data, state=None, **attributes):
        image = model.add_image(data, **attributes)
        source = ImageSource(image, model, state or State())
        return source, lambda: source.picture(shown(source, model))

    return look


class Counting:
    """A lazy array that counts the planes and the pixels read of it."""

    def __init__(self, data):
        self._data = data
        self.shape, self.dtype, self.ndim = data.shape, data.dtype, data.ndim
        self.pixels = 0

    def __getitem__(self, index):
        part = self._data[index]
        self.pixels += int(np.prod(np.shape(part)))
        return part

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("the whole array was asked for")


ORDERS = {
    "XY": ((0, 1, 2), np.s_[4, :, :]),
    "YX": ((0, 2, 1), np.s_[4, :, :]),
    "XZ": ((1, 0, 2), np.s_[:, 7, :]),
    "ZX": ((1, 2, 0), np.s_[:, 7, :]),
    "YZ": ((2, 0, 1), np.s_[:, :, 12]),
    "ZY": ((2, 1, 0), np.s_[:, :, 12]),
}


@pytest.mark.parametrize("kind", ["numpy", "dask", "zarr", "counting"])
@pytest.mark.parametrize(("order", "where"), ORDERS.values(), ids=ORDERS)
def test_one_plane_of_a_stack(look, model, order, where, kind):
    values = noise(16, 20, 24)
    make = {
        "numpy": lambda: values,
        "dask": lambda: da.from_array(values, chunks=(1, 20, 24)),
        "zarr": lambda: zarr.array(values, chunks=(1, 20, 24)),
        "counting": lambda: Counting(values),
    }
    data = make[kind]()
    _, picture = look(data, contrast_limits=(0, 1))
    model.dims.order = order
    model.dims.current_step = (4, 7, 12)
    if kind == "counting":
        data.pixels = 0
    seen = picture()
    if kind == "counting":
        assert data.pixels == 0  # reading is the worker's
    expected = values[where].T if order[1] > order[2] else values[where]
    assert np.array_equal(seen.read(), expected)
    if kind == "counting":
        assert data.pixels == expected.size


def test_of_a_time_series_one_plane_is_computed(look, model):
    computed = []

    def block(block_info):
        computed.append(block_info[None]["chunk-location"])
        return np.full((1, 20, 24), 0.5)

    chunks = ((1,) * 30, 20, 24)
    lazy = da.map_blocks(block, chunks=chunks, dtype=float, meta=np.ones((0, 0, 0)))
    _, picture = look(lazy, contrast_limits=(0, 1))
    model.dims.current_step = (17, 0, 0)
    computed.clear()
    picture().read()
    assert computed == [(17, 0, 0)]


def test_of_a_large_lazy_plane_only_the_region_is_read(look, model):
    data = Counting(zarr.zeros((3000, 4000), chunks=(100, 100)))
    state = State(region="drawn", drawn=((100, 200), (299, 499)))
    source = ImageSource(model.add_image(data, contrast_limits=(0, 1)), model, state)
    data.pixels = 0
    seen = source.picture(shown(source, model))
    assert (seen.region.rows, seen.region.columns) == ((100, 300), (200, 500))
    assert seen.read().shape == (200, 300)
    assert data.pixels == 200 * 300


def test_pixels_in_memory_are_those_of_the_moment_that_was_asked(look):
    data = noise(20, 24)
    _, picture = look(data)
    first, before = picture(), data.copy()
    data[3, 4] = 9
    second = picture()
    assert np.array_equal(first.read(), before)
    assert second.read()[3, 4] == 9
    assert first.identity != second.identity
    assert second.identity == picture().identity


def test_large_planes_in_memory_are_not_copied(look, monkeypatch):
    monkeypatch.setattr(content, "COPIED_BYTES", 100)
    data = noise(20, 24)
    source, picture = look(data)
    first = picture()
    assert np.shares_memory(first.read(), data)
    assert picture().identity == first.identity
    source.image.data = noise(20, 24) + 1
    assert picture().identity != first.identity


def test_a_second_object_finds_the_plane_of_a_lazy_image_encoded(look, model):
    source, picture = look(da.zeros((20, 24)), contrast_limits=(0, 1))
    another = ImageSource(source.image, model, State())
    before = another.picture(shown(another, model)).identity
    assert before == picture().identity
    source.image.data = da.ones((20, 24))
    third = ImageSource(source.image, model, State())
    after = third.picture(shown(third, model)).identity
    assert after == picture().identity
    assert after != before


def test_contrast_is_that_of_the_layer_or_of_the_pixels(look):
    state = State()
    source, picture = look(noise(20, 24), state)
    source.image.contrast_limits = (0.25, 0.5)
    assert picture().contrast == (0.25, 0.5)
    before = picture().identity
    state.contrast = "percentile"
    assert picture().contrast == "percentile"
    assert picture().identity != before


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("contrast", ["layer", "percentile"])
def test_colours_are_taken_as_they_are(look, channels, contrast):
    data = (noise(20, 24, channels) * 255).astype(np.uint8)
    _, picture = look(data, State(contrast=contrast), rgb=True)
    assert picture().contrast is None
    assert np.array_equal(picture().read(), data)


def test_a_large_plane_is_reduced_by_blocks(look):
    data = np.arange(40 * 60, dtype=float).reshape(40, 60)
    _, picture = look(data, State(most_pixels=600))
    seen = picture()
    assert seen.region.factor == 2
    assert np.allclose(seen.read(), data.reshape(20, 2, 30, 2).mean(axis=(1, 3)))


def test_levels_follow_what_is_to_be_outlined(model, monkeypatch):
    from napari_m2n2.annotation import planes

    monkeypatch.setattr(planes, "SENSIBLE_PIXELS", 50 * 60)
    levels = [noise(160, 200), noise(80, 100), noise(40, 50)]
    image = model.add_image(levels, multiscale=True, scale=(0.5, 0.5), contrast_limits=(0, 1))
    assert ImageSource(image, model, State()).level == 2
    assert ImageSource(image, model, State(region="view")).level == 2
    look_at(model, 40, 50, 26)
    assert ImageSource(image, model, State(region="view")).level == 1
    look_at(model, 40, 50, 15)
    source = ImageSource(image, model, State(region="view"))
    assert source.level == 0
    assert "Level 0 of 0 to 2" in source.note
    drawn = ((10, 10), (15, 15))
    assert ImageSource(image, model, State(region="drawn", drawn=drawn)).level == 0
    assert ImageSource(image, model, State(region="drawn")).level == 2


def test_a_level_that_napari_cannot_show_is_not_taken(model, monkeypatch):
    from napari_m2n2.viewer import source

    monkeypatch.setattr(source, "MOST_LABEL_PIXELS", 90 * 100)
    image = model.add_image([noise(160, 200), noise(80, 100)], multiscale=True)
    assert ImageSource(image, model, State(region="view")).level == 1


@pytest.mark.parametrize("kind", [da.asarray, zarr.array])
def test_of_a_lazy_pyramid_the_level_is_read(model, kind, monkeypatch):
    from napari_m2n2.annotation import planes

    monkeypatch.setattr(planes, "SENSIBLE_PIXELS", 50 * 60)
    values = [noise(5, 80, 100), noise(5, 40, 50)]
    image = model.add_image(
        [kind(level) for level in values], multiscale=True, contrast_limits=(0, 1)
    )
    source = ImageSource(image, model, State())
    model.dims.current_step = (3, 0, 0)
    assert source.level == 1
    assert np.array_equal(source.picture(shown(source, model)).read(), values[1][3])


def test_data_of_another_shape_is_noticed(look):
    source, _ = look(noise(20, 24))
    source.check_shape()
    source.image.data = noise(20, 25)
    with pytest.raises(InputError, match="another shape"):
        source.check_shape()


@pytest.mark.parametrize(
    "drawn",
    [((100, 100), (150, 150)), ((3, 3), (5, 20)), ((np.nan, 1), (2, 3))],
    ids=["beside", "too thin", "not a number"],
)
def test_a_drawn_region_that_cannot_be_is_refused(model, drawn):
    state = State(region="drawn", drawn=drawn)
    source = ImageSource(model.add_image(noise(20, 24)), model, state)
    with pytest.raises(InputError, match="draw it anew"):
        source.picture(shown(source, model))


def test_a_region_drawn_in_fewer_axes_is_refused(model):
    state = State(region="drawn", drawn=((1, 1), (15, 15)))
    image = model.add_image(noise(4, 20, 24))
    with pytest.raises(InputError, match="fewer axes"):
        ImageSource(image, model, state).picture(None)


def test_the_drawn_region_holds_on_every_slice(model):
    state = State(region="drawn", drawn=((2, 4, 5), (2, 15, 18)))
    source = ImageSource(model.add_image(noise(9, 20, 24), scale=(3, 1, 1)), model, state)
    model.dims.current_step = (7, 0, 0)
    region = source.picture(shown(source, model)).region
    assert (region.rows, region.columns) == ((4, 16), (5, 19))


def test_a_region_follows_scale_translation_and_transposition(model):
    state = State(region="drawn", drawn=((10, 20), (20, 50)))
    image = model.add_image(noise(40, 60), scale=(0.5, 2), translate=(3, 4))
    source = ImageSource(image, model, state)
    region = source.picture(shown(source, model)).region
    assert (region.rows, region.columns) == ((14, 35), (8, 24))
    model.dims.order = (1, 0)
    region = source.picture(shown(source, model)).region
    assert (region.rows, region.columns) == ((8, 24), (14, 35))


def test_prompts_are_of_no_matter_for_what_is_seen_of_the_whole_plane(look, model):
    source, picture = look(noise(20, 24))
    prompts = PlanePrompts(np.array([[3.0, 4.0]]), np.ones(1, bool))
    plane = shown(source, model)
    assert source.picture(plane, prompts).identity == picture().identity
