"""Labels out as OME-Zarr, and read again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_m2n2.errors import FileError, InputError
from napari_m2n2.files import check_output, read_image, read_label_image, write_labels
from napari_m2n2.files.geometry import Geometry
from napari_m2n2.files.ome_zarr_labels import write_ome_zarr

from .test_ome_zarr import STACK, save

VOLUME = np.random.default_rng(0).integers(0, 300, (3, 600, 40))


def geometry(shape, axes="ZYX", spacing=(2.0, 0.5, 0.25), unit="micron"):
    return Geometry(path=Path("a.tif"), shape=shape, axes=axes, spacing=spacing, unit=unit)


def conforms(path):
    """Check a label image against what the specification and its JSON schemas demand."""
    if (path / "zarr.json").exists():
        content = json.loads((path / "zarr.json").read_text())
        assert (content["zarr_format"], content["node_type"]) == (3, "group")
        attributes = content["attributes"]["ome"]
        assert attributes["version"] == "0.5"
        versions = []
    else:
        assert json.loads((path / ".zgroup").read_text()) == {"zarr_format": 2}
        attributes = json.loads((path / ".zattrs").read_text())
        versions = [attributes["image-label"]["version"], attributes["multiscales"][0]["version"]]
    assert set(versions) <= {"0.4"}
    (image,) = attributes["multiscales"]
    axes = image["axes"]
    kinds = [axis["type"] for axis in axes]
    assert 2 <= len(axes) <= 5
    assert kinds.count("space") in (2, 3)
    assert kinds == sorted(kinds, key=lambda k: {"time": 0, "space": 2}.get(k, 1))
    assert len({axis["name"] for axis in axes}) == len(axes)
    sizes = []
    for dataset in image["datasets"]:
        array = zarr.open_array(str(path / dataset["path"]), mode="r")
        steps = dataset["coordinateTransformations"]
        assert [step["type"] for step in steps] in (["scale"], ["scale", "translation"])
        assert all(len(step[step["type"]]) == array.ndim == len(axes) for step in steps)
        assert array.dtype.kind == "u"
        if array.metadata.zarr_format == 3:
            assert list(array.metadata.dimension_names) == [axis["name"] for axis in axes]
        else:
            assert (
                json.loads((path / dataset["path"] / ".zarray").read_text())["dimension_separator"]
                == "/"
            )
        sizes.append(array.size)
    assert sizes == sorted(sizes, reverse=True)
    assert attributes["image-label"].get("properties") != []
    return attributes


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_labels_with_their_pyramid(tmp_path, version):
    path = tmp_path / "labels.ome.zarr"
    where = geometry(VOLUME.shape)
    names = {1: "nucleus", 7: "Zelle ä"}
    write_labels(path, VOLUME, where, names=names, zarr_version=version)
    attributes = conforms(path)
    assert attributes["multiscales"][0]["name"] == "labels"
    assert attributes["image-label"]["properties"] == [
        {"label-value": 1, "name": "nucleus"},
        {"label-value": 7, "name": "Zelle ä"},
    ]
    group = zarr.open_group(str(path), mode="r")
    assert [group[name].shape for name in sorted(group.array_keys())] == [
        (3, 600, 40),
        (3, 300, 20),
        (3, 150, 10),
    ]
    np.testing.assert_array_equal(group["2"][:], VOLUME[:, ::4, ::4])
    back, found = read_label_image(path)
    np.testing.assert_array_equal(back, VOLUME)
    assert back.dtype == np.uint16
    assert (found.axes, found.spacing, found.unit) == ("ZYX", where.spacing, "micron")


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_the_axes_it_comes_back(tmp_path_factory, data):
    axes = data.draw(st.sampled_from(["YX", "ZYX", "TYX", "TZYX", "CYX"]))
    shape = tuple(data.draw(st.integers(1, 5)) for _ in axes)
    unit = data.draw(st.sampled_from(["mm", "micron", ""]))
    spacing = tuple(data.draw(st.floats(1e-3, 1e3)) if a in "ZYX" else 1.0 for a in axes)
    highest = data.draw(st.sampled_from([1, 255, 256, 70000, 2**33]))
    labels = np.random.default_rng(0).integers(0, highest, shape, endpoint=True)
    path = tmp_path_factory.mktemp("zarr") / "a.zarr"
    version = data.draw(st.sampled_from(["0.4", "0.5"]))
    write_labels(path, labels, geometry(shape, axes, spacing, unit), zarr_version=version)
    conforms(path)
    with_channels = axes.startswith("C")
    plane = read_image(path, index=[0] * (len(axes) - 2 - with_channels) or None)
    expected = labels[(0,) * (len(axes) - 2)] if not with_channels else np.moveaxis(labels, 0, -1)
    np.testing.assert_array_equal(plane.data, expected)
    if not with_channels:
        back, found = read_label_image(path)
        np.testing.assert_array_equal(back, labels)
        assert (found.axes, found.spacing, found.unit) == (axes, spacing, unit)


def test_axes_in_another_order_are_turned(tmp_path):
    labels = np.arange(24).reshape(2, 1, 3, 4)
    write_labels(tmp_path / "a.zarr", labels, geometry(labels.shape, "ZTYX", (2, 1, 3, 4)))
    conforms(tmp_path / "a.zarr")
    back, found = read_label_image(tmp_path / "a.zarr")
    np.testing.assert_array_equal(back, labels.transpose(1, 0, 2, 3))
    assert (found.axes, found.spacing) == ("TZYX", (1, 2, 3, 4))


def test_one_plane_lies_where_the_image_lies(tmp_path):
    moved = [{"type": "translation", "translation": [10.0, 20.0, 30.0]}]
    image = save(
        tmp_path / "a.ome.zarr", STACK, "zyx", [2.0, 0.5, 0.25], coordinateTransformations=moved
    )
    plane = read_image(image, index=1)
    mask = STACK[1] % 3 == 0
    write_labels(tmp_path / "labels.zarr", mask, like=plane)
    (entry,) = conforms(tmp_path / "labels.zarr")["multiscales"]
    assert entry["datasets"][0]["coordinateTransformations"] == [
        {"type": "scale", "scale": [2.0, 0.5, 0.25]},
        {"type": "translation", "translation": [10.0, 20.0, 30.0]},
    ]
    back, _ = read_label_image(tmp_path / "labels.zarr")
    np.testing.assert_array_equal(back[1], mask)
    assert not back[[0, 2]].any()


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_inside_of_the_image_they_are_listed(tmp_path, version):
    image = save(tmp_path / "a.ome.zarr", STACK, "zyx", version=version)
    labels = (STACK % 3).astype(np.int32)
    for name in ("cells", "nuclei", "cells"):
        write_labels(image / "labels" / name, labels, read_image(image, index=0))
        conforms(image / "labels" / name)
    listed = dict(zarr.open_group(str(image / "labels"), mode="r").attrs)
    listed = listed["ome"] if version == "0.5" else listed
    assert listed["labels"] == ["cells", "nuclei"]
    np.testing.assert_array_equal(read_label_image(image / "labels" / "cells")[0], labels)
    np.testing.assert_array_equal(read_image(image, index=1).data, STACK[1])


# ------------------------------------------------------------------ nothing is lost
def test_an_image_is_never_replaced(tmp_path):
    image = save(tmp_path / "a.zarr", STACK, "zyx")
    with pytest.raises(FileError, match="holds no label image; choose another name"):
        write_labels(image, STACK, geometry(STACK.shape))
    (tmp_path / "b.zarr").mkdir()
    (tmp_path / "b.zarr" / "thesis.doc").write_text("")
    with pytest.raises(FileError, match="is a folder and no zarr"):
        check_output(tmp_path / "b.zarr")
    (tmp_path / "c.zarr").write_text("")
    with pytest.raises(FileError, match="is a file; choose another name"):
        check_output(tmp_path / "c.zarr")
    with pytest.raises(FileError, match="does not exist; make it first"):
        check_output(tmp_path / "no" / "d.zarr")
    with pytest.raises(FileError, match="is the image itself"):
        write_labels(image, STACK, read_image(image, index=0))


def test_labels_are_replaced_as_a_whole(tmp_path, monkeypatch):
    path = tmp_path / "a.zarr"
    write_labels(path, VOLUME, geometry(VOLUME.shape))
    write_labels(path, STACK, geometry(STACK.shape))
    np.testing.assert_array_equal(read_label_image(path)[0], STACK)
    assert sorted(child.name for child in path.iterdir()) == [".zattrs", ".zgroup", "0"]

    def fail(*_args, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_m2n2.files.ngff.label_metadata", fail)
    with pytest.raises(FileError, match="No space left on device"):
        write_labels(path, VOLUME, geometry(VOLUME.shape))
    np.testing.assert_array_equal(read_label_image(path)[0], STACK)
    assert [child.name for child in tmp_path.iterdir()] == ["a.zarr"]


def test_versions_that_cannot_be_written(tmp_path):
    with pytest.raises(InputError, match=r"OME-Zarr 0\.3 cannot be written"):
        write_ome_zarr(tmp_path / "a.zarr", STACK, geometry(STACK.shape), version="0.3")


def test_sizes_of_other_formats_survive(tmp_path):
    labels = np.arange(24).reshape(2, 3, 4)
    for unit in ("mm", "micron"):
        write_labels(tmp_path / "a.tif", labels, geometry((2, 3, 4), unit=unit))
        back, found = read_label_image(tmp_path / "a.tif")
        np.testing.assert_array_equal(back, labels)
        factor = 1000 if unit == "mm" else 1
        np.testing.assert_allclose(found.spacing, np.multiply((2.0, 0.5, 0.25), factor))
        assert (found.axes, found.unit) == ("ZYX", "micron")
        with tifffile.TiffFile(tmp_path / "a.tif") as written:
            assert written.is_ome
