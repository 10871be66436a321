"""The picture of outline and prompts."""

from __future__ import annotations

import numpy as np
import pytest

from napari_m2n2 import overlay


def has(picture, colour):
    return (picture == np.array(colour, np.uint8)).all(axis=-1)


def test_outline_follows_the_mask_and_leaves_the_rest():
    rgb = np.full((600, 700, 3), 0.5, np.float32)
    mask = np.zeros((600, 700), bool)
    mask[100:200, 300:450] = True
    picture = overlay.draw_overlay(rgb, mask, [], [])
    assert picture.shape == (600, 700, 3)
    assert picture.dtype == np.uint8
    outline = has(picture, overlay.OUTLINE)
    rows, columns = np.nonzero(outline)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (100, 199, 300, 449)
    assert outline.sum() == 100 * 150 - 96 * 146
    assert (picture[300:, :] == 128).all()


def test_prompts_differ_in_colour_and_shape():
    rgb = np.ones((600, 600, 3), np.float32)
    picture = overlay.draw_overlay(
        rgb, np.zeros((600, 600), bool), [(100, 200), (400, 300)], [1, 0]
    )
    disc, cross = has(picture, overlay.FOREGROUND), has(picture, overlay.BACKGROUND)
    for drawn, centre in ((disc, (100, 200)), (cross, (400, 300))):
        assert drawn[centre]
        np.testing.assert_allclose(np.argwhere(drawn).mean(axis=0), centre, atol=0.5)
    assert disc[100, 206]
    assert not cross[400, 306]
    assert cross[405, 305]


def test_small_images_are_enlarged():
    mask = np.zeros((20, 40), bool)
    mask[5:10, 5:10] = True
    picture = overlay.draw_overlay(np.zeros((20, 40, 3), np.float32), mask, [(7, 30)], [True])
    assert picture.shape == (20 * 13, 40 * 13, 3)
    np.testing.assert_allclose(
        np.argwhere(has(picture, overlay.FOREGROUND)).mean(axis=0),
        [7 * 13 + 6, 30 * 13 + 6],
        atol=1,
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1)])
@pytest.mark.parametrize("label", [True, False])
def test_thin_images(shape, label):
    picture = overlay.draw_overlay(np.zeros((*shape, 3)), np.ones(shape, bool), [(0, 0)], [label])
    assert picture.any()
