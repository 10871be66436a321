"""What is on screen, compared with what napari itself draws."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from napari_m2n2.viewer.view import view_corners

from .views import camera_of


def seen_by_napari(image):
    """The part of an image that napari found on screen when it last drew, cut at the edges."""
    return np.asarray(image.corner_pixels, dtype=float)


def seen_by_us(viewer, image):
    corners = view_corners(viewer, image)[:, -image.ndim :]
    points = np.array([image.world_to_data(corner) for corner in corners])
    ends = np.stack([points.min(axis=0), points.max(axis=0)])
    return np.clip(ends, 0, np.array(image.data.shape[: image.ndim]) - 1)


@pytest.fixture
def on_screen(make_napari_viewer, qtbot):
    """A window on screen, and what brings a part of the world into view and waits for drawing."""
    viewer = make_napari_viewer(show=True)

    def see(centre, zoom):
        camera_of(viewer).center = (0, *centre)
        camera_of(viewer).zoom = zoom
        qtbot.wait(50)

    return viewer, see


@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (1, 0, 2)])
def test_the_view_is_what_napari_draws(on_screen, qtbot, order):
    viewer, see = on_screen
    data = np.zeros((300, 400, 500), np.uint8)
    image = viewer.add_image(data, scale=(2, 1, 0.5), translate=(5, -3, 10))
    viewer.dims.order = order
    centre = np.array(image.data_to_world((150, 200, 250)))[list(order[1:])]
    see(centre, 12)
    axes = list(order[1:])

    def agree():
        ours, theirs = seen_by_us(viewer, image)[:, axes], seen_by_napari(image)[:, axes]
        assert np.abs(ours - theirs).max() <= 2
        assert (np.ptp(ours, axis=0) < np.array(data.shape)[axes]).all()

    qtbot.waitUntil(lambda: agree() is None, timeout=5000)


def test_an_older_napari_is_asked_what_it_draws():
    """Versions without a model of the canvas know what of an image they have drawn."""
    viewer = SimpleNamespace(dims=SimpleNamespace(ndim=3, displayed=(1, 2), point=(4.0, 0.0, 0.0)))
    image = SimpleNamespace(
        ndim=2,
        corner_pixels=np.array([[10, 20], [30, 50]]),
        data_level=1,
        downsample_factors=np.array([[1.0, 1.0], [2.0, 2.0]]),
        world_to_data=lambda point: np.asarray(point)[-2:] / 3,
        data_to_world=lambda point: tuple(np.asarray(point) * 3),
    )
    corners = view_corners(viewer, image)
    assert corners.min(axis=0).tolist() == [4, 60, 120]
    assert corners.max(axis=0).tolist() == [4, 180, 300]
