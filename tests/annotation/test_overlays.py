from __future__ import annotations

import numpy as np
import pytest

from napari_m2n2.annotation.jobs import Segmented
from napari_m2n2.annotation.overlays import RANGES, overlay_of, unsure_band, unsure_contours
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
