"""BraTS as volumes."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_m2n2.errors import FileError, InputError
from napari_m2n2.evaluation.datasets import open_dataset

SHAPE = (6, 8, 5)  # x, y, z


def write(path: Path, values: np.ndarray, spacing: tuple[float, ...] = (1, 1, 1)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values, np.diag([*spacing, 1.0])), path)


@pytest.fixture
def tumour() -> np.ndarray:
    """Labels 1, 2 and 4; z = 3 has the most of them together, z = 1 the most of label 4."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:3, 1:3, 1] = 4
    labels[1:4, 2:5, 3] = 2
    labels[2, 3, 3] = 1
    return labels


@pytest.fixture
def flair() -> np.ndarray:
    return np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)


@pytest.fixture
def brats(tmp_path: Path, flair: np.ndarray, tumour: np.ndarray) -> Path:
    """One patient as in 2020, one as in 2023, and the one of 2020 with an odd name."""
    old, late = tmp_path / "HGG" / "BraTS20_Training_001", tmp_path / "BraTS-GLI-00005-100"
    for word, offset in (("flair", 0), ("t1", 1000), ("t1ce", 2000), ("t2", 3000)):
        write(old / f"{old.name}_{word}.nii.gz", flair + offset, (0.9, 1.1, 2.0))
    write(old / f"{old.name}_seg.nii.gz", tumour, (0.9, 1.1, 2.0))
    for word, offset in (("t2f", 0), ("t1n", 1000), ("t1c", 2000), ("t2w", 3000)):
        write(late / f"{late.name}-{word}.nii.gz", flair + offset)
    write(late / f"{late.name}-seg.nii.gz", tumour)
    odd = tmp_path / "BraTS20_Training_355"
    write(odd / f"{odd.name}_flair.nii", flair)
    write(odd / "W39_1998.09.19_Segm.nii", tumour)
    return tmp_path


@pytest.mark.parametrize(
    ("modality", "offset"), [("flair", 0), ("t1", 1000), ("t1ce", 2000), ("t2", 3000)]
)
def test_slice_with_the_largest_tumour(
    modality: str, offset: int, brats: Path, flair: np.ndarray, tumour: np.ndarray
) -> None:
    cases = {
        case.image: case for case in open_dataset("brats-nifti", brats, modality=modality).cases
    }
    for name in ("BraTS20_Training_001", "BraTS-GLI-00005-100"):
        loaded = cases[name].load()
        np.testing.assert_array_equal(loaded.image, flair[:, :, 3].T + offset)
        (target,) = loaded.targets
        assert target.name == "whole_tumour"
        np.testing.assert_array_equal(target.truth, tumour[:, :, 3].T > 0)
        assert target.valid.all()


def test_flair_without_being_asked_and_the_distances_of_the_slice(
    brats: Path, flair: np.ndarray
) -> None:
    dataset = open_dataset("brats-nifti", brats)
    assert [case.image for case in dataset.cases] == [
        "BraTS-GLI-00005-100",
        "BraTS20_Training_355",
        "BraTS20_Training_001",
    ]
    assert {case.domain for case in dataset.cases} == {"medical"}
    loaded = dataset.cases[2].load()
    np.testing.assert_array_equal(loaded.image, flair[:, :, 3].T)
    assert loaded.spacing == pytest.approx((1.1, 0.9))


def test_patients_that_lack_something(brats: Path, flair: np.ndarray) -> None:
    dataset = open_dataset("brats-nifti", brats, modality="t2")
    assert len(dataset.cases) == 2
    assert dataset.problems[0].image == "BraTS20_Training_355"
    assert "has 0 t2 volumes" in dataset.problems[0].sentence
    (brats / "BraTS20_Training_355" / "W39_1998.09.19_Segm.nii").unlink()
    write(brats / "LGG" / "BraTS20_Training_001" / "a_flair.nii", flair)
    found = {problem.sentence for problem in open_dataset("brats-nifti", brats).problems}
    assert any("has 0 files that end in _seg.nii" in sentence for sentence in found)
    assert any("second folder of the patient BraTS20_Training_001" in s for s in found)


def test_volumes_of_different_shape_and_without_tumour(brats: Path, tumour: np.ndarray) -> None:
    patient = brats / "BraTS-GLI-00005-100"
    write(patient / f"{patient.name}-seg.nii.gz", tumour[:, :, :4])
    (case, *others) = open_dataset("brats-nifti", brats).cases
    with pytest.raises(InputError, match="has 5 x 8 x 6 pixels but the mask has 4 x 8 x 6"):
        case.load()
    write(patient / f"{patient.name}-seg.nii.gz", tumour * 0)
    assert "holds no object" in case.load().problems[0][1]
    assert len(others[0].load().targets) == 1


def test_missing_path_and_unknown_modality(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="nowhere does not exist"):
        open_dataset("brats-nifti", tmp_path / "nowhere")
    with pytest.raises(FileError, match="holds no NIfTI volume"):
        open_dataset("brats-nifti", tmp_path)
    with pytest.raises(InputError, match="modality='pd' is not possible"):
        open_dataset("brats-nifti", tmp_path, modality="pd")
