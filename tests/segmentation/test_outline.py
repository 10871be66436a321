from __future__ import annotations

import numpy as np
import pytest

from napari_m2n2.evaluation.metrics import iou
from napari_m2n2.segmentation.outline import fit_outline

ROWS, COLUMNS = np.mgrid[:120, :160]


def disc(radius, centre=(60, 80)):
    return (ROWS - centre[0]) ** 2 + (COLUMNS - centre[1]) ** 2 <= radius**2


def picture(truth, noise=12, seed=0):
    grey = np.where(truth, 170.0, 90.0) + np.random.default_rng(seed).normal(0, noise, truth.shape)
    return np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


def fitted(mask, image, pixels=((60, 80),), labels=(True,), band=0.15):
    found, score = mask.copy(), np.where(mask, 0.5, -0.5).astype(np.float32)
    fit_outline(found, score, image, pixels, labels, band=band)
    np.testing.assert_array_equal(score > 0, found)
    assert np.abs(score).max() <= 1
    return found


@pytest.mark.parametrize("radius", [27, 33], ids=["too small", "too large"])
def test_the_outline_moves_to_the_edge(radius):
    truth = disc(30)
    assert iou(disc(radius), truth) < 0.85
    assert iou(fitted(disc(radius), picture(truth)), truth) > 0.97


def test_it_moves_no_further_than_the_band():
    truth, rough = disc(50), disc(20)
    found = fitted(rough, picture(truth), band=0.1)
    reach = 0.1 * np.sqrt(rough.sum())
    assert not np.array_equal(found, rough)
    assert not (found & ~disc(20 + reach + 1.5)).any()
    assert found[disc(20 - reach - 1.5)].all()


def test_points_have_their_say():
    truth = disc(30)
    image = picture(truth)
    assert fitted(disc(30), image)[60, 108]
    found = fitted(disc(30), image, [(60, 80), (60, 108)], [True, False])
    assert not found[60, 108]


def test_parts_without_a_foreground_point_go():
    truth = disc(15, (60, 40)) | disc(15, (60, 120))
    found = fitted(truth, picture(truth), [(60, 40)], [True])
    assert iou(found, disc(15, (60, 40))) > 0.9


def test_points_outside_what_is_looked_at_do_no_harm():
    truth = disc(12, (20, 20))
    want = fitted(truth, picture(truth), [(20, 20)], [True])
    have = fitted(truth, picture(truth), [(20, 20), (119, 159)], [True, True])
    np.testing.assert_array_equal(have, want)


def test_a_few_pixels_are_left_alone():
    mask = np.zeros((40, 40), bool)
    mask[10:15, 10:15] = True
    image = np.zeros((40, 40, 3), np.uint8)
    np.testing.assert_array_equal(fitted(mask, image, [(12, 12)]), mask)


def test_a_mask_of_the_whole_plane_stays():
    mask, image = np.ones((30, 40), bool), np.full((30, 40, 3), 7, np.uint8)
    np.testing.assert_array_equal(fitted(mask, image, [(5, 5)]), mask)


def test_a_constant_image_gives_a_mask_with_its_points():
    found = fitted(disc(20), np.full((120, 160, 3), 128, np.uint8))
    assert found[60, 80]
    assert iou(found, disc(20)) > 0.5


def test_the_same_every_time():
    image = picture(disc(30), noise=40)
    first, second = (fitted(disc(28), image) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_large_part_is_cut_at_a_coarser_scale(monkeypatch):
    truth = disc(30)
    image = picture(truth)
    fine = fitted(disc(33), image, [(60, 80), (60, 52)], [True, False])
    monkeypatch.setattr("napari_m2n2.segmentation.outline.MOST_PIXELS", 300)
    coarse = fitted(disc(33), image, [(60, 80), (60, 52)], [True, False])
    assert iou(coarse, fine) > 0.95
    assert iou(coarse, truth) > 0.95
    assert not coarse[60, 52]
