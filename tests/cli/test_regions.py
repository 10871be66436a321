"""`napari-m2n2 regions`."""

from __future__ import annotations

import csv

import imageio.v3
import numpy as np
import pytest
import tifffile

from napari_m2n2 import Segmenter
from napari_m2n2.evaluation.datasets import open_dataset


@pytest.mark.parametrize("by", ["mis", "dwc", "diffseg"])
def test_regions_are_those_of_the_segmenter(command, work, square, by):
    done = command("regions", work.image, "-o", work.labels, "--grid", 12, "-n", 2, "--by", by)
    assert done.code == 0, done
    assert "2 regions of 40 x 48 pixels" in done.out
    segmenter = Segmenter(grid=12, device="cpu")
    segmenter.set_image(square)
    labels = tifffile.imread(work.labels)
    assert np.array_equal(labels, segmenter.regions(by).labels(2))
    inside = labels == labels[18, 24]
    assert (inside & (square > 0)).sum() / (inside | (square > 0)).sum() > 0.85


def test_pseudo_labels_can_be_read_as_a_dataset(command, work, square):
    second = work.folder / "second.png"
    imageio.v3.imwrite(second, square.T)
    (work.folder / "broken.png").write_bytes(b"no picture")
    folder = work.folder / "drawn"
    arguments = ("--pseudo-labels", folder, "--grid", 12, "--samples", 3)
    done = command("regions", work.image, second, work.folder / "broken.png", *arguments)
    assert done.code == 1
    assert "broken.png" in done.err
    assert "masks of 2 images" in done.out
    with (folder / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["image"] for row in rows} == {"images/image.png", "images/second.png"}
    for row in rows:
        mask = imageio.v3.imread(folder / row["mask"])
        assert mask.max() == 1
        assert mask.shape == imageio.v3.imread(folder / row["image"]).shape[:2]
    dataset = open_dataset("index", folder / "index.csv")
    assert sum(len(case.load().targets) for case in dataset.cases) == len(rows)

    again = work.folder / "again"
    command("regions", work.image, second, "--pseudo-labels", again, *arguments[2:])
    for row in rows:
        assert (again / row["mask"]).read_bytes() == (folder / row["mask"]).read_bytes()
    done = command("regions", work.image, "--pseudo-labels", again, "--grid", 12)
    assert "holds an index.csv already" in done.sentence


def test_images_of_one_name_are_told_apart(command, work, square):
    other = work.folder / "other"
    other.mkdir()
    tifffile.imwrite(other / "image.tif", square[::-1])
    folder = work.folder / "drawn"
    done = command(
        *("regions", work.image, other / "image.tif"),
        *("--pseudo-labels", folder, "--grid", 8, "--samples", 1),
    )
    assert done.code == 0, done
    assert sorted(path.name for path in (folder / "images").iterdir()) == [
        "image-2.png",
        "image.png",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give either -o"),
        (("-o", "a.tif", "--pseudo-labels", "b"), "give either -o"),
        (("b.tif", "-o", "a.tif"), "-o takes one image"),
        (("--pseudo-labels", "b", "-n", "3"), "-n is for -o"),
        (("--pseudo-labels", "b", "--samples", "0"), "--samples takes"),
        (("--pseudo-labels", "b", "--seed", "-1"), "--seed takes"),
        (("-o", "a.tif", "--axis", "Z"), "--axis needs --index"),
        (("-o", "a.tif", "--by", "magic"), "invalid choice"),
    ],
)
def test_options_that_do_not_fit_are_said(command, work, arguments, said):
    done = command("regions", work.image, *arguments)
    assert done.code == 2
    assert said in done.err


def test_what_cannot_be_done_is_said_before_the_work(command, work):
    done = command("regions", work.image, "-o", work.image)
    assert "is the image itself" in done.sentence
    done = command("regions", work.image, "-o", work.labels, "--grid", 4, "-n", 99)
    assert "99 regions cannot be had" in done.sentence
    assert not work.labels.exists()


def test_with_a_store_the_second_time_takes_what_is_there(command, work, square, monkeypatch):
    from napari_m2n2.attention.texture import Texture

    arguments = ("regions", work.image, "-o", work.labels, "--grid", 12, "-n", 2)
    store = work.folder / "store"
    assert command(*arguments, "--store", store).code == 0
    first = tifffile.imread(work.labels)

    def fail(*_):
        raise AssertionError

    monkeypatch.setattr(Texture, "attend", fail)
    work.labels.unlink()
    assert command(*arguments, "--store", store).code == 0
    assert np.array_equal(tifffile.imread(work.labels), first)
