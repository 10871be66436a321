"""SBD's instances, and its classes, from MATLAB files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from napari_m2n2.errors import FileError, InputError
from napari_m2n2.evaluation.datasets import open_dataset

Save = Callable[[Path, np.ndarray], Path]


def write_mat(path: Path, variable: str, labels: np.ndarray) -> None:
    """Write labels as SBD's files have them: a struct of one element with three fields."""
    path.parent.mkdir(parents=True, exist_ok=True)
    types = [("Segmentation", object), ("Boundaries", object), ("Categories", object)]
    content = np.zeros((1, 1), dtype=types)
    content[0, 0] = (labels, np.zeros((1, 1)), np.array([[3], [3]], np.uint8))
    savemat(path, {variable: content})


@pytest.fixture
def two_cats(blob: np.ndarray) -> np.ndarray:
    """Two instances of one class."""
    labels = blob.astype(np.uint8)
    labels[9:, :4] = 2
    return labels


@pytest.fixture(params=["", "dataset", "benchmark_RELEASE/dataset"])
def sbd(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    save: Save,
    image: np.ndarray,
    two_cats: np.ndarray,
) -> Path:
    folder = tmp_path / request.param
    for name in ("2008_000003", "2008_000002"):
        save(folder / "img" / f"{name}.jpg", image)
        write_mat(folder / "inst" / f"{name}.mat", "GTinst", two_cats)
        write_mat(folder / "cls" / f"{name}.mat", "GTcls", (two_cats > 0).astype(np.uint8) * 8)
    (folder / "val.txt").write_text("2008_000003\n2008_000002\n")
    return tmp_path


def test_instances(sbd: Path, two_cats: np.ndarray) -> None:
    dataset = open_dataset("sbd", sbd)
    assert [case.image for case in dataset.cases] == ["2008_000003", "2008_000002"]
    assert not dataset.problems
    loaded = dataset.cases[0].load()
    assert loaded.image.shape == (12, 16, 3)
    assert [target.name for target in loaded.targets] == ["1", "2"]
    for number, target in enumerate(loaded.targets, 1):
        np.testing.assert_array_equal(target.truth, two_cats == number)
        assert target.valid.all()


def test_classes_are_what_m2n2_takes_for_instances(sbd: Path, two_cats: np.ndarray) -> None:
    (target,) = open_dataset("sbd-classes", sbd).cases[1].load().targets
    assert target.name == "8"
    np.testing.assert_array_equal(target.truth, two_cats > 0)


def test_fewer_objects_of_an_image(sbd: Path) -> None:
    (target,) = open_dataset("sbd", sbd, per_image=1).cases[0].load().targets
    assert target.name == "1"  # 12 pixels beside 29: the upper one of the two in the middle


# ------------------------------------------------------------------ what can be wrong
@pytest.fixture
def flat(tmp_path: Path, save: Save, image: np.ndarray, two_cats: np.ndarray) -> Path:
    save(tmp_path / "img" / "a.jpg", image)
    write_mat(tmp_path / "inst" / "a.mat", "GTinst", two_cats)
    (tmp_path / "val.txt").write_text("a\n")
    return tmp_path


def test_missing_paths_are_named(flat: Path) -> None:
    with pytest.raises(FileError, match=r"cls does not exist; sbd-classes needs img, cls and val"):
        open_dataset("sbd-classes", flat)
    with pytest.raises(FileError, match=r"train\.txt does not exist"):
        open_dataset("sbd", flat, split="train")
    with pytest.raises(FileError, match="nowhere does not exist"):
        open_dataset("sbd", flat / "nowhere")
    with pytest.raises(FileError, match="img does not exist"):
        open_dataset("sbd", flat / "inst")


def test_list_that_is_none(flat: Path) -> None:
    (flat / "val.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(FileError, match="cannot be read as a list"):
        open_dataset("sbd", flat)
    (flat / "val.txt").write_text("\n")
    with pytest.raises(FileError, match="is empty"):
        open_dataset("sbd", flat)


def test_names_without_files_and_names_twice(flat: Path) -> None:
    (flat / "val.txt").write_text("a\nmissing\na\n")
    dataset = open_dataset("sbd", flat)
    assert len(dataset.cases) == 1
    assert [problem.image for problem in dataset.problems] == ["missing", "a"]
    assert "missing.jpg does not exist" in dataset.problems[0].sentence
    assert "twice" in dataset.problems[1].sentence


def test_damaged_labels(flat: Path, blob: np.ndarray) -> None:
    (case,) = open_dataset("sbd", flat).cases
    savemat(flat / "inst" / "a.mat", {"other": blob})
    with pytest.raises(FileError, match="no MATLAB file with GTinst"):
        case.load()
    (flat / "inst" / "a.mat").write_bytes(b"text")
    with pytest.raises(FileError, match="damaged"):
        case.load()


def test_labels_of_another_size_or_without_objects(flat: Path, two_cats: np.ndarray) -> None:
    (case,) = open_dataset("sbd", flat).cases
    write_mat(flat / "inst" / "a.mat", "GTinst", two_cats[:-2])
    assert "has 10 x 16 pixels but the image has 12 x 16" in case.load().problems[0][1]
    write_mat(flat / "inst" / "a.mat", "GTinst", two_cats * 0)
    assert "holds no object" in case.load().problems[0][1]


@pytest.mark.parametrize("options", [{"per_image": 0}, {"per_image": "5"}, {"split": 3}])
def test_options_that_are_not_possible(flat: Path, options: dict) -> None:
    with pytest.raises(InputError, match="is not possible"):
        open_dataset("sbd", flat, **options)
