"""Batches and encodings that are killed, and workers that are lost in the middle."""

from __future__ import annotations

import os
import random
import threading
import time

import bulk_work
import pytest
import tifffile
from extras import load

from napari_m2n2 import parallel
from napari_m2n2.bulk.batch import journal_path
from napari_m2n2.bulk.records import read_records

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

KILLS = 20


@pytest.fixture
def log(tmp_path, monkeypatch):
    monkeypatch.setenv(bulk_work.LOG, str(tmp_path / "log"))
    return tmp_path / "log"


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def kill_at_random(what, folder, seconds, longer=1.0):
    """Do work again and again, killed at random moments; yield after each kill.

    Who kills too early hears nothing of the work, so that there may be more time as long as it
    does not get on.
    """
    moments, before = random.Random(9), len(stored(folder))
    for _ in range(KILLS):
        process = os.fork()
        if not process:  # with all modules, and in one process, so that the kill meets the work
            parallel.run = bulk_work.run
            getattr(bulk_work, f"run_{what}")(folder)
            os._exit(0)
        time.sleep(moments.uniform(0, seconds))
        os.kill(process, 9)
        os.waitpid(process, 0)
        there = len(stored(folder))
        seconds = min(seconds * longer, 0.5) if there <= before else seconds
        before = there
        yield


def labels(folder):
    return {path.name: tifffile.imread(path).tolist() for path in folder.glob("*_labels.tif")}


def files(folder):
    return list((folder / "store").rglob("[!.]*.safetensors"))


def stored(folder):
    return {path.name: path.read_bytes() for path in files(folder)}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """A folder after both kinds of work, and how long each took."""
    folder = bulk_work.make_folder(tmp_path_factory.mktemp("uninterrupted") / "images")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(bulk_work.LOG, str(folder / "log"))
        patch.setattr(parallel, "run", bulk_work.run)
        seconds = {}
        for what in ("encode", "batch"):
            began = time.monotonic()
            getattr(bulk_work, f"run_{what}")(folder)
            seconds[what] = time.monotonic() - began
    return folder, seconds


def test_a_batch_killed_at_20_random_moments(tmp_path, log, uninterrupted):
    expected, seconds = uninterrupted
    folder = bulk_work.make_folder(tmp_path / "images")
    # what is left gets less with each kill, so that they have to come early
    grown = 0
    for _ in kill_at_random("batch", folder, seconds["batch"] / 3):
        grown += journal_path(folder / "records.jsonl").exists()
    records = bulk_work.run_batch(folder)
    assert grown >= 1
    assert labels(folder) == labels(expected)
    assert [len(record.objects) for record in records] == [1, 2]
    assert not journal_path(folder / "records.jsonl").exists()
    # a kill costs the plane that its process was at, and nothing that was done
    assert len(log.read_text().splitlines()) <= 3 + KILLS


def test_an_encoding_killed_at_20_random_moments(tmp_path, uninterrupted):
    expected, seconds = uninterrupted
    folder = bulk_work.make_folder(tmp_path / "images")
    whole = stored(expected)
    known, grown = set(), 0
    # a process that is warm takes some hundredths of a second, a forked one more
    for _ in kill_at_random("encode", folder, max(seconds["encode"], 0.2) / 2, 1.5):
        there = stored(folder)
        assert known <= set(there)
        grown += len(there) > len(known)
        known.update(there)
        # no entry is ever there in part
        assert all(whole[name] == content for name, content in there.items())
    assert grown >= 1
    complete = sum(bulk_work.is_encoded(folder))
    written = {path: path.stat().st_ino for path in files(folder)}
    found = bulk_work.run_encode(folder)
    # only what is missing is computed, and only that is written
    assert (found.new, found.known, found.failures) == (4 - complete, complete, ())
    assert written.items() <= {path: path.stat().st_ino for path in files(folder)}.items()
    assert stored(folder) == whole


@pytest.mark.parametrize("what", ["batch", "encode"])
def test_a_worker_killed_in_the_middle(tmp_path, log, uninterrupted, what):
    folder = bulk_work.make_folder(tmp_path / "images")
    killed = []

    def kill_one():
        import psutil

        def workers():
            return [
                child
                for child in psutil.Process().children(recursive=True)
                if child.pid not in before and "spawn_main" in " ".join(child.cmdline())
            ]

        until(lambda: stored(folder) or journal_path(folder / "records.jsonl").exists())
        until(workers)
        killed.append(workers()[0].pid)
        os.kill(killed[0], 9)

    import psutil

    before = {child.pid for child in psutil.Process().children(recursive=True)}
    killer = threading.Thread(target=kill_one)
    killer.start()
    found = getattr(bulk_work, f"run_{what}")(folder)
    killer.join()
    assert killed
    if what == "batch":
        assert labels(folder) == labels(uninterrupted[0])
        assert all(record.failures == () for record in found)
    else:
        assert stored(folder) == stored(uninterrupted[0])
        assert found.failures == ()


def test_a_plane_that_kills_its_process_three_times_is_listed(tmp_path, log, monkeypatch):
    folder = bulk_work.make_folder(tmp_path / "images")
    trouble = bulk_work.plans(folder)[1].planes[1]
    monkeypatch.setenv(bulk_work.TROUBLE, trouble.key)
    plane, stack = bulk_work.run_batch(folder)
    assert plane.failures == ()
    (failure,) = stack.failures
    assert failure.plane == (3,)
    assert "its process ended, with signal 9" in failure.sentence
    assert [one.planes for one in stack.objects] == [((1,),)]
    assert log.read_text().count(trouble.key) == 3
    # the same command tries it again
    monkeypatch.delenv(bulk_work.TROUBLE)
    _, stack = bulk_work.run_batch(folder)
    assert stack.failures == ()
    assert read_records(folder / "records.jsonl")[stack.image] == stack


def test_on_a_dask_cluster(tmp_path, log, uninterrupted):
    distributed = load("distributed", "cluster")
    folder = bulk_work.make_folder(tmp_path / "images")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs="CRITICAL"
    ) as cluster:
        where = {"scheduler": cluster.scheduler_address}
        bulk_work.run_batch(folder, **where)
        found = bulk_work.run_encode(folder, **where)
    assert labels(folder) == labels(uninterrupted[0])
    assert stored(folder) == stored(uninterrupted[0])
    assert (found.new, found.known) == (4, 0)
