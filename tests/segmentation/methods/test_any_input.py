"""Every method by its name: whatever is given, a valid mask or a sentence."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_m2n2 import Segmenter
from napari_m2n2.errors import InputError
from napari_m2n2.segmentation.registry import METHODS

SHAPE = (40, 52)
every_method = pytest.mark.parametrize("method", METHODS)


def disc(shape=SHAPE):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    inside = (rows - 18) ** 2 + (columns - 25) ** 2 < 11**2
    noise = np.random.default_rng(0).integers(0, 20, shape)
    return (np.where(inside, 180, 60) + noise).astype(np.uint8)


@lru_cache
def segmenter(method) -> Segmenter:
    one = Segmenter(method=method, grid=14, device="cpu")
    one.set_image(disc())
    return one


def check(result, points, labels, shape=SHAPE):
    """A mask of the plane, a score that says the same, and every click right."""
    assert result.mask.shape == result.score.shape == shape
    assert result.mask.dtype == bool
    assert np.isfinite(result.score).all()
    assert -1 <= result.score.min() <= result.score.max() <= 1
    np.testing.assert_array_equal(result.mask, result.score > 0)
    said = {tuple(point): bool(label) for point, label in zip(points, labels, strict=True)}
    assert {point: bool(result.mask[point]) for point in said} == said
    assert result.thresholds.shape == (len(labels),)


@every_method
def test_one_click_and_many(method):
    generator = np.random.default_rng(1)
    points = [tuple(generator.integers(0, SHAPE).tolist()) for _ in range(40)]
    labels = [bool(disc()[point] > 120) for point in points]
    points, labels = [(18, 25), *points], [True, *labels]
    for count in (1, 2, 41):
        found = segmenter(method).segment(points[:count], labels[:count])
        check(found, points[:count], labels[:count])
    truth = disc() > 120
    assert (found.mask & truth).sum() / (found.mask | truth).sum() > 0.9


@every_method
@settings(max_examples=8, deadline=None)
@given(
    clicks=st.lists(
        st.tuples(st.integers(0, SHAPE[0] - 1), st.integers(0, SHAPE[1] - 1), st.booleans()),
        min_size=1,
        max_size=6,
    )
)
def test_clicks_anywhere_are_kept_and_give_the_same_again(method, clicks):
    points, labels = [c[:2] for c in clicks], [c[2] for c in clicks]
    found = segmenter(method).segment(points, labels)
    last = dict(zip(points, labels, strict=True))
    if not any(last.values()):
        assert not found.mask.any()
        return
    assert {point: bool(found.mask[point]) for point in last} == last
    again = segmenter(method).segment(points, labels)
    np.testing.assert_array_equal(again.mask, found.mask)


@every_method
@pytest.mark.parametrize(("points", "labels"), [([], []), ([(18, 25), (3, 3)], [False, False])])
def test_nothing_that_is_wanted_is_nothing(method, points, labels):
    found = segmenter(method).segment(points, labels)
    assert not found.mask.any()
    assert (found.score <= 0).all()


@every_method
def test_a_fresh_one_says_the_same(method):
    points, labels = [(18, 25), (3, 3), (30, 45), (18, 33)], [True, False, False, True]
    fresh = Segmenter(method=method, grid=14, device="cpu")
    fresh.set_image(disc())
    want = fresh.segment(points, labels)
    for count in (1, 3, 4):
        have = segmenter(method).segment(points[:count], labels[:count])
    np.testing.assert_array_equal(have.mask, want.mask)
    np.testing.assert_allclose(have.thresholds, want.thresholds, atol=1e-5)


@every_method
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 1), (2, 3)])
def test_tiny_and_constant_planes(method, shape):
    one = Segmenter(method=method, grid=8, device="cpu")
    for image in (np.zeros(shape, np.uint8), np.arange(np.prod(shape)).reshape(shape)):
        one.set_image(image.astype(np.float32))
        check(one.segment([(0, 0)], [True]), [(0, 0)], [True], shape)


@every_method
def test_not_a_number_in_the_image(method):
    image = disc().astype(float)
    image[3, 3], image[4, 4], image[30, 40] = np.nan, np.inf, -np.inf
    one = Segmenter(method=method, grid=10, device="cpu")
    one.set_image(image, contrast=(0, 255))
    check(one.segment([(18, 25), (3, 3)], [True, False]), [(18, 25), (3, 3)], [True, False])


@every_method
@pytest.mark.parametrize(
    ("points", "labels", "words"),
    [
        ([(99, 3)], [True], "outside the plane"),
        ([(3, -2)], [True], "outside the plane"),
        ([(np.nan, 3)], [True], "outside the plane"),
        ([(3, 3)], [True, False], "labels"),
        ([3, 3, 3], [True], "points"),
        ([(3, 3)], [2], "label"),
    ],
)
def test_what_cannot_be_is_said(method, points, labels, words):
    with pytest.raises(InputError, match=words):
        segmenter(method).segment(points, labels)


@every_method
def test_without_an_image_and_a_thing_that_is_none(method):
    one = Segmenter(method=method, grid=8, device="cpu")
    with pytest.raises(InputError, match="set_image first"):
        one.segment([(0, 0)], [True])
    for image in (np.zeros((0, 4)), np.zeros(5), np.array([["a"]])):
        with pytest.raises(InputError):
            one.set_image(image)


@every_method
def test_a_click_beside_the_outline_changes_little(method):
    points, labels = [(18, 25), (18, 31), (4, 4), (35, 45)], [True, True, False, False]
    before = segmenter(method).segment(points, labels).mask
    inside = (18, int(np.flatnonzero(before[18]).min()) + 1)
    after = segmenter(method).segment([*points, inside], [*labels, False]).mask
    assert not after[inside]
    most = segmenter(method).parameters.correction * np.pi * 1.5**2
    assert np.count_nonzero(after != before) <= most


@every_method
def test_boxes_scribbles_and_masks_together(method):
    rough = np.zeros(SHAPE, bool)
    rough[10:26, 16:34] = True
    found = segmenter(method).segment(
        [(2, 2)],
        [False],
        boxes=[(7, 14, 29, 36)],
        scribbles=[([(16, 20), (20, 30)], True), ([(36, 3), (36, 50)], False)],
        mask=rough,
    )
    assert found.mask[18, 25]
    assert not found.mask[36, 3:51].any()
    assert not found.mask[2, 2]
