from __future__ import annotations

import numpy as np
import pytest

from napari_m2n2.annotation.jobs import Segmented
from napari_m2n2.annotation.overlays import (
    RANGES,
    next_overlay,
    overlay_of,
    unsure_band,
    unsure_contours,
    unsure_lines,
)
from napari_m2n2.annotation.preferences import manifest_properties

ROWS, COLUMNS = np.indices((41, 41))
RADIUS = np.hypot(ROWS - 20, COLUMNS - 20)
SCORE = np.clip(1 - RADIUS / 10, -1, 1).astype(np.float32)  # λ is ten pixels
OUTCOME = Segmented(SCORE > 0, SCORE, distance=np.clip(RADIUS / 30, 0, 1).astype(np.float32))


def test_each_overlay_is_in_its_range():
    shown = {name: overlay_of(OUTCOME, name) for name in RANGES}
    for name, values in shown.items():
        assert RANGES[name][0] <= values.min() <= values.max() <= RANGES[name][1]
    assert shown["uncertainty"][20, 30] == 1
    assert shown["map"][20, 20] == 0
    assert overlay_of(OUTCOME, "none") is None
    assert overlay_of(Segmented(SCORE > 0, SCORE), "map") is None
    assert {"none", *RANGES} == set(manifest_properties()["overlay"]["enum"])


def test_the_contours_lie_a_tenth_of_the_threshold_to_either_side():
    inner, outer = unsure_contours(SCORE, 0.1)
    for line, radius in ((inner, 9), (outer, 11)):
        assert np.hypot(*(line - 20).T) == pytest.approx(radius, abs=0.1)


def test_the_band_lies_between_them():
    band = unsure_band(SCORE, 0.1)
    assert RADIUS[band].min() > 9
    assert RADIUS[band].max() < 11
    assert band[20, 30]


def test_planes_of_one_row_have_no_contour():
    assert unsure_contours(SCORE[:1]) == []


def test_short_lines_are_the_contours_in_pieces():
    lines, inner = unsure_lines(SCORE, 0.1)
    contours = unsure_contours(SCORE, 0.1)
    assert len(lines) == len(inner) == sum(len(line) - 1 for line in contours)
    ends = lines[:, 0] + lines[:, 1]
    assert np.allclose(ends[:-1][inner[:-1] & inner[1:]], lines[1:, 0][inner[:-1] & inner[1:]])
    for which, radius in ((inner, 9), (~inner, 11)):
        assert np.hypot(*(lines[which, 0] - 20).T) == pytest.approx(radius, abs=0.1)


@pytest.mark.parametrize("score", [np.ones((9, 9)), np.zeros((1, 5)), -np.ones((3, 3))])
def test_where_nothing_is_unsure_there_are_no_lines(score):
    lines, inner = unsure_lines(score.astype(np.float32))
    assert lines.shape == (0, 2, 2)
    assert inner.shape == (0,)


def test_the_overlays_go_round():
    seen = ["none"]
    for _ in range(4):
        seen.append(next_overlay(seen[-1]))
    assert seen == ["none", "map", "score", "uncertainty", "none"]
