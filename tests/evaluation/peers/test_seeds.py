from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.evaluation.peers.seeds import make_seeds, rim


def seeds(points, labels, shape, radius):
    return make_seeds(np.array(points).reshape(-1, 2), np.array(labels, bool), shape, radius)


def test_a_disc_around_each_click():
    found = seeds([(4, 4), (4, 12)], [1, 0], (9, 17), 2)
    rows, columns = np.mgrid[:9, :17]
    np.testing.assert_array_equal(found == 1, (rows - 4) ** 2 + (columns - 4) ** 2 <= 4)
    np.testing.assert_array_equal(found == -1, (rows - 4) ** 2 + (columns - 12) ** 2 <= 4)


def test_without_background_clicks_the_rim_is_background():
    found = seeds([(4, 4)], [1], (9, 17), 0)
    np.testing.assert_array_equal(found == -1, rim((9, 17)))
    assert found[4, 4] == 1
    assert (found == 1).sum() == 1


def test_a_background_click_takes_the_rim_back():
    found = seeds([(4, 4), (4, 9)], [1, 0], (9, 17), 0)
    assert (found != 0).sum() == 2


def test_a_click_on_the_rim_keeps_its_disc():
    found = seeds([(0, 4)], [1], (9, 17), 1)
    assert found[0, 3] == found[0, 4] == found[0, 5] == found[1, 4] == 1
    assert found[0, 2] == -1


@pytest.mark.parametrize(
    ("shape", "count"),
    [((1, 1), 0), ((2, 2), 0), ((1, 9), 2), ((2, 9), 4), ((3, 3), 8), ((5, 1), 2)],
)
def test_rim_of_narrow_planes(shape, count):
    assert rim(shape).sum() == count


@given(seed=st.integers(0, 10_000), radius=st.sampled_from([0, 1, 1.5, 2, 4, 30]))
def test_the_nearest_click_within_reach_counts(seed, radius):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 15, 2))
    places = rng.permutation(shape[0] * shape[1])[: rng.integers(1, 6)]
    points = np.stack(np.unravel_index(places, shape), axis=1)
    labels = rng.random(len(points)) < 0.5
    found = seeds(points, labels, shape, radius)
    for pixel in np.ndindex(shape):
        squared = ((points - pixel) ** 2).sum(axis=1)
        if squared.min() <= radius**2:
            last_nearest = len(squared) - 1 - int(np.argmin(squared[::-1]))
            assert found[pixel] == (1 if labels[last_nearest] else -1)
        else:
            assert found[pixel] == (-1 if labels.all() and rim(shape)[pixel] else 0)
