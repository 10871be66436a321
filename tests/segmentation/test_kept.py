from __future__ import annotations

import numpy as np
import pytest
from oracles import random_attention

from napari_m2n2 import Attention
from napari_m2n2.progress import ignore
from napari_m2n2.segmentation.kept import KeptCandidates, KeptOutlines
from napari_m2n2.segmentation.parameters import resolve
from napari_m2n2.segmentation.plane import prepare
from napari_m2n2.segmentation.seeds import Seed

MASK = np.zeros((20, 30), bool)
MASK[5:15, 5:15] = True


class Fitted:
    """Moves a mask by a column, and counts how often."""

    def __init__(self, kept):
        self.kept, self.times = kept, 0

    def __call__(self, mask, seeds):
        mask, score = mask.copy(), np.where(mask, 0.5, -0.5).astype(np.float32)

        def fit():
            self.times += 1
            mask[:] = np.roll(mask, 1, axis=1)

        self.kept.fit(mask, score, seeds, fit)
        np.testing.assert_array_equal(score > 0, mask)
        return mask, score


def test_an_outline_is_fitted_once():
    fitted = Fitted(KeptOutlines())
    seeds = [Seed((10, 10), True), Seed((1, 1), False)]
    first = fitted(MASK, seeds)
    again = fitted(MASK, seeds)
    assert fitted.times == 1
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_another_mask_point_or_label_is_another_outline():
    fitted = Fitted(KeptOutlines())
    fitted(MASK, [Seed((10, 10), True)])
    fitted(MASK.T.copy().T, [Seed((10, 10), True)])
    assert fitted.times == 1
    fitted(~MASK, [Seed((10, 10), True)])
    fitted(MASK, [Seed((10, 11), True)])
    fitted(MASK, [Seed((10, 10), False)])
    fitted(MASK, [])
    assert fitted.times == 5


def test_the_oldest_go_when_there_are_many(monkeypatch):
    monkeypatch.setattr("napari_m2n2.segmentation.kept._MOST_OUTLINE_BYTES", 3 * MASK.size // 8)
    fitted = Fitted(KeptOutlines())
    seeds = [[Seed((0, column), True)] for column in range(4)]
    for one in seeds:
        fitted(MASK, one)
    fitted(MASK, seeds[3])
    assert fitted.times == 4
    fitted(MASK, seeds[0])
    assert fitted.times == 5


@pytest.mark.parametrize("preset", ["default", "published"])
def test_a_prompt_is_kept_in_twelve_bytes_a_pixel(preset):
    rgb = np.random.default_rng(0).random((40, 50, 3), np.float32)
    parameters = resolve("m2n2", preset, "texture", {})
    attention = Attention(random_attention(6, 8), (6, 8))
    plane = prepare(rgb, attention, "m2n2", parameters, "cpu", ignore)
    kept = KeptCandidates(parameters)
    seeds = [Seed((10, 10), True), Seed((30, 40), True, rgb[..., 0] > 0.4)]
    point, region = kept.of(plane, seeds, ignore)
    assert point.nbytes <= 7.3 * 40 * 50
    assert region.nbytes <= 12.1 * 40 * 50
