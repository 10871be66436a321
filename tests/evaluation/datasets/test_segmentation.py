"""COCO's polygons and run lengths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_m2n2.errors import InputError
from napari_m2n2.evaluation.datasets.segmentation import (
    decode_counts,
    decode_runs,
    decode_segmentation,
    fill_polygons,
)


# ------------------------------------------------------------------ an encoder of its own
def runs_of(mask: np.ndarray) -> list[int]:
    """Count runs down the columns, background first, one pixel after the other."""
    counts, current = [0], False
    for pixel in mask.T.ravel():
        if bool(pixel) != current:
            counts.append(0)
            current = not current
        counts[-1] += 1
    return counts


def text_of(counts: list[int]) -> str:
    """Write run lengths as COCO does."""
    text = ""
    for place, count in enumerate(counts):
        number = count - counts[place - 2] if place > 2 else count
        while True:
            piece = number & 31
            number >>= 5
            done = number == (-1 if piece & 16 else 0)
            text += chr(48 + piece + (0 if done else 32))
            if done:
                break
    return text


masks = arrays(np.bool_, st.tuples(st.integers(1, 20), st.integers(1, 20)))


@given(masks)
def test_run_lengths_give_the_mask_back(mask: np.ndarray) -> None:
    counts = runs_of(mask)
    np.testing.assert_array_equal(decode_runs(counts, mask.shape), mask)
    assert decode_counts(text_of(counts)) == counts


@given(st.lists(st.integers(0, 10**7), max_size=30))
def test_text_gives_the_numbers_back(counts: list[int]) -> None:
    assert decode_counts(text_of(counts)) == counts


def test_a_text_that_is_known() -> None:
    """What pycocotools writes for a mask of 4 x 5 with columns 1 to 3 and rows 1 and 2."""
    mask = np.zeros((4, 5), bool)
    mask[1:3, 1:4] = True
    assert runs_of(mask) == [5, 2, 2, 2, 2, 2, 5]
    assert decode_counts("5220003") == [5, 2, 2, 2, 2, 2, 5]
    found = decode_segmentation({"size": [4, 5], "counts": "5220003"}, (4, 5))
    np.testing.assert_array_equal(found, mask)


@pytest.mark.parametrize("counts", [[5, 2], [5, -2, 17], [1.5, 18.5], ["x"], [10, 11]])
def test_run_lengths_that_do_not_add_up(counts: list) -> None:
    with pytest.raises(InputError, match="do not add up to 4 x 5 pixels"):
        decode_segmentation({"size": [4, 5], "counts": counts}, (4, 5))


@pytest.mark.parametrize(("text", "hint"), [("5~", "character"), ("5Z", "middle of a number")])
def test_damaged_text(text: str, hint: str) -> None:
    with pytest.raises(InputError, match=hint):
        decode_counts(text)


def test_run_lengths_of_another_image() -> None:
    with pytest.raises(InputError, match="of an image of"):
        decode_segmentation({"size": [5, 4], "counts": [20]}, (4, 5))


# ------------------------------------------------------------------ polygons
def inside(x: float, y: float, corners: np.ndarray) -> bool:
    """Count the edges to the right of a point."""
    odd = False
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            odd = not odd
    return odd


corner = st.tuples(*[st.integers(-30, 170).map(lambda n: n / 10 + 0.037)] * 2)


@settings(max_examples=40)
@given(st.lists(corner, min_size=3, max_size=7, unique=True))
def test_pixel_belongs_to_a_polygon_if_its_centre_does(corners: list) -> None:
    points = np.array(corners)
    found = fill_polygons([points.ravel().tolist()], (12, 14))
    expected = [[inside(c + 0.5, r + 0.5, points) for c in range(14)] for r in range(12)]
    assert np.count_nonzero(found != np.array(expected)) == 0


def test_square_of_whole_numbers_covers_its_pixels() -> None:
    found = fill_polygons([[2, 1, 6, 1, 6, 4, 2, 4]], (5, 8))
    expected = np.zeros((5, 8), bool)
    expected[1:4, 2:6] = True
    np.testing.assert_array_equal(found, expected)


def test_parts_are_united_and_cut_at_the_border() -> None:
    found = decode_segmentation([[0, 0, 2, 0, 2, 2, 0, 2], [3, 1, 9, 1, 9, 9, 3, 9]], (4, 5))
    expected = np.zeros((4, 5), bool)
    expected[:2, :2] = expected[1:, 3:] = True
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "polygon", [[1, 2, 3, 4], [1, 2, 3], ["a", "b"], [0, 0, 1, 0, float("nan"), 1], None]
)
def test_polygon_that_is_none(polygon: list) -> None:
    with pytest.raises(InputError, match="three or more pairs"):
        fill_polygons([polygon], (4, 5))


@pytest.mark.parametrize("segmentation", [None, [], 3, {"size": [4, 5]}])
def test_neither_polygons_nor_run_lengths(segmentation: object) -> None:
    with pytest.raises(InputError, match="neither polygons nor run lengths"):
        decode_segmentation(segmentation, (4, 5))
