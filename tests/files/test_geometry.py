"""What labels keep of the image they belong to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_m2n2.errors import InputError
from napari_m2n2.files.geometry import Geometry, plain_geometry, scaled


def geometry(shape=(4, 6), axes="YX", spacing=(2.0, 3.0), unit="mm"):
    return Geometry(path=Path("a.tif"), shape=shape, axes=axes, spacing=spacing, unit=unit)


def test_axes_of_length_one_may_be_missing_or_more():
    labels = np.arange(24).reshape(4, 6)
    np.testing.assert_array_equal(geometry().whole(labels[None]), labels)
    stack = geometry((1, 4, 6), "ZYX", (1.0, 2.0, 3.0))
    np.testing.assert_array_equal(stack.whole(labels), labels[None])


@pytest.mark.parametrize("shape", [(6, 4), (4, 7), (2, 4, 6), (24,)])
def test_labels_of_another_image_are_refused(shape):
    with pytest.raises(InputError, match=r"a\.tif has 4 x 6; give the labels of this image"):
        geometry().whole(np.zeros(shape))


def test_of_a_plain_array_nothing_is_known():
    found = plain_geometry(Path("x"), (2, 3, 4, 5))
    assert (found.axes, found.spacing, found.unit) == ("QQYX", (1.0,) * 4, "")


def test_units_and_levels():
    assert scaled(geometry(), "micron") == (2000, 3000)
    assert scaled(geometry(unit="micron"), "mm") == (0.002, 0.003)
    assert scaled(geometry(unit=""), "mm") == (2, 3)
    assert geometry().reduced((2, 2)).spacing == (4, 9)
