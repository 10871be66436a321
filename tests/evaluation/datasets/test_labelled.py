"""The user's own images and masks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_m2n2.errors import FileError, InputError
from napari_m2n2.evaluation.datasets import open_dataset

Save = Callable[[Path, np.ndarray], Path]


@pytest.fixture
def labels(blob: np.ndarray) -> np.ndarray:
    """Seven objects: 1 is the largest, 10 to 15 have 2 to 7 pixels."""
    found = blob.astype(np.uint8)
    for number in range(6):
        found[2 * number, : number + 2] = 10 + number
    return found


@pytest.fixture
def folders(tmp_path: Path, save: Save, image: np.ndarray, labels: np.ndarray) -> Path:
    root = tmp_path / "nuclei"
    save(root / "images" / "one.tif", image)
    save(root / "masks" / "one.png", labels)
    save(root / "images" / "two.png", image)
    save(root / "masks" / "two__femur.png", (labels == 1).astype(np.uint8) * 255)
    save(root / "masks" / "two__tibia.png", (labels == 15).astype(np.uint8))
    return root


def test_labels_and_several_masks(folders: Path, labels: np.ndarray, image: np.ndarray) -> None:
    dataset = open_dataset("folders", folders, domain="microscopy")
    assert [(c.dataset, c.domain, c.image) for c in dataset.cases] == [
        ("nuclei", "microscopy", "one"),
        ("nuclei", "microscopy", "two"),
    ]
    one, two = (case.load() for case in dataset.cases)
    np.testing.assert_array_equal(one.image, image)
    # of the seven ranks 0 to 6: the middles of five equal parts
    assert [target.name for target in one.targets] == ["1", "10", "12", "13", "14"]
    for target in one.targets:
        np.testing.assert_array_equal(target.truth, labels == int(target.name))
    assert [target.name for target in two.targets] == ["femur", "tibia"]
    np.testing.assert_array_equal(two.targets[0].truth, labels == 1)
    np.testing.assert_array_equal(two.targets[1].truth, labels == 15)


def test_kinds_and_numbers(folders: Path) -> None:
    def names(**options: object) -> list[str]:
        case = open_dataset("folders", folders, **options).cases[0]
        return [target.name for target in case.load().targets]

    assert names(kind="semantic") == ["1", "10", "11", "12", "13", "14", "15"]
    assert names(per_image=2) == ["11", "15"]  # ranks 1 and 5 of 0 to 6
    assert names(per_image=None) == names(kind="semantic")
    assert names(labels="10, 15") == names(labels=[10, 15]) == ["10", "15"]
    assert names(labels=15) == ["15"]
    assert names(kind="semantic", ignore=1)[0] == "10"
    assert names(kind="semantic", ignore="1") == names(kind="semantic", ignore=1)


def test_unknown_label_is_left_out_of_the_score(folders: Path, labels: np.ndarray) -> None:
    case = open_dataset("folders", folders, ignore=1, per_image=1).cases[0]
    (target,) = case.load().targets
    np.testing.assert_array_equal(target.valid, labels != 1)


def test_object_masks(folders: Path, save: Save, blob: np.ndarray) -> None:
    mask = blob.astype(np.uint8)
    mask[0] = 255
    save(folders / "masks" / "one.png", mask)
    one, two = (c.load() for c in open_dataset("folders", folders, kind="object").cases)
    (target,) = one.targets
    np.testing.assert_array_equal(target.truth, blob)
    np.testing.assert_array_equal(target.valid, mask != 255)
    # 0 and 255 is a habit, but here 255 is unknown
    assert [target.name for target in two.targets] == ["tibia"]
    assert two.problems[0][0] == "femur"
    assert "write objects as 1" in two.problems[0][1]


def test_a_stack_gives_the_plane_with_the_most_foreground(
    tmp_path: Path, labels: np.ndarray
) -> None:
    masks = np.zeros((4, *labels.shape), np.uint16)
    masks[1, :2] = 3
    masks[2] = labels
    masks[3, :, :3] = 9
    images = np.random.default_rng(0).integers(0, 4000, masks.shape).astype(np.uint16)
    for name, values in (("images", images), ("masks", masks)):
        (tmp_path / "set" / name).mkdir(parents=True)
        tifffile.imwrite(tmp_path / "set" / name / "a.tif", values, photometric="minisblack")
    (case,) = open_dataset("folders", tmp_path / "set", per_image=None).cases
    loaded = case.load()
    np.testing.assert_array_equal(loaded.image, images[2])
    assert {t.name for t in loaded.targets} == {str(n) for n in np.unique(labels) if n}
    np.testing.assert_array_equal(loaded.targets[0].truth, labels == 1)


def test_masks_of_a_stack_choose_their_plane_together(tmp_path: Path) -> None:
    masks = np.zeros((2, 4, 9, 10), np.uint8)
    masks[0, 0, :2] = masks[1, 3, :2] = 1  # each has its own largest plane
    masks[:, 2, 2:4, 3:9] = 1
    (tmp_path / "masks").mkdir()
    (tmp_path / "images").mkdir()
    images = np.arange(360, dtype=np.uint16).reshape(4, 9, 10)
    tifffile.imwrite(tmp_path / "images" / "a.tif", images, photometric="minisblack")
    for name, values in zip(("x", "y"), masks, strict=True):
        tifffile.imwrite(tmp_path / "masks" / f"a__{name}.tif", values, photometric="minisblack")
    loaded = open_dataset("folders", tmp_path).cases[0].load()
    np.testing.assert_array_equal(loaded.image, images[2])
    assert [target.name for target in loaded.targets] == ["x", "y"]


def test_ome_zarr_images_and_labels(tmp_path: Path) -> None:
    import zarr

    from napari_m2n2.files import write_labels

    volume = np.random.default_rng(0).integers(0, 99, (3, 20, 24)).astype(np.uint8)
    truth = np.zeros(volume.shape, np.uint8)
    truth[1, 4:12, 5:15] = 7
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    image = tmp_path / "images" / "cells.ome.zarr"
    zarr.create_array(str(image), shape=volume.shape, dtype="u1")[...] = volume
    write_labels(tmp_path / "masks" / "cells.zarr", truth)
    (case,) = open_dataset("folders", tmp_path).cases
    loaded = case.load()
    assert case.image == "cells"
    np.testing.assert_array_equal(loaded.image, volume[1])
    np.testing.assert_array_equal(loaded.targets[0].truth, truth[1] == 7)


# ------------------------------------------------------------------ one image
@pytest.mark.parametrize("name", ["cell_mask.png", "cell_labels.tif", "cell_seg.png"])
def test_image_with_its_label_image_beside_it(
    name: str, tmp_path: Path, save: Save, image: np.ndarray, labels: np.ndarray
) -> None:
    path = save(tmp_path / "cell.png", image)
    save(tmp_path / name, labels)
    (case,) = open_dataset("image", path, per_image=None).cases
    assert (case.dataset, case.image) == ("image", "cell")
    assert len(case.load().targets) == 7


def test_image_with_its_label_image_elsewhere(
    tmp_path: Path, save: Save, image: np.ndarray, labels: np.ndarray
) -> None:
    path = save(tmp_path / "images" / "cell.png", image)
    with pytest.raises(FileError, match="no label image beside it"):
        open_dataset("image", path)
    named = save(tmp_path / "x" / "y.png", labels)
    assert len(open_dataset("image", path, mask=named).cases[0].load().targets) == 5
    save(tmp_path / "masks" / "cell.tif", labels)
    assert len(open_dataset("image", path).cases[0].load().targets) == 5
    save(tmp_path / "images" / "cell_mask.png", labels)
    with pytest.raises(FileError, match="2 label images"):
        open_dataset("image", path)


def test_label_that_does_not_exist_does_not_stop_the_others(
    tmp_path: Path, save: Save, image: np.ndarray, labels: np.ndarray
) -> None:
    path = save(tmp_path / "cell.png", image)
    save(tmp_path / "cell_mask.png", labels)
    loaded = open_dataset("image", path, labels="1,77").cases[0].load()
    assert [target.name for target in loaded.targets] == ["1"]
    ((name, sentence),) = loaded.problems
    assert name == "77"
    assert sentence.endswith("has no label 77; it has 1, 10, 11, 12, 13, 14, 15.")


def test_missing_files_are_named(tmp_path: Path, save: Save, image: np.ndarray) -> None:
    with pytest.raises(FileError, match=r"a\.png does not exist"):
        open_dataset("image", tmp_path / "a.png")
    path = save(tmp_path / "a.png", image)
    with pytest.raises(FileError, match=r"b\.png does not exist"):
        open_dataset("image", path, mask=tmp_path / "b.png")
    with pytest.raises(FileError, match="images does not exist; folders needs"):
        open_dataset("folders", tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "thing"},
        {"domain": "x"},
        {"per_image": True},
        {"labels": "a"},
        {"labels": [0]},
        {"labels": ""},
        {"labels": 2.5},
        {"ignore": "x"},
        {"ignore": 0},
        {"ignore": 2.5},
    ],
)
@pytest.mark.parametrize("name", ["folders", "image"])
def test_options_that_are_not_possible(name: str, options: dict, folders: Path) -> None:
    path = folders if name == "folders" else folders / "images" / "one.tif"
    with pytest.raises(InputError, match=r"is not possible; give .*\.$"):
        open_dataset(name, path, **options)


def test_stack_whose_mask_cannot_be_read_is_said_to_lack_its_mask(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    stack = np.zeros((3, 4, 5), np.uint8)
    tifffile.imwrite(tmp_path / "images" / "a.tif", stack, photometric="minisblack")
    (tmp_path / "masks" / "a.png").write_bytes(b"x")
    (case,) = open_dataset("folders", tmp_path).cases
    with pytest.raises(FileError, match=r"a\.png .*damaged"):
        case.load()
    tifffile.imwrite(tmp_path / "masks" / "a.tif", stack[0], photometric="minisblack")
    (tmp_path / "masks" / "a.png").unlink()
    with pytest.raises(InputError, match="is a stack"):
        open_dataset("folders", tmp_path).cases[0].load()
