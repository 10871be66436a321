"""`napari-m2n2 encode` and `batch` as programs, killed, or with a worker of a cluster killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import bulk_work
import psutil
import pytest
import tifffile
from extras import load

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

PROGRAM = "import sys; from napari_m2n2.cli import main; sys.exit(main())"
PLANES = 80
QUICK = ("--grid", "10", "--device", "cpu", "--method", "attention-nn")


def make_folder(folder):
    """Write a stack, and a table with a prompt for each plane."""
    folder.mkdir()
    stack = bulk_work.bright(PLANES)
    tifffile.imwrite(folder / "many.tif", stack, metadata={"axes": "ZYX"}, imagej=True)
    rows = [f"many.tif,{plane},17,22,fg\n" for plane in range(PLANES)]
    (folder / "table.csv").write_text("image,axis-0,axis-1,axis-2,label\n" + "".join(rows))
    return folder


def words(what, folder):
    """The command line for a folder."""
    if what == "encode":
        return ("encode", folder / "many.tif", "--store", folder / "store", *QUICK)
    return ("batch", folder / "table.csv", "-o", folder / "records.jsonl", *QUICK)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What both commands come to where nothing happens: all is done in this process."""
    from napari_m2n2.cli import main

    folder = make_folder(tmp_path_factory.mktemp("undisturbed") / "images")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari_m2n2.parallel.run", bulk_work.run)
        for what in ("encode", "batch"):
            assert main([str(word) for word in words(what, folder)]) == 0
    return {what: come_to(what, folder) for what in ("encode", "batch")}


def come_to(what, folder):
    """What a command has written: all files of the store, or the labels of each plane."""
    if what == "encode":
        return {path.name: path.read_bytes() for path in stored(folder)}
    labels = tifffile.imread(folder / "many_labels.tif")
    return {plane: labels[plane].tobytes() for plane in range(PLANES)}


def stored(folder):
    return list((folder / "store").rglob("[!.]*.safetensors"))


def done(what, folder):
    """How many files of the store or planes of the journal there are."""
    if what == "encode":
        return len(stored(folder))
    journal = folder / "records.jsonl.journal"
    return journal.read_bytes().count(b'{"plane"') if journal.exists() else 0


def until(condition, process):
    """Wait for something that a process does."""
    end = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, "it has ended too early"
        assert time.monotonic() < end
        time.sleep(0.002)


def until_more(what, folder, count, process):
    until(lambda: done(what, folder) > count, process)


def until_all_end(processes):
    """Wait for processes whose parent is gone; who they are left to may not take note."""
    end = time.monotonic() + 20
    while any(is_alive(process) for process in processes):
        assert time.monotonic() < end
        time.sleep(0.01)


def is_alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def start(*given):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, given)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


# ------------------------------------------------------------------ a worker of a cluster
@contextmanager
def running(*given):
    """A program of Dask's command line, as a machine of its own would run it."""
    process = subprocess.Popen(
        [sys.executable, "-m", *map(str, given)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def cluster(tmp_path):
    """The address of a scheduler, and two workers that nobody starts again."""
    distributed = load("distributed", "cluster")
    file = tmp_path / "scheduler.json"
    where = ("--scheduler-file", file, "--no-dashboard")
    with ExitStack() as stack:
        program = "distributed.cli.dask_scheduler"
        scheduler = stack.enter_context(
            running(program, "--host", "127.0.0.1", "--port", "0", *where)
        )
        until(lambda: file.exists() and file.stat().st_size > 0, scheduler)
        program = "distributed.cli.dask_worker"
        one = ("--no-nanny", "--nthreads", "1", "--local-directory", tmp_path)
        workers = [stack.enter_context(running(program, *where, *one)) for _ in range(2)]
        address = json.loads(file.read_text())["address"]
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(len(workers), timeout=120)
        yield address, workers


@pytest.mark.parametrize("what", ["encode", "batch"])
def test_a_dask_worker_that_is_lost_costs_nothing(tmp_path, cluster, undisturbed, what):
    address, (lost, other) = cluster
    folder, whole = make_folder(tmp_path / "images"), undisturbed[what]
    before = {path.name for path in folder.iterdir()}
    process = start(*words(what, folder), "--scheduler", address)
    until_more(what, folder, 6, process)
    lost.kill()
    lost.wait()
    there = done(what, folder)
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    assert come_to(what, folder) == whole
    # it was lost in the middle, and the other one did the rest
    assert 6 < there < len(whole)
    assert other.poll() is None
    told = {
        "encode": f"{PLANES} planes encoded and 0 there before, of {PLANES} in 1 file",
        "batch": "labels of 1 of 1 image with 1 object",
    }
    assert told[what] in out
    left = {path.name for path in folder.iterdir()} - before
    assert left == ({"store"} if what == "encode" else {"many_labels.tif", "records.jsonl"})


# ------------------------------------------------------------------ the command itself
@pytest.mark.parametrize("what", ["encode", "batch"])
def test_killed_it_goes_on_where_it_was(tmp_path, undisturbed, command, monkeypatch, what):
    """Twice; at 20 random moments the same is done in tests/bulk/test_killed_bulk.py."""
    folder, whole = make_folder(tmp_path / "images"), undisturbed[what]
    for share in (0.2, 0.6):
        process = start(*words(what, folder), "--workers", "2")
        until_more(what, folder, share * len(whole), process)
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.communicate()
        until_all_end(workers)
    assert 0 < done(what, folder) < len(whole)
    there = {path: path.stat().st_ino for path in stored(folder)}
    assert {path.name: path.read_bytes() for path in there}.items() <= whole.items()
    begun = []

    def run(work, tasks, **options):
        return bulk_work.run(lambda task: begun.append(task) or work(task), tasks, **options)

    monkeypatch.setattr("napari_m2n2.parallel.run", run)
    ended = command(*words(what, folder))
    assert ended.code == 0, ended
    assert come_to(what, folder) == whole
    # what was there is not written again, and planes of the journal are not begun again
    assert there.items() <= {path: path.stat().st_ino for path in stored(folder)}.items()
    assert len(begun) == PLANES if what == "encode" else 0 < len(begun) < PLANES
