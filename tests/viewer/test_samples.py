"""The samples outline what they say, with the method as it comes."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.draw import polygon2mask

from napari_m2n2.segmenter import Segmenter
from napari_m2n2.viewer import made_stack
from napari_m2n2.viewer.app import add_sample, place_prompts
from napari_m2n2.viewer.samples import SAMPLES

from .conftest import dock, run_now


def circle(row, column, radius):
    angles = np.linspace(0, 2 * np.pi, 60)
    return np.stack([row + radius * np.sin(angles), column + radius * np.cos(angles)], axis=1)


# drawn by hand around what is seen, (row, column)
DRAWN = {
    "tissue": [
        *[(309, 284), (328, 308), (335, 337), (348, 367), (372, 374), (396, 384), (440, 381)],
        *[(474, 371), (511, 360), (511, 305), (493, 298), (474, 289), (440, 264), (401, 255)],
        *[(357, 252), (328, 264)],
    ],
    "fundus": [
        *[(170, 264), (211, 285), (240, 285), (279, 274), (313, 250), (327, 220), (318, 196)],
        *[(293, 185), (269, 187), (250, 196), (221, 196), (197, 206), (180, 230)],
    ],
    "cell": circle(374.5, 428.3, 63),
    "coins": circle(119.5, 270.5, 25),
    "coffee": [
        *[(154, 209), (135, 230), (121, 261), (118, 292), (126, 322), (138, 344), (151, 362)],
        *[(163, 369), (172, 362), (184, 341), (192, 310), (191, 280), (183, 249), (169, 224)],
    ],
}


def seen(sample):
    """Return what the sample's prompts should outline, and how well they do."""
    if sample.name == "cells":
        labels = made_stack.stack_truth()[sample.slice]
        row, column = sample.points[sample.labels][0].astype(int)
        return labels == labels[row, column], 0.95
    # drawn by eye, an outline is uncertain by some pixels
    return polygon2mask(sample.load_plane().shape[:2], np.array(DRAWN[sample.name])), 0.8


@pytest.mark.parametrize("name", SAMPLES)
def test_the_default_preset_outlines_the_sample(name):
    sample = SAMPLES[name]
    segmenter = Segmenter()
    segmenter.set_image(sample.load_plane())
    mask = segmenter.segment(sample.points, sample.labels).mask
    expected, least = seen(sample)
    overlap = (mask & expected).sum() / (mask | expected).sum()
    assert overlap >= least, f"IoU {overlap:.3f}"


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_have_prompts_inside(name):
    sample = SAMPLES[name]
    image, plane = sample.load(), sample.load_plane()
    assert sample.name == name
    assert image.dtype == np.uint8
    assert sample.labels.any()
    assert len(sample.points) == len(sample.labels)
    assert (sample.points >= 0).all()
    assert (sample.points < plane.shape[:2]).all()
    assert plane.ndim == 2 or plane.shape[-1] == 3
    assert (image.ndim > plane.ndim) == (sample.slice is not None)


def test_there_is_one_of_each_kind():
    shapes = {sample.load().ndim for sample in SAMPLES.values() if sample.slice is None}
    assert shapes == {2, 3}, "grey and colours"
    assert SAMPLES["cells"].load().shape == made_stack.SHAPE


def test_the_stack_is_the_same_every_time_and_for_everyone():
    first = made_stack.make_stack()
    first[:] = 0
    again = made_stack.make_stack()
    assert again.any()
    labels = made_stack.stack_truth()
    assert set(np.unique(labels)) == {0, 1, 2, 3, 4, 5}
    for number in range(1, 6):
        inside = again[labels == number].mean()
        assert inside > again[labels == 0].mean() + 40
        assert 3 <= len(np.unique(np.nonzero(labels == number)[0])) < made_stack.SHAPE[0]


def test_the_demo_turns_to_the_slice_of_its_prompts(viewer, discs):
    sample = SAMPLES["cells"]
    add_sample(viewer.__wrapped__, sample)
    widget = dock(viewer, discs, runner=run_now)
    place_prompts(widget, sample)
    (pair,) = widget.controller.pairs
    assert (pair.prompts.data[:, 0] == sample.slice).all()
    assert pair.prompts.data[:, 1:] == pytest.approx(sample.points)
    assert viewer.dims.current_step[0] == sample.slice
    assert tuple(pair.image.scale) == made_stack.SCALE
    row, column = sample.points[sample.labels][0].astype(int)
    assert pair.labels.data[sample.slice, row, column] == 1
    widget.close()
