"""Which plane is outlined, for every way an image can be shown."""

from __future__ import annotations

import dask.array as da
import napari
import numpy as np
import pytest
from packaging.version import Version

from .conftest import disc


def noise(*shape):
    return np.random.default_rng(0).random(shape)


def put(pair, model, row, column):
    """Place a point at (row, column) of the plane on screen, as a click does."""
    position = np.array(pair.prompts.world_to_data(model.dims.point))
    axes = [axis - (model.dims.ndim - pair.image.ndim) for axis in model.dims.displayed]
    position[axes] = (row, column)
    pair.prompts.add(position)


@pytest.mark.parametrize(
    ("order", "where"),
    [
        ((0, 1, 2), np.s_[4, :, :]),
        ((0, 2, 1), np.s_[4, :, :]),
        ((1, 0, 2), np.s_[:, 7, :]),
        ((1, 2, 0), np.s_[:, 7, :]),
        ((2, 0, 1), np.s_[:, :, 12]),
        ((2, 1, 0), np.s_[:, :, 12]),
    ],
    ids=["XY", "YX", "XZ", "ZX", "YZ", "ZY"],
)
def test_any_plane_of_a_stack(begin, model, discs, order, where):
    pair = begin(noise(16, 20, 24))
    model.dims.order = order
    model.dims.current_step = (4, 7, 12)
    put(pair, model, 9, 8)
    transposed = order[1] > order[2]
    shown = pair.image.data[where]
    given = discs.images[-1][0]
    assert np.array_equal(given, shown.T if transposed else shown)
    expected = np.zeros((16, 20, 24), np.uint16)
    outline = disc(given.shape, (9, 8))
    expected[where] = outline.T if transposed else outline
    assert np.array_equal(pair.labels.data, expected)


def test_a_plane_of_a_4d_image(begin, model):
    pair = begin(noise(3, 5, 20, 24))
    model.dims.current_step = (2, 3, 0, 0)
    put(pair, model, 9, 8)
    expected = np.zeros((3, 5, 20, 24), bool)
    expected[2, 3] = disc((20, 24), (9, 8))
    assert np.array_equal(pair.labels.data != 0, expected)


def test_a_3d_image_in_a_4d_viewer(begin, model):
    model.add_image(noise(2, 5, 20, 24))
    pair = begin(noise(5, 20, 24))
    model.dims.current_step = (1, 3, 0, 0)
    put(pair, model, 9, 8)
    assert np.array_equal(pair.labels.data[3] != 0, disc((20, 24), (9, 8)))


@pytest.mark.parametrize("channels", [3, 4])
def test_colours(begin, discs, channels):
    pair = begin((noise(20, 24, channels) * 255).astype(np.uint8), rgb=True)
    pair.prompts.add([9, 8])
    image, contrast = discs.images[-1]
    assert image.shape == (20, 24, channels)
    assert contrast is None
    assert pair.labels.data.shape == (20, 24)
    assert np.array_equal(pair.labels.data != 0, disc((20, 24), (9, 8)))


def test_a_stack_of_colours_from_the_side(begin, model, discs):
    pair = begin((noise(16, 20, 24, 3) * 255).astype(np.uint8), rgb=True)
    model.dims.order = (1, 0, 2)
    model.dims.current_step = (0, 7, 0)
    put(pair, model, 9, 8)
    assert np.array_equal(discs.images[-1][0], pair.image.data[:, 7])
    assert np.array_equal(pair.labels.data[:, 7] != 0, disc((16, 24), (9, 8)))


def test_points_of_other_slices_do_not_count(begin, model, discs):
    pair = begin(noise(16, 20, 24))
    model.dims.current_step = (4, 0, 0)
    put(pair, model, 9, 8)
    model.dims.current_step = (5, 0, 0)
    put(pair, model, 12, 15)
    assert len(discs.clicks[-1][0]) == 1
    assert np.array_equal(pair.labels.data[4] != 0, disc((20, 24), (9, 8)))
    assert np.array_equal(pair.labels.data[5] != 0, disc((20, 24), (12, 15)))


def test_sliders_ask_for_nothing_and_tell_the_slice(begin, model, discs, screen):
    pair = begin(noise(16, 20, 24))
    model.dims.current_step = (4, 0, 0)
    put(pair, model, 9, 8)
    assert "slice 4 of axis 0" in screen.text
    model.dims.current_step = (5, 0, 0)
    assert "Click on the object on slice 5 of axis 0" in screen.text
    model.dims.current_step = (4, 0, 0)
    assert "Outlined from 1 point on slice 4 of axis 0" in screen.text
    assert len(discs.clicks) == 1


def test_coming_back_to_a_slice_encodes_nothing(begin, model, discs):
    pair = begin(noise(16, 20, 24))
    for z in (4, 5, 4, 5):
        model.dims.current_step = (z, 0, 0)
        put(pair, model, 9, 8 + z)
    assert len(discs.clicks) == 4
    assert len(discs.images) == 2


def test_removing_the_points_of_all_slices_clears_all(begin, model):
    pair = begin(noise(16, 20, 24))
    for z in (4, 5, 6):
        model.dims.current_step = (z, 0, 0)
        put(pair, model, 9, 8)
    pair.prompts.data = np.zeros((0, 3))
    assert not pair.labels.data.any()


def test_a_point_removed_on_another_slice_updates_that_slice(begin, model):
    pair = begin(noise(16, 20, 24))
    model.dims.current_step = (4, 0, 0)
    put(pair, model, 5, 5)
    put(pair, model, 15, 15)
    model.dims.current_step = (9, 0, 0)
    pair.prompts.selected_data = {0}
    pair.prompts.remove_selected()
    assert np.array_equal(pair.labels.data[4] != 0, disc((20, 24), (15, 15)))


def test_a_3d_view_is_refused_in_a_sentence(begin, model, screen, discs):
    pair = begin(noise(16, 20, 24))
    model.dims.ndisplay = 3
    assert "switch it to 2D" in screen.text
    assert screen.failed
    pair.prompts.add([4, 9, 8])
    assert discs.clicks == []
    model.dims.ndisplay = 2
    assert not screen.failed


def test_an_object_can_be_begun_in_a_3d_view(begin, model, screen):
    model.dims.ndisplay = 3
    pair = begin(noise(16, 20, 24))
    assert pair is not None
    assert "switch it to 2D" in screen.text


def test_a_view_along_an_axis_the_image_lacks_is_refused(begin, model, screen):
    model.add_image(noise(5, 20, 24))
    begin(noise(20, 24))
    model.dims.order = (1, 0, 2)
    assert "axis that this image does not have" in screen.text


def test_a_slider_beyond_the_image_is_refused(begin, model, screen):
    model.add_image(noise(30, 20, 24))
    pair = begin(noise(5, 20, 24))
    model.dims.current_step = (20, 0, 0)
    assert "slider has left this image" in screen.text
    pair.prompts.add([20, 9, 8])
    assert not pair.labels.data.any()


def test_lazy_images_are_read_plane_by_plane_in_the_worker(begin, model, discs):
    read = []

    def block(block_info):
        read.append(block_info[None]["chunk-location"][0])
        return np.full((1, 20, 24), 0.5)

    lazy = da.map_blocks(block, chunks=((1,) * 16, 20, 24), dtype=float, meta=np.ones((0, 0, 0)))
    pair = begin(lazy, contrast_limits=(0, 1))
    model.dims.current_step = (4, 0, 0)
    read.clear()
    put(pair, model, 9, 8)
    put(pair, model, 12, 15)
    assert read == [4]
    assert np.array_equal(pair.labels.data[4] != 0, disc((20, 24), (9, 8), (12, 15)))


def test_new_data_in_a_lazy_image_is_seen(begin, discs):
    pair = begin(da.zeros((20, 24)), contrast_limits=(0, 1))
    pair.prompts.add([9, 8])
    pair.image.data = da.ones((20, 24))
    pair.prompts.add([12, 15])
    assert [image.max() for image, _ in discs.images] == [0, 1]


def test_data_of_another_shape_is_refused(begin, screen):
    pair = begin(noise(20, 24))
    pair.image.data = noise(30, 34)
    pair.prompts.add([9, 8])
    assert "another shape" in screen.text
    assert screen.failed


@pytest.mark.parametrize("kind", [np.array, da.asarray])
def test_multiscale_takes_a_level_of_sensible_size(begin, discs, screen, monkeypatch, kind):
    from napari_m2n2.annotation import planes

    monkeypatch.setattr(planes, "SENSIBLE_PIXELS", 50 * 60)
    levels = [kind(noise(160, 200)), kind(noise(80, 100)), kind(noise(40, 50))]
    pair = begin(
        levels, multiscale=True, scale=(0.5, 0.25), translate=(3, 4), contrast_limits=(0, 1)
    )
    assert pair.source.level == 2
    assert pair.labels.data.shape == (40, 50)
    pair.prompts.add([4 * 20 + 1.5, 4 * 30 + 1.5])  # the centre of a coarse pixel
    assert discs.images[-1][0].shape == (40, 50)
    assert np.array_equal(discs.clicks[-1][0], [[20, 30]])
    assert np.array_equal(pair.labels.data != 0, disc((40, 50), (20, 30)))
    world = pair.image.data_to_world((4 * 20 + 1.5, 4 * 30 + 1.5))
    assert pair.labels.world_to_data(world) == pytest.approx((20, 30))
    assert "Level 2 of 0 to 2" in screen.text


def test_a_multiscale_image_with_a_rotation_and_an_affine_keeps_its_place(begin, monkeypatch):
    from napari_m2n2.annotation import planes

    monkeypatch.setattr(planes, "SENSIBLE_PIXELS", 40 * 50)
    affine = np.array([[1.5, 0.2, 7], [-0.1, 0.8, -3], [0, 0, 1]])
    pair = begin(
        [noise(160, 200), noise(40, 50)],
        multiscale=True,
        scale=(0.5, 0.25),
        rotate=30,
        translate=(3, 4),
        affine=affine,
    )
    for coarse in ((0, 0), (20, 30), (39, 49)):
        fine = 4 * np.array(coarse) + 1.5
        world = pair.image.data_to_world(fine)
        assert pair.labels.world_to_data(world) == pytest.approx(coarse, abs=1e-6)


def test_a_huge_plane_is_refused_politely(begin, screen, monkeypatch):
    from napari_m2n2.annotation import compute

    monkeypatch.setattr(compute, "MOST_PIXELS", 100)
    pair = begin(noise(20, 24))
    pair.prompts.add([9, 8])
    assert "20 × 24 pixels, too many" in screen.text


@pytest.mark.parametrize(
    "dtype",
    [
        *(bool, np.uint8, np.int16, np.uint16, np.float32, np.float64, ">u2"),
        pytest.param(
            ">f4",
            marks=pytest.mark.skipif(
                Version(napari.__version__) < Version("0.7.1"),
                reason="napari 0.7.0 shows no big-endian real numbers",
            ),
        ),
    ],
)
def test_every_type_of_pixel_reaches_the_method(begin, discs, dtype):
    values = (noise(20, 24) * 200).astype(dtype)
    pair = begin(values)
    pair.prompts.add([9, 8])
    image, contrast = discs.images[-1]
    assert np.array_equal(image, pair.image.data)
    assert contrast is None or contrast[0] < contrast[1]
    assert pair.labels.data.any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1)])
def test_tiny_images(begin, shape):
    pair = begin(noise(*shape))
    pair.prompts.add([0, 0])
    assert pair.labels.data[0, 0] == 1


def test_a_constant_image(begin):
    pair = begin(np.full((20, 24), 7, np.uint8))
    pair.prompts.add([9, 8])
    assert pair.labels.data[9, 8] == 1
