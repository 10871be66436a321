"""What the window says of a click."""

from __future__ import annotations

import numpy as np
import pytest

from napari_m2n2.annotation.jobs import Segmented
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.prompts import PlanePrompts
from napari_m2n2.viewer import sentences

PLANE = Plane((40, 60), (0, 1))
ONE = PlanePrompts(points=np.array([[1.0, 2.0]]), labels=np.array([True]))


def outcome(**more):
    mask = np.zeros((40, 60), bool)
    return Segmented(mask=mask, score=mask.astype(np.float32), **more)


@pytest.mark.parametrize("bounded", [False, True])
def test_a_click_that_could_change_little_says_what_to_do(bounded):
    text = sentences.outlined(PLANE, outcome(bounded=bounded), ONE)
    assert text.startswith("Outlined from 1 point.")
    assert ("click in the middle of what is wrong" in text) == bounded


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((), ""),
        ((4,), "Object 4 has the number 3 already."),
        ((4, 7), "Objects 4 and 7 have the number 3 already."),
        ((1, 2, 4, 7), "4 objects have the number 3 already."),
    ],
)
def test_objects_of_a_number_are_named_while_they_are_few(numbers, expected):
    assert sentences.sharing(numbers, 3) == expected
