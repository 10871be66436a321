from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2.attention.intervening import intervening
from napari_m2n2.attention.texture import ENLARGED, Texture, TextureParameters
from napari_m2n2.image import to_rgb


def plainly(colours, grid):
    """Go along each line by itself."""
    colours = colours.astype(np.float64).reshape(*grid, 3)
    cells = list(np.ndindex(grid))
    found = np.zeros((len(cells), len(cells)))
    for i, (top, left) in enumerate(cells):
        for j, (row, column) in enumerate(cells[i + 1 :], i + 1):
            count = max(row - top, abs(column - left))
            for step in range(1, count):
                down = np.floor((row - top) * step / count + 0.5)
                across = np.floor((column - left) * step / count + 0.5)
                passed = colours[int(top + down), int(left + across)]
                ends = (
                    ((passed - colours[top, left]) ** 2).sum(),
                    ((passed - colours[row, column]) ** 2).sum(),
                )
                found[i, j] = found[j, i] = max(found[i, j], min(ends))
    return found


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 7), st.integers(1, 7), st.integers(0, 1000))
def test_equals_the_plain_form(rows, columns, seed):
    colours = np.random.default_rng(seed).normal(size=(rows * columns, 3)).astype(np.float32)
    found = intervening(colours, (rows, columns))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, plainly(colours, (rows, columns)), rtol=1e-5, atol=1e-6)


def test_valleys_slopes_and_steps():
    slope = np.linspace(0, 1, 9, dtype=np.float32)
    valley = np.abs(slope - 0.5)
    for line, expected in ((slope, 0.25), (valley, 0.25), (np.where(slope < 0.5, 0, 1), 0.0)):
        colours = np.zeros((9, 3), np.float32)
        colours[:, 0] = line
        # the middle of a slope lies between its ends: half as unlike each as they are
        assert intervening(colours, (1, 9))[0, 8] == pytest.approx(expected)
    assert intervening(np.zeros((9, 3), np.float32), (3, 3)).max() == 0


def two_touching_discs():
    rows, columns = np.mgrid[:32, :48]
    left, right = np.hypot(rows - 16, columns - 14), np.hypot(rows - 16, columns - 34)
    image = np.clip(11.5 - np.minimum(left, right), 0, 3) / 3
    image += np.random.default_rng(0).normal(0, 0.02, image.shape)
    return to_rgb(image, contrast=(0, 1)), left < 8, right < 8


def shared(parameters):
    """How much of what the cells of one disc attend to lies in the other one."""
    image, left, right = two_touching_discs()
    matrix = Texture(39, parameters).attend(image).matrix
    assert len(matrix) == left.size
    weights = matrix[left.ravel()]
    return float(weights[:, right.ravel()].sum() / weights[:, left.ravel()].sum())


def test_discs_that_touch_are_parted_by_the_valley_between_them():
    assert shared(ENLARGED) < 0.1 * shared(TextureParameters(least_scale=0.05))


def test_what_varies_no_more_than_the_image_does_parts_nothing():
    noise = np.random.default_rng(1).normal(0.5, 0.1, (24, 24))
    image = to_rgb(noise, contrast=(0, 1))
    without = Texture(24, TextureParameters(least_scale=0.05)).attend(image).matrix
    far = Texture(24, ENLARGED).attend(image).matrix
    assert float((far - without).abs().sum(1).mean()) < 0.2
