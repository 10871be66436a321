"""Objects as COCO's JSON, and read again by our own reader of the format."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_m2n2.errors import FileError, InputError
from napari_m2n2.evaluation.datasets.segmentation import decode_segmentation
from napari_m2n2.files.coco import CocoPlane, Named, write_coco


def written(path, labels, names=None, **options):
    count = write_coco(path, [CocoPlane("a.png", labels)], names, **options)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert len(content["annotations"]) == count
    return content


def decoded(content, shape):
    """Return the labels that the annotations of the first image give."""
    labels = np.zeros(shape, int)
    for entry in content["annotations"]:
        labels[decode_segmentation(entry["segmentation"], shape)] = entry["label"]
    return labels


LABELS = np.zeros((6, 9), np.uint16)
LABELS[1:3, 2:5] = 4
LABELS[3:6, 6:9] = 9
RING = LABELS.copy()
RING[4, 7] = 0


def test_the_structure_is_that_of_coco(tmp_path):
    names = {4: Named("left", "nucleus", "done"), 9: Named("right", "vessel", "flagged")}
    found = written(tmp_path / "a.json", LABELS, names, description="nuclei")
    assert set(found) == {"info", "licenses", "images", "annotations", "categories"}
    assert found["info"]["description"] == "nuclei"
    assert found["images"] == [{"id": 1, "file_name": "a.png", "width": 9, "height": 6}]
    categories = {entry["name"]: entry["id"] for entry in found["categories"]}
    assert len(set(categories.values())) == len(categories)
    first, second = found["annotations"]
    assert first == {
        "id": 1,
        "image_id": 1,
        "category_id": categories["nucleus"],
        "segmentation": [[2, 1, 5, 1, 5, 3, 2, 3]],
        "area": 6,
        "bbox": [2, 1, 3, 2],
        "iscrowd": 0,
        "label": 4,
        "name": "left",
        "state": "done",
    }
    assert (second["id"], second["category_id"]) == (2, categories["vessel"])


def test_without_classes_there_is_one_category(tmp_path):
    found = written(tmp_path / "a.json", LABELS)
    assert [entry["name"] for entry in found["categories"]] == ["object"]
    assert "name" not in found["annotations"][0]


def test_a_hole_needs_run_lengths(tmp_path):
    found = written(tmp_path / "a.json", RING)
    kinds = {e["label"]: type(e["segmentation"]) for e in found["annotations"]}
    assert kinds == {4: list, 9: dict}
    np.testing.assert_array_equal(decoded(found, RING.shape), RING)
    with pytest.raises(InputError, match="Label 9 has a hole"):
        written(tmp_path / "b.json", RING, shapes="polygons")
    assert not (tmp_path / "b.json").exists()
    found = written(tmp_path / "a.json", RING, shapes="rle")
    assert {type(e["segmentation"]) for e in found["annotations"]} == {dict}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    labels=arrays(
        np.uint8, st.tuples(st.integers(1, 8), st.integers(1, 8)), elements=st.integers(0, 3)
    ),
    shapes=st.sampled_from(["auto", "rle"]),
)
def test_whatever_is_drawn_comes_back(tmp_path, labels, shapes):
    found = written(tmp_path / "a.json", labels, shapes=shapes)
    np.testing.assert_array_equal(decoded(found, labels.shape), labels)
    for entry in found["annotations"]:
        mask = labels == entry["label"]
        assert entry["area"] == mask.sum()
        rows, columns = np.nonzero(mask)
        left, top, width, height = entry["bbox"]
        assert (left, top) == (columns.min(), rows.min())
        assert (width, height) == (np.ptp(columns) + 1, np.ptp(rows) + 1)


def test_several_planes(tmp_path):
    planes = [CocoPlane(f"{k}.png", LABELS, {"plane": [k]}) for k in range(2)]
    assert write_coco(tmp_path / "a.json", planes) == 4
    found = json.loads((tmp_path / "a.json").read_text())
    assert [image["plane"] for image in found["images"]] == [[0], [1]]
    assert [entry["image_id"] for entry in found["annotations"]] == [1, 1, 2, 2]
    assert [entry["id"] for entry in found["annotations"]] == [1, 2, 3, 4]


def test_the_evaluation_reads_it(tmp_path):
    import imageio.v3

    from napari_m2n2.evaluation.datasets.coco import open_coco

    imageio.v3.imwrite(tmp_path / "a.png", LABELS.astype(np.uint8))
    written(tmp_path / "a.json", RING)
    (case,) = open_coco("coco", tmp_path / "a.json").cases
    truths = [target.truth for target in case.load().targets]
    np.testing.assert_array_equal(truths, [RING == 4, RING == 9])


def test_a_folder_that_is_missing(tmp_path):
    with pytest.raises(FileError, match=r"cannot be written|does not exist"):
        written(tmp_path / "no" / "a.json", LABELS)
