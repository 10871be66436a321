from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.annotation.pixels import PixelChange, indices_of, positions_of, put, take

SHAPE = (3, 4, 5)


@pytest.mark.parametrize("order", ["C", "F"])
@given(where=st.lists(st.integers(0, 59), unique=True))
def test_positions_are_indices_whatever_the_layout(order, where):
    array = np.asarray(np.arange(60).reshape(SHAPE), order=order)
    where = np.array(where, np.int64)
    indices = indices_of(where, SHAPE)
    assert np.array_equal(positions_of(indices, SHAPE), where)
    assert np.array_equal(take(array, where), array[indices])
    assert take(array, where).tolist() == where.tolist()
    put(array, where, -take(array, where) - 1)
    assert np.array_equal(np.sort(array[array < 0]), np.sort(-where - 1))


def test_a_change_knows_whether_it_is_done():
    array = np.array([[1, 2], [3, 4]])
    change = PixelChange(np.array([0, 3]), np.array([9, 4]), np.array([1, 8]))
    assert not change.is_done(array)
    assert not change.is_undone(array)
    array[1, 1] = 8
    assert change.is_done(array)
    array[0, 0], array[1, 1] = 9, 4
    assert change.is_undone(array)
    part = change.part(np.array([True, False]))
    assert (len(part), part.where.tolist(), part.after.tolist()) == (1, [0], [1])
