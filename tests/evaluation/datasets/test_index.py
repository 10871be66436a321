"""The CSV index, small ones and the real one."""

from __future__ import annotations

import csv
import pickle
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from napari_m2n2.errors import FileError, InputError
from napari_m2n2.evaluation.datasets import open_dataset

Save = Callable[[Path, np.ndarray], Path]
COLUMNS = ["dataset", "domain", "kind", "object", "image", "mask"]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_rows(*rows: str, columns: list[str] = COLUMNS) -> Path:
        path = tmp_path / "index.csv"
        lines = [",".join(columns), *rows]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write_rows


@pytest.fixture
def files(tmp_path: Path, save: Save, image: np.ndarray, blob: np.ndarray) -> Path:
    """Two images of one name in two folders, and masks of every kind."""
    for folder in ("a", "b"):
        save(tmp_path / folder / "1.png", image)
    mask = blob.astype(np.uint8)
    mask[0] = 255
    save(tmp_path / "object.png", mask)
    labels = blob.astype(np.uint16) * 300
    for number in range(8):
        labels[9, 2 * number : 2 * number + 2] = number + 1
    save(tmp_path / "instance.png", labels)
    save(tmp_path / "semantic.png", labels)
    return tmp_path


def test_kinds(files: Path, write: Callable[..., Path], blob: np.ndarray) -> None:
    path = write(
        "x,natural,object,cat,a/1.png,object.png",
        "y,microscopy,instance,,a/1.png,instance.png",
        "z,medical,semantic,,a/1.png,semantic.png",
    )
    dataset = open_dataset("index", path)
    assert [(c.dataset, c.domain, c.image) for c in dataset.cases] == [
        ("x", "natural", "1"),
        ("y", "microscopy", "1"),
        ("z", "medical", "1"),
    ]
    one, some, every = (case.load() for case in dataset.cases)
    (target,) = one.targets
    assert target.name == "cat"
    np.testing.assert_array_equal(target.truth, blob)
    assert not target.valid[0].any()
    assert target.valid[1:].all()
    assert len(some.targets) == 5
    assert [target.name for target in every.targets] == [*map(str, range(1, 9)), "300"]
    assert len(open_dataset("index", path, per_image=2).cases[1].load().targets) == 2
    assert len(open_dataset("index", path, per_image=2).cases[2].load().targets) == 9


def test_rows_of_one_image_are_one_case(files: Path, write: Callable[..., Path]) -> None:
    path = write(
        "x,natural,object,cat,a/1.png,object.png",
        "x,natural,object,dog,b/1.png,object.png",
        "x,natural,instance,cells,a/1.png,instance.png",
    )
    first, second = open_dataset("index", path).cases
    assert (first.image, second.image) == ("a/1.png", "b/1.png")
    names = [target.name for target in first.load().targets]
    assert names[0] == "cat"
    assert all(name.startswith("cells ") for name in names[1:])


def test_only_some_datasets(files: Path, write: Callable[..., Path]) -> None:
    path = write(
        *(f"{name},natural,object,,a/1.png,object.png" for name in "xyz"),
    )
    for only in ("z,x", ["x", "z"], " x , z "):
        found = open_dataset("index", path, only=only)
        assert [case.dataset for case in found.cases] == ["x", "z"]
    with pytest.raises(InputError, match=r"has no dataset w; it has x, y, z\."):
        open_dataset("index", path, only="x,w")
    with pytest.raises(InputError, match="empty name"):
        open_dataset("index", path, only="x,,y")


def test_spreadsheets_write_a_mark_and_other_columns(
    files: Path, write: Callable[..., Path]
) -> None:
    path = write(
        "1,object.png,a/1.png,object,x", columns=["n", "mask", "image", "kind", "dataset"]
    )
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    (case,) = open_dataset("index", path).cases
    assert (case.domain, len(case.load().targets)) == ("", 1)


# ------------------------------------------------------------------ what can be wrong
def test_bad_rows_do_not_stop_the_others(files: Path, write: Callable[..., Path]) -> None:
    path = write(
        "x,natural,object,,a/1.png,object.png",
        "x,natural,object,,a/1.png,semantic.png",
        "x,natural,object,,b/1.png,",
        "x,natural,object,,,object.png",
        "x,natural,object,,b/1.png,gone.png",
        "x,natural,object,,gone.png,object.png",
        "x,natural,thing,,b/1.png,object.png",
        "x,sky,object,,b/1.png,object.png",
        "x,natural,object,,b/1.png,object.png",
        f"x,natural,object,,{'long' * 99}.png,object.png",
    )
    dataset = open_dataset("index", path)
    assert [case.image for case in dataset.cases] == ["a/1.png", "b/1.png"]
    hints = (
        "line 3: the object is the same as that of line 2",
        "line 4: the image b/1.png has no mask",
        "line 5: the mask object.png has no image",
        "line 6: the mask gone.png does not exist",
        "line 7: the image gone.png does not exist",
        "line 8: the kind 'thing' is unknown",
        "line 9: the domain 'sky' is unknown",
        "line 11: the image longlong",
    )
    for problem, hint in zip(dataset.problems, hints, strict=True):
        assert hint in problem.sentence
        assert problem.sentence.endswith(".")
        assert problem.dataset == "x"


def test_bad_masks_do_not_stop_the_others(
    files: Path, write: Callable[..., Path], save: Save, blob: np.ndarray
) -> None:
    save(files / "small.png", blob[:5].astype(np.uint8))
    save(files / "empty.png", np.zeros(blob.shape, np.uint8))
    dot = np.zeros(blob.shape, np.uint8)
    dot[4, 4] = 1
    save(files / "dot.png", dot)
    (files / "broken.png").write_bytes(b"x")
    kinds = ("small", "empty", "dot", "broken", "object")
    path = write(*(f"x,natural,object,{name},a/1.png,{name}.png" for name in kinds))
    loaded = open_dataset("index", path).cases[0].load()
    assert [target.name for target in loaded.targets] == ["object"]
    found = dict(loaded.problems)
    assert "has 5 x 16 pixels but the image has 12 x 16" in found["small"]
    assert "holds no object" in found["empty"]
    assert "one pixel" in found["dot"]
    assert "damaged" in found["broken"]


def test_index_that_is_none(tmp_path: Path, write: Callable[..., Path]) -> None:
    with pytest.raises(FileError, match=r"nowhere\.csv does not exist"):
        open_dataset("index", tmp_path / "nowhere.csv")
    with pytest.raises(FileError, match="lacks the column kind"):
        open_dataset("index", write("a", columns=["dataset", "image", "mask"]))
    with pytest.raises(FileError, match="has no rows"):
        open_dataset("index", write())
    path = write()
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(FileError, match="no CSV file"):
        open_dataset("index", path)
    with pytest.raises(FileError, match="is a folder"):
        open_dataset("index", tmp_path)


# ------------------------------------------------------------------ the real one
@pytest.fixture(scope="module")
def real(shared: Path) -> Path:
    return shared / "data" / "index.csv"


def test_every_row_of_the_real_index_has_a_case(real: Path) -> None:
    dataset = open_dataset("index", real)
    assert not dataset.problems
    with real.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sum(len(case.masks) for case in dataset.cases) == len(rows)
    names = [(case.dataset, case.image) for case in dataset.cases]
    assert len(set(names)) == len(names)
    assert open_dataset("index", real) == dataset
    assert len(pickle.dumps(dataset)) < 10**6


def test_the_real_index_has_about_430_objects(real: Path) -> None:
    count: Counter[str] = Counter()
    for case in open_dataset("index", real).cases:
        loaded = case.load()
        assert not loaded.problems, (case.dataset, case.image)
        assert len({target.name for target in loaded.targets}) == len(loaded.targets)
        for target in loaded.targets:
            assert target.truth.shape == target.valid.shape == loaded.image.shape[:2]
            assert target.truth.sum() > 1
            assert not (target.truth & ~target.valid).any()
        count[case.dataset] += len(loaded.targets)
    assert 415 <= sum(count.values()) <= 445
    assert count["vnc_sstem_3d"] >= 1
    assert count["wbc_brightfield"] == 24
    assert count["grabcut50"] == 25


def test_one_set_of_the_real_index(real: Path) -> None:
    dataset = open_dataset("index", real, only="grabcut50,brats2018")
    assert {case.dataset for case in dataset.cases} == {"grabcut50", "brats2018"}
    unknown = [~case.load().targets[0].valid for case in dataset.cases[:25]]
    assert sum(mask.any() for mask in unknown) > 10
