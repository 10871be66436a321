from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_m2n2.segmentation.ranked import with_values_of

few = st.integers(0, 5).map(lambda n: np.float32(n / 5))
maps = hnp.arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=few)


@given(maps, maps)
def test_order_stays_and_values_are_those_of_the_other(coarse, fine):
    found = with_values_of(coarse, fine)
    assert found.shape == fine.shape
    assert np.isin(found, coarse).all()
    flat, expected = fine.ravel(), np.sort(coarse.ravel())
    for value in np.unique(flat):
        below, up_to = np.count_nonzero(flat < value), np.count_nonzero(flat <= value)
        middle = (below + up_to - 1) / 2
        own = found.ravel()[flat == value]
        assert (own == expected[int((middle / flat.size) * expected.size + 1e-9)]).all()


@given(maps.filter(lambda one: np.ptp(one) > 0), st.integers(1, 4))
def test_a_repeated_map_is_itself(coarse, times):
    fine = np.kron(coarse, np.ones((times, times), np.float32))
    np.testing.assert_array_equal(with_values_of(coarse, fine), fine)


def test_a_threshold_takes_the_same_share():
    rng = np.random.default_rng(0)
    coarse = rng.random((40, 50), dtype=np.float32)
    fine = (rng.random((160, 200), dtype=np.float32) ** 3).astype(np.float32)
    found = with_values_of(coarse, fine)
    for threshold in (0.1, 0.4, 0.9):
        assert abs((found <= threshold).mean() - (coarse <= threshold).mean()) <= 1 / coarse.size
