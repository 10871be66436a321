from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from napari_m2n2.errors import FileError
from napari_m2n2.evaluation.clicks import Click
from napari_m2n2.evaluation.journal import Journal, journal_path
from napari_m2n2.evaluation.runs import FORMAT, Record, Settings

SETTINGS = Settings(parameters={"grid": 3})
SOURCE = {"name": "set", "path": "/data"}
COMPUTED = {"versions": {"numpy": "2"}, "machine": {}, "details": {}}
RECORDS = [
    Record(
        "set",
        "",
        f"image {number}",
        "object",
        (0.5, 1 / (number + 1)),
        (0.5, 0.5),
        (0.5, 0.5),
        (0.5, 0.5),
        (Click(number, 1, True),),
        {"prepare": 0.5, "clicks": [0.25], "rescore": 0.125},
    )
    for number in range(4)
]


@pytest.fixture
def output(tmp_path):
    return tmp_path / "RUN.json"


def fill(output, records=RECORDS):
    with Journal(output, SETTINGS, SOURCE) as journal:
        journal.note(COMPUTED)
        for record in records:
            journal.append(record)


def read(output, settings=SETTINGS, source=SOURCE):
    with Journal(output, settings, source) as journal:
        return journal.records, journal.computed


def test_it_goes_on_where_it_stopped(output):
    fill(output, RECORDS[:2])
    with Journal(output, SETTINGS, SOURCE) as journal:
        assert journal.records == RECORDS[:2]
        journal.note(COMPUTED)
        journal.append(RECORDS[2])
    assert read(output) == (RECORDS[:3], [COMPUTED])


def test_an_object_is_on_the_disk_when_append_returns(output, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_size))
    with Journal(output, SETTINGS, SOURCE) as journal:
        for number, record in enumerate(RECORDS, 1):
            journal.append(record)
            size = journal_path(output).stat().st_size
            assert synced[-1] == size
            assert journal_path(output).read_bytes().count(b"\n") == number + 1


def test_cut_anywhere_it_keeps_all_complete_objects(output, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda file: None)  # a thousand times, it takes its time
    fill(output)
    path = journal_path(output)
    whole = path.read_bytes()
    ends = [index + 1 for index, byte in enumerate(whole) if byte == 10]
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        complete = max(0, sum(end <= cut for end in ends) - 2)
        with Journal(output, SETTINGS, SOURCE) as journal:
            assert journal.records == RECORDS[:complete]
            for record in RECORDS[complete:]:
                journal.append(record)
        assert read(output)[0] == RECORDS


def test_a_last_line_of_garbage_is_dropped(output):
    fill(output)
    path = journal_path(output)
    whole = path.read_bytes()
    for garbage in (b"\0" * 100, b"\0" * 100 + b"\n", b'{"object": \n'):
        path.write_bytes(whole + garbage)
        assert read(output)[0] == RECORDS
        assert path.read_bytes() == whole


def test_a_line_of_garbage_in_the_middle_is_damage(output):
    fill(output)
    path = journal_path(output)
    lines = path.read_bytes().splitlines(keepends=True)
    for number in range(len(lines) - 1):
        text = b"".join([*lines[:number], b'{"object": 1}\n', *lines[number + 1 :]])
        path.write_bytes(text)
        with pytest.raises(FileError, match=r"\.journal is damaged; remove it and evaluate again"):
            read(output)
        assert path.read_bytes() == text


@pytest.mark.parametrize("text", ["my notes", '{"a": 1}\n', "1\n2\n", '{"kind": "other"}\n'])
def test_a_file_of_somebody_else_is_left_alone(output, text):
    journal_path(output).write_text(text)
    with pytest.raises(FileError, match="damaged"):
        read(output)
    assert journal_path(output).read_text() == text


def test_another_version(output):
    fill(output)
    path = journal_path(output)
    text = path.read_text().replace(f'"format": {FORMAT}', '"format": 99', 1)
    path.write_text(text)
    with pytest.raises(FileError, match="format 99"):
        read(output)
    assert path.read_text() == text


def test_other_settings_leave_it_alone(output):
    fill(output)
    before = journal_path(output).read_bytes()
    with pytest.raises(FileError, match=r"other settings \(clicks\); give another file"):
        read(output, replace(SETTINGS, clicks=3))
    with pytest.raises(FileError, match=r"other settings \(path\)"):
        read(output, source={**SOURCE, "path": "/other"})
    assert journal_path(output).read_bytes() == before


def test_without_an_object_nothing_stays(output):
    with Journal(output, SETTINGS, SOURCE) as journal:
        journal.note(COMPUTED)
    assert not journal_path(output).exists()


def test_an_empty_one_of_other_settings_is_taken_over(output):
    with Journal(output, SETTINGS, SOURCE) as journal:
        journal.note(COMPUTED)
        head = journal_path(output).read_bytes()
    journal_path(output).write_bytes(head)  # as after a kill
    other = replace(SETTINGS, clicks=3)
    with Journal(output, other, SOURCE) as journal:
        assert journal.computed == []
        journal.append(RECORDS[0])
    assert read(output, other)[0] == RECORDS[:1]


def test_one_process_at_a_time(output):
    with Journal(output, SETTINGS, SOURCE) as journal:
        journal.append(RECORDS[0])
        with pytest.raises(FileError, match="in use by another evaluation; wait for its end"):
            read(output)
    assert read(output)[0] == RECORDS[:1]


def test_a_full_disk_leaves_whole_lines(output, monkeypatch):
    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    with Journal(output, SETTINGS, SOURCE) as journal:
        journal.append(RECORDS[0])
        before = journal_path(output).read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(FileError, match=r"No space left.*make room"):
                journal.append(RECORDS[1])
        assert journal_path(output).read_bytes() == before
        assert journal.records == RECORDS[:1]


def test_a_disk_that_is_full_from_the_start_leaves_no_file(output, monkeypatch):
    def full(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match=r"No space left.*make room"):
        Journal(output, SETTINGS, SOURCE)
    assert not journal_path(output).exists()


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_a_disk_that_takes_half_a_line(output):
    program = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_journal import RECORDS, SETTINGS, SOURCE
from napari_m2n2.errors import FileError
from napari_m2n2.evaluation.journal import Journal, journal_path
output = Path(sys.argv[1])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Journal(output, SETTINGS, SOURCE) as journal:
    journal.append(RECORDS[0])
    size = journal_path(output).stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 50, size + 50))
    try:
        journal.append(RECORDS[1])
    except FileError as error:
        print(error)
    assert journal_path(output).stat().st_size == size
"""
    here = os.path.dirname(os.path.abspath(__file__))
    ended = subprocess.run(
        [sys.executable, "-c", program, str(output), here],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "File too large" in ended.stdout
    assert read(output)[0] == RECORDS[:1]


def test_a_place_that_cannot_be_written(tmp_path):
    with pytest.raises(FileError, match="cannot be written to"):
        Journal(tmp_path / "no" / "RUN.json", SETTINGS, SOURCE)


def test_lines_are_json(output):
    fill(output)
    lines = journal_path(output).read_text().splitlines()
    assert [next(iter(json.loads(line))) for line in lines] == [
        "kind",
        "computed",
        *["object"] * 4,
    ]
