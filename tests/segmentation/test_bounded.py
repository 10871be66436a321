"""A click that may change but little says so, through to the result."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_m2n2 import Segmenter
from napari_m2n2.progress import ignore
from napari_m2n2.prompts import check_prompts
from napari_m2n2.segmentation.editing import EditingSolver
from napari_m2n2.segmentation.proposals import WholeProposal
from napari_m2n2.segmentation.solved import Solved

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


class Stubborn:
    """Gives the same square whatever is clicked, but for a disc around the last click."""

    def __init__(self, radius):
        self.plane = SimpleNamespace(shape=(SIZE, SIZE))
        self.radius = radius

    def object(self, prompts):
        mask = np.zeros((SIZE, SIZE), bool)
        mask[8:56, 8:56] = True
        (row, column), label = prompts.points[-1], prompts.labels[-1]
        rows, columns = np.ogrid[:SIZE, :SIZE]
        mask[(rows - row) ** 2 + (columns - column) ** 2 <= self.radius**2] = label
        return mask

    def solve(self, prompts, *, draft, progress):
        mask, none = self.object(prompts), np.full(len(prompts.points), 0.5)
        return Solved(mask, np.where(mask, 1, -1).astype(np.float32), none, 0.0, 0.0)

    def propose(self, prompts, progress):
        far = np.ones((SIZE, SIZE), np.float32)
        return WholeProposal(self.object(prompts), far, np.full(len(prompts.points), 0.5), 0.0)

    def mend(self, mask, change, prompts):
        return change


@pytest.mark.parametrize(("radius", "bounded"), [(0, True), (1, True), (8, False)])
@pytest.mark.parametrize("draft", [False, True])
def test_a_deep_click_that_the_others_outweigh_says_so(radius, bounded, draft):
    """Deep in what is wrong, but nothing else is proposed than a pixel or two."""
    solver = EditingSolver(Stubborn(radius), 6.0)
    prompts = check_prompts([(12, 12), (32, 32)], [True, False], (SIZE, SIZE))
    found = solver.solve(prompts, draft=draft, progress=ignore)
    assert not found.mask[32, 32]
    assert found.mask.sum() > 0.8 * 48 * 48
    assert found.bounded == bounded
