from __future__ import annotations

import numpy as np
import pytest

from napari_m2n2.bulk.table import read_table
from napari_m2n2.errors import FileError

HEAD = "image,object,axis-0,axis-1,label\n"


@pytest.fixture
def table(tmp_path):
    def write(text):
        path = tmp_path / "table.csv"
        path.write_text(text)
        return path

    return write


def test_points_of_objects_of_images(table, tmp_path):
    found = read_table(
        table(
            "label,image,axis-1,axis-0,note,object\n"
            "fg,a.tif,2,1,,3\nbg,a.tif,4,3,x,3\n+,sub/b.tif,6,5,,\n\n0,a.tif,8,7,,1\n"
        )
    )
    assert [one.image for one in found] == [tmp_path / "a.tif", tmp_path / "sub/b.tif"]
    assert list(found[0].objects) == [3, 1]
    np.testing.assert_array_equal(found[0].objects[3].points, [(1, 2), (3, 4)])
    assert found[0].objects[3].labels.tolist() == [True, False]
    assert list(found[1].objects) == [1]


def test_planes_and_stacks_in_one_table(table):
    found = read_table(
        table("image,axis-0,axis-1,axis-2,label\nplane.png,1,2,,fg\nstack.tif,9,1,2,fg\n")
    )
    assert [one.objects[1].points.tolist() for one in found] == [[[1, 2]], [[9, 1, 2]]]


def test_a_file_of_prompts_for_each_object(table, tmp_path):
    (tmp_path / "one.json").write_text('{"boxes": [[1, 2, 3, 4]]}')
    (tmp_path / "two.csv").write_text("axis-0,axis-1,label\n5,6,fg\n")
    (one,) = read_table(table("image,points,object\na.tif,one.json,\na.tif,two.csv,2\n"))
    assert one.objects[1].boxes.tolist() == [[[1, 2], [3, 4]]]
    assert one.objects[2].points.tolist() == [[5, 6]]


def test_the_same_prompts_for_many_images(table, tmp_path):
    images = [tmp_path / name for name in ("a.tif", "b.tif")]
    found = read_table(table("object,axis-0,axis-1,label\n2,1,1,fg\n"), images)
    assert [one.image for one in found] == images
    assert all(list(one.objects) == [2] for one in found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "has no column image"),
        ("axis-0,axis-1,label\n1,1,fg\n", "has no column image; add one"),
        (HEAD, "has no prompts"),
        (HEAD + "a,1,2,fg\n", "line 2: there are 4 values for 5 columns"),
        (HEAD + ",1,2,3,fg\n", "line 2: the image is missing"),
        (HEAD + "a,0,2,3,fg\n", "line 2: the object '0' cannot be"),
        (HEAD + "a,x,2,3,fg\n", "the object 'x' cannot be"),
        (HEAD + "a,1.5,2,3,fg\n", "the object '1.5' cannot be"),
        (HEAD + "a,9999999999,2,3,fg\n", "cannot be"),
        (HEAD + "a,1,2,3,maybe\n", "line 2: the label 'maybe' is unknown"),
        (HEAD + "a,1,nan,3,fg\n", "is no number"),
        (HEAD + 'a,1,"2,3,fg\n', "is no CSV file"),
        ("image,object,label\na,1,fg\n", "no columns axis-0 and axis-1"),
        ("image,axis-0,axis-1\na,1,1\n", "no column label"),
        ("image,points\na,\n", "the file of points is missing"),
        ("image,points\na,none.csv\n", "does not exist"),
    ],
)
def test_what_cannot_be_is_one_sentence(table, text, words):
    path = table(text or " ")
    with pytest.raises(FileError, match=words.replace("(", r"\(")):
        read_table(path)


def test_two_files_for_one_object(table, tmp_path):
    (tmp_path / "one.json").write_text('{"boxes": [[1, 2, 3, 4]]}')
    path = table("image,points\na,one.json\na,one.json\n")
    with pytest.raises(FileError, match="line 3: the object has a file of prompts in line 2"):
        read_table(path)


def test_images_are_named_once(table, tmp_path):
    with pytest.raises(FileError, match="so that no other images can be given"):
        read_table(table(HEAD + "a,1,2,3,fg\n"), [tmp_path / "b"])
