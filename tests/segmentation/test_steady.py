from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.segmentation.colours import learn_both, log_ratio
from napari_m2n2.segmentation.cut import colours_of
from napari_m2n2.segmentation.outline import is_large
from napari_m2n2.segmentation.steady import learn_both_steadily


def picture(rng, side=120):
    """A picture of blobs, and a mask of one side of it."""
    colours = rng.integers(0, 255, (6, 3))
    rows, columns = np.mgrid[:side, :side] // 20
    image = colours[(rows * 5 + columns * 3) % 6] + rng.normal(0, 12, (side, side, 3))
    mask = np.hypot(*(np.mgrid[:side, :side] - side // 2)) < side // 3
    return np.clip(image, 0, 255).astype(np.uint8), mask


@pytest.mark.parametrize("seed", range(4))
def test_some_pixels_more_change_little(seed):
    rng = np.random.default_rng(seed)
    image, mask = picture(rng)
    other = mask.copy()
    places = rng.integers(0, mask.size, 20)
    other.ravel()[places] ^= True
    every = image.reshape(-1, 3)[::7]
    apart = {}
    for learnt in (learn_both_steadily, learn_both):
        one, two = (log_ratio(every, *learnt(image, some, 1)) for some in (mask, other))
        apart[learnt] = np.abs(np.clip(one, -5, 5) - np.clip(two, -5, 5)).mean()
    assert apart[learn_both_steadily] < 0.1
    assert apart[learn_both_steadily] <= apart[learn_both] + 0.02


@pytest.mark.parametrize("seed", range(4))
def test_it_tells_the_sides_apart_as_well(seed):
    rng = np.random.default_rng(seed)
    image, mask = picture(rng)
    image[mask] = np.clip(image[mask].astype(int) + 60, 0, 255)
    right = {}
    for learnt in (learn_both_steadily, learn_both):
        ratio = log_ratio(image.reshape(-1, 3), *learnt(image, mask, 1))
        right[learnt] = ((ratio > 0) == mask.ravel()).mean()
    assert right[learn_both_steadily] > right[learn_both] - 0.05


@given(st.integers(1, 3), st.integers(0, 99))
def test_few_pixels_and_one_colour(count, seed):
    rng = np.random.default_rng(seed)
    image = np.repeat(rng.integers(0, 255, (1, 4, 3)), 2, axis=0).astype(np.uint8)
    mask = np.zeros((2, 4), bool)
    mask.ravel()[:count] = True
    for step in (1, 2):
        for mixture in learn_both_steadily(image, mask, step):
            assert np.isfinite(mixture.shapes).all()
            assert mixture.heights.min() > 0
    same = np.full((2, 4, 3), 7, np.uint8)
    inside, _ = learn_both_steadily(same, mask, 1)
    np.testing.assert_allclose(inside.means, 7)


def test_only_large_planes_have_it():
    assert not is_large((1024, 1024))
    assert not is_large((1225, 1224))
    assert is_large((4096, 4096))
    image, mask = picture(np.random.default_rng(0))
    plain, steady = colours_of(image, mask), colours_of(image, mask, steady=True)
    np.testing.assert_array_equal(plain[0].means, learn_both(image, mask, 1)[0].means)
    np.testing.assert_array_equal(steady[0].means, learn_both_steadily(image, mask, 1)[0].means)
