"""Planes with more pixels than are outlined in one go: reduced, and said so."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
import zarr

from napari_m2n2.annotation import planes
from napari_m2n2.annotation.region import block_means

from .views import look_at


def noise(*shape):
    return np.random.default_rng(0).random(shape)


def test_a_large_plane_is_reduced_and_it_is_said(begin, controller, discs, screen):
    controller.state.most_pixels = 30 * 40
    pair = begin(noise(120, 160))
    pair.prompts.add([41.5, 61.5])
    image, _ = discs.images[-1]
    np.testing.assert_allclose(image, block_means(pair.image.data, 4))
    assert discs.clicks[-1][0].tolist() == [[10, 15]]
    assert "outlined 4 × reduced, as 30 × 40 pixels" in screen.text
    mask = pair.labels.data != 0
    assert mask[40:44, 60:64].all()
    # what was outlined of blocks is there in whole blocks
    blocks = block_means(mask, 4)
    assert set(np.unique(blocks)) == {0, 1}
    assert blocks.sum() == 49


def test_a_higher_limit_outlines_it_anew(begin, controller, discs, screen):
    controller.state.most_pixels = 30 * 40
    pair = begin(noise(120, 160))
    pair.prompts.add([41, 61])
    controller.state.most_pixels = 120 * 160
    assert discs.images[-1][0].shape == (120, 160)
    assert "reduced" not in screen.text


def test_a_limit_that_changes_nothing_asks_for_nothing(begin, controller, discs):
    pair = begin(noise(120, 160))
    pair.prompts.add([41, 61])
    controller.state.most_pixels = 2_000_000
    assert len(discs.clicks) == 1


def test_a_region_of_a_large_plane_is_at_full_resolution(begin, controller, discs, screen):
    controller.state.most_pixels = 30 * 40
    pair = begin(noise(120, 160))
    pair.prompts.add([41, 61])
    controller.state.drawn = ((30, 50), (59, 79))
    controller.state.region = "drawn"
    assert np.array_equal(discs.images[-1][0], pair.image.data[30:60, 50:80])
    assert "not reduced" in screen.text


@pytest.mark.parametrize("kind", [np.array, da.asarray, zarr.array])
def test_colours_are_reduced_too(begin, controller, discs, kind):
    controller.state.most_pixels = 20 * 20
    data = (noise(40, 40, 3) * 255).astype(np.uint8)
    pair = begin(kind(data), rgb=True)
    pair.prompts.add([10, 10])
    image, _ = discs.images[-1]
    assert np.array_equal(image, np.rint(block_means(data, 2)))
    assert image.dtype == np.uint8


def test_of_a_large_stack_one_plane_is_read_once(begin, model, controller, discs):
    read = []

    def block(block_info):
        read.append(block_info[None]["chunk-location"])
        return np.full((1, 50, 160), 0.5)

    lazy = da.map_blocks(
        block, chunks=((1,) * 8, (50,) * 4, 160), dtype=float, meta=np.ones((0, 0, 0))
    )
    controller.state.most_pixels = 100 * 80
    pair = begin(lazy, contrast_limits=(0, 1))
    model.dims.current_step = (5, 0, 0)
    read.clear()
    for column in (50, 60, 70):
        pair.prompts.add([5, 60, column])
    assert sorted(read) == [(5, row, 0) for row in range(4)]
    assert discs.images[-1][0].shape == (100, 80)


def test_of_a_large_lazy_plane_only_the_view_is_read(begin, model, controller, discs):
    read = []

    def block(block_info):
        read.append(block_info[None]["chunk-location"])
        return np.full((64, 64), 0.5)

    lazy = da.map_blocks(block, chunks=((64,) * 30, (64,) * 40), dtype=float, meta=np.ones((0, 0)))
    pair = begin(lazy, contrast_limits=(0, 1))
    controller.state.region = "view"
    look_at(model, 1000, 1300, 100)
    read.clear()
    pair.prompts.add([1000, 1300])
    pair.prompts.add([1005, 1310])
    assert len(read) == len(set(read))
    assert discs.images[-1][0].size == 64 * 64 * len(read)
    assert len(read) < 20


def test_a_fine_level_is_outlined_in_view(model, controller, discs, screen, monkeypatch):
    monkeypatch.setattr(planes, "SENSIBLE_PIXELS", 60 * 60)
    levels = [noise(400, 400), noise(200, 200), noise(50, 50)]
    image = model.add_image(levels, multiscale=True, contrast_limits=(0, 1))
    controller.state.region = "view"
    look_at(model, 200, 200, 75)
    pair = controller.new_pair(image)
    assert pair.labels.data.shape == (200, 200)
    pair.prompts.add([200.5, 200.5])
    region = pair.source.region_of(next(iter(pair.asked)))
    assert np.array_equal(discs.images[-1][0], levels[1][region.window])
    assert discs.clicks[-1][0].tolist() == [[100 - region.rows[0], 100 - region.columns[0]]]
    assert "Level 1 of 0 to 2" in screen.text


def test_undo_takes_back_what_a_region_wrote(begin, controller):
    pair = begin(noise(120, 160))
    controller.state.drawn = ((30, 50), (59, 79))
    controller.state.region = "drawn"
    pair.prompts.add([41, 61])
    assert pair.labels.data.any()
    controller.undo()
    assert not pair.labels.data.any()


def test_what_is_shown_is_what_the_settings_would_give(begin, controller, discs):
    """Contrast, channels and region ask anew where they make another picture, only there."""
    pair = begin((noise(40, 60, 3) * 255).astype(np.uint8), rgb=True)
    pair.prompts.add([20, 30])
    controller.state.contrast = "percentile"
    assert len(discs.clicks) == 1
    controller.state.region = "view"
    assert len(discs.clicks) == 1
    controller.state.most_pixels = 600
    assert len(discs.clicks) == 2


def test_contrast_limits_ask_anew_where_they_count(begin, controller, discs):
    pair = begin(noise(40, 60))
    pair.image.contrast_limits = (0.1, 0.9)
    assert not discs.clicks
    pair.prompts.add([20, 30])
    pair.image.contrast_limits = (0.2, 0.8)
    assert [contrast for _, contrast in discs.images] == [(0.1, 0.9), (0.2, 0.8)]
    pair.image.contrast_limits = (0.1, 0.9)
    assert len(discs.images) == 2
    assert len(discs.clicks) == 3
    controller.state.contrast = "percentile"
    pair.image.contrast_limits = (0.3, 0.7)
    assert len(discs.clicks) == 4
    assert discs.images[-1][1] == "percentile"


def test_contrast_limits_of_other_planes_and_images_ask_for_nothing(begin, model, discs):
    pair = begin(noise(4, 40, 60))
    other = model.add_image(noise(40, 60))
    model.layers.selection.active = pair.prompts
    pair.prompts.add([model.dims.current_step[0], 20, 30])
    model.dims.current_step = (0, 0, 0)
    before = len(discs.clicks)
    pair.image.contrast_limits = (0.1, 0.9)
    other.contrast_limits = (0.1, 0.9)
    assert len(discs.clicks) == before


def test_contrast_limits_of_a_channel_ask_anew(begin, model, controller, discs):
    second = model.add_image(noise(40, 60))
    pair = begin(noise(40, 60))
    controller.state.more_images = (second,)
    pair.prompts.add([20, 30])
    second.contrast_limits = (0.1, 0.9)
    assert len(discs.images) == 2
    second.colormap = "magenta"
    assert len(discs.images) == 3
    controller.state.more_images = ()
    assert len(discs.images) == 4
    second.contrast_limits = (0.2, 0.9)
    assert len(discs.images) == 4


def test_a_choice_that_cannot_be_is_said_and_can_be_mended(begin, model, controller, screen):
    second = model.add_image(noise(40, 61), name="second")
    pair = begin(noise(40, 60))
    pair.prompts.add([20, 30])
    controller.state.more_images = (second,)
    assert "“second” has another shape" in screen.text
    assert screen.failed
    assert pair.labels.data.any()
    controller.state.more_images = ()
    assert "Outlined from 1 point" in screen.text
