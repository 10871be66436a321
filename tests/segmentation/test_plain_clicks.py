"""Awkward prompts mean the same in the fast form as in the plain one, from end to end."""

from __future__ import annotations

import numpy as np
import oracles
import pytest
import torch

from napari_m2n2 import Attention, Segmenter
from napari_m2n2.markov.walk import start_states
from napari_m2n2.segmentation.selection import FALLBACK, gradient

SHAPE, GRID, STEPS = (16, 20), (4, 5), 60


def plain_distance(matrix, image, pixel):
    """The distance map of a prompt, every step as the paper words it."""
    start = start_states(torch.tensor([pixel]), SHAPE, GRID)[0].numpy()
    low = oracles.markov_map(matrix, start, max_steps=STEPS).reshape(1, *GRID)
    high = oracles.joint_bilateral(low, image)[0]
    filled = oracles.minimax(high / high.max(), pixel).astype(np.float32)
    if filled.max() > 0:
        return filled / filled.max()
    distance = np.ones(SHAPE, np.float32)
    distance[pixel] = 0
    return distance


def plain_mask(matrix, image, points, labels):
    """What the prompts mean, pixel by pixel."""
    said = dict(zip(points, labels, strict=True))  # of one pixel the last word counts
    maps = {pixel: plain_distance(matrix, image, pixel) for pixel in said}
    nearest, mask = np.full(SHAPE, np.inf), np.zeros(SHAPE, bool)
    for pixel, label in said.items():
        slope = gradient(maps[pixel], 1024)
        same = [other for other in said if said[other] == label]
        rest = [other for other in said if said[other] != label]
        threshold = FALLBACK
        if slope.any():
            threshold = oracles.choose_threshold(maps[pixel], slope, same, rest)
        scaled = maps[pixel] / np.float32(max(threshold, 1e-7))
        mask[scaled < nearest] = label
        nearest = np.minimum(nearest, scaled)
    mask &= nearest <= 1
    for pixel, label in said.items():
        mask[pixel] = label
    return mask


def random_points(count, seed):
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(0, 16, count).tolist(), rng.integers(0, 20, count).tolist()
    points = list(zip(rows, columns, strict=True))
    return points, (rng.random(count) < 0.6).tolist()


CASES = {
    "two hundred prompts": random_points(200, 0),
    "prompts in one cell": ([(5, 9), (5, 10), (6, 9), (6, 10)], [True, False, True, False]),
    "prompts on one pixel": ([(5, 9), (5, 9), (12, 2), (5, 9)], [True, False, True, True]),
    "one prompt": ([(15, 19)], [True]),
    "background only": ([(0, 0), (8, 8)], [False, False]),
}


@pytest.mark.parametrize("connected", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_fast_and_plain_agree(case, connected):
    points, labels = CASES[case]
    image = np.random.default_rng(1).random((*SHAPE, 3), np.float32)
    matrix = oracles.random_attention(*GRID, seed=2, sharp=1.0).astype(np.float64)
    if not connected:
        matrix[:10, 10:], matrix[10:, :10] = 0, 0
        matrix /= matrix.sum(axis=1, keepdims=True)
    segmenter = Segmenter(
        preset="published", device="cpu", temperature=1.0, ipf_rounds=0, max_steps=STEPS
    )
    segmenter.set_image(image, attention=Attention(matrix, GRID), contrast=(0, 1))
    expected = plain_mask(matrix, image, points, labels)
    mask = segmenter.segment(points, labels).mask
    assert (mask == expected).mean() > 0.99
