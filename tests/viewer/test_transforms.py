"""Prompts and labels lie where the image lies."""

from __future__ import annotations

import numpy as np
import pytest

from .conftest import disc

TRANSFORMS = {
    "none": {},
    "scale": {"scale": (2.0, 0.5)},
    "negative scale": {"scale": (-2.0, 0.5)},
    "translate": {"translate": (100, -7)},
    "rotate": {"rotate": 30},
    "shear": {"shear": [0.3]},
    "affine": {"affine": np.array([[1.5, 0.2, 7], [-0.1, 0.8, -3], [0, 0, 1]])},
    "all": {
        "scale": (2.0, 0.5),
        "translate": (100, -7),
        "rotate": 30,
        "shear": [0.3],
        "affine": np.array([[1.5, 0.2, 7], [-0.1, 0.8, -3], [0, 0, 1]]),
    },
}
PIXELS = [(0, 0), (20, 30), (39, 59)]


@pytest.fixture(params=TRANSFORMS, ids=str)
def transform(request):
    return TRANSFORMS[request.param]


def same_place(pair):
    for pixel in PIXELS:
        world = pair.image.data_to_world(pixel)
        assert pair.prompts.data_to_world(pixel) == pytest.approx(world)
        assert pair.labels.data_to_world(pixel) == pytest.approx(world)


def test_a_click_in_the_world_outlines_the_pixel_under_it(begin, transform):
    pair = begin(np.random.default_rng(0).random((40, 60)), **transform)
    same_place(pair)
    world = pair.image.data_to_world((20, 30))
    pair.prompts.add(pair.prompts.world_to_data(world))
    assert np.array_equal(pair.labels.data != 0, disc((40, 60), (20, 30)))


def test_layers_follow_an_image_that_is_moved(begin, transform):
    pair = begin(np.random.default_rng(0).random((40, 60)))
    pair.prompts.add([20, 30])
    for name, value in transform.items():
        setattr(pair.image, name, value)
    same_place(pair)
    pair.prompts.add([10, 10])
    assert np.array_equal(pair.labels.data != 0, disc((40, 60), (20, 30), (10, 10)))


def test_units_and_axis_labels_are_the_image_s(begin):
    pair = begin(
        np.random.default_rng(0).random((40, 60)), units=("um", "um"), axis_labels=("y", "x")
    )
    for layer in (pair.prompts, pair.labels):
        assert layer.units == pair.image.units
        assert layer.axis_labels == ("y", "x")


def test_prompts_moved_away_from_the_image_are_read_where_they_are(begin):
    pair = begin(np.random.default_rng(0).random((40, 60)))
    pair.prompts.translate = (10, 5)
    pair.prompts.add([10, 25])
    assert np.array_equal(pair.labels.data != 0, disc((40, 60), (20, 30)))


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_anisotropic_stacks(begin, model, order):
    pair = begin(np.random.default_rng(0).random((16, 20, 24)), scale=(5, 0.5, 0.25))
    model.dims.order = order
    voxel = (4, 9, 8)
    world = pair.image.data_to_world(voxel)
    for axis in range(3):
        model.dims.set_point(axis, world[axis])
    pair.prompts.add(pair.prompts.world_to_data(model.dims.point))
    assert pair.labels.data[voxel] == 1
    hidden = order[0]
    indices = np.flatnonzero(pair.labels.data.any(axis=tuple(set(range(3)) - {hidden})))
    assert indices.tolist() == [voxel[hidden]]


def test_a_slider_in_steps_of_another_layer(begin, model):
    model.add_image(np.zeros((100, 10, 10)), scale=(0.1, 1, 1))  # finer steps along z
    pair = begin(np.random.default_rng(0).random((16, 20, 24)))
    model.dims.set_point(0, 4.2)
    pair.prompts.add(pair.prompts.world_to_data((4.2, 9, 8)))
    assert np.flatnonzero(pair.labels.data.any(axis=(1, 2))).tolist() == [4]


def test_a_rotation_in_the_view_is_fine_and_one_out_of_it_refused(begin, model, screen):
    cosine, sine = np.cos(0.3), np.sin(0.3)
    within = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    out_of = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    pair = begin(np.random.default_rng(0).random((16, 20, 24)), rotate=within)
    world = pair.image.data_to_world((4, 9, 8))
    model.dims.set_point(0, world[0])
    pair.prompts.add(pair.prompts.world_to_data(world))
    assert np.array_equal(pair.labels.data[4] != 0, disc((20, 24), (9, 8)))
    with pytest.warns(UserWarning, match="Non-orthogonal"):  # napari's own
        pair.image.rotate = out_of
    assert "rotated out of the view" in screen.text
