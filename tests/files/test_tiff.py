"""TIFF files in: one plane of a stack, channels, any type."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_m2n2.files import read_image
from napari_m2n2.image import to_rgb

STACK = np.arange(4 * 5 * 6, dtype=np.uint16).reshape(4, 5, 6)
PLAIN = {"photometric": "minisblack"}


TYPES = ["bool", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"]


@pytest.mark.parametrize("dtype", [*TYPES, ">i2", ">u2", ">u4", ">f4", ">f8"])
def test_tiff_of_any_type(dtype, tiff):
    data = np.arange(30).reshape(5, 6) % 2 if dtype == "bool" else np.arange(30).reshape(5, 6)
    data = data.astype(dtype)
    path = tiff(data, byteorder=">" if dtype.startswith(">") else None)
    plane = read_image(path)
    assert plane.channel_axis is None
    assert plane.data.dtype == data.dtype.newbyteorder("=")
    np.testing.assert_array_equal(plane.data, data)


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1)])
def test_thin_tiff(shape, tiff):
    assert read_image(tiff(np.zeros(shape, np.uint8))).data.shape == shape


IMAGEJ, OME = {"imagej": True}, {"ome": True, **PLAIN}
ZLIB, BIG = {"compression": "zlib"}, {"bigtiff": True}
FLAVOURS = [one | more for one in (PLAIN, IMAGEJ, OME) for more in ({}, ZLIB, BIG)]
FLAVOURS.remove(IMAGEJ | BIG)  # which ImageJ does not know


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("index", [0, 2, 3])
def test_one_plane_of_a_stack(flavour, index, tiff):
    path = tiff(STACK, metadata={"axes": "ZYX"}, **flavour)
    plane = read_image(path, index=index)
    np.testing.assert_array_equal(plane.data, STACK[index])
    assert (plane.shape, plane.axes, dict(plane.fixed)) == ((4, 5, 6), "ZYX", {0: index})


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}])
@pytest.mark.parametrize(
    ("axis", "part"), [(1, STACK[:, 2]), ("x", STACK[..., 2]), (-3, STACK[2])]
)
def test_plane_across_a_stack(axis, part, options, tiff):
    path = tiff(STACK, metadata={"axes": "ZYX"}, **PLAIN, **options)
    np.testing.assert_array_equal(read_image(path, axis=axis, index=2).data, part)


def test_only_the_pages_of_the_plane_are_read(monkeypatch, tiff):
    path = tiff(STACK, compression="zlib", metadata={"axes": "ZYX"}, **PLAIN)
    read = []
    asarray = tifffile.TiffPage.asarray
    for kind in (tifffile.TiffPage, tifffile.TiffFrame):
        monkeypatch.setattr(
            kind,
            "asarray",
            lambda self, *a, **k: (read.append(self.index), asarray(self, *a, **k))[1],
        )
    read_image(path, index=2)
    assert read == [2]


@pytest.mark.parametrize(
    ("axes", "shape", "index", "channels"),
    [
        ("CYX", (5, 8, 9), None, 5),
        ("YXC", (8, 9, 5), None, 5),
        ("ZCYX", (3, 2, 8, 9), 1, 2),
        ("TZCYX", (2, 3, 4, 8, 9), (1, 2), 4),
        ("CZYX", (2, 3, 8, 9), 1, 2),
    ],
)
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}])
def test_channels_named_by_the_file(axes, shape, index, channels, options, tiff):
    data = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    plane = read_image(tiff(data, metadata={"axes": axes}, **PLAIN, **options), index=index)
    assert plane.channel_axis == 2
    assert plane.data.shape == (8, 9, channels)
    assert plane.shape == tuple(n for n, a in zip(shape, axes, strict=True) if a != "C")
    indices = iter(np.atleast_1d(index) if index is not None else ())
    picked = data[tuple(slice(None) if a in "CYX" else next(indices) for a in axes)]
    kept = [a for a in axes if a in "CYX"]
    np.testing.assert_array_equal(plane.data, np.moveaxis(picked, kept.index("C"), -1))


def test_rgb_and_rgba(tiff):
    for count in (3, 4):
        data = np.arange(5 * 6 * count, dtype=np.uint8).reshape(5, 6, count)
        plane = read_image(tiff(data, photometric="rgb"))
        np.testing.assert_array_equal(plane.data, data)
        assert plane.samples
        assert to_rgb(plane.data, channel_axis=plane.channel_axis).shape == (5, 6, 3)
    planar = np.arange(90, dtype=np.uint8).reshape(3, 5, 6)
    plane = read_image(tiff(planar, photometric="rgb", planarconfig="separate"))
    np.testing.assert_array_equal(plane.data, np.moveaxis(planar, 0, -1))


def test_rgb_stack(tiff):
    data = np.arange(4 * 5 * 6 * 3, dtype=np.uint8).reshape(4, 5, 6, 3)
    plane = read_image(tiff(data, photometric="rgb"), index=1)
    np.testing.assert_array_equal(plane.data, data[1])
    assert plane.shape == (4, 5, 6)


def test_a_last_axis_of_three_in_8_bits_is_rgb_only_where_the_file_names_no_axes(tiff):
    data = np.zeros((5, 6, 3), np.uint8)
    assert read_image(tiff(data, **PLAIN)).data.shape == (5, 6, 3)
    named = tiff(data, metadata={"axes": "ZYX"}, **PLAIN)
    assert read_image(named, index=0).data.shape == (6, 3)
    wide = tiff(data.astype(np.uint16), **PLAIN)
    assert read_image(wide, index=0).data.shape == (6, 3)
    assert read_image(wide, channel_axis=2).data.shape == (5, 6, 3)


def test_the_user_knows_better_than_the_file(tiff):
    data = np.arange(3 * 5 * 6, dtype=np.uint8).reshape(3, 5, 6)
    path = tiff(data, photometric="rgb", planarconfig="separate")
    plane = read_image(path, axis=0, index=1)
    np.testing.assert_array_equal(plane.data, data[1])
    assert plane.shape == (3, 5, 6)
    stack = tiff(np.zeros((5, 8, 9), np.uint16), **PLAIN)
    assert read_image(stack, channel_axis=0).data.shape == (8, 9, 5)


def test_lone_axes_need_no_index(tiff):
    plane = read_image(tiff(np.zeros((1, 1, 5, 6), np.uint16), **PLAIN))
    assert plane.data.shape == (5, 6)
    data = np.arange(60, dtype=np.uint16).reshape(1, 2, 1, 5, 6)
    np.testing.assert_array_equal(read_image(tiff(data, **PLAIN), index=1).data, data[0, 1, 0])
