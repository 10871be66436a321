"""Images as they are stored, and label images as numbers, from every format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile

from napari_m2n2.errors import FileError, InputError
from napari_m2n2.evaluation.datasets.arrays import ending, read_labels, read_picture, stem

Save = Callable[[Path, np.ndarray], Path]


@pytest.mark.parametrize(
    ("name", "parts"),
    [("a.b.png", ("a.b", ".png")), ("x.NII.GZ", ("x", ".nii.gz")), ("plain", ("plain", ""))],
)
def test_name_and_ending(name: str, parts: tuple[str, str]) -> None:
    assert (stem(Path(name)), ending(Path(name))) == parts


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif"])
def test_colours_stay_in_their_order(
    name: str, tmp_path: Path, save: Save, image: np.ndarray
) -> None:
    picture = read_picture(save(tmp_path / name, image))
    np.testing.assert_array_equal(picture.data, image)
    assert picture.data.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif"])
def test_grey_stays_grey(name: str, tmp_path: Path, save: Save, image: np.ndarray) -> None:
    np.testing.assert_array_equal(
        read_picture(save(tmp_path / name, image[..., 0])).data, image[..., 0]
    )


def test_16_bits_and_alpha_stay(tmp_path: Path, save: Save, image: np.ndarray) -> None:
    deep = image[..., 0].astype(np.uint16) * 200
    assert read_picture(save(tmp_path / "a.png", deep)).data.dtype == np.uint16
    alpha = np.dstack([image, image[..., :1]])
    assert read_picture(save(tmp_path / "b.png", alpha)).data.shape == (12, 16, 4)


def test_plane_of_a_volume_has_its_spacing(tmp_path: Path) -> None:
    values = np.arange(4 * 5 * 3, dtype=np.float32).reshape(4, 5, 3)  # x, y, z
    image = nibabel.Nifti1Image(values, np.diag([0.5, 0.7, 3.0, 1.0]))
    nibabel.save(image, tmp_path / "a.nii.gz")
    picture = read_picture(tmp_path / "a.nii.gz", (3, 5, 4), 2)
    np.testing.assert_array_equal(picture.data, values[:, :, 2].T)
    assert picture.spacing == pytest.approx((0.7, 0.5))


def test_plane_of_a_stack_keeps_its_channels(tmp_path: Path) -> None:
    stack = np.arange(3 * 2 * 4 * 5, dtype=np.uint16).reshape(3, 2, 4, 5)
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": "ZCYX"})
    picture = read_picture(tmp_path / "a.tif", (3, 4, 5), 1)
    np.testing.assert_array_equal(picture.data, np.moveaxis(stack[1], 0, -1))


def test_stack_needs_a_stack_of_labels(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 4, 5), np.uint8), photometric="minisblack")
    with pytest.raises(InputError, match="is a stack"):
        read_picture(tmp_path / "a.tif")
    with pytest.raises(InputError, match=r"has 3 x 4 x 5 pixels but the mask has 4 x 4 x 5"):
        read_picture(tmp_path / "a.tif", (4, 4, 5), 0)


# ------------------------------------------------------------------ labels
@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif"])
def test_labels_of_8_bits(name: str, tmp_path: Path, save: Save, blob: np.ndarray) -> None:
    found = read_labels(save(tmp_path / name, blob.astype(np.uint8) * 7))
    np.testing.assert_array_equal(found, blob * 7)
    assert found.dtype == np.int64


def test_labels_of_one_and_of_16_bits(tmp_path: Path, save: Save, blob: np.ndarray) -> None:
    from PIL import Image

    Image.fromarray(blob).save(tmp_path / "bits.png")
    np.testing.assert_array_equal(read_labels(tmp_path / "bits.png"), blob)
    deep = save(tmp_path / "deep.png", blob.astype(np.uint16) * 40000)
    np.testing.assert_array_equal(read_labels(deep), blob * 40000)


def test_palette_gives_its_numbers_and_not_its_colours(
    tmp_path: Path, save_palette: Save, blob: np.ndarray
) -> None:
    found = read_labels(save_palette(tmp_path / "a.png", blob * 3))
    np.testing.assert_array_equal(found, blob * 3)


def test_grey_saved_as_colours_is_fine_but_colours_are_not(
    tmp_path: Path, save: Save, blob: np.ndarray, image: np.ndarray
) -> None:
    grey = np.repeat(blob[..., None].astype(np.uint8), 3, axis=2)
    np.testing.assert_array_equal(read_labels(save(tmp_path / "a.png", grey)), blob)
    alpha = np.dstack([grey, np.full(blob.shape, 255, np.uint8)])
    np.testing.assert_array_equal(read_labels(save(tmp_path / "b.png", alpha)), blob)
    with pytest.raises(InputError, match="picture with colours"):
        read_labels(save(tmp_path / "c.png", image))


def test_labels_of_a_volume_may_be_whole_floats(tmp_path: Path) -> None:
    values = np.zeros((4, 5, 3), np.float32)
    values[1, 2, 1] = 4
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "a.nii")
    np.testing.assert_array_equal(read_labels(tmp_path / "a.nii"), values.T)
    for broken in (0.5, np.nan, np.inf):
        values[0] = broken
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "a.nii")
        with pytest.raises(InputError, match="no whole numbers"):
            read_labels(tmp_path / "a.nii")


def test_axes_of_length_one_do_not_count(tmp_path: Path) -> None:
    values = np.zeros((4, 5, 1, 1), np.uint8)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), tmp_path / "a.nii")
    assert read_labels(tmp_path / "a.nii").shape == (5, 4)
    assert read_picture(tmp_path / "a.nii", (5, 4)).data.shape == (5, 4)
    nibabel.save(
        nibabel.Nifti1Image(np.zeros((4, 5, 2, 2), np.uint8), np.eye(4)), tmp_path / "b.nii"
    )
    with pytest.raises(InputError, match="has 4 axes"):
        read_labels(tmp_path / "b.nii")


def test_jpeg_is_no_label_image(tmp_path: Path, save: Save, image: np.ndarray) -> None:
    with pytest.raises(InputError, match="JPEG"):
        read_labels(save(tmp_path / "a.jpg", image))


@pytest.mark.parametrize("read", [read_labels, read_picture])
def test_files_that_are_none(read: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(FileError, match="does not exist"):
        read(tmp_path / "a.png")
    for name in ("a.png", "a.bmp", "a.tif", "a.nii"):
        (tmp_path / name).write_bytes(b"not an image at all, however long this text may be")
        with pytest.raises(FileError, match="damaged"):
            read(tmp_path / name)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(FileError, match="unknown format"):
        read(tmp_path / "a.txt")
