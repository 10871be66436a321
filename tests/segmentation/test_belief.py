from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import distance_transform_edt

from napari_m2n2.segmentation.belief import Beliefs, expected_overlap, find_beliefs
from napari_m2n2.segmentation.growth import nearest_first

RNG = np.random.default_rng(0)


def of(distance, worth, pixel, *, cell=1, power=4.0, centre=2.0):
    """Beliefs over all but the farthest pixel."""
    distance = np.asarray(distance, np.float32)
    order = nearest_first(distance, distance.size - 1)
    return find_beliefs(
        distance,
        order,
        np.asarray(worth, np.float32)[: len(order)],
        pixel,
        cell=cell,
        power=power,
        centre=centre,
    )


def plain(distance, worth, pixel, *, cell, power, centre):
    """The same, segment by segment, from masks of the whole plane."""
    flat = np.sort(distance.ravel(), kind="stable")
    count = distance.size - 1
    least = max(4, int(np.ceil(2 * cell)))
    if count < least:
        return {}
    sizes = np.unique(np.geomspace(least, count + 1, 81).astype(np.int64)) - 1
    found, fits = [], []
    for begin, end in pairwise(sizes):
        best, score = begin, -1.0
        for k in range(begin, end):
            ends_there = k + 1 < count and flat[k + 1] > flat[k]
            if (worth[k] if ends_there else 0.0) > score:
                best, score = k, float(worth[k]) if ends_there else 0.0
        if score:
            mask = distance <= flat[best]
            depth = distance_transform_edt(mask)
            score *= (depth[pixel] / depth.max()) ** centre
        found.append((best + 1, np.log(end + 1) - np.log(begin + 1)))
        fits.append(score)
    mean = np.mean(fits)
    return {
        area: (fit / mean) ** power * width
        for (area, width), fit in zip(found, fits, strict=True)
        if fit
    }


@settings(deadline=None)
@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 20), st.integers(1, 20)),
        elements=st.floats(0, 1, width=16),
    ),
    st.floats(0, 1),
    st.sampled_from([0.0, 1.0, 2.0]),
    st.sampled_from([1, 1.5, 4]),
)
def test_equal_to_the_plain_form(distance, along, centre, cell):
    place = int(along * (distance.size - 1))
    pixel = (place // distance.shape[1], place % distance.shape[1])
    distance[pixel] = 0
    worth = RNG.random(max(distance.size - 1, 1)).astype(np.float32)
    if distance.size < 2:
        return
    found = of(distance, worth, pixel, centre=centre, cell=cell)
    expected = plain(distance, worth, pixel, cell=cell, power=4.0, centre=centre)
    if found is None:
        assert not expected
        return
    believed = found.weights > 0
    assert found.areas[believed].tolist() == list(expected)
    # the fast distance transform is right to a few hundredths
    np.testing.assert_allclose(
        found.weights[believed], list(expected.values()), rtol=0.6 if centre else 1e-5
    )
    for area, threshold in zip(found.areas[believed], found.thresholds[believed], strict=True):
        assert np.count_nonzero(distance <= threshold) == area


def cone(shape, pixel):
    rows, columns = np.indices(shape)
    away = np.hypot(rows - pixel[0], columns - pixel[1])
    return (away / away.max()).astype(np.float32)


def test_a_click_off_the_middle_is_believed_less():
    """A map that knows the click's row only: segments are bands across the plane."""
    rows = np.indices((60, 60))[0]
    off_middle = np.where(rows < 20, (20 - rows) * 0.2, (rows - 20) * 1.0)
    middle = np.abs(rows - 20)
    flat = np.ones(3600)
    by_side = [of(distance / distance.max(), flat, (20, 30)) for distance in (off_middle, middle)]
    # of about 900 pixels: from the click down 5 rows and up all, or 7 to both sides
    weights = [found.weights[np.argmin(np.abs(found.areas - 900))] for found in by_side]
    assert weights[0] < weights[1]


def test_the_exponent_of_the_middle_can_leave_it_out():
    distance = cone((30, 40), (3, 4))
    worth = RNG.random(distance.size)
    without = of(distance, worth, (3, 4), centre=0.0)
    with_it = of(distance, worth, (3, 4), centre=1.0)
    assert without is not None
    assert with_it is not None
    assert not np.allclose(without.weights, with_it.weights)


def test_what_is_smaller_than_two_cells_is_not_believed():
    distance = cone((64, 64), (30, 30))
    found = of(distance, np.ones(4096), (30, 30), cell=16)
    assert found is not None
    assert found.areas.min() >= 32


def test_nothing_is_believed_where_nothing_is_worth_anything():
    distance = cone((20, 20), (10, 10))
    assert of(distance, np.zeros(400), (10, 10)) is None
    assert of(np.zeros((20, 20)), np.ones(400), (10, 10)) is None
    assert of(cone((1, 4), (0, 0)), np.ones(4), (0, 0)) is None


@given(
    hnp.arrays(np.float64, st.integers(1, 8), elements=st.floats(1, 1e6)),
    hnp.arrays(np.float64, st.integers(1, 8), elements=st.floats(1, 1e6)),
)
def test_expected_overlap_is_the_mean_of_quotients(areas, among):
    weights = np.arange(1.0, len(among) + 1)
    expected = [
        sum(w * min(a, b) / max(a, b) for w, b in zip(weights, among, strict=True)) / weights.sum()
        for a in areas
    ]
    np.testing.assert_allclose(expected_overlap(areas, among, weights), expected)


def test_many_of_one_size_outweigh_the_best_one():
    """The best is at 10 000 pixels, but those of about 100 are nearly as good."""
    areas = np.array([90.0, 100.0, 110.0, 10_000.0])
    beliefs = Beliefs(areas, areas.astype(np.float32), np.array([0.9, 0.9, 0.9, 1.0]))
    expected = expected_overlap(areas, areas, beliefs.weights)
    assert areas[np.argmax(expected)] == 100


def test_beliefs_do_not_depend_on_the_scale_of_the_scores():
    distance = cone((40, 30), (20, 10))
    worth = RNG.random(1200)
    one, other = of(distance, worth, (20, 10)), of(distance, 1000 * worth, (20, 10))
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(one.weights, other.weights, rtol=1e-4)


@pytest.mark.parametrize("side", [61, 601])
def test_discs_around_the_click_have_it_in_their_middle_at_every_scale(side):
    """Large segments are looked at every so many pixels only."""
    middle = (side // 2, side // 2)
    distance, worth = cone((side, side), middle), np.ones(side * side)
    with_it = of(distance, worth, middle, centre=1.0, power=1.0)
    without = of(distance, worth, middle, centre=0.0, power=1.0)
    assert with_it is not None
    assert without is not None
    # corners of the plane cut the largest ones off
    discs = (without.weights > 0) & (without.areas > 30) & (without.areas < 0.7 * side**2)
    shares = with_it.weights[discs] / without.weights[discs]
    assert shares.max() < 1.1 * shares.min()
