from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_m2n2.annotation import planes
from napari_m2n2.annotation.planes import (
    Affine,
    Plane,
    choose_level,
    inside,
    is_tilted,
    level_sentence,
    on_plane,
    probe,
    read_plane,
    shown_plane,
    to_layer,
    to_level,
    to_plane,
)
from napari_m2n2.errors import InputError


def test_a_2d_image_is_its_own_plane():
    plane = shown_plane((5, 7), (0, 1), 2, (0.0, 0.0))
    assert plane == Plane((5, 7), (0, 1))
    assert plane.size == (5, 7)
    assert plane.name == ""


def test_transposed_2d_view_swaps_rows_and_columns():
    plane = shown_plane((5, 7), (1, 0), 2, (0.0, 0.0))
    image = np.arange(35).reshape(5, 7)
    assert plane.size == (7, 5)
    assert np.array_equal(read_plane(image, plane), image.T)


@pytest.mark.parametrize(
    ("displayed", "position", "expected"),
    [
        ((1, 2), (3, 0, 0), np.s_[3, :, :]),
        ((0, 2), (0, 2, 0), np.s_[:, 2, :]),
        ((0, 1), (0, 0, 5), np.s_[:, :, 5]),
    ],
    ids=["XY", "XZ", "YZ"],
)
@pytest.mark.parametrize("transposed", [False, True])
def test_planes_of_a_stack(displayed, position, expected, transposed):
    stack = np.random.default_rng(0).integers(0, 255, (4, 5, 6))
    order = displayed[::-1] if transposed else displayed
    plane = shown_plane(stack.shape, order, 3, position)
    shown = stack[expected]
    assert np.array_equal(read_plane(stack, plane), shown.T if transposed else shown)


def test_4d_image_in_a_5d_world():
    data = np.random.default_rng(0).random((2, 3, 4, 5))
    plane = shown_plane(data.shape, (4, 2), 5, (1, 0, 2, 0))
    assert plane.displayed == (3, 1)
    assert plane.hidden == ((0, 1), (2, 2))
    assert np.array_equal(read_plane(data, plane), data[1, :, 2, :].T)
    assert plane.name == "slice (1, 2) of axes (0, 2)"


def test_axes_of_one_index_are_not_named():
    assert shown_plane((1, 7, 5, 6), (2, 3), 4, (0, 3, 0, 0)).name == "slice 3 of axis 1"
    assert shown_plane((1, 1, 5, 6), (2, 3), 4, (0, 0, 0, 0)).name == ""


def test_colours_stay_last():
    data = np.random.default_rng(0).random((4, 5, 6, 3))
    plane = shown_plane((4, 5, 6), (2, 0), 3, (0, 4, 0))
    assert np.array_equal(read_plane(data, plane), data[:, 4].transpose(1, 0, 2))


def test_one_plane_only_is_read_from_a_lazy_array():
    read = []

    def block(block_info):
        read.append(block_info[None]["chunk-location"])
        return np.ones((1, 4, 5))

    lazy = da.map_blocks(block, chunks=((1,) * 6, 4, 5), dtype=float, meta=np.ones((0, 0, 0)))
    plane = shown_plane(lazy.shape, (1, 2), 3, (2, 0, 0))
    assert read_plane(lazy, plane).shape == (4, 5)
    assert read == [(2, 0, 0)]


@pytest.mark.parametrize(
    ("displayed", "world", "position", "reason"),
    [
        ((0, 1, 2), 3, (0, 0, 0), "3D"),
        ((0, 3), 4, (0, 0, 0), "axis that this image does not have"),
        ((1, 2), 3, (4.0, 0, 0), "slider has left"),
        ((1, 2), 3, (-1.0, 0, 0), "slider has left"),
        ((1, 2), 3, (np.nan, 0, 0), "slider has left"),
    ],
)
def test_views_without_a_plane_are_refused(displayed, world, position, reason):
    with pytest.raises(InputError, match=reason):
        shown_plane((4, 5, 6), displayed, world, position)


def test_halves_belong_to_the_plane_that_napari_shows():
    # napari slices with np.round: 0.5 -> 0, 1.5 -> 2
    plane = shown_plane((4, 5, 6), (1, 2), 3, (0.5, 0, 0))
    assert plane.hidden == ((0, 0),)
    points = np.array([[0.5, 1, 1], [1.5, 1, 1], [-0.4, 1, 1], [np.nan, 1, 1]])
    assert on_plane(points, plane).tolist() == [True, False, True, False]


def test_points_within_the_pixels_are_inside():
    plane = Plane((3, 5, 6), (1, 2), ((0, 1),))
    points = np.array([[-0.5, 0], [-0.51, 0], [4.49, 5.49], [4.5, 0], [0, 5.5]])
    assert inside(points, plane).tolist() == [True, False, True, False, False]


@st.composite
def _planes(draw):
    shape = draw(st.lists(st.integers(1, 6), min_size=2, max_size=5).map(tuple))
    displayed = draw(st.permutations(range(len(shape))))[:2]
    hidden = tuple(
        (axis, draw(st.integers(0, length - 1)))
        for axis, length in enumerate(shape)
        if axis not in displayed
    )
    return Plane(shape, tuple(displayed), hidden)


@given(_planes(), st.data())
def test_plane_and_layer_coordinates_are_inverse(plane, data):
    coordinates = st.integers(0, 5)
    points = data.draw(hnp.arrays(np.int64, (3, 2), elements=coordinates))
    there = to_layer(points, plane)
    assert there.dtype == np.int64
    assert on_plane(there.astype(float), plane).all()
    assert np.array_equal(to_plane(there, plane), points)


@given(_planes())
def test_a_pixel_of_the_plane_is_the_voxel_it_is_read_from(plane):
    image = np.arange(np.prod(plane.shape)).reshape(plane.shape)
    shown = read_plane(image, plane)
    pixels = np.argwhere(np.ones(plane.size, bool))
    indices = tuple(to_layer(pixels, plane).T)
    assert np.array_equal(image[indices], shown.ravel())


def test_probe_finds_an_affine_map():
    matrix, offset = np.array([[2.0, 1.0], [0.5, -3.0]]), np.array([4.0, 5.0])
    found = probe(lambda x: matrix @ x + offset, 2)
    points = np.random.default_rng(0).random((5, 2))
    assert np.allclose(found(points), points @ matrix.T + offset)
    assert np.allclose(found.after(found)(points), found(found(points)))


def test_corners_of_coarse_and_fine_pixels_meet():
    coarse = to_level(np.array([4.0, 2.0]))
    corners = np.array([[-0.5, -0.5], [3.5, 1.5], [15.5, 7.5]])
    assert np.allclose(coarse(corners), [[-0.5, -0.5], [0.5, 0.5], [3.5, 3.5]])


def test_a_rotation_out_of_the_view_is_tilted():
    plane = Plane((4, 5, 6), (1, 2), ((0, 1),))
    cosine, sine = np.cos(0.3), np.sin(0.3)
    within = np.array([[2, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    out_of = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1.0]])
    assert not is_tilted(Affine(within, np.zeros(3)), plane)
    assert is_tilted(Affine(out_of, np.zeros(3)), plane)


def test_the_finest_level_of_sensible_size_is_chosen():
    shapes = [(9, 40000, 40000), (9, 4000, 4000), (9, 2000, 2000), (9, 500, 500)]
    assert choose_level(shapes, (1, 2)) == 2
    assert choose_level(shapes, (0, 1)) == 0
    assert choose_level(shapes[:2], (1, 2)) == 1


def test_most_pixels_leave_room_for_sensible_ones():
    assert planes.SENSIBLE_PIXELS < planes.MOST_PIXELS


def test_zoomed_in_a_finer_level_is_chosen():
    shapes = [(9, 40000, 40000), (9, 4000, 4000), (9, 2000, 2000), (9, 500, 500)]
    assert choose_level(shapes, (1, 2), view=(40000, 40000)) == 2
    assert choose_level(shapes, (1, 2), view=(20000, 20000)) == 1
    assert choose_level(shapes, (2, 1), view=(2000, 2000)) == 0
    assert choose_level(shapes, (1, 2), view=(2000, 90000)) == 1  # no more than there is


def test_the_level_is_said():
    shapes = [(9, 40000, 30000), (9, 4000, 3000), (9, 2000, 1500)]
    assert level_sentence(shapes, (1, 2), 2) == (
        "Level 2 of 0 to 2 of this image is outlined, 20 × coarser than the finest: "
        "2000 × 1500 pixels."
    )
    assert level_sentence(shapes, (2, 1), 0).endswith("is outlined: 30000 × 40000 pixels.")
    assert level_sentence(shapes[:1], (1, 2), 0) == ""
