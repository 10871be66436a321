"""Parity with the published implementation of M2N2, on its own outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from oracles import colour_attention

from napari_m2n2 import Attention, Segmenter
from napari_m2n2.evaluation.metrics import iou
from napari_m2n2.markov.transition import balance, sharpen
from napari_m2n2.markov.upsample import upsample
from napari_m2n2.markov.walk import markov_maps, start_states

CASES = sorted((Path(__file__).parent / "golden").glob("*.npz"), key=lambda path: path.stem)


@pytest.fixture(scope="module", params=CASES, ids=lambda path: path.stem)
def golden(request):
    with np.load(request.param) as file:
        return dict(file)


@pytest.fixture(scope="module")
def attention(golden):
    return Attention(colour_attention(golden["cells"]), golden["cells"].shape[:2])


@pytest.fixture(scope="module")
def points(golden):
    return golden["points_xy"][:, ::-1].copy()


def relative(ours, theirs):
    """Largest difference of each map in units of its own maximum, the worst over maps."""
    return max(np.abs(a - b).max() / b.max() for a, b in zip(ours, theirs, strict=True))


def test_there_are_four_cases():
    assert len(CASES) == 4


def test_transition(golden, attention):
    transition = balance(sharpen(attention.matrix, 0.65), 200)
    rows = transition.matrix[:: attention.grid[1]].numpy()
    assert np.abs(rows - golden["row_sample"]).max() < 1e-6
    assert transition.residual == pytest.approx(float(golden["ipf_column_residual"]), abs=1e-5)


def test_markov_maps(golden, attention, points):
    transition = balance(sharpen(attention.matrix, 0.65), 200).matrix
    starts = start_states(torch.tensor(points), golden["image"].shape[:2], attention.grid)
    maps = markov_maps(transition, starts).reshape(-1, *attention.grid).numpy()
    assert relative(maps, golden["markov"]) < 2e-4


def test_upsampled(golden):
    guide = golden["image"].astype(np.float32) / 255
    maps = upsample(golden["markov"].astype(np.float32), guide)
    assert relative(maps, golden["upsampled"]) < 5e-4


def test_distances(golden, attention, points):
    segmenter = Segmenter(preset="published", device="cpu")
    segmenter.set_image(golden["image"], attention=attention)
    distances = segmenter.distance_maps(points)
    assert relative(distances, golden["distance"]) < 5e-4


def test_masks_after_each_click(golden, attention, points):
    segmenter = Segmenter(preset="published", device="cpu")
    segmenter.set_image(golden["image"], attention=attention)
    for k, mask in enumerate(golden["masks"], 1):
        result = segmenter.segment(points[:k], golden["labels"][:k])
        assert iou(result.mask, mask) >= 0.999
    np.testing.assert_allclose(result.thresholds, golden["thresholds"], atol=5e-4)


def test_float64_gives_the_same_masks(golden, attention, points):
    exact = Attention(attention.matrix.double(), attention.grid)
    segmenter = Segmenter(preset="published", device="cpu")
    segmenter.set_image(golden["image"], attention=exact)
    result = segmenter.segment(points, golden["labels"])
    assert iou(result.mask, golden["masks"][-1]) >= 0.999
