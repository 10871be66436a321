"""Small image files for the tests of this folder."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
import tifffile


@pytest.fixture
def tiff(tmp_path):
    """Writes a TIFF file and returns its path."""

    def write(data, **options):
        path = tmp_path / "image.tif"
        tifffile.imwrite(path, data, **options)
        return path

    return write


@pytest.fixture
def nifti(tmp_path):
    """Writes a NIfTI file of 2 x 3 x 4 mm voxels and returns its path."""

    def write(data, name="image.nii.gz"):
        path = tmp_path / name
        nibabel.save(nibabel.Nifti1Image(data, np.diag([2.0, 3.0, 4.0, 1.0])), path)
        return path

    return write
