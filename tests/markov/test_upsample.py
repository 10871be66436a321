from __future__ import annotations

import numpy as np
import pytest
from oracles import joint_bilateral
from skimage import data

from napari_m2n2.errors import Cancelled
from napari_m2n2.markov.upsample import (
    FAST_OFFSETS,
    FEW_OFFSETS,
    disk_offsets,
    is_sampled,
    upsample,
    upsample_at,
)


@pytest.fixture(scope="module")
def photograph():
    return (data.coffee()[100:250, 150:370] / 255).astype(np.float32)


@pytest.fixture(scope="module")
def smooth_maps():
    rows, columns = np.mgrid[:20, :30]
    hill = np.hypot(rows - 6, columns - 11)
    return np.stack([hill, np.sin(rows / 3) + columns / 10]).astype(np.float32)


@pytest.mark.parametrize(
    ("shape", "grid"),
    [
        ((40, 60), (10, 12)),
        ((30, 20), (5, 9)),
        ((9, 14), (12, 20)),
        ((1, 30), (1, 8)),
        ((1, 1), (1, 1)),
    ],
)
def test_dense_equals_every_offset_one_by_one(shape, grid):
    rng = np.random.default_rng(1)
    guide = rng.random((*shape, 3), np.float32)
    maps = rng.random((2, *grid), np.float32)
    expected = joint_bilateral(maps, guide)
    np.testing.assert_allclose(upsample(maps, guide), expected, atol=2e-6)


def test_dense_on_a_photograph(photograph, smooth_maps):
    expected = joint_bilateral(smooth_maps, photograph)
    ours = upsample(smooth_maps, photograph)
    assert np.abs(ours - expected).max() < 1e-5 * expected.max()


@pytest.mark.parametrize("sigmas", [(0.5, 0.05), (2.0, 0.5)])
def test_sigmas(photograph, smooth_maps, sigmas):
    small = photograph[:60, :80]
    expected = joint_bilateral(smooth_maps[:1], small, *sigmas)
    ours = upsample(smooth_maps[:1], small, sigma_space=sigmas[0], sigma_range=sigmas[1])
    assert np.abs(ours - expected).max() < 1e-5 * expected.max()


def test_fast_is_close():
    guide = (data.coffee() / 255).astype(np.float32)
    rows, columns = np.mgrid[:40, :60]
    hill = np.hypot(rows - 16, columns - 31).astype(np.float32)[None]
    dense = upsample(hill, guide)
    error = np.abs(upsample(hill, guide, method="fast") - dense) / dense.max()
    assert 0 < error.mean() < 1e-3
    assert np.quantile(error, 0.999) < 0.02


def test_fast_looks_at_few_offsets_however_large_the_disk():
    for side in (1024, 2048, 8192):
        offsets, weights = disk_offsets((side, side), (64, 64), 1.0, "fast")
        assert len(offsets) == len(weights) <= FAST_OFFSETS
        assert len(np.unique(offsets, axis=0)) == len(offsets)


def test_small_disks_are_taken_whole():
    fast, _ = disk_offsets((100, 100), (64, 64), 1.0, "fast")
    dense, _ = disk_offsets((100, 100), (64, 64), 1.0, "dense")
    np.testing.assert_array_equal(fast, dense)


@pytest.mark.parametrize("method", ["dense", "fast"])
def test_a_constant_map_stays(photograph, method):
    maps = np.full((1, 10, 15), 7, np.float32)
    np.testing.assert_allclose(upsample(maps, photograph, method=method), 7, rtol=1e-5)


def test_edges_of_the_image_become_edges_of_the_map():
    guide = np.zeros((64, 64, 3), np.float32)
    guide[:, 30:] = 1  # not where a cell ends
    ramp = np.repeat([[0.0] * 4 + [1.0] * 4], 8, axis=0).astype(np.float32)[None]
    up = upsample(ramp, guide)[0]
    assert np.abs(np.diff(up[32])).argmax() == 29
    assert up[32, 29] < 0.2 < 0.8 < up[32, 31]


def test_can_be_cancelled(photograph, smooth_maps):
    def stop(phase, fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        upsample(smooth_maps, photograph, progress=stop)


@pytest.mark.parametrize("shape", [(40, 60), (31, 200), (1, 30), (1, 1), (90, 70)])
@pytest.mark.parametrize("grid", [(4, 5), (12, 20)])
def test_single_pixels_are_what_every_offset_gives(shape, grid):
    rng = np.random.default_rng(2)
    guide, low = rng.random((*shape, 3), np.float32), rng.random(grid, np.float32)
    pixels = rng.integers(0, shape, (50, 2))
    expected = upsample(low[None], guide)[0][pixels[:, 0], pixels[:, 1]]
    np.testing.assert_allclose(upsample_at(low, guide, pixels), expected, atol=2e-6)
    sigmas = {"sigma_space": 0.6, "sigma_range": 0.3}
    expected = upsample(low[None], guide, **sigmas)[0][pixels[:, 0], pixels[:, 1]]
    np.testing.assert_allclose(upsample_at(low, guide, pixels, **sigmas), expected, atol=2e-6)


def test_no_pixels_give_nothing():
    nothing = np.zeros((0, 2), np.int64)
    low, guide = np.ones((2, 2), np.float32), np.ones((8, 8, 3), np.float32)
    assert upsample_at(low, guide, nothing).shape == (0,)


def test_samples_can_be_smaller():
    shape, grid = (480, 854), (64, 64)
    offsets, weights = disk_offsets(shape, grid, 1.0, "fast", FEW_OFFSETS)
    assert len(offsets) == len(weights) <= FEW_OFFSETS
    assert is_sampled(shape, grid, 1.0)
    assert not is_sampled((100, 100), grid, 1.0)
    dense = len(disk_offsets(shape, grid, 0.7, "dense")[0])
    assert 2 * FEW_OFFSETS < dense <= 2 * FAST_OFFSETS
    assert is_sampled(shape, grid, 0.7, FEW_OFFSETS)
    assert not is_sampled(shape, grid, 0.7)
    guide = (data.coffee() / 255).astype(np.float32)
    hill = np.hypot(*(np.mgrid[:40, :60] - np.reshape((16, 31), (2, 1, 1)))).astype(np.float32)
    dense = upsample(hill[None], guide)
    few = upsample(hill[None], guide, method="fast", most=FEW_OFFSETS)
    error = np.abs(few - dense) / dense.max()
    assert 0 < error.mean() < 1e-3
    assert np.quantile(error, 0.999) < 0.02
