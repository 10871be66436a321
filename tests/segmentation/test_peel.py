from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import distance_transform_edt

from napari_m2n2.segmentation.peel import Peel
from napari_m2n2.segmentation.window import window_around

SHAPE = (60, 80)
WHOLE = (slice(0, SHAPE[0]), slice(0, SHAPE[1]))


def square(top, left, bottom, right):
    mask = np.zeros(SHAPE, bool)
    mask[top:bottom, left:right] = True
    return mask


def plain(before, pixel, label, depth, clicks):
    """How far each pixel is from the bound: the rule as it is written, on all of the plane."""
    depth = max(depth, 1.5)
    away = np.hypot(*(np.indices(SHAPE) - np.reshape(pixel, (2, 1, 1)))) / depth
    most = 1.5 + (0.4 if label else -0.4) + 1.5 / (clicks - 1) - 0.55 * np.log(away + 0.1)
    return most - distance_transform_edt(np.pad(before != label, 1, "edge"))[1:-1, 1:-1] / depth


@given(
    hnp.arrays(bool, (6, 8)),
    st.integers(0, SHAPE[0] - 1),
    st.integers(0, SHAPE[1] - 1),
    st.booleans(),
    st.integers(2, 12),
    st.integers(1, 50),
)
def test_it_is_the_rule_in_any_window(coarse, row, column, label, clicks, reach):
    before = np.kron(coarse, np.ones((10, 10), bool))
    before[row, column] = not label
    before[0, 0], before[-1, -1] = label, not label
    if (row, column) == (0, 0):
        return
    depth = float(distance_transform_edt(before != label)[row, column])
    peel = Peel(before, (row, column), label, depth, clicks)
    margin = plain(before, (row, column), label, depth, clicks)
    window = window_around((row, column), reach, SHAPE)
    wrong = (before != label)[window]
    # distances in a picture are measured to about two in a hundred
    clear = np.abs(margin[window]) > 0.05 * (1 + np.abs(margin[window]))
    found = peel.allows(window)
    np.testing.assert_array_equal(found[wrong & clear], (margin[window] > 0)[wrong & clear])
    # and what is seen in a window does not depend on the window
    np.testing.assert_array_equal(found[wrong], peel.allows(WHOLE)[window][wrong])


def allowed(before, pixel, label, clicks=2):
    depth = float(distance_transform_edt(before != label)[pixel])
    return Peel(before, pixel, label, depth, clicks).allows(WHOLE) & (before != label)


@pytest.mark.parametrize("label", [True, False])
def test_a_click_beside_the_outline_peels_and_does_not_dig(label):
    before = square(10, 10, 50, 70) == (not label)
    found = allowed(before, (30, 12), label, clicks=9)
    assert found[30, 12]
    depths = distance_transform_edt(before != label)
    assert depths[found].max() < 3 * depths[30, 12]
    assert not found[30, 40]


def test_a_click_in_the_middle_may_have_it_all():
    before = square(10, 10, 50, 50)
    assert allowed(before, (30, 30), False).sum() > 0.9 * before.sum()


def test_far_from_the_click_only_what_is_shallow_goes():
    before = square(28, 5, 60, 75)
    found = allowed(before, (33, 10), False, clicks=5)
    depths = distance_transform_edt(before)
    near, far = (depths[:, part][found[:, part]] for part in (slice(8, 13), slice(40, 50)))
    assert 0 < far.max(initial=0) < near.max()


def test_the_first_corrections_are_the_boldest_and_adding_is_bolder_than_taking_away():
    before = square(5, 5, 55, 75)
    sizes = [allowed(before, (12, 40), False, clicks).sum() for clicks in (2, 3, 5, 30)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 1.5 * sizes[-1]
    assert allowed(~before, (12, 40), True, 5).sum() > allowed(before, (12, 40), False, 5).sum()


def test_where_nothing_is_right_all_may_change():
    nothing = np.zeros(SHAPE, bool)
    assert Peel(nothing, (10, 10), True, math.inf, 2).allows(WHOLE).all()
