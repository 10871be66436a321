"""Thresholds of nearly the same score are decided as every offset would decide them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage import data

from napari_m2n2 import Segmenter
from napari_m2n2.evaluation.metrics import iou
from napari_m2n2.segmentation import close_calls
from napari_m2n2.segmentation.close_calls import close_pixels
from napari_m2n2.segmentation.parameters import PUBLISHED
from napari_m2n2.segmentation.selection import find_candidates


def plain_pixels(candidates, share):
    """The rings of the segments of all close thresholds, each by itself, and what is around."""
    distance = candidates.distance
    rows, columns = distance.shape
    marked = np.zeros(distance.shape, bool)
    close = candidates.worth >= (1 - share) * candidates.worth.max()
    for threshold in candidates.thresholds[close]:
        inside = np.pad(distance <= threshold, 1)
        near = inside[2:, 1:-1] | inside[:-2, 1:-1] | inside[1:-1, 2:] | inside[1:-1, :-2]
        marked |= near & ~inside[1:-1, 1:-1]
    around = np.pad(marked, 1)
    return np.any(
        [around[r : r + rows, c : c + columns] for r in range(3) for c in range(3)], axis=0
    )


@given(st.integers(2, 12), st.integers(2, 12), st.integers(0, 99), st.sampled_from([0, 0.1, 0.5]))
def test_pixels_are_those_along_close_outlines(rows, columns, seed, share):
    rng = np.random.default_rng(seed)
    distance = rng.random((rows, columns), np.float32)
    distance[rng.integers(rows), rng.integers(columns)] = 0
    candidates = find_candidates(distance, replace(PUBLISHED, area_prior=0.8))
    if candidates.flat or not candidates.worth.any():
        assert not close_pixels(candidates, share).any()
        return
    np.testing.assert_array_equal(close_pixels(candidates, share), plain_pixels(candidates, share))


def test_a_flat_map_leaves_nothing_to_decide():
    flat = find_candidates(np.zeros((5, 6), np.float32), PUBLISHED)
    assert not close_pixels(flat, 0.5).any()


@pytest.fixture(scope="module")
def photograph():
    return (data.coffee()[60:260, 100:420] / 255).astype(np.float32)


def masks(photograph, **parameters):
    """The masks of some points, each by itself."""
    made = Segmenter(preset="published", grid=32, device="cpu", **parameters)
    made.set_image(photograph, contrast=(0, 1))
    pixels = np.random.default_rng(4).integers(0, photograph.shape[:2], (14, 2))
    return [made.segment([pixel], [True]).mask for pixel in pixels]


def test_masks_are_those_of_every_offset(photograph):
    dense = masks(photograph)
    decided = masks(photograph, upsampling="fast")
    sampled = masks(photograph, upsampling="fast", close_calls=0.0)
    alike = [iou(a, b) for a, b in zip(dense, decided, strict=True)]
    unlike = [iou(a, b) for a, b in zip(dense, sampled, strict=True)]
    assert min(alike) > 0.98
    assert np.mean(alike) > 0.995
    assert min(unlike) < min(alike)


def test_nothing_is_decided_twice_where_no_sample_is_taken(photograph, monkeypatch):
    def looked(*given, **named):
        raise AssertionError

    monkeypatch.setattr(close_calls, "upsample_at", looked)
    masks(photograph[:40, :40], upsampling="fast")  # a small disk is taken whole
    masks(photograph[:40, :40])
    masks(photograph, upsampling="fast", close_calls=0.0)
    with pytest.raises(AssertionError):
        masks(photograph, upsampling="fast")
