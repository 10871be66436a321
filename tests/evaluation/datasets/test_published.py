"""GrabCut, Berkeley, DAVIS, BraTS and OAI-ZIB, as they are handed out."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import imageio.v3
import numpy as np
import pytest

from napari_m2n2.errors import FileError
from napari_m2n2.evaluation.datasets import open_dataset

Save = Callable[[Path, np.ndarray], Path]

FOLDERS = {
    "grabcut": ("data_GT", "boundary_GT"),
    "grabcut-m2n2": ("data_GT", "boundary_GT"),
    "berkeley": ("images", "masks"),
    "berkeley-m2n2": ("images", "masks"),
    "davis": ("img", "gt"),
    "brats": ("image", "annotation"),
    "oai-zib": ("test/image", "test/annotations"),
    "oai-zib-merged": ("test/image", "test/annotations"),
}


@pytest.fixture
def grabcut(tmp_path: Path, save: Save, image: np.ndarray, blob: np.ndarray) -> Path:
    """Two images with masks of 0, 64, 128 and 255."""
    mask = np.where(blob, 255, 0).astype(np.uint8)
    mask[2, :] = 128
    mask[0, 0] = 64
    for name, ending in (("llama", ".bmp"), ("book", ".png")):
        save(tmp_path / "data_GT" / f"{name}{ending}", image)
        save(tmp_path / "boundary_GT" / f"{name}.bmp", mask)
    (tmp_path / "data_GT" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "data_GT" / "._book.png").write_bytes(b"x")
    return tmp_path


def test_grabcut_scores_no_pixel_of_128(
    grabcut: Path, image: np.ndarray, blob: np.ndarray
) -> None:
    dataset = open_dataset("grabcut", grabcut)
    assert [case.image for case in dataset.cases] == ["book", "llama"]
    assert not dataset.problems
    for case in dataset.cases:
        loaded = case.load()
        np.testing.assert_array_equal(loaded.image, image)
        (target,) = loaded.targets
        np.testing.assert_array_equal(target.truth, blob)
        unknown = np.zeros_like(blob)
        unknown[2] = True
        np.testing.assert_array_equal(target.valid, ~unknown)
        assert (case.dataset, case.domain, loaded.spacing) == ("grabcut", "natural", (1, 1))


def test_conversion_of_m2n2_counts_the_unknown_band_as_object(
    grabcut: Path, blob: np.ndarray
) -> None:
    (target,) = open_dataset("grabcut-m2n2", grabcut).cases[0].load().targets
    expected = blob.copy()
    expected[2] = expected[0, 0] = True
    np.testing.assert_array_equal(target.truth, expected)
    assert target.valid.all()


def test_mask_with_a_palette_has_the_values_of_its_colours(
    grabcut: Path, blob: np.ndarray, save_palette: Save
) -> None:
    """OpenCV, with which RITM reads, looks colours up; the numbers below them mean nothing."""
    (grabcut / "boundary_GT" / "book.bmp").unlink()
    numbers = np.where(blob, 3, 0).astype(np.uint8)
    numbers[2] = 2  # the palette has 0, 64, 128, 192
    save_palette(grabcut / "boundary_GT" / "book.png", numbers)
    (target,) = open_dataset("grabcut", grabcut).cases[0].load().targets
    np.testing.assert_array_equal(target.truth, blob)
    np.testing.assert_array_equal(target.valid, numbers != 2)


@pytest.mark.parametrize("name", ["berkeley", "berkeley-m2n2"])
def test_berkeley_takes_grey_values_as_its_readers_do(
    name: str, tmp_path: Path, save: Save, image: np.ndarray, blob: np.ndarray
) -> None:
    mask = np.where(blob, 197, 0).astype(np.uint8)
    mask[0, :2] = 40
    for number in ("189011", "189011a"):
        save(tmp_path / "images" / f"{number}.jpg", image)
        save(tmp_path / "masks" / f"{number}.png", mask)
    dataset = open_dataset(name, tmp_path)
    assert len(dataset.cases) == 2
    (target,) = dataset.cases[1].load().targets
    expected = blob.copy()
    expected[0, :2] = name == "berkeley-m2n2"
    np.testing.assert_array_equal(target.truth, expected)
    assert target.valid.all()


def test_davis_is_the_union_of_all_coloured_objects(
    tmp_path: Path, save: Save, image: np.ndarray, blob: np.ndarray
) -> None:
    colours = np.zeros((*blob.shape, 3), np.uint8)
    colours[blob] = (0, 128, 0)
    colours[10:, :3] = (128, 0, 0)
    save(tmp_path / "img" / "00001.jpg", image)
    save(tmp_path / "gt" / "00001.png", colours)
    (target,) = open_dataset("davis", tmp_path).cases[0].load().targets
    blob[10:, :3] = True
    np.testing.assert_array_equal(target.truth, blob)


def test_brats_is_the_whole_tumour(
    tmp_path: Path, save: Save, image: np.ndarray, blob: np.ndarray
) -> None:
    labels = np.where(blob, 2, 0).astype(np.uint8)
    labels[5:7, 11:13] = 4
    save(tmp_path / "image" / "BraTS20_Training_001.png", image[..., 0])
    save(tmp_path / "annotation" / "BraTS20_Training_001.png", labels)
    (case,) = open_dataset("brats", tmp_path).cases
    loaded = case.load()
    assert case.domain == "medical"
    assert loaded.image.shape == blob.shape
    assert [target.name for target in loaded.targets] == ["whole_tumour"]
    np.testing.assert_array_equal(loaded.targets[0].truth, blob)


@pytest.mark.parametrize(
    ("images", "masks"),
    [("image", "annotation"), ("test/image", "test/annotations"), ("image", "annotations")],
)
def test_oai_zib_by_label_and_merged(
    images: str, masks: str, tmp_path: Path, save: Save, image: np.ndarray, blob: np.ndarray
) -> None:
    labels = np.where(blob, 2, 0).astype(np.uint8)
    labels[10, 2:6] = 4
    save(tmp_path / images / "knee.png", image[..., 0])
    save(tmp_path / masks / "knee.png", labels)
    first, second = open_dataset("oai-zib", tmp_path).cases[0].load().targets
    assert (first.name, second.name) == ("2", "4")
    np.testing.assert_array_equal(first.truth, blob)
    np.testing.assert_array_equal(second.truth, labels == 4)
    (merged,) = open_dataset("oai-zib-merged", tmp_path).cases[0].load().targets
    np.testing.assert_array_equal(merged.truth, labels > 0)


# ------------------------------------------------------------------ what can be wrong
@pytest.mark.parametrize("name", FOLDERS)
def test_missing_path_is_named(name: str, tmp_path: Path, save: Save, image: np.ndarray) -> None:
    images, masks = (tmp_path / "set" / folder for folder in FOLDERS[name])
    with pytest.raises(FileError, match=r"set does not exist; .*\.$") as caught:
        open_dataset(name, tmp_path / "set")
    assert "\n" not in str(caught.value)
    save(images / "a.png", image)
    with pytest.raises(FileError, match=f"{masks} does not exist"):
        open_dataset(name, tmp_path / "set")
    (images / "a.png").unlink()
    masks.mkdir()
    with pytest.raises(FileError, match="holds no file that ends in"):
        open_dataset(name, tmp_path / "set")
    images.rmdir()
    missing = FOLDERS[name][0].removeprefix("test/")
    with pytest.raises(FileError, match=f"{tmp_path / 'set' / missing} does not exist"):
        open_dataset(name, tmp_path / "set")


def test_path_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "set").write_text("x")
    with pytest.raises(FileError, match="does not exist"):
        open_dataset("grabcut", tmp_path / "set")


def test_what_is_wrong_with_one_image_does_not_stop_the_others(
    grabcut: Path, save: Save, image: np.ndarray, blob: np.ndarray
) -> None:
    save(grabcut / "data_GT" / "alone.png", image)
    save(grabcut / "boundary_GT" / "orphan.bmp", blob.astype(np.uint8))
    save(grabcut / "data_GT" / "twice.png", image)
    save(grabcut / "data_GT" / "twice.bmp", image)
    save(grabcut / "boundary_GT" / "twice.bmp", blob.astype(np.uint8))
    dataset = open_dataset("grabcut", grabcut)
    assert [case.image for case in dataset.cases] == ["book", "llama"]
    found = {problem.image: problem.sentence for problem in dataset.problems}
    assert "has no mask of the same name" in found["alone"]
    assert "has no image of the same name" in found["orphan"]
    assert "twice.bmp and twice.png" in found["twice"]
    assert len(dataset.problems) == 3
    for problem in dataset.problems:
        assert problem.dataset == "grabcut"
        assert problem.sentence.endswith(".")
        assert "\n" not in problem.sentence


def test_two_masks_of_one_image(grabcut: Path, save: Save, blob: np.ndarray) -> None:
    save(grabcut / "boundary_GT" / "book.png", blob.astype(np.uint8) * 255)
    dataset = open_dataset("grabcut", grabcut)
    assert [case.image for case in dataset.cases] == ["llama"]
    assert "book.bmp and book.png" in dataset.problems[0].sentence


def test_mask_of_another_size(grabcut: Path, save: Save, blob: np.ndarray) -> None:
    save(grabcut / "boundary_GT" / "book.bmp", blob[:, :-1].astype(np.uint8) * 255)
    first, second = (case.load() for case in open_dataset("grabcut", grabcut).cases)
    assert not first.targets
    ((_, sentence),) = first.problems
    assert "book.bmp has 12 x 15 pixels but the image has 12 x 16" in sentence
    assert len(second.targets) == 1


def test_empty_mask_and_damaged_files(grabcut: Path, save: Save, blob: np.ndarray) -> None:
    save(grabcut / "boundary_GT" / "book.bmp", np.zeros(blob.shape, np.uint8))
    assert "holds no object" in open_dataset("grabcut", grabcut).cases[0].load().problems[0][1]
    (grabcut / "boundary_GT" / "book.bmp").write_bytes(b"BM" + bytes(60))
    with pytest.raises(FileError, match=r"book\.bmp .*damaged"):
        open_dataset("grabcut", grabcut).cases[0].load()
    (grabcut / "data_GT" / "book.png").write_bytes(b"nothing")
    with pytest.raises(FileError, match="damaged"):
        open_dataset("grabcut", grabcut).cases[0].load()


def test_cases_do_not_depend_on_the_folder_one_works_in(
    grabcut: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(grabcut.parent)
    (case, *_) = open_dataset("grabcut", grabcut.name).cases
    monkeypatch.chdir("/")
    assert len(case.load().targets) == 1


def test_cases_travel_to_other_processes_and_hold_no_pixels(grabcut: Path) -> None:
    dataset = open_dataset("grabcut", grabcut)
    sent = pickle.dumps(dataset)
    assert len(sent) < 2000
    assert pickle.loads(sent) == dataset


def test_16_bit_and_jpeg_masks_of_these_sets_are_read_as_opencv_reads_them(
    tmp_path: Path, image: np.ndarray, blob: np.ndarray, save: Save
) -> None:
    save(tmp_path / "images" / "a.png", image)
    (tmp_path / "masks").mkdir()
    imageio.v3.imwrite(tmp_path / "masks" / "a.jpg", np.where(blob, 255, 0).astype(np.uint8))
    (target,) = open_dataset("berkeley", tmp_path).cases[0].load().targets
    assert (target.truth & blob).sum() / (target.truth | blob).sum() > 0.9
