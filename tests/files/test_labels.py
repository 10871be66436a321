"""Labels out, and the geometry kept."""

from __future__ import annotations

import imageio.v3
import nibabel
import numpy as np
import pytest
import tifffile

from napari_m2n2.errors import FileError, InputError
from napari_m2n2.files import check_fits, check_output, read_image, write_labels

STACK = np.arange(4 * 5 * 6, dtype=np.uint16).reshape(4, 5, 6)
VOLUME = np.arange(4 * 5 * 6, dtype=np.int16).reshape(4, 5, 6)
PLAIN = {"photometric": "minisblack"}


def labels_for(plane):
    mask = np.zeros(plane.plane_shape, bool)
    mask[1:3, 2:4] = True
    return mask


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_labels_of_one_plane_lie_in_the_whole_stack(tmp_path, axis, tiff):
    plane = read_image(tiff(STACK, **PLAIN), axis=axis, index=2)
    write_labels(tmp_path / "labels.tif", labels_for(plane), like=plane)
    written = tifffile.imread(tmp_path / "labels.tif")
    expected = np.zeros(STACK.shape, int)
    expected[(slice(None),) * axis + (2,)] = labels_for(plane)
    np.testing.assert_array_equal(written, expected)


def test_labels_open_as_labels_in_napari(tmp_path):
    write_labels(tmp_path / "labels.tif", np.eye(5, dtype=bool))
    assert tifffile.imread(tmp_path / "labels.tif").dtype == np.int32


def test_whole_stacks_and_large_numbers(tmp_path, tiff):
    plane = read_image(tiff(STACK, **PLAIN), index=2)
    labels = STACK.astype(np.int64) * 1000
    for name in ("labels.tif", "labels.nii.gz"):
        write_labels(tmp_path / name, labels, like=plane)
        back = read_image(tmp_path / name, axis=0, index=3)
        np.testing.assert_array_equal(back.data, labels[3])
    with pytest.raises(InputError, match="give one label for each pixel"):
        write_labels(tmp_path / "labels.tif", np.zeros((2, 2), int), like=plane)


def test_tiff_keeps_its_resolution(tmp_path, tiff):
    path = tiff(STACK[0], resolution=(400, 200), resolutionunit="CENTIMETER")
    plane = read_image(path)
    assert (plane.spacing, plane.unit) == ((50, 25), "micron")
    write_labels(tmp_path / "labels.tif", labels_for(plane), like=plane)
    with tifffile.TiffFile(tmp_path / "labels.tif") as written:
        page = written.pages[0]
        assert page.resolution == (400, 200)
        assert page.resolutionunit == 3
        assert written.series[0].axes == "YX"


def test_imagej_stays_imagej(tmp_path, tiff):
    metadata = {"axes": "ZYX", "spacing": 2.5, "unit": "um", "finterval": 3.0}
    path = tiff(STACK, imagej=True, resolution=(4, 2), metadata=metadata)
    plane = read_image(path, index=1)
    assert (plane.spacing, plane.unit) == ((2.5, 0.5, 0.25), "micron")
    write_labels(tmp_path / "labels.tif", labels_for(plane), like=plane)
    with tifffile.TiffFile(tmp_path / "labels.tif") as written:
        assert written.is_imagej
        assert written.series[0].axes == "ZYX"
        assert written.pages[0].resolution == (4, 2)
        for key in ("spacing", "unit", "finterval"):
            assert written.imagej_metadata[key] == metadata[key]
        assert written.asarray()[1, 1, 2] == 1


def test_imagej_hyperstack_loses_only_its_channels(tmp_path, tiff):
    data = np.zeros((2, 3, 2, 5, 6), np.uint16)
    plane = read_image(tiff(data, imagej=True), index=(1, 2))
    write_labels(tmp_path / "labels.tif", labels_for(plane), like=plane)
    with tifffile.TiffFile(tmp_path / "labels.tif") as written:
        assert (written.series[0].axes, written.series[0].shape) == ("TZYX", (2, 3, 5, 6))
    with pytest.raises(FileError, match="labels up to 65535 but there is 70000"):
        write_labels(tmp_path / "big.tif", labels_for(plane) * 70000, like=plane)
    assert not (tmp_path / "big.tif").exists()


def test_ome_stays_ome(tmp_path, tiff):
    metadata = {
        "axes": "ZCYX",
        "PhysicalSizeX": 0.25,
        "PhysicalSizeXUnit": "µm",
        "PhysicalSizeZ": 2000.0,
        "PhysicalSizeZUnit": "nm",
    }
    path = tiff(np.zeros((3, 2, 5, 6), np.uint16), ome=True, metadata=metadata)
    plane = read_image(path, index=1)
    assert (plane.spacing, plane.unit) == ((2, 1, 0.25), "micron")
    write_labels(tmp_path / "labels.ome.tif", labels_for(plane), like=plane)
    with tifffile.TiffFile(tmp_path / "labels.ome.tif") as written:
        assert written.is_ome
        assert (written.series[0].axes, written.series[0].shape) == ("ZYX", (3, 5, 6))
        assert 'PhysicalSizeX="0.25"' in written.ome_metadata
        assert 'PhysicalSizeZUnit="nm"' in written.ome_metadata


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("name", ["labels.nii", "labels.nii.gz"])
def test_nifti_keeps_affine_codes_and_units(tmp_path, kind, name):
    affine = np.array([[0, -1.5, 0, 9], [2, 0, 0, -3], [0, 0, 4, 5], [0, 0, 0, 1.0]])
    image = kind(VOLUME, affine)
    image.header.set_xyzt_units("mm", "sec")
    image.set_sform(affine, code=4)
    image.set_qform(affine, code=1)
    image.header["cal_max"] = 900
    nibabel.save(image, tmp_path / "image.nii.gz")
    plane = read_image(tmp_path / "image.nii.gz", axis=1, index=2)
    write_labels(tmp_path / name, labels_for(plane), like=plane)
    written = nibabel.load(tmp_path / name)
    assert type(written) is kind
    np.testing.assert_array_equal(written.affine, affine)
    assert (int(written.header["sform_code"]), int(written.header["qform_code"])) == (4, 1)
    assert written.header.get_xyzt_units() == ("mm", "sec")
    assert written.header.get_zooms() == image.header.get_zooms()
    assert written.header["cal_max"] == 0
    assert written.get_data_dtype() == np.uint8
    expected = np.zeros(VOLUME.shape)
    expected[:, 2] = labels_for(plane).T
    np.testing.assert_array_equal(np.asarray(written.dataobj), expected)


def test_values_scaled_in_the_image_are_not_scaled_in_the_labels(tmp_path):
    image = nibabel.Nifti1Image(VOLUME, np.eye(4))
    image.header.set_slope_inter(0.5, 100)
    nibabel.save(image, tmp_path / "image.nii")
    plane = read_image(tmp_path / "image.nii", index=0)
    write_labels(tmp_path / "labels.nii", labels_for(plane), like=plane)
    assert set(np.unique(nibabel.load(tmp_path / "labels.nii").get_fdata())) == {0, 1}


def test_geometry_across_formats(tmp_path, tiff, nifti):
    path = tiff(
        STACK,
        imagej=True,
        resolution=(4, 2),
        metadata={"axes": "ZYX", "unit": "um", "spacing": 3},
    )
    plane = read_image(path, index=1)
    write_labels(tmp_path / "labels.nii.gz", labels_for(plane), like=plane)
    written = nibabel.load(tmp_path / "labels.nii.gz")
    assert written.shape == STACK.shape[::-1]
    assert written.header.get_zooms() == (0.25, 0.5, 3)
    assert np.asarray(written.dataobj)[3, 2, 1] == 1
    assert written.header.get_xyzt_units()[0] == "micron"
    plane = read_image(nifti(VOLUME), index=3)
    write_labels(tmp_path / "labels.tif", labels_for(plane), like=plane)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "labels.tif")[3], labels_for(plane))


def test_png_holds_one_plane(tmp_path, tiff):
    plane = read_image(tiff(STACK[0]))
    path = tmp_path / "labels.png"
    write_labels(path, labels_for(plane), like=plane)
    np.testing.assert_array_equal(imageio.v3.imread(path), labels_for(plane))
    write_labels(path, labels_for(plane) * 300, like=plane)
    assert imageio.v3.imread(path).max() == 300
    with pytest.raises(FileError, match="labels up to 65535"):
        write_labels(path, labels_for(plane) * 70000, like=plane)
    assert imageio.v3.imread(path).max() == 300
    stack = read_image(tiff(STACK, **PLAIN), index=0)
    with pytest.raises(FileError, match=r"A PNG file holds one plane but .* is a stack"):
        check_fits(path, stack)


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (6, 1)])
@pytest.mark.parametrize("name", ["labels.tif", "labels.png", "labels.nii", "labels.nii.gz"])
def test_thin_labels(tmp_path, shape, name, tiff):
    plane = read_image(tiff(np.zeros(shape, np.uint8)))
    write_labels(tmp_path / name, np.ones(shape, bool), like=plane)
    assert read_image(tmp_path / name).data.tolist() == np.ones(shape, int).tolist()


def test_output_that_cannot_be_is_refused_beforehand(tmp_path, tiff):
    image = tiff(STACK[0])
    for name in ("labels.jpg", "labels", "labels.npy"):
        with pytest.raises(FileError, match=r"choose a name that ends in one of .tif"):
            check_output(tmp_path / name)
    with pytest.raises(FileError, match="is the image itself"):
        check_output(tmp_path / "." / "image.tif", image)
    with pytest.raises(FileError, match="does not exist; make it first"):
        check_output(tmp_path / "no" / "labels.tif")


def test_failed_writer_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "labels.tif"
    write_labels(path, np.eye(5, dtype=bool))
    before = path.read_bytes()

    def fail(target, *_args, **_kwargs):
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tifffile, "imwrite", fail)
    with pytest.raises(FileError, match="No space left on device"):
        write_labels(path, np.zeros((5, 5), bool))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
