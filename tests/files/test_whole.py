"""Whole label images in."""

from __future__ import annotations

import imageio.v3
import nibabel
import numpy as np
import pytest
import tifffile

from napari_m2n2.errors import InputError
from napari_m2n2.files import pixel_reader, read_label_image

LABELS = np.arange(30, dtype=np.uint8).reshape(2, 3, 5)


def test_every_format(tmp_path, nifti):
    tifffile.imwrite(tmp_path / "a.tif", LABELS, photometric="minisblack")
    np.testing.assert_array_equal(read_label_image(tmp_path / "a.tif")[0], LABELS)
    back, geometry = read_label_image(nifti(LABELS.T.astype(np.float32)))
    np.testing.assert_array_equal(back, LABELS)
    assert back.dtype.kind == "i"
    assert (geometry.axes, geometry.spacing) == ("ZYX", (4, 3, 2))
    assert isinstance(geometry.template, nibabel.Nifti1Image)
    imageio.v3.imwrite(tmp_path / "a.png", LABELS[0])
    np.testing.assert_array_equal(read_label_image(tmp_path / "a.png")[0], LABELS[0])
    tifffile.imwrite(tmp_path / "b.tif", LABELS[0] > 2)
    np.testing.assert_array_equal(read_label_image(tmp_path / "b.tif")[0], LABELS[0] > 2)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.full((3, 4), 0.5, np.float32), "no whole numbers"),
        (np.full((3, 4), np.nan, np.float32), "no labels"),
        (np.full((3, 4), -1, np.int16), "labels below 0"),
        (np.full((3, 4), 1e30), "no whole numbers"),
        (np.zeros((3, 4, 3), np.uint8), "has channels"),
    ],
)
def test_what_holds_no_labels_is_refused(tmp_path, values, words):
    tifffile.imwrite(tmp_path / "a.tif", values)
    with pytest.raises(InputError, match=words):
        read_label_image(tmp_path / "a.tif")
    with pytest.raises(InputError, match="blurs labels"):
        read_label_image(tmp_path / "a.jpg")


def test_an_image_plane_by_plane(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", LABELS, photometric="minisblack")
    read = pixel_reader(tmp_path / "a.tif")
    np.testing.assert_array_equal(read((1,)), LABELS[1])
    tifffile.imwrite(
        tmp_path / "b.tif", np.stack([LABELS] * 3), metadata={"axes": "CZYX"}, ome=True
    )
    assert pixel_reader(tmp_path / "b.tif")((1,)).shape == (3, 5, 3)
