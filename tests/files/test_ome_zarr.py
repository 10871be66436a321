"""OME-Zarr and plain zarr in."""

from __future__ import annotations

import json

import numpy as np
import pytest
import zarr

from napari_m2n2.errors import FileError, InputError
from napari_m2n2.files import pixel_reader, read_geometry, read_image
from napari_m2n2.files.ome_zarr import is_zarr, open_zarr

STACK = np.arange(3 * 8 * 10, dtype=np.uint16).reshape(3, 8, 10)
UNITS = {"z": "micrometer", "y": "micrometer", "x": "micrometer"}


def save(path, data, names, scale=None, version="0.4", **more):
    """Write an image with two levels as other programs do."""
    two = version == "0.4"
    group = zarr.open_group(str(path), mode="w", zarr_format=2 if two else 3)
    scale = scale or [1.0] * data.ndim
    kinds = {"t": "time", "c": "channel"}
    axes = [{"name": n, "type": kinds.get(n, "space")} for n in names]
    for axis in axes:
        if axis["name"] in UNITS:
            axis["unit"] = UNITS[axis["name"]]
    datasets = []
    for level, part in enumerate((data, data[..., ::2, ::2])):
        options = {} if two else {"dimension_names": list(names)}
        array = group.create_array(str(level), shape=part.shape, dtype=part.dtype, **options)
        array[...] = part
        step = [*scale[:-2], *(value * 2**level for value in scale[-2:])]
        datasets.append(
            {
                "path": str(level),
                "coordinateTransformations": [{"type": "scale", "scale": step}],
            }
        )
    image = {"axes": axes, "datasets": datasets, **more}
    if two:
        group.attrs["multiscales"] = [{"version": version, **image}]
    else:
        group.attrs["ome"] = {"version": version, "multiscales": [image]}
    return path


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_plane_of_the_finest_level(tmp_path, version):
    path = save(tmp_path / "a.ome.zarr", STACK, "zyx", [2.0, 0.5, 0.25], version)
    plane = read_image(path, index=1)
    np.testing.assert_array_equal(plane.data, STACK[1])
    assert (plane.axes, plane.shape) == ("ZYX", STACK.shape)
    assert (plane.spacing, plane.unit) == ((2.0, 0.5, 0.25), "micron")
    np.testing.assert_array_equal(read_image(path, axis="X", index=4).data, STACK[:, :, 4])


def test_a_level_is_an_image_too(tmp_path):
    path = save(tmp_path / "a.zarr", STACK, "zyx", [2.0, 0.5, 0.25])
    plane = read_image(path / "1", index=2)
    np.testing.assert_array_equal(plane.data, STACK[2, ::2, ::2])
    assert (plane.axes, plane.spacing) == ("ZYX", (2.0, 1.0, 0.5))


def test_channels(tmp_path):
    data = np.arange(2 * 3 * 4 * 5, dtype=np.uint8).reshape(2, 3, 4, 5)
    path = save(tmp_path / "a.zarr", data, "tcyx")
    plane = read_image(path, index=1)
    np.testing.assert_array_equal(plane.data, np.moveaxis(data[1], 0, -1))
    assert (plane.channel_count, plane.shape, plane.axes) == (3, (2, 4, 5), "TYX")
    assert read_geometry(path).shape == (2, 4, 5)
    np.testing.assert_array_equal(pixel_reader(path)((1,)), np.moveaxis(data[1], 0, -1))


def test_only_what_is_asked_for_is_read(tmp_path, monkeypatch):
    path = tmp_path / "a.zarr"
    array = zarr.create_array(str(path), shape=(50, 8, 10), chunks=(1, 8, 10), dtype="uint8")
    array[7] = 5
    for other in path.rglob("c/*/0/0"):
        if other.parts[-3] != "7":
            other.write_bytes(b"damaged")
    assert (read_image(path, index=7).data == 5).all()


@pytest.mark.parametrize("form", [2, 3])
def test_plain_arrays(tmp_path, form):
    path = tmp_path / "a.zarr"
    zarr.create_array(str(path), shape=STACK.shape, dtype="uint16", zarr_format=form)[...] = STACK
    plane = read_image(path, index=1)
    np.testing.assert_array_equal(plane.data, STACK[1])
    assert (plane.axes, plane.spacing, plane.unit) == ("QYX", (1.0,) * 3, "")


def test_arrays_that_name_their_axes_or_have_colours(tmp_path):
    named = {"dimension_names": ["t", "y", "x"]}
    zarr.create_array(str(tmp_path / "a"), shape=(2, 4, 5), dtype="u1", **named)
    assert open_zarr(tmp_path / "a").axes == "TYX"
    xarray = {"attributes": {"_ARRAY_DIMENSIONS": ["z", "y", "x"]}, "zarr_format": 2}
    zarr.create_array(str(tmp_path / "b"), shape=(2, 4, 5), dtype="u1", **xarray)
    assert open_zarr(tmp_path / "b").axes == "ZYX"
    zarr.create_array(str(tmp_path / "c"), shape=(4, 5, 3), dtype="u1")
    plane = read_image(tmp_path / "c")
    assert (plane.axes, plane.channel_count, plane.samples) == ("YX", 3, True)


def test_a_group_with_one_array(tmp_path):
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    group.create_array("volume", shape=(4, 5), dtype="u1")[...] = 3
    assert (read_image(tmp_path / "a.zarr").data == 3).all()


def test_the_first_image_of_a_converted_file(tmp_path):
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w", zarr_format=2)
    group.attrs["bioformats2raw.layout"] = 3
    save(tmp_path / "a.zarr" / "0", STACK, "zyx")
    np.testing.assert_array_equal(read_image(tmp_path / "a.zarr", index=1).data, STACK[1])


# ------------------------------------------------------------------ what cannot be read
def refused(path, words):
    with pytest.raises(FileError, match=words) as error:
        read_image(path)
    assert str(error.value).count(". ") == 0
    assert str(error.value).endswith(".")


def test_several_arrays_are_named(tmp_path):
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    for name in ("raw", "mask"):
        group.create_array(name, shape=(4, 5), dtype="u1")
    refused(tmp_path / "a.zarr", "holds mask, raw; give the path of one image in it")


def test_of_a_plate_an_image_is_asked_for(tmp_path):
    path = tmp_path / "plate.zarr"
    for group, content in (("", {"plate": {}}), ("A", {}), ("A/1", {"well": {}})):
        zarr.open_group(str(path / group), mode="w", zarr_format=2).attrs.update(content)
    save(path / "A" / "1" / "0", STACK, "zyx")
    refused(path, "is a plate or a well of one; give an image of it, .*A.1.0")
    assert read_image(path / "A" / "1" / "0", index=0).data.shape == (8, 10)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".zattrs", "{"),
        (".zattrs", json.dumps({"multiscales": [{"datasets": 3}]})),
        (".zattrs", json.dumps({"multiscales": [{"datasets": [{"path": "9"}]}]})),
        ("0/.zarray", "[]"),
    ],
)
def test_damaged_ones(tmp_path, name, content):
    path = save(tmp_path / "a.zarr", STACK, "zyx")
    (path / name).write_text(content)
    refused(path, "is no zarr, or it is damaged; copy it again")


def test_axes_that_do_not_fit_the_array(tmp_path):
    path = save(tmp_path / "a.zarr", STACK, "yx", [1.0, 1.0, 1.0])
    refused(path, "damaged")


def test_folders_that_are_none(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    assert not is_zarr(tmp_path / "a.zarr")
    refused(tmp_path / "a.zarr", "is a folder; give a file")
    refused(tmp_path / "b.zarr", "does not exist|unknown format")


def test_a_row_of_numbers_is_no_image(tmp_path):
    zarr.create_array(str(tmp_path / "a.zarr"), shape=(4,), dtype="u1")
    refused(tmp_path / "a.zarr", "holds no image")
    zarr.create_array(str(tmp_path / "b.zarr"), shape=(0, 4), dtype="u1")
    refused(tmp_path / "b.zarr", "holds no pixels")


def test_a_stack_asks_for_an_index(tmp_path):
    path = save(tmp_path / "a.zarr", STACK, "zyx")
    with pytest.raises(InputError, match="choose one plane with --index, 0 to 2 along axis 0"):
        read_image(path)
