"""Odd and bad input: a documented outcome, one sentence, and never half a file.

The table in `docs/command-line.md` lists these outcomes.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile

PLAIN = {"photometric": "minisblack"}
HEADER = "axis-0,axis-1,label\n"


@pytest.fixture
def refused(segment, work):
    """Runs `segment` on something it must refuse; returns the sentence."""

    def run(*arguments, **files):
        before = sorted(work.folder.iterdir())
        sentence = segment(*arguments, **files).sentence
        assert sorted(work.folder.iterdir()) == before
        assert not work.labels.exists()
        assert sentence.endswith(".")
        return sentence

    return run


# ------------------------------------------------------------ prompts


@pytest.mark.parametrize(
    ("points", "count"), [("", 0), ("4,4,bg\n", 1), ("4,4,bg\n30,40,bg\n", 2)]
)
def test_without_foreground_the_labels_are_empty(segment, work, points, count):
    work.points.write_text(HEADER + points)
    done = segment("--json")
    assert done.code == 0
    assert "There is no foreground prompt on this plane, so the labels are empty." in done.err
    assert json.loads(done.out)["prompts"]["points"] == count
    labels = tifffile.imread(work.labels)
    assert labels.shape == (40, 48)
    assert not labels.any()


def test_duplicates_change_nothing(segment, work):
    segment()
    once = tifffile.imread(work.labels)
    work.points.write_text(HEADER + "17,22,fg\n17,22,fg\n17.3,21.9,fg\n4,4,bg\n4,4,bg\n")
    assert segment().code == 0
    np.testing.assert_array_equal(tifffile.imread(work.labels), once)


def test_of_contradicting_duplicates_the_later_counts(segment, work):
    segment()
    once = tifffile.imread(work.labels)
    work.points.write_text(HEADER + "17,22,bg\n17,22,fg\n4,4,bg\n")
    done = segment("--json")
    assert "Left out, as their pixel gets the other label later: 1 point." in done.err
    assert json.loads(done.out)["thresholds"][0] is None
    np.testing.assert_array_equal(tifffile.imread(work.labels), once)


@pytest.mark.parametrize("point", ["-1,5", "5,-0.6", "40,5", "5,47.5", "1e9,1e9"])
def test_points_outside_the_plane(refused, work, point):
    work.points.write_text(f"{HEADER}17,22,fg\n{point},bg\n")
    assert "lies outside the plane of 40 rows and 48 columns; remove it" in refused()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("axis-0,axis-1\n1,2\n", "has no column label"),
        (HEADER + "1,2,\n", "line 2: the label is missing"),
        (HEADER + "1,2,fg\n3,4,dog\n", "line 3: the label 'dog' is unknown; use fg, foreground"),
        (HEADER + "a,2,fg\n", "line 2: the coordinate 'a' is no number"),
        ("", "is empty"),
    ],
)
def test_points_files_that_cannot_be_used(refused, work, text, sentence):
    work.points.write_text(text)
    assert sentence in refused()


def test_points_without_labels_in_json(refused, work):
    points = work.folder / "points.json"
    points.write_text('{"points": [[1, 2]]}')
    assert "has points but no labels" in refused(points=points)


def test_points_of_a_volume_for_a_plane(refused, work):
    work.points.write_text("axis-0,axis-1,axis-2,label\n1,2,3,fg\n")
    assert "3 coordinates but image.tif has 2 axes" in refused()


# ------------------------------------------------------------ images that work


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 300)])
def test_tiny_and_thin_images(segment, work, shape):
    tifffile.imwrite(work.image, np.arange(np.prod(shape), dtype=np.uint16).reshape(shape))
    work.points.write_text(f"{HEADER}0,0,fg\n")
    assert segment().code == 0
    labels = tifffile.imread(work.labels)
    assert labels.shape == shape
    assert labels[0, 0] == 1


@pytest.mark.parametrize("value", [0, 7, np.nan, np.inf])
def test_constant_images(segment, work, value):
    tifffile.imwrite(work.image, np.full((20, 24), value, np.float32))
    work.points.write_text(f"{HEADER}5,5,fg\n15,15,bg\n")
    assert segment().code == 0
    labels = tifffile.imread(work.labels)
    assert labels[5, 5] == 1
    assert labels[15, 15] == 0


def test_not_a_number_and_infinities(segment, work, square):
    data = square.astype(np.float32)
    data[0, :3] = np.nan, np.inf, -np.inf
    data[20, 40] = np.nan
    tifffile.imwrite(work.image, data)
    assert segment().code == 0
    labels = tifffile.imread(work.labels) > 0
    assert (labels & (square > 0)).sum() / (labels | (square > 0)).sum() > 0.7


@pytest.mark.parametrize(
    "dtype",
    ["bool", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", ">u2", ">f4"],
)
def test_all_real_types(segment, work, square, dtype):
    data = (square // 2).astype(dtype)
    tifffile.imwrite(work.image, data, byteorder=">" if ">" in dtype else None)
    assert segment().code == 0
    labels = tifffile.imread(work.labels) > 0
    assert (labels & (square > 0)).sum() / (labels | (square > 0)).sum() > 0.7


def test_read_only_files(segment, work):
    work.image.chmod(0o444)
    work.points.chmod(0o444)
    assert segment().code == 0


# ------------------------------------------------------------ images that do not


@pytest.mark.parametrize("count", [2, 4, 5])
def test_channels_without_a_choice(refused, work, square, count):
    data = np.stack([square] * count).astype(np.uint16)
    tifffile.imwrite(work.image, data, metadata={"axes": "CYX"}, **PLAIN)
    assert (
        f"has {count} channels; choose one to three of them with --channels, from 0 to {count - 1}"
        in refused()
    )
    assert "Channel 9 does not exist" in refused("--channels", 9)


def test_complex_numbers(refused, work):
    tifffile.imwrite(work.image, np.zeros((40, 48), np.complex64))
    assert "values of type complex64; convert it" in refused()


def test_stack_without_an_index(refused, work, square):
    tifffile.imwrite(work.image, np.stack([square] * 5), **PLAIN)
    assert "is a stack (5 x 40 x 48); choose one plane with --index" in refused()
    assert "no plane 5" in refused("--index", 5)


@pytest.mark.parametrize("name", ["image.tif", "image.png", "image.jpg", "image.nii.gz"])
def test_empty_files(refused, work, name):
    image = work.folder / name
    image.write_bytes(b"")
    assert "is empty" in refused(image=image)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.95])
def test_truncated_tiff(refused, work, square, part):
    noise = np.random.default_rng(0).integers(0, 255, square.shape, dtype=np.uint8)
    for data, options in ((noise, {}), (np.stack([noise] * 3), PLAIN)):
        tifffile.imwrite(work.image, data, **options)
        content = work.image.read_bytes()
        work.image.write_bytes(content[: int(part * len(content))])
        assert "damaged or cut off" in refused()


def test_files_that_are_not_there(refused, work):
    assert "does not exist" in refused(image=work.folder / "no.tif")
    assert "does not exist" in refused(points=work.folder / "no.csv")
    (work.folder / "folder.tif").mkdir()
    assert "is a folder" in refused(image=work.folder / "folder.tif")
    assert "unknown format" in refused(image=work.folder / "image.lif")


# ------------------------------------------------------------ outputs and parameters


def test_outputs_that_cannot_be(refused, work, square):
    assert "choose a name that ends in" in refused(labels=work.folder / "labels.jpg")
    assert "does not exist; make it first" in refused(labels=work.folder / "no" / "labels.tif")
    assert "is the image itself" in refused(labels=work.image)
    (work.folder / "folder.tif").mkdir()
    assert "is a folder" in refused(labels=work.folder / "folder.tif")
    tifffile.imwrite(work.image, np.stack([square] * 5), **PLAIN)
    assert "A PNG file holds one plane" in refused("--index", 0, labels=work.folder / "labels.png")


def test_output_is_checked_before_the_work(refused, work, monkeypatch):
    monkeypatch.setattr("napari_m2n2.files.read_image", None)
    assert "does not exist; make it first" in refused(labels=work.folder / "no" / "labels.tif")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--backbone", "nonsense"), "The backbone 'nonsense' is unknown; choose one of"),
        (("--method", "nonsense"), "The method 'nonsense' is unknown; choose one of"),
        (("--preset", "nonsense"), "The preset 'nonsense' is unknown; choose one of"),
        (("--device", "nonsense"), "The device 'nonsense' is unknown; use auto, cpu"),
        (("--grid", "0"), "grid=0 cannot be"),
        (("--axis", "Z", "--index", "0"), "has no axis Z"),
        (("--channels", "0", "0", "0", "0"), "4 channels were chosen"),
    ],
)
def test_choices_that_are_unknown(refused, arguments, sentence):
    assert sentence in refused(*arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--grid", "many"),
        ("--contrast", "5"),
        ("--contrast", "9", "5"),
        ("--contrast", "1", "nan"),
        ("--contrast", "1", "2", "3"),
        ("--axis", "0"),
        ("--nonsense",),
    ],
)
def test_wrong_command_lines(segment, work, arguments):
    done = segment(*arguments)
    assert done.code == 2
    assert "usage: napari-m2n2" in done.err
    assert "error: " in done.err
    assert not work.labels.exists()
