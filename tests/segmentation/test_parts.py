from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from napari_m2n2.segmentation.parts import numbered, only, part_around, parts_around
from napari_m2n2.segmentation.window import box_of

SHAPE = (9, 11)
MASKS = hnp.arrays(bool, SHAPE)
CROSS, SQUARE = np.eye(3)[1] + np.eye(3)[1][:, None] > 0, np.ones((3, 3))


@given(MASKS, st.tuples(st.integers(0, SHAPE[0] - 1), st.integers(0, SHAPE[1] - 1)))
def test_the_part_around_a_pixel_is_that_of_scipy(mask, pixel):
    found = part_around(mask, pixel)
    if not mask[pixel]:
        assert found is None
        return
    labels, _ = ndimage.label(mask, SQUARE)
    expected = labels == labels[pixel]
    assert found[0] == box_of(expected)
    np.testing.assert_array_equal(found[1], expected[found[0]])


@given(MASKS, st.booleans(), st.integers(0, 2**32 - 1))
def test_parts_that_are_wanted_are_kept_whole(mask, diagonals, seed):
    count, numbers = numbered(mask, diagonals=diagonals)
    labels, known = ndimage.label(mask, SQUARE if diagonals else CROSS)
    assert count == known + 1
    wanted = np.random.default_rng(seed).random(count) < 0.5
    found = only(numbers, wanted)
    np.testing.assert_array_equal(found, wanted[numbers])
    for part in range(1, count):
        assert len(np.unique(labels[numbers == part])) == 1
    np.testing.assert_array_equal(numbers == 0, ~mask)


@given(
    MASKS, st.lists(st.tuples(st.integers(-1, SHAPE[0]), st.integers(-1, SHAPE[1])), max_size=6)
)
def test_parts_around_pixels_are_those_of_scipy(mask, pixels):
    labels, _ = ndimage.label(mask, CROSS)
    inside = [p for p in pixels if 0 <= p[0] < SHAPE[0] and 0 <= p[1] < SHAPE[1]]
    wanted = {labels[pixel] for pixel in inside} - {0}
    np.testing.assert_array_equal(parts_around(mask, pixels), np.isin(labels, list(wanted)))
