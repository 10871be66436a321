from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.segmentation.clusters import grouped


def plain(samples, parts):
    """The groups of OpenCV's k-means."""
    cv2.setRNGSeed(0)
    until = (cv2.TERM_CRITERIA_MAX_ITER, 10, 0.0)
    begin = np.zeros((len(samples), 1), np.int32)
    values = samples.astype(np.float32)
    return cv2.kmeans(values, parts, begin, until, 1, cv2.KMEANS_PP_CENTERS)[1].ravel()


@given(
    st.integers(0, 2**32 - 1),
    st.integers(5, 300),
    st.integers(1, 5),
    st.sampled_from([1, 2, 3, 20, 255]),
)
def test_the_groups_are_those_of_opencv(seed, count, parts, highest):
    samples = np.random.default_rng(seed).integers(0, highest + 1, (count, 3)).astype(np.uint8)
    np.testing.assert_array_equal(grouped(samples, parts), plain(samples, parts))


@pytest.mark.parametrize("seed", range(20))
def test_clouds_of_colours(seed):
    rng = np.random.default_rng(seed)
    means = rng.integers(0, 256, (rng.integers(1, 8), 3))
    chosen = means[rng.integers(0, len(means), 1500)]
    values = chosen + rng.normal(0, rng.uniform(0, 40), chosen.shape)
    samples = values.clip(0, 255).astype(np.uint8)
    np.testing.assert_array_equal(grouped(samples, 5), plain(samples, 5))


@pytest.mark.parametrize("count", [1, 2, 4])
def test_as_many_groups_as_samples(count):
    samples = np.arange(3 * count, dtype=np.uint8).reshape(count, 3) * 9
    assert sorted(grouped(samples, count)) == list(range(count))


def test_fewer_colours_than_groups():
    samples = np.full((50, 3), 7, np.uint8)
    samples[20:] = 200
    found = grouped(samples, 5)
    np.testing.assert_array_equal(found, plain(samples, 5))
    assert not set(found[:20]) & set(found[20:])
