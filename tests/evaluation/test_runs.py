from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.bulk.jsontext import to_text
from napari_m2n2.errors import FileError
from napari_m2n2.evaluation.clicks import Click
from napari_m2n2.evaluation.runs import (
    FORMAT,
    Failure,
    Record,
    Run,
    Settings,
    read_run,
    record_from_json,
    record_to_json,
    settings_from_json,
    settings_to_json,
    write_run,
)


def make_record(**changes):
    return Record(
        **{
            "dataset": "set",
            "domain": "medical",
            "image": "größe 1.png",
            "object": "label 1",
            "iou": (0.1, 1 / 3),
            "dice": (0.2, 0.5),
            "boundary_f": (0.0, 1.0),
            "surface": (0.25, 0.75),
            "clicks": (Click(1, 2, True), Click(3, 4, False)),
            "seconds": {"prepare": 1.5, "clicks": [0.1, 0.2], "rescore": 0.01},
            **changes,
        }
    )


def make_run(**changes):
    return Run(
        **{
            "format": FORMAT,
            "settings": Settings(parameters={"temperature": 0.5}),
            "versions": {"numpy": "2"},
            "machine": {"cores": 2},
            "source": {"name": "set", "path": "/data", "options": {"per_image": 5}},
            "objects": (make_record(),),
            "failures": (Failure("set", "b.png", "", "There is no mask; add one."),),
            "summary": {"set": {"objects": 1, "iou": {"10": None}}},
            "details": {"weights": "w"},
            **changes,
        }
    )


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "RUN.json"
    for run in (make_run(), make_run(objects=(), failures=(), summary={})):
        write_run(run, path)
        assert read_run(path) == run
    assert [found.name for found in tmp_path.iterdir()] == ["RUN.json"]


def test_the_file_has_what_the_documentation_says(tmp_path):
    write_run(make_run(), tmp_path / "RUN.json")
    text = (tmp_path / "RUN.json").read_text(encoding="utf-8")
    entries = json.loads(text)
    (found,) = entries["objects"]
    assert found["dataset"] == "set"
    assert found["iou"] == [0.1, 1 / 3]
    assert found["clicks"] == [[1, 2, True], [3, 4, False]]
    assert found["seconds"]["clicks"] == [0.1, 0.2]
    assert entries["summary"]["set"]["objects"] == 1
    assert entries["settings"]["parameters"] == {"temperature": 0.5}
    # a person finds an object in its line
    assert sum("label 1" in line for line in text.splitlines()) == 1


numbers = st.floats(0, 1) | st.just(math.nan)


@given(
    iou=st.lists(numbers, min_size=1, max_size=4),
    clicks=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans()), max_size=3),
    name=st.text(),
)
def test_records_come_back(iou, clicks, name):
    record = make_record(iou=tuple(iou), clicks=tuple(Click(*one) for one in clicks), object=name)
    found = record_from_json(json.loads(to_text(record_to_json(record))))
    # compared as text, since NaN is not NaN
    assert repr(found) == repr(record)


def test_settings_compare_as_json():
    settings = Settings(parameters={"blocks": (("up0", 0.5),), "where": Path("a")})
    found = settings_to_json(settings)
    assert found["parameters"] == {"blocks": [["up0", 0.5]], "where": "a"}
    assert settings_to_json(settings_from_json(found)) == found


def test_numbers_of_numpy():
    values = {1: [np.float32(0.5), np.int64(3), np.bool_(True), np.float64(np.nan)]}
    assert to_text(values) == '{"1": [0.5, 3, true, null]}'


def damaged():
    with_clicks = {**record_to_json(make_record()), "clicks": [[1, 2]]}
    without_iou = {**record_to_json(make_record()), "iou": None}
    settings = settings_to_json(Settings())
    return {
        "no objects": {"objects": None},
        "objects are numbers": {"objects": [1]},
        "a click without a label": {"objects": [with_clicks]},
        "no iou": {"objects": [without_iou]},
        "unknown settings": {"settings": {"a": 1, "parameters": {}}},
        "no settings": {"settings": None},
        "clicks in words": {"settings": {**settings, "clicks": "ten"}},
        "a grid in words": {"settings": {**settings, "grid": "64"}},
        "a method that is a number": {"settings": {**settings, "method": 1}},
        "a failure of numbers": {
            "failures": [{"dataset": 1, "image": "", "object": "", "sentence": ""}]
        },
        "a summary of numbers": {"summary": {"set": 1}},
    }


@pytest.mark.parametrize("change", damaged().values(), ids=damaged())
def test_damaged_files(tmp_path, change):
    path = tmp_path / "RUN.json"
    write_run(make_run(), path)
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **change}))
    with pytest.raises(FileError, match=r"RUN\.json is damaged or no JSON; remove it"):
        read_run(path)


def test_a_file_that_ends_early_is_damaged(tmp_path):
    path = tmp_path / "RUN.json"
    write_run(make_run(), path)
    whole = path.read_bytes()
    for end in (0, 1, len(whole) // 2, len(whole) - 3):
        path.write_bytes(whole[:end])
        with pytest.raises(FileError, match="damaged"):
            read_run(path)


def test_files_of_others(tmp_path):
    path = tmp_path / "RUN.json"
    for text in ("[]", "{}", '{"objects": [], "format": 1}', "3"):
        path.write_text(text)
        with pytest.raises(FileError, match=r"is not a run of this program; give a RUN\.json"):
            read_run(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileError, match="damaged or no JSON"):
        read_run(path)
    with pytest.raises(FileError, match="cannot be read"):
        read_run(tmp_path / "no.json")
    with pytest.raises(FileError, match="cannot be read"):
        read_run(tmp_path)


def test_another_version(tmp_path):
    path = tmp_path / "RUN.json"
    write_run(make_run(format=FORMAT + 1), path)
    with pytest.raises(FileError, match=rf"format {FORMAT + 1} and this version reads"):
        read_run(path)
