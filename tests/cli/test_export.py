"""`napari-m2n2 export`."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pandas
import pytest
import tifffile
import zarr

from napari_m2n2.annotation.autosave import Autosave
from napari_m2n2.annotation.identity import identify
from napari_m2n2.annotation.objects import AnnotatedObject
from napari_m2n2.annotation.session import Session
from napari_m2n2.files import read_label_image

LABELS = np.zeros((40, 48), np.uint8)
LABELS[10:26, 14:34] = 1
LABELS[2:4, 2:4] = 2


@pytest.fixture
def labelled(work):
    """Labels of the image of `work`."""
    tifffile.imwrite(work.labels, LABELS)
    return work


def test_several_files_at_once(command, labelled):
    names = ["a.nii.gz", "a.ome.zarr", "a.json", "a.csv", "a.png"]
    outputs = [labelled.folder / name for name in names]
    done = command("export", labelled.labels, "--image", labelled.image, "-o", *outputs)
    assert done.code == 0, done
    assert done.out.splitlines() == [
        f"{outputs[0]}: 2 labels",
        f"{outputs[1]}: 2 labels",
        f"{outputs[2]}: 2 annotations",
        f"{outputs[3]}: 2 rows",
        f"{outputs[4]}: 2 labels",
    ]
    np.testing.assert_array_equal(np.asarray(nibabel.load(outputs[0]).dataobj).T, LABELS)
    for output in (outputs[1], outputs[4]):
        np.testing.assert_array_equal(read_label_image(output)[0], LABELS)
    assert pandas.read_csv(outputs[3])["mean"].tolist() == [200, 0]


def test_options(command, labelled):
    outputs = [labelled.folder / name for name in ("a.ome.zarr", "a.json", "a.csv")]
    chosen = ("--outlines", "rle", "--by", "plane", "--zarr-version", "0.5")
    done = command("export", labelled.labels, *chosen, "-o", *outputs)
    assert done.code == 0, done
    assert zarr.open_group(str(outputs[0]), mode="r").attrs["ome"]["version"] == "0.5"
    found = json.loads(outputs[1].read_text())["annotations"]
    assert all(isinstance(entry["segmentation"], dict) for entry in found)
    assert command("export", labelled.labels, "--by", "eye", "-o", outputs[2]).code == 2


def test_a_session(command, labelled, square):
    session = labelled.folder / "image.tif.m2n2.json"
    keeper = Autosave(session)
    identity = identify(square, path=labelled.image, layer="image", session=session)
    objects = (AnnotatedObject(1, 1, "square"), AnnotatedObject(2, 2, "corner", "flagged"))
    keeper.submit(Session(identity, objects=objects), LABELS)
    keeper.flush()
    keeper.close()
    output = labelled.folder / "a.csv"
    done = command("export", session, "-o", output)
    assert done.code == 0, done
    table = pandas.read_csv(output)
    assert table["name"].tolist() == ["square", "corner"]
    assert table["state"].tolist() == ["done", "flagged"]
    assert table["mean"].tolist() == [200, 0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("labels.tif", "-o", "a.xyz"), "no ending that names a format"),
        (("labels.tif", "-o", "no/a.csv"), "does not exist; make it first"),
        (("labels.tif", "-o", "labels.tif"), "is what is read; choose another name"),
        (("labels.tif", "--image", "image.tif", "-o", "image.tif"), "is what is read"),
        (("labels.tif", "-o", "a.csv", "a.csv"), "given twice with -o"),
        (("gone.tif", "-o", "a.csv"), "gone.tif does not exist"),
        (("points.csv", "-o", "a.csv"), "unknown format"),
        (("other.json", "-o", "a.csv"), "is no session file"),
        (("small.tif", "--image", "image.tif", "-o", "a.csv"), "has 40 x 48; give the labels"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(command, labelled, monkeypatch, arguments, words):
    monkeypatch.chdir(labelled.folder)
    (labelled.folder / "other.json").write_text("{}")
    tifffile.imwrite(labelled.folder / "small.tif", LABELS[:9])
    before = {path: path.read_bytes() for path in labelled.folder.iterdir()}
    done = command("export", *arguments)
    assert words in done.sentence
    assert {path: path.read_bytes() for path in labelled.folder.iterdir()} == before
