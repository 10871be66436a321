"""Segment everything: nested regions of a plane without a prompt."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2 import Segmenter
from napari_m2n2.errors import Cancelled, InputError
from napari_m2n2.segmentation import regions as module
from napari_m2n2.segmentation.region_pixels import spread
from napari_m2n2.segmentation.registry import REGIONS


@pytest.fixture(scope="module")
def image():
    """Two halves with a disc in one of them."""
    rows, columns = np.mgrid[:60, :80]
    plain = np.where(columns < 40, 60.0, 140.0)
    plain[(rows - 30) ** 2 + (columns - 60) ** 2 < 12**2] = 230
    noise = np.random.default_rng(0).normal(0, 4, plain.shape)
    return (plain + noise).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def segmenter(image):
    made = Segmenter(grid=20, device="cpu")
    made.set_image(image)
    return made


@pytest.mark.parametrize("by", REGIONS)
def test_every_way_finds_what_is_there_and_nests(segmenter, image, by):
    regions = segmenter.regions(by)
    assert 1 <= regions.usual <= regions.finest
    before = np.ones(image.shape, int)
    for count in range(1, regions.finest + 1):
        labels = regions.labels(count)
        assert labels.shape == image.shape
        assert len(np.unique(labels)) <= count
        assert labels.min() >= 1
        # each region lies in one of the coarser level
        pairs = np.unique(np.stack([labels.ravel(), before.ravel()]), axis=1)
        assert len(np.unique(pairs[0])) == pairs.shape[1]
        before = labels
    disc = (np.mgrid[:60, :80][0] - 30) ** 2 + (np.mgrid[:60, :80][1] - 60) ** 2 < 12**2
    overlaps = [
        (regions.mask(node) & disc).sum() / (regions.mask(node) | disc).sum()
        for node in regions.chain((30, 60))
    ]
    assert max(overlaps) > 0.8
    assert np.array_equal(regions.labels(), segmenter.regions(by).labels())


@pytest.mark.parametrize("by", REGIONS)
def test_the_way_up_from_a_pixel_is_nested_and_ends_with_the_plane(segmenter, by):
    regions = segmenter.regions(by)
    for pixel in [(0, 0), (30, 60), (59, 79)]:
        masks = [regions.mask(node) for node in regions.chain(pixel)]
        assert all(mask[pixel] for mask in masks)
        assert all((big | small == big).all() for small, big in pairwise(masks))
        assert masks[-1].all()
        assert np.array_equal(masks[0], regions.pixels == regions.pixels[pixel])


def test_a_region_is_drawn_the_same_for_one_seed(segmenter):
    regions = segmenter.regions()
    drawn = [regions.sample(np.random.default_rng(seed)) for seed in (1, 1, 2, 3, 4)]
    assert np.array_equal(drawn[0], drawn[1])
    assert all(mask.any() for mask in drawn)
    assert len({mask.tobytes() for mask in drawn}) > 1


def test_partial_results_come_and_it_can_be_called_off(segmenter, monkeypatch):
    monkeypatch.setattr(module, "_PAUSE", 0.0)
    seen = []
    regions = segmenter.regions("dwc", partial=lambda some: seen.append(some))
    assert len(seen) == regions.finest - 1
    assert [some.finest for some in seen] == list(range(2, regions.finest + 1))
    assert all(some.labels(some.finest).shape == (60, 80) for some in seen)

    phases = set()

    def stop(phase, fraction):
        phases.add(phase)
        if len(phases) == 2:
            raise Cancelled

    for by in REGIONS:
        phases.clear()
        with pytest.raises(Cancelled):
            segmenter.regions(by, progress=stop)


def test_bad_choices_are_said(segmenter):
    with pytest.raises(InputError, match="no way 'magic'"):
        segmenter.regions("magic")
    regions = segmenter.regions()
    for count in (0, regions.finest + 1):
        with pytest.raises(InputError, match=f"choose 1 to {regions.finest}"):
            regions.labels(count)
    with pytest.raises(InputError, match="No image"):
        Segmenter(grid=8).regions()


def test_the_attention_that_was_given_is_used_and_left_alone(image, segmenter):
    from napari_m2n2.attention.base import Attention

    rng = np.random.default_rng(0)
    weights = rng.random((16, 16))
    attention = Attention(weights / weights.sum(axis=1, keepdims=True), (4, 4))
    before = attention.matrix.clone()
    own = Segmenter(grid=4, device="cpu")
    own.set_image(image, attention=attention)
    assert own.regions("mis").tree.grid == (4, 4)
    assert bool((attention.matrix == before).all())


def test_a_constant_image_and_one_smaller_than_the_grid():
    for shape in [(40, 40), (5, 7), (1, 1)]:
        segmenter = Segmenter(grid=8, device="cpu")
        segmenter.set_image(np.full(shape, 7, np.uint8))
        for by in REGIONS:
            regions = segmenter.regions(by)
            assert regions.labels().shape == shape


# ------------------------------------------------------------------ borders
def plain_spread(labels, colours, sigma_space, sigma_range):
    """Every map of joint bilateral upsampling, then the largest."""
    import cv2

    grid = labels.shape
    shape = colours.shape[:2]
    means = cv2.resize(
        colours.astype(np.float32) / 255, grid[::-1], interpolation=cv2.INTER_AREA
    ).reshape(*grid, 3)
    found = np.empty(shape, int)
    for y, x in np.ndindex(shape):
        v, u = (y + 0.5) * grid[0] / shape[0], (x + 0.5) * grid[1] / shape[1]
        votes: dict[int, float] = {}
        for a in range(max(int(v) - 2, 0), min(int(v) + 3, grid[0])):
            for b in range(max(int(u) - 2, 0), min(int(u) + 3, grid[1])):
                away = ((v - 0.5 - a) ** 2 + (u - 0.5 - b) ** 2) / (2 * sigma_space**2)
                foreign = ((colours[y, x] / 255 - means[a, b]) ** 2).sum() / (2 * sigma_range**2)
                name = int(labels[a, b])
                votes[name] = votes.get(name, 0.0) + np.exp(-away - foreign)
        found[y, x] = max(votes, key=votes.__getitem__)
    return found


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), most=st.integers(1, 6))
def test_borders_are_those_of_joint_bilateral_upsampling(seed, most):
    rng = np.random.default_rng(seed)
    labels = rng.integers(1, most + 1, (4, 5))
    colours = rng.integers(0, 255, (12, 15, 3), np.uint8)
    fast = spread(labels, colours, sigma_space=1.0, sigma_range=0.5)
    plain = plain_spread(labels, colours, 1.0, 0.5)
    assert (fast == plain).mean() > 0.99  # votes may tie up to rounding
