"""Ctrl-C in a terminal, which reaches every process that the command has started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import bulk_work
import numcodecs
import psutil
import pytest
import zarr

from napari_m2n2.bulk.progressing import Progressing

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

PROGRAM = "import sys; from napari_m2n2.cli import main; sys.exit(main())"
QUICK = ("--grid", "10", "--device", "cpu", "--workers", "2")


@pytest.fixture
def folder(tmp_path):
    """A folder with many planes, which take seconds, and a table for them."""
    # a process that reads blosc has a semaphore, which is left when the process is killed
    zarr.create_array(
        tmp_path / "many.zarr",
        data=bulk_work.bright(400),
        chunks=(10, 40, 48),
        zarr_format=2,
        compressors=numcodecs.Blosc(),
    )
    (tmp_path / "table.csv").write_text("image,axis-0,axis-1,label\nmany.zarr,17,22,fg\n")
    return tmp_path


@pytest.fixture
def arguments(folder):
    store, records = folder / "store", folder / "r.jsonl"
    return {
        "encode": ("encode", folder / "many.zarr", "--store", store, *QUICK),
        "batch": ("batch", folder / "table.csv", "-o", records, *QUICK),
    }


def stored(folder):
    return list((folder / "store").rglob("[!.]*.safetensors"))


def planes_of(journal):
    return journal.read_bytes().count(b'{"plane"') if journal.exists() else 0


def interrupt(words, when):
    """Run a command until `when`, send Ctrl-C to all of its processes, and return its end."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        heard = process.stderr.readline()
        end = time.monotonic() + 60
        while not when():
            assert time.monotonic() < end
            assert process.poll() is None
            time.sleep(0.005)
        workers = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)
        out, rest = process.communicate(timeout=60)
    assert out == ""
    _, left = psutil.wait_procs(workers, timeout=10)
    assert left == []
    told = [line for line in (heard + rest).splitlines() if not line.endswith(" ...")]
    return process.returncode, told


def test_an_encoding_ends_with_one_sentence_and_goes_on(folder, arguments, command, monkeypatch):
    code, told = interrupt(arguments["encode"], lambda: len(stored(folder)) > 8)
    assert told == [
        f"napari-m2n2: Interrupted; what is encoded is kept in {folder / 'store'}, and the same "
        "command goes on from there."
    ]
    assert code == 130
    before = {path.name: path.stat().st_ino for path in stored(folder)}
    monkeypatch.setattr("napari_m2n2.parallel.run", bulk_work.run)
    done = command(*arguments["encode"])
    assert done.code == 0
    new, known, *_ = (int(word) for word in done.out.split() if word.isdigit())
    assert new + known == 400
    assert 0 < known < 400
    # what was there is not written again
    after = {path.name: path.stat().st_ino for path in stored(folder)}
    assert before.items() <= after.items()


def test_a_batch_ends_with_one_sentence_and_keeps_what_is_done(folder, arguments):
    journal = folder / "r.jsonl.journal"
    code, told = interrupt(arguments["batch"], lambda: planes_of(journal) > 2)
    assert told == [
        f"napari-m2n2: Interrupted; what is done is kept in {journal}, and the same command goes "
        "on from there."
    ]
    assert code == 130
    assert not (folder / "many_labels.ome.zarr").exists()
    with Progressing(journal) as kept:
        assert 2 < len(kept.planes) < 400


@pytest.mark.parametrize("what", ["encode", "batch"])
def test_while_the_processes_start(arguments, what):
    """They are Python processes that have not got to any line of ours yet."""
    code, told = interrupt(arguments[what], lambda: True)
    assert code == 130
    (sentence,) = told
    assert sentence.startswith("napari-m2n2: Interrupted; ")
