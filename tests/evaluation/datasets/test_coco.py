"""COCO's JSON."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_m2n2.errors import FileError, InputError
from napari_m2n2.evaluation.datasets import open_dataset

Save = Callable[[Path, np.ndarray], Path]

SQUARE = [[2.0, 1.0, 6.0, 1.0, 6.0, 4.0, 2.0, 4.0]]
RUNS = {"size": [12, 16], "counts": [12, 3, 177]}
TEXT = {"size": [12, 16], "counts": "<3a5"}


def annotation(number: Any, image: Any, segmentation: Any, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": image,
        "segmentation": segmentation,
        "category_id": 1,
        **more,
    }


@pytest.fixture
def content() -> dict[str, Any]:
    return {
        "images": [
            {"id": 7, "file_name": "b.png", "height": 12, "width": 16},
            {"id": 3, "file_name": "a.png", "height": 12, "width": 16},
            {"id": 9, "file_name": "empty.png", "height": 12, "width": 16},
        ],
        "annotations": [
            annotation(1, 7, SQUARE, iscrowd=0),
            annotation(2, 7, RUNS),
            annotation(3, 7, {"size": [12, 16], "counts": [0, 192]}, iscrowd=1),
            annotation(4, 3, TEXT),
        ],
        "categories": [{"id": 1, "name": "cell"}],
    }


@pytest.fixture
def folder(tmp_path: Path, save: Save, image: np.ndarray) -> Path:
    """The layout of COCO itself."""
    for name in ("a.png", "b.png"):
        save(tmp_path / "val2017" / name, image)
    (tmp_path / "annotations").mkdir()
    return tmp_path


@pytest.fixture
def write(folder: Path) -> Callable[[Any], Path]:
    def write_content(content: Any) -> Path:
        path = folder / "annotations" / "instances_val2017.json"
        path.write_text(json.dumps(content))
        return path

    return write_content


def test_polygons_and_both_kinds_of_run_lengths(
    write: Callable, content: dict, image: np.ndarray
) -> None:
    dataset = open_dataset("coco", write(content), domain="microscopy")
    assert [(case.dataset, case.domain, case.image) for case in dataset.cases] == [
        ("instances_val2017", "microscopy", "b.png"),
        ("instances_val2017", "microscopy", "a.png"),
    ]
    assert not dataset.problems
    loaded = dataset.cases[0].load()
    np.testing.assert_array_equal(loaded.image, image)
    assert [target.name for target in loaded.targets] == ["cell 1", "cell 2"]
    square, column = np.zeros((2, 12, 16), bool)
    square[1:4, 2:6] = True
    column[:3, 1] = True
    np.testing.assert_array_equal(loaded.targets[0].truth, square)
    np.testing.assert_array_equal(loaded.targets[1].truth, column)
    (target,) = dataset.cases[1].load().targets
    np.testing.assert_array_equal(target.truth, column)


def test_objects_are_spread_over_the_ranks_of_area(write: Callable, content: dict) -> None:
    case = open_dataset("coco", write(content), per_image=1).cases[0]
    assert [target.name for target in case.load().targets] == ["cell 1"]


def test_cases_travel_to_other_processes(write: Callable, content: dict) -> None:
    dataset = open_dataset("coco", write(content))
    assert pickle.loads(pickle.dumps(dataset)) == dataset


@pytest.mark.parametrize(
    "place", ["images", "annotations/images", "annotations/val2017", "annotations"]
)
def test_images_are_found_where_programs_put_them(
    place: str, folder: Path, write: Callable, content: dict
) -> None:
    target = folder / place
    if target.exists():
        for file in (folder / "val2017").iterdir():
            file.rename(target / file.name)
    else:
        (folder / "val2017").rename(target)
    assert len(open_dataset("coco", write(content)).cases[0].load().targets) == 2


def test_folder_of_images_may_be_named(folder: Path, write: Callable, content: dict) -> None:
    (folder / "val2017").rename(folder / "elsewhere")
    with pytest.raises(FileError, match="does not hold the images of instances_val2017"):
        open_dataset("coco", write(content))
    dataset = open_dataset("coco", write(content), images=folder / "elsewhere")
    assert len(dataset.cases) == 2
    with pytest.raises(FileError, match="nowhere does not exist"):
        open_dataset("coco", write(content), images=folder / "nowhere")


# ------------------------------------------------------------------ what can be wrong
def test_listing_problems_do_not_stop_the_others(write: Callable, content: dict) -> None:
    content["images"] += [
        {"id": 3, "file_name": "c.png"},
        {"id": 30, "file_name": "a.png"},
        {"id": 31, "file_name": "gone.png"},
    ]
    content["annotations"] += [
        annotation(4, 3, SQUARE),
        annotation(5, 99, SQUARE),
        annotation(6, 31, SQUARE),
    ]
    dataset = open_dataset("coco", write(content))
    assert [case.image for case in dataset.cases] == ["b.png", "a.png"]
    assert [(p.image, p.object) for p in dataset.problems] == [
        ("c.png", ""),
        ("a.png", ""),
        ("a.png", "cell 4"),
        ("99", "cell 5"),
        ("gone.png", ""),
    ]
    hints = ("twice", "twice", "two annotations 4", "no image 99", "does not exist")
    for problem, hint in zip(dataset.problems, hints, strict=True):
        assert hint in problem.sentence
        assert problem.sentence.endswith(".")


def test_bad_masks_do_not_stop_the_others(write: Callable, content: dict) -> None:
    content["annotations"] = [
        annotation(1, 7, SQUARE),
        annotation(2, 7, {"size": [16, 12], "counts": [192]}),
        annotation(3, 7, {"size": [12, 16], "counts": [192]}),
        annotation(4, 7, [[1, 1, 2, 1, 2, 2, 1, 2]]),
        annotation(5, 7, []),
        annotation(6, 7, [[1, 1]]),
    ]
    loaded = open_dataset("coco", write(content)).cases[0].load()
    assert [target.name for target in loaded.targets] == ["cell 1"]
    assert [name for name, _ in loaded.problems] == [f"cell {n}" for n in range(2, 7)]
    hints = ("of an image of [16, 12]", "no object", "one pixel", "neither", "three or more pairs")
    for (_, sentence), hint in zip(loaded.problems, hints, strict=True):
        assert hint in sentence


@pytest.mark.parametrize(
    "broken",
    [
        [],
        {"images": []},
        {"images": {}, "annotations": []},
        {"images": [1], "annotations": []},
        {"images": [], "annotations": [], "categories": None},
        {"images": [{"id": 1}], "annotations": []},
    ],
)
def test_json_of_somebody_else(broken: Any, write: Callable) -> None:
    with pytest.raises(FileError, match=r"has no lists of images|without id or file_name"):
        open_dataset("coco", write(broken))


def test_no_json_at_all(folder: Path) -> None:
    path = folder / "a.json"
    with pytest.raises(FileError, match=r"a\.json does not exist"):
        open_dataset("coco", path)
    path.write_text("{")
    with pytest.raises(FileError, match="is no JSON file"):
        open_dataset("coco", path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(FileError, match="is no JSON file"):
        open_dataset("coco", path)
    with pytest.raises(InputError, match="domain='sky' is not possible"):
        open_dataset("coco", path, domain="sky")
