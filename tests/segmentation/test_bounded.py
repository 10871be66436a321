"""A click that may change but little says so, through to the result."""

from __future__ import annotations

import numpy as np
import pytest

from napari_m2n2 import Segmenter

SIZE = 64


@pytest.fixture(scope="module")
def segmenter():
    """A bright square on dark ground."""
    image = np.full((SIZE, SIZE), 0.2, np.float32)
    image[12:52, 12:52] = 0.8
    made = Segmenter(grid=16)
    made.set_image(image)
    return made


@pytest.fixture(scope="module")
def first(segmenter):
    return segmenter.segment([(32, 32)], [True]).mask


def places(first):
    """Return what lies two pixels outside of the outline, and what lies far from it."""
    beside = (32, int(np.flatnonzero(first[32]).max()) + 2)
    return beside, (2, 2)


def test_one_click_is_not_bounded(segmenter):
    assert not segmenter.segment([(32, 32)], [True]).bounded


def test_a_click_beside_the_outline_is_one_far_from_it_is_not(segmenter, first):
    beside, far = places(first)
    near = segmenter.segment([(32, 32), beside], [True, True])
    assert near.bounded
    assert np.count_nonzero(near.mask != first) < 0.1 * first.sum() + 30  # its outline is fitted
    assert not segmenter.segment([(32, 32), far], [True, True]).bounded


def test_a_click_that_agrees_with_the_mask_is_not(segmenter, first):
    beside, _ = places(first)
    assert not segmenter.segment([(32, 32), beside], [True, False]).bounded


def test_it_is_remembered_with_the_mask(segmenter, first):
    beside, far = places(first)
    segmenter.segment([(32, 32), beside], [True, True])
    segmenter.segment([(32, 32), beside, far], [True, True, False])
    assert segmenter.segment([(32, 32), beside], [True, True]).bounded
