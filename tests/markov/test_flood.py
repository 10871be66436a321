from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from oracles import minimax
from skimage.morphology import reconstruction

from napari_m2n2.markov.flood import flood_fill

CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]])

maps = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda shape: st.tuples(
        # few values give many ties
        hnp.arrays(np.float32, shape, elements=st.integers(0, 6).map(lambda n: n / 6))
        | hnp.arrays(np.float32, shape, elements=st.floats(0, 1, width=32)),
        st.integers(0, shape[0] - 1),
        st.integers(0, shape[1] - 1),
    )
)


@given(maps)
def test_equals_the_priority_queue(case):
    distance, row, column = case
    np.testing.assert_array_equal(
        flood_fill(distance, (row, column)), minimax(distance, (row, column)).astype(np.float32)
    )


@given(maps)
def test_equals_reconstruction_by_erosion(case):
    distance, row, column = case
    height = np.abs(distance - distance[row, column])
    marker = np.full_like(height, height.max())
    marker[row, column] = 0
    expected = reconstruction(marker, height, method="erosion", footprint=CROSS)
    np.testing.assert_array_equal(flood_fill(distance, (row, column)), expected)


def test_large_rough_and_smooth_maps():
    rng = np.random.default_rng(0)
    rough = rng.random((120, 170), np.float32)
    smooth = np.cumsum(np.cumsum(rough - 0.5, axis=0), axis=1).astype(np.float32)
    for distance in (rough, smooth, -smooth):
        height = np.abs(distance - distance[60, 3])
        marker = np.full_like(height, height.max())
        marker[60, 3] = 0
        expected = reconstruction(marker, height, method="erosion", footprint=CROSS)
        np.testing.assert_array_equal(flood_fill(distance, (60, 3)), expected)


def test_a_wall_is_as_high_as_its_gate():
    distance = np.zeros((5, 7), np.float32)
    distance[:, 3] = 1
    distance[2, 3] = 0.4
    filled = flood_fill(distance, (0, 0))
    assert (filled[:, 4:] == np.float32(0.4)).all()
    assert (filled[:, :3] == 0).all()


def test_below_the_prompt_counts_as_above():
    np.testing.assert_array_equal(
        flood_fill(np.array([[0.5, 0.2, 0.5]], np.float32), (0, 0)),
        np.array([[0, 0.3, 0.3]], np.float32),
    )


def test_a_maze_is_followed_to_its_middle():
    """Rings of walls whose gates lie on opposite sides, each higher than the one before."""
    side = 41
    rows, columns = np.mgrid[:side, :side]
    ring = np.minimum(np.minimum(rows, columns), side - 1 - np.maximum(rows, columns))
    distance = (ring % 2).astype(np.float32)
    for wall in range(1, side // 2, 2):
        place = wall if wall % 4 == 1 else side - 1 - wall
        distance[place, place] = np.float32(wall / 100)  # a corner leads nowhere
        distance[place, side // 2] = np.float32(wall / 50)
    filled = flood_fill(distance, (0, side // 2))
    np.testing.assert_array_equal(filled, minimax(distance, (0, side // 2)).astype(np.float32))
    assert filled[side // 2, side // 2] == np.float32(19 / 50)
