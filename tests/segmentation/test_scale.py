from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.segmentation.scale import clearness, scales_around


def candidates(worth, size=10_000, *, flat=False):
    """What the module looks at."""
    worth = np.asarray(worth, np.float32)
    return SimpleNamespace(distance=np.zeros((1, size)), worth=worth, flat=flat)


def peak(at, height, count=4000):
    worth = np.ones(count)
    worth[at - 1] = height
    return worth


@given(
    st.tuples(st.integers(1, 400), st.integers(1, 400)),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 6),
)
def test_scales_hold_the_click_and_halve(shape, down, across, halvings):
    pixel = (int(down * (shape[0] - 1)), int(across * (shape[1] - 1)))
    found = scales_around(pixel, shape, halvings)
    assert len(found) <= halvings
    for number, crop in enumerate(found, start=1):
        side = max(shape) >> number
        assert side >= 24
        assert (crop.height, crop.width) == (min(side, shape[0]), min(side, shape[1]))
        assert 0 <= crop.top <= pixel[0] < crop.bottom <= shape[0]
        assert 0 <= crop.left <= pixel[1] < crop.right <= shape[1]


def test_a_segment_that_stands_out_is_clearer():
    values = [clearness(candidates(peak(500, height))) for height in (1.5, 3, 10)]
    assert values == sorted(values)
    assert values[0] < values[-1]


def test_of_two_that_stand_out_alike_the_larger_is_clearer():
    assert clearness(candidates(peak(1500, 9))) > clearness(candidates(peak(100, 9)))


def test_what_is_enlarged_is_counted_in_pixels_of_the_plane():
    found = candidates(peak(1600, 9))
    assert clearness(found, factor=4) == pytest.approx(clearness(found) / 16**0.2)


def test_a_segment_that_fills_a_crop_belongs_to_a_coarser_one():
    large = candidates(peak(2500, 9))
    assert clearness(large) == -1
    assert clearness(large, whole=True) > 0


@pytest.mark.parametrize(
    "nothing",
    [
        candidates(np.zeros(4000)),
        candidates(peak(9, 2), flat=True),
        candidates([]),
        candidates([1]),
    ],
)
def test_nothing_to_choose_by(nothing):
    assert clearness(nothing, whole=True) == -1


def test_where_only_the_smallest_is_worth_something():
    assert clearness(candidates([1, 0, 0, 0, 0]), whole=True) == -1
