from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile

from napari_m2n2.errors import FileError, InputError
from napari_m2n2.files import read_image
from napari_m2n2.files.stacks import (
    StackChoice,
    image_files,
    labels_beside,
    open_stack,
)


@pytest.fixture
def stack(tmp_path):
    data = np.arange(3 * 4 * 10 * 12, dtype=np.uint16).reshape(3, 4, 10, 12)
    tifffile.imwrite(tmp_path / "s.tif", data, metadata={"axes": "TZYX"}, imagej=True)
    return tmp_path / "s.tif", data


def test_all_planes_of_a_stack(stack):
    path, data = stack
    found = open_stack(StackChoice(path))
    assert len(found) == 12
    for index in found.indices:
        plane = found.plane(index)
        np.testing.assert_array_equal(plane.data, data[index])
        np.testing.assert_array_equal(plane.data, read_image(path, index=index).data)
        empty = found.outline(index)
        assert empty.data.shape == plane.data.shape
        assert (empty.shape, empty.fixed) == (plane.shape, plane.fixed)


def test_planes_across_other_axes(stack):
    path, data = stack
    found = open_stack(StackChoice(path, ("Y",)))
    assert found.axes == (0, 2)  # the first axis that is not named, and Y
    np.testing.assert_array_equal(found.plane((2, 7)).data, data[2, :, 7])
    whole = np.zeros(found.shape, int)
    whole[found.slot((2, 7))] = 1
    assert whole.sum() == 4 * 12
    with pytest.raises(InputError, match="cannot lie across the axes T, Z, Y; name at most 2"):
        open_stack(StackChoice(path, ("T", "Z", "Y")))
    with pytest.raises(InputError, match="has no axis C"):
        open_stack(StackChoice(path, ("C",)))


def test_channels_are_no_planes(tmp_path):
    data = np.zeros((5, 2, 10, 12), np.uint8)
    tifffile.imwrite(tmp_path / "c.tif", data, metadata={"axes": "ZCYX"}, imagej=True)
    found = open_stack(StackChoice(tmp_path / "c.tif"))
    assert (len(found), found.axes, found.label_axes) == (5, (0,), (0,))
    assert found.plane((3,)).data.shape == (10, 12, 2)
    assert found.shape == (5, 10, 12)
    assert len(open_stack(StackChoice(tmp_path / "c.tif", ("C", "Z")))) == 10
    found = open_stack(StackChoice(tmp_path / "c.tif", (), "Z"))
    assert found.plane((1,)).data.shape == (10, 12, 5)


def test_one_plane(tmp_path):
    tifffile.imwrite(tmp_path / "p.tif", np.ones((10, 12), np.uint8))
    found = open_stack(StackChoice(tmp_path / "p.tif"))
    assert list(found.indices) == [()]
    assert found.plane(()).data.shape == (10, 12)


def test_a_compressed_file_is_unpacked_once(tmp_path, monkeypatch):
    data = np.random.default_rng(0).integers(0, 1000, (7, 10, 12)).astype(np.int16)
    image = nibabel.Nifti1Image(data.T, np.eye(4))
    image.header.set_slope_inter(0.5, 3)
    nibabel.save(image, tmp_path / "v.nii.gz")
    opened = []
    load = nibabel.load
    found = open_stack(StackChoice(tmp_path / "v.nii.gz"))
    monkeypatch.setattr(nibabel, "load", lambda path: opened.append(path) or load(path))
    planes = [found.plane(index) for index in found.indices]
    assert len(opened) == 1
    for number, plane in enumerate(planes):
        expected = read_image(tmp_path / "v.nii.gz", index=number)
        assert plane.data.dtype == expected.data.dtype
        np.testing.assert_array_equal(plane.data, expected.data)


def test_images_of_folders(tmp_path):
    for name in ("b.tif", "a.png", "sub/c.NII.GZ", "sub/.hidden.tif", "b_labels.tif", "n.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (tmp_path / "b.tif.m2n2.labels.tif").touch()
    (tmp_path / "z.zarr").mkdir()
    (tmp_path / "z.zarr" / "zarr.json").write_text("{}")
    (tmp_path / "z.zarr" / "inner.tif").touch()
    found = [path.relative_to(tmp_path).as_posix() for path in image_files([tmp_path])]
    assert found == ["a.png", "b.tif", "sub/c.NII.GZ", "z.zarr"]
    assert image_files([tmp_path / "n.txt", tmp_path / "b.tif", tmp_path])[:2] == (
        tmp_path / "n.txt",
        tmp_path / "b.tif",
    )
    assert len(image_files([tmp_path, tmp_path / "b.tif"])) == 4


def test_nothing_to_find(tmp_path):
    with pytest.raises(FileError, match="holds no image"):
        image_files([tmp_path])
    with pytest.raises(FileError, match="does not exist"):
        image_files([tmp_path / "none.tif"])


@pytest.mark.parametrize(
    ("image", "labels"),
    [
        ("a.tif", "a_labels.tif"),
        ("a.b.TIFF", "a.b_labels.tiff"),
        ("a.ome.tif", "a_labels.tif"),
        ("a.nii.gz", "a_labels.nii.gz"),
        ("a.jpg", "a_labels.png"),
        ("a.ome.zarr", "a_labels.ome.zarr"),
        ("a.zarr", "a_labels.ome.zarr"),
    ],
)
def test_labels_beside_an_image(image, labels):
    assert labels_beside(Path("x") / image) == Path("x") / labels
    assert labels_beside(Path("x") / image, Path("y")) == Path("y") / labels
    assert labels_beside(Path("a.png"), None, ".ome.zarr") == Path("a_labels.ome.zarr")
