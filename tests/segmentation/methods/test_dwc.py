"""The graphs that can be cut, and grids that are cut in blocks."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch

from napari_m2n2 import Segmenter
from napari_m2n2.attention.base import Attention
from napari_m2n2.attention.texture import Texture
from napari_m2n2.errors import InputError
from napari_m2n2.progress import ignore
from napari_m2n2.segmentation.methods import dwc
from napari_m2n2.segmentation.parameters import PUBLISHED

GRAPHS = ("walk", "cosine", "dot", "divergence", "features")


@lru_cache
def halves(side=12):
    """Return the attention of an image that is dark on the left, to just before its middle."""
    dark = np.zeros((48, 48), bool)
    dark[:, :20] = True
    image = np.where(dark, 0.2, 0.8)[..., None] + np.random.default_rng(0).normal(
        0, 0.03, (48, 48, 3)
    )
    return Texture(side).attend(image.clip(0, 1).astype(np.float32))


def sides_of(tree, count):
    """Return the regions that lie left and those that lie right of the border's surroundings."""
    regions = tree.regions(count)
    return set(regions[:, :4].ravel().tolist()), set(regions[:, 6:].ravel().tolist())


def grow(attention, **parameters):
    return dwc.grow(attention, replace(PUBLISHED, **parameters), ignore)


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("steps", [1, 2.5, 16])
def test_every_graph_parts_dark_from_bright(graph, steps):
    left, right = sides_of(grow(halves(), cut_graph=graph, walk_steps=steps).tree, 4)
    assert not left & right


def test_features_do_not_depend_on_how_far_one_walks():
    attention = halves()
    short, long = (grow(attention, cut_graph="features", walk_steps=k) for k in (1, 30))
    np.testing.assert_array_equal(short.tree.leaves, long.tree.leaves)
    threshold = {"cut_graph": "features", "cut_threshold": 0.3}
    short, long = (grow(attention, **threshold, walk_steps=k) for k in (1, 30))
    assert short.usual == long.usual


@pytest.mark.parametrize("graph", GRAPHS)
def test_a_large_grid_is_cut_in_blocks(graph, monkeypatch):
    monkeypatch.setattr(dwc, "_MOST_CELLS", 36)
    tree = grow(halves(), cut_graph=graph).tree
    assert tree.grid == (12, 12)
    blocks = tree.leaves.reshape(6, 2, 6, 2)
    assert (blocks == blocks[:, :1, :, :1]).all()
    left, right = sides_of(tree, 4)
    assert not left & right


def test_a_block_has_the_mean_of_its_features(monkeypatch):
    features = np.arange(32.0).reshape(16, 2)
    seen = []
    cut = dwc.cut_tree

    def look(attention, **others):
        seen.append(attention.features)
        return cut(attention, **others)

    monkeypatch.setattr(dwc, "cut_tree", look)
    monkeypatch.setattr(dwc, "_MOST_CELLS", 4)
    grow(Attention(np.full((16, 16), 1 / 16), (4, 4), features=features))
    expected = features.reshape(2, 2, 2, 2, 2).mean(axis=(1, 3)).reshape(4, 2)
    torch.testing.assert_close(seen[0].numpy(), expected)


def test_a_backbone_without_features_says_so():
    attention = halves()
    bare = Attention(attention.matrix, attention.grid)
    with pytest.raises(InputError, match="no features"):
        grow(bare, cut_graph="features")
    segmenter = Segmenter(method="dwc", grid=12, cut_graph="features", device="cpu")
    with pytest.raises(InputError, match="no features"):
        segmenter.set_image(np.zeros((48, 48), np.uint8), attention=bare)
