from __future__ import annotations

import numpy as np
import oracles
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_m2n2.segmentation.growth import nearest_first, ring_means

shapes = st.tuples(st.integers(1, 7), st.integers(1, 7))
# few values give many ties
tied = st.integers(0, 9).map(lambda n: n / 9)
anything = st.floats(0, float(np.float32(3e38)), width=32)
maps = shapes.flatmap(
    lambda shape: hnp.arrays(np.float32, shape, elements=st.one_of(tied, anything))
)


def plain(distance):
    return np.argsort(distance, axis=None, kind="stable")


@given(maps, st.floats(0, 1))
def test_the_nearest_are_those_of_a_stable_sort(distance, share):
    count = round(share * distance.size)
    np.testing.assert_array_equal(nearest_first(distance, count), plain(distance)[:count])


def test_many_pixels_are_sorted_too():
    rng = np.random.default_rng(0)
    for distance in (rng.random((120, 170)), rng.integers(0, 50, (120, 170)) / 49):
        some = distance.astype(np.float32)
        np.testing.assert_array_equal(nearest_first(some, 9000), plain(some)[:9000])
        np.testing.assert_array_equal(nearest_first(some, some.size), plain(some))


def test_both_zeros_are_one_value():
    distance = np.array([[0.0, -0.0, 0.5, -0.0]], np.float32)
    np.testing.assert_array_equal(nearest_first(distance, 4), [0, 1, 3, 2])


@given(maps, st.integers(0, 99), st.floats(0, 1))
def test_ring_means_equal_those_counted_anew(distance, seed, share):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 1024, (distance.size, 2)).astype(np.float32)
    order = plain(distance)[: max(1, round(share * distance.size))]
    ours = ring_means(order.astype(np.int32), distance.shape, values)
    for mine, column in zip(ours, values.T, strict=True):
        theirs = oracles.ring_means(order, distance.shape, column.astype(float))
        np.testing.assert_allclose(mine, theirs)
