"""Refining what another method says."""

from __future__ import annotations

import numpy as np
import pytest

from napari_m2n2 import Segmenter
from napari_m2n2.errors import InputError
from napari_m2n2.progress import ignore
from napari_m2n2.prompts import check_prompts
from napari_m2n2.segmentation.pixel_diffusion import PixelDiffusion
from napari_m2n2.segmentation.refined import Refined
from napari_m2n2.segmentation.solved import Solved


class Fixed:
    """A solver that always says the same."""

    def __init__(self, rgb, score):
        self.rgb, self.grid, self.shape = rgb, (4, 4), rgb.shape[:2]
        self.plane = self
        self.score = score
        self.solved = 0

    def solve(self, prompts, *, draft, progress):
        self.solved += 1
        return Solved(self.score > 0, self.score.copy(), np.full(len(prompts.points), 0.5), 0, 0)

    def distance_maps(self, points, progress):
        return np.zeros((len(points), *self.shape), np.float32)


def plane(shape=(400, 300)):
    rng = np.random.default_rng(0)
    rgb = rng.random((*shape, 3)).astype(np.float32)
    score = np.full(shape, -1, np.float32)
    score[180:220, 150:180] = rng.uniform(-0.5, 1, (40, 30))
    return rgb, score


POINTS, LABELS = [(200, 165), (190, 160)], [True, False]


def test_the_part_that_matters_is_all_that_is_refined():
    rgb, score = plane()
    prompts = check_prompts(POINTS, LABELS, score.shape)
    solved = Refined(Fixed(rgb, score)).solve(prompts, draft=False, progress=ignore)
    whole = PixelDiffusion(rgb).refine(score, POINTS, LABELS)
    np.testing.assert_allclose(solved.score, whole, atol=1e-4)
    np.testing.assert_array_equal(solved.mask, solved.score > 0)
    assert solved.score[200, 165] == 1
    assert solved.score[190, 160] == -1


def test_a_draft_and_an_empty_mask_are_left_alone():
    rgb, score = plane()
    prompts = check_prompts(POINTS, LABELS, score.shape)
    draft = Refined(Fixed(rgb, score)).solve(prompts, draft=True, progress=ignore)
    np.testing.assert_array_equal(draft.score, score)
    nothing = np.full_like(score, -1)
    empty = Refined(Fixed(rgb, nothing)).solve(prompts, draft=False, progress=ignore)
    assert not empty.mask.any()


def test_weights_are_kept_while_the_part_stays(monkeypatch):
    made = []
    monkeypatch.setattr(
        "napari_m2n2.segmentation.refined.PixelDiffusion",
        lambda rgb: made.append(rgb.shape) or PixelDiffusion(rgb),
    )
    rgb, score = plane()
    refined = Refined(Fixed(rgb, score))
    for count in (1, 2, 2):
        prompts = check_prompts(POINTS[:count], LABELS[:count], score.shape)
        refined.solve(prompts, draft=False, progress=ignore)
    assert len(made) == 1


def test_a_far_click_is_in_the_part():
    rgb, score = plane()
    prompts = check_prompts([(200, 165), (3, 290)], [True, True], score.shape)
    solved = Refined(Fixed(rgb, score)).solve(prompts, draft=False, progress=ignore)
    assert solved.mask[3, 290]


def test_other_names_are_refused():
    with pytest.raises(InputError, match="choose pdm"):
        Segmenter(refine="sharper")
