"""From an image to its regions, with and without a store."""

from __future__ import annotations

import numpy as np
import pytest

from napari_m2n2 import Segmenter
from napari_m2n2.attention.texture import Texture
from napari_m2n2.errors import InputError
from napari_m2n2.segmentation.finder import RegionFinder
from napari_m2n2.segmentation.registry import REGIONS


@pytest.fixture
def image():
    rows, columns = np.mgrid[:40, :50]
    disc = (rows - 20) ** 2 + (columns - 30) ** 2 < 9**2
    noise = np.random.default_rng(0).integers(0, 15, disc.shape)
    return (np.where(disc, 170, 50) + noise).astype(np.uint8)


@pytest.mark.parametrize("by", REGIONS)
def test_regions_are_those_of_the_segmenter(image, by):
    segmenter = Segmenter(grid=12, device="cpu")
    segmenter.set_image(image)
    rgb, found = RegionFinder("texture", by, grid=12, device="cpu").find(image)
    np.testing.assert_array_equal(rgb, segmenter.rgb)
    np.testing.assert_array_equal(found.labels(), segmenter.regions(by).labels())


@pytest.mark.parametrize("by", REGIONS)
def test_with_a_store_the_attention_is_made_once(image, by, tmp_path, monkeypatch):
    made = []
    plain = Texture.attend
    monkeypatch.setattr(Texture, "attend", lambda *given: made.append(1) or plain(*given))
    first, again = (
        RegionFinder("texture", by, grid=12, device="cpu", store=tmp_path).find(image)[1]
        for _ in range(2)
    )
    assert len(made) == 1
    np.testing.assert_array_equal(first.pixels, again.pixels)
    np.testing.assert_array_equal(first.tree.leaves, again.tree.leaves)
    # the one that segments finds it there, too
    segmenter = Segmenter(grid=12, device="cpu", store=tmp_path)
    segmenter.set_image(image)
    assert len(made) == 1
    np.testing.assert_array_equal(segmenter.regions(by).labels(), first.labels())


def test_bad_choices_are_said(image):
    with pytest.raises(InputError, match="no way 'magic'"):
        RegionFinder("texture", "magic")
    with pytest.raises(InputError, match="store"):
        RegionFinder("texture", "mis", store=3)
    with pytest.raises(InputError, match="unknown"):
        RegionFinder("texture", "mis", colour="red")
