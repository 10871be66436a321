"""Prompts from CSV and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_m2n2.errors import FileError, InputError
from napari_m2n2.files import Plane, read_prompts
from napari_m2n2.files.prompts import BACKGROUND, FOREGROUND


@pytest.fixture
def points(tmp_path):
    """Writes a file of points and returns its path."""

    def write(content, name=None):
        if isinstance(content, str):
            path = tmp_path / (name or "points.csv")
            path.write_text(content)
        else:
            path = tmp_path / (name or "points.json")
            path.write_text(json.dumps(content))
        return path

    return write


def plane(shape=(8, 9), fixed=None, channel_axis=None):
    fixed = fixed or {}
    kept = [n for axis, n in enumerate(shape) if axis not in fixed]
    return Plane(
        path=Path("image.tif"),
        data=np.zeros(kept),
        channel_axis=None,
        shape=shape,
        axes="TZYX"[-len(shape) :],
        fixed=fixed,
        spacing=(1.0,) * len(shape),
        unit="",
        file_channel_axis=channel_axis,
    )


NAPARI = "index,axis-0,axis-1,label\n0.0,1.5,2.0,fg\n1.0,4.0,5.25,bg\n"


def test_csv(points):
    prompts = read_prompts(points(NAPARI))
    np.testing.assert_array_equal(prompts.points, [[1.5, 2], [4, 5.25]])
    assert prompts.labels.tolist() == [True, False]
    assert prompts.labels.dtype == bool
    assert prompts.scribbles == ()


@pytest.mark.parametrize("label", ["fg/bg", "bool", "int"])
def test_csv_as_napari_writes_it(tmp_path, label):
    # here, so that the other tests of this file need no napari to be loaded
    import pandas
    from napari.layers import Points
    from napari_builtins.io import napari_write_points

    values = {"fg/bg": pandas.Categorical(["fg", "bg"]), "bool": [True, False], "int": [1, 0]}[
        label
    ]
    layer = Points(
        [[1, 2.5, 3], [4, 5, 6]],
        features=pandas.DataFrame({"size": [0.5, 1], "label": values}),
    )
    data, attributes, _ = layer.as_layer_data_tuple()
    napari_write_points(str(tmp_path / "points.csv"), data, attributes)
    prompts = read_prompts(tmp_path / "points.csv")
    np.testing.assert_array_equal(prompts.points, [[1, 2.5, 3], [4, 5, 6]])
    assert prompts.labels.tolist() == [True, False]


@pytest.mark.parametrize(
    "word", [*FOREGROUND, *BACKGROUND, "FG", " Background ", "True", "1.0", "0.0"]
)
def test_words_for_labels(points, word):
    expected = word.strip().lower() in (*FOREGROUND, "1.0")
    for path in (
        points(f"axis-0,axis-1,label\n1,2,{word}\n"),
        points({"points": [[1, 2]], "labels": [word]}),
    ):
        assert read_prompts(path).labels.tolist() == [expected]


def test_csv_in_other_dress(points):
    text = '﻿Label, axis-1 ,AXIS-0,note\n+,2,1,"a, b"\n\n,,,\n-,4,3,\n'
    path = points("")
    path.write_text(text, encoding="utf-8")
    prompts = read_prompts(path)
    np.testing.assert_array_equal(prompts.points, [[1, 2], [3, 4]])
    assert prompts.labels.tolist() == [True, False]


def test_no_points(points):
    for path in (points("index,axis-0,axis-1,label\n"), points({"points": []}), points({})):
        prompts = read_prompts(path).on_plane(plane())
        assert prompts.points.shape == (0, 2)
        assert prompts.labels.shape == (0,)
        assert prompts.boxes.shape == (0, 4)


def test_json(points):
    prompts = read_prompts(
        points(
            {
                "points": [[1, 2], [3, 4.5]],
                "labels": [True, 0],
                "boxes": [[0, 1, 5, 6]],
                "scribbles": [{"path": [[0, 0], [2, 3]], "label": "bg"}],
            }
        )
    ).on_plane(plane())
    np.testing.assert_array_equal(prompts.points, [[1, 2], [3, 4.5]])
    assert prompts.labels.tolist() == [True, False]
    np.testing.assert_array_equal(prompts.boxes, [[0, 1, 5, 6]])
    ((path, label),) = prompts.scribbles
    np.testing.assert_array_equal(path, [[0, 0], [2, 3]])
    assert label is False
    assert prompts.left_out == 0


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("axis-0,axis-1\n1,2\n", "has no column label; add one that says fg or bg"),
        ("x,y,label\n1,2,fg\n", "no columns axis-0 and axis-1; save the points layer from napari"),
        ("\n", "no columns axis-0 and axis-1"),
        ("axis-0,axis-1,label\n1,2,fg\n1,2,cat\n", "line 3: the label 'cat' is unknown; use fg, "),
        (
            "axis-0,axis-1,label\n1,2,\n",
            r"line 2: the label is missing; .*positive, \+ for the ob",
        ),
        ("axis-0,axis-1,label\n1,2,nan\n", "the label 'nan' is unknown"),
        ("axis-0,axis-1,label\n1,2\n", "line 2: there are 2 values for 3 columns"),
        ("axis-0,axis-1,label\n1,two,fg\n", "line 2: the coordinate 'two' is no number"),
        ("axis-0,axis-1,label\n1,inf,fg\n", "the coordinate 'inf' is no number"),
        ('axis-0,axis-1,label\n1,"2,fg\n', "is no CSV file"),
        ({"points": [[1, 2]]}, 'has points but no labels; add "labels"'),
        ({"points": [[1, 2]], "labels": []}, "has 1 points but 0 labels"),
        ({"points": [[1, 2]], "labels": [None]}, "point 0: the label is missing"),
        ({"points": [[1, 2], [1]], "labels": [1, 0]}, r"point 1: give 2 numbers, not \[1\]"),
        ({"points": [[1, "a"]], "labels": [1]}, "coordinate 'a' is no number"),
        ({"points": [[1, None]], "labels": [1]}, "coordinate None is no number"),
        ({"points": [7], "labels": [1]}, "point 0: give 2 numbers, not 7"),
        ({"points": 7, "labels": [1]}, '"points" must be a list'),
        ({"box": []}, "the entry 'box' is unknown; use points, labels, boxes, scribbles"),
        ([1], "must hold an object"),
        ({"boxes": [[1, 2, 3]]}, "box 0: give 4 numbers"),
        ({"scribbles": [[1, 2]]}, 'scribble 0: give {"path": '),
        ({"scribbles": [{"path": [], "label": 1}]}, "one point at least"),
        ({"scribbles": [{"path": [[1, 2]]}]}, "scribble 0: the label is missing"),
    ],
)
def test_bad_files_name_the_line(points, text, sentence):
    with pytest.raises(FileError, match=sentence):
        read_prompts(points(text))


def test_files_that_are_none(points, tmp_path):
    with pytest.raises(FileError, match="is no JSON file"):
        read_prompts(points("{", "points.json"))
    with pytest.raises(FileError, match="is empty"):
        read_prompts(points(""))
    with pytest.raises(FileError, match="does not exist"):
        read_prompts(tmp_path / "missing.csv")
    with pytest.raises(FileError, match=r"give a \.csv or \.json file"):
        read_prompts(tmp_path / "points.txt")
    path = tmp_path / "points.csv"
    path.write_bytes(b"\xff\xfe\x00axis")
    with pytest.raises(FileError, match="is no text file"):
        read_prompts(path)


def test_prompts_of_other_planes_are_left_out_and_counted(points):
    prompts = read_prompts(
        points(
            {
                "points": [[2, 1, 1], [2.4, 2, 2], [2.5, 3, 3], [1.49, 4, 4], [99, 5, 5]],
                "labels": [1, 0, 1, 1, 1],
                "boxes": [[2, 0, 0, 2, 4, 4], [2, 0, 0, 3, 4, 4]],
                "scribbles": [
                    {"path": [[2, 0, 0], [2, 3, 3]], "label": 1},
                    {"path": [[2, 0, 0], [1, 3, 3]], "label": 1},
                ],
            }
        )
    )
    on = prompts.on_plane(plane((5, 8, 9), {0: 2}))
    np.testing.assert_array_equal(on.points, [[1, 1], [2, 2]])
    assert on.labels.tolist() == [True, False]
    np.testing.assert_array_equal(on.boxes, [[0, 0, 4, 4]])
    assert len(on.scribbles) == 1
    assert on.left_out == 5
    across = prompts.on_plane(plane((5, 8, 9), {2: 3}))
    np.testing.assert_array_equal(across.points, [[2.5, 3]])


def test_points_of_a_plane_fit_any_plane(points):
    prompts = read_prompts(points(NAPARI)).on_plane(plane((5, 8, 9), {0: 2}))
    assert (len(prompts.points), prompts.left_out) == (2, 0)


def test_a_channel_axis_has_no_say(points):
    path = points("axis-0,axis-1,axis-2,axis-3,label\n2,1,3,4,fg\n2,0,5,6,bg\n")
    on = read_prompts(path).on_plane(plane((5, 8, 9), {0: 2}, channel_axis=1))
    np.testing.assert_array_equal(on.points, [[3, 4], [5, 6]])


def test_wrong_number_of_coordinates(points):
    prompts = read_prompts(points("axis-0,axis-1,axis-2,label\n0,1,2,fg\n"))
    with pytest.raises(InputError, match=r"points with 3 coordinates but image\.tif has 2 axes"):
        prompts.on_plane(plane())
    with pytest.raises(InputError, match=r"3 coordinates but .* has 4 axes"):
        prompts.on_plane(plane((2, 5, 8, 9), {0: 1, 1: 2}))
