"""NIfTI files in."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest

from napari_m2n2.files import read_image

VOLUME = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)


@pytest.mark.parametrize("name", ["image.nii", "image.nii.gz"])
def test_slices_come_first_then_rows_and_columns(name, nifti):
    plane = read_image(nifti(VOLUME, name), index=3)
    np.testing.assert_array_equal(plane.data, VOLUME[..., 3].T)
    assert (plane.axes, dict(plane.fixed), plane.spacing) == ("ZYX", {0: 3}, (4, 3, 2))
    np.testing.assert_array_equal(
        read_image(nifti(VOLUME, name), axis="x", index=1).data, VOLUME[1].T
    )


def test_nifti_of_few_axes(nifti):
    np.testing.assert_array_equal(read_image(nifti(VOLUME[..., 0])).data, VOLUME[..., 0].T)
    assert read_image(nifti(VOLUME[..., :1])).data.shape == (5, 4)
    assert read_image(nifti(VOLUME[:1])).data.shape == (6, 5)
    assert read_image(nifti(VOLUME[:1, :1, :1])).data.shape == (1, 1)


def test_nifti_of_four_axes(nifti):
    data = np.arange(4 * 5 * 6 * 2, dtype=np.float32).reshape(4, 5, 6, 2)
    path = nifti(data)
    np.testing.assert_array_equal(read_image(path, index=(1, 3)).data, data[:, :, 3, 1].T)
    plane = read_image(path, index=3, channel_axis="T")
    np.testing.assert_array_equal(plane.data, data[:, :, 3].transpose(1, 0, 2))
    assert plane.shape == (6, 5, 4)


def test_nifti_with_scaled_values_and_other_byte_order(tmp_path):
    header = nibabel.Nifti1Header(endianness=">")
    header.set_data_dtype(np.int16)
    header.set_data_shape(VOLUME.shape)
    image = nibabel.Nifti1Image(VOLUME, np.eye(4), header)
    image.header.set_slope_inter(2.0, 1.0)
    nibabel.save(image, tmp_path / "image.nii")
    plane = read_image(tmp_path / "image.nii", index=2)
    np.testing.assert_allclose(plane.data, 2.0 * VOLUME[..., 2].T + 1)
    assert plane.data.dtype.isnative


def test_nifti_of_colours(nifti):
    colours = np.zeros((4, 5, 6), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    colours["G"] = 7
    plane = read_image(nifti(colours), index=0)
    assert plane.data.shape == (5, 4, 3)
    assert plane.data[0, 0].tolist() == [0, 7, 0]
    assert plane.shape == (6, 5, 4)
