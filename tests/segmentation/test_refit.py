from __future__ import annotations

import numpy as np
import pytest

from napari_m2n2.evaluation.metrics import iou
from napari_m2n2.segmentation import outline
from napari_m2n2.segmentation.edit import Change
from napari_m2n2.segmentation.refit import Pyramid, fit_change
from napari_m2n2.segmentation.window import box_of

ROWS, COLUMNS = np.mgrid[:240, :320]


def disc(radius, centre=(120, 160)):
    return (ROWS - centre[0]) ** 2 + (COLUMNS - centre[1]) ** 2 <= radius**2


def picture(truth, noise=12, seed=0):
    grey = np.where(truth, 170.0, 90.0) + np.random.default_rng(seed).normal(0, noise, truth.shape)
    return np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


def mended(before, edit, image, pixels=((120, 160),), labels=(True,), band=0.15):
    """The mask after the outline was fitted near what an edit has changed."""
    mask = edit.copy()
    window = box_of(before != edit)
    change = Change(window, (before != edit)[window])
    found = fit_change(mask, change, Pyramid(image), pixels, labels, band=band)
    changed = np.zeros(mask.shape, bool)
    changed[found.window] = found.pixels
    np.testing.assert_array_equal(changed, mask != before)
    return mask


TRUTH = disc(60)
BITTEN = TRUTH & ~disc(25, (120, 215))
"""The object, but for a part that a first click has missed."""


def test_the_outline_moves_to_the_edge_near_the_change():
    edit = BITTEN | disc(20, (120, 210)) & (COLUMNS < 226)
    found = mended(BITTEN, edit, picture(TRUTH), [(120, 160), (120, 210)], [True, True])
    assert iou(found, TRUTH) > iou(edit, TRUTH)
    near = COLUMNS > 195
    assert iou(found & near, TRUTH & near) > 0.97


def test_far_from_the_change_nothing_moves():
    rough = BITTEN & ~disc(12, (120, 100))  # a fault on the other side, which nobody clicked
    edit = rough | disc(20, (120, 210))
    found = mended(rough, edit, picture(TRUTH), [(120, 160), (120, 210)], [True, True])
    far = COLUMNS < 160
    np.testing.assert_array_equal(found[far], rough[far])


def test_only_what_is_within_reach_of_the_change_is_cut(monkeypatch):
    seen = []
    whole = picture(TRUTH)
    edit = BITTEN | disc(3, (120, 192))
    monkeypatch.setattr(
        "napari_m2n2.segmentation.refit.cut_band",
        lambda image, trimap, *_: seen.append(trimap.size) or (trimap & 1).astype(bool),
    )
    mended(BITTEN, edit, whole, [(120, 192)], [True])
    assert 0 < max(seen) < 0.2 * edit.size


@pytest.mark.parametrize("label", [True, False])
def test_points_have_their_say(label):
    edit = BITTEN | disc(20, (120, 210))
    points, labels = [(120, 160), (120, 212)], [True, label]
    found = mended(BITTEN, edit, picture(TRUTH), points, labels)
    assert found[120, 212] == label


def test_what_a_background_click_cuts_off_goes():
    truth = disc(30, (120, 80)) | disc(30, (120, 240))
    bridge = (np.abs(ROWS - 120) < 6) & (COLUMNS > 80) & (COLUMNS < 240)
    before = truth | bridge
    edit = before & ~disc(40, (120, 160))
    found = mended(before, edit, picture(truth), [(120, 80), (120, 160)], [True, False])
    assert iou(found, disc(30, (120, 80))) > 0.9
    # but what a point holds stays
    points, labels = [(120, 80), (120, 240), (120, 160)], [True, True, False]
    assert iou(mended(before, edit, picture(truth), points, labels), truth) > 0.9


def test_a_few_pixels_and_a_full_plane_are_left_alone():
    nothing = np.zeros((40, 40), bool)
    few = nothing.copy()
    few[10:15, 10:15] = True
    image = np.zeros((40, 40, 3), np.uint8)
    np.testing.assert_array_equal(mended(nothing, few, image, [(12, 12)]), few)
    np.testing.assert_array_equal(mended(~few, ~nothing, image, [(12, 12)]), ~nothing)


def test_a_large_plane_is_fitted_as_one_of_fewer_pixels(monkeypatch):
    """The same picture with four times the pixels has the same outline."""
    edit = BITTEN | disc(20, (120, 210))
    points, labels = [(120, 160), (120, 210)], [True, True]
    image = picture(TRUTH, noise=0)
    small = mended(BITTEN, edit, image, points, labels)
    monkeypatch.setattr(outline, "_MOST_UNITS", edit.size)
    twice = np.ones((2, 2), bool)
    large = mended(
        np.kron(BITTEN, twice),
        np.kron(edit, twice),
        np.repeat(np.repeat(image, 2, axis=0), 2, axis=1),
        [(2 * row, 2 * column) for row, column in points],
        labels,
    )
    assert iou(large, np.kron(small, twice)) > 0.98


def test_halves_are_made_once():
    images = Pyramid(picture(TRUTH))
    assert images[2].shape == (60, 80, 3)
    assert images[2] is images[2]
    assert images[0].shape == (240, 320, 3)
