from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.prompts import check_prompts
from napari_m2n2.segmentation.shrinking import shrink


@given(st.lists(st.tuples(st.integers(0, 89), st.integers(0, 119), st.booleans()), max_size=8))
def test_points_that_meet_keep_the_last_label(clicks):
    points = [(row, column) for row, column, _ in clicks]
    labels = [label for *_, label in clicks]
    found = shrink(check_prompts(points, labels, (90, 120)), (90, 120), (9, 12))
    by_pixel = {}
    for (row, column), label in zip(points, labels, strict=True):
        by_pixel[row // 10, column // 10] = label
    assert found.points.tolist() == [[row // 10, column // 10] for row, column in points]
    for (row, column), label, old in zip(
        found.points.tolist(), found.labels, found.superseded, strict=True
    ):
        assert old == (by_pixel[row, column] != label)


def test_a_box_of_one_pixel_does_not_vanish():
    prompts = check_prompts([], [], (90, 120), boxes=[(41, 52, 41, 52)])
    (region,) = shrink(prompts, (90, 120), (9, 12)).regions
    assert np.argwhere(region).tolist() == [[4, 5]]
