"""Evaluations that are killed, and machines that are lost in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import evaluation_victim as victim
import psutil
import pytest
from evaluation_fakes import discs, squares
from extras import load

from napari_m2n2.evaluation.journal import Journal, journal_path
from napari_m2n2.evaluation.run import evaluate
from napari_m2n2.evaluation.runs import read_run

posix = pytest.mark.skipif(os.name != "posix", reason="forks and signals of POSIX")


def plain(run):
    """All objects and their scores, without the seconds."""
    return [
        (r.dataset, r.image, r.object, r.iou, r.dice, r.boundary_f, r.surface, r.clicks)
        for r in run.objects
    ]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    began = time.monotonic()
    victim.run(folder / "RUN.json", folder / "log")
    seconds = time.monotonic() - began
    calls = len((folder / "log").read_text().splitlines())
    return read_run(folder / "RUN.json"), calls, seconds


@posix
def test_killed_at_20_random_moments_nothing_is_lost(tmp_path, uninterrupted):
    expected, calls, seconds = uninterrupted
    log = tmp_path / "log"
    ended = subprocess.run(
        [sys.executable, victim.__file__, "kill", str(tmp_path), str(log), str(seconds)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["kills"] == 20
    # the others fell while processes started
    assert told["grown"] >= 1
    assert told["lost"] == told["twice"] == []
    runs = sorted(tmp_path.glob("*.json"))
    assert len(runs) == told["runs"]
    for path in runs:
        run = read_run(path)
        assert plain(run) == plain(expected)
        assert run.failures == ()
        assert run.summary["squares"]["iou"] == expected.summary["squares"]["iou"]
        assert not journal_path(path).exists()
    # a kill costs the objects that two processes were at, and nothing that was done
    spent = len(log.read_text().splitlines())
    assert spent <= calls * len(runs) + 20 * 2 * (victim.CLICKS + 1)


def start(tmp_path):
    """Start an evaluation, and return it when some objects are done."""
    output, log = tmp_path / "RUN.json", tmp_path / "log"
    process = subprocess.Popen(
        [sys.executable, victim.__file__, "run", str(output), str(log)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until(lambda: objects(output) >= 3)
    return process, output, log


def objects(output):
    path = journal_path(output)
    return path.read_bytes().count(b'{"object"') if path.exists() else 0


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def alive(process):
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@posix
@pytest.mark.parametrize("way", ["Ctrl-C", "kill -9"])
def test_no_process_is_left_behind(tmp_path, uninterrupted, way):
    process, output, log = start(tmp_path)
    if way == "Ctrl-C":
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    else:
        process.kill()
    _, errors = process.communicate(timeout=30)
    workers = {int(line) for line in log.read_text().splitlines()}
    assert len(workers) == 2
    until(lambda: not any(alive(worker) for worker in workers), 10)
    assert process.returncode != 0
    assert not output.exists()
    if way == "Ctrl-C":
        assert errors.count("Traceback") == 1
        assert errors.splitlines()[-1] == "KeyboardInterrupt"
    with Journal(output, victim.settings(log), {}) as journal:
        assert len(journal.records) >= 3
    victim.run(output, log)
    assert plain(read_run(output)) == plain(uninterrupted[0])


@posix
def test_a_process_killed_from_outside(tmp_path, uninterrupted):
    output, log = tmp_path / "RUN.json", tmp_path / "log"

    def kill_one():
        until(lambda: objects(output) >= 3)
        os.kill(int(log.read_text().splitlines()[-1]), signal.SIGKILL)

    killer = threading.Thread(target=kill_one)
    killer.start()
    victim.run(output, log)
    killer.join()
    assert plain(read_run(output)) == plain(uninterrupted[0])
    assert len(set(log.read_text().splitlines())) == 3


@posix
def test_a_dask_worker_killed_in_the_middle(tmp_path, uninterrupted):
    distributed = load("distributed", "cluster")
    output, log = tmp_path / "RUN.json", tmp_path / "log"
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        dashboard_address=":0",
        silence_logs="CRITICAL",
    ) as cluster:

        def kill_one():
            until(lambda: objects(output) >= 3)
            os.kill(int(log.read_text().splitlines()[-1]), signal.SIGKILL)

        killer = threading.Thread(target=kill_one)
        killer.start()
        run = evaluate(
            squares(victim.IMAGES),
            victim.settings(log),
            output,
            scheduler=cluster.scheduler_address,
            create=discs,
        )
        killer.join()
    assert len(set(log.read_text().splitlines())) >= 2
    assert plain(run) == plain(uninterrupted[0])
    assert run.failures == ()
    assert run.machine["processes"] == "a Dask cluster"
    assert list(Path(tmp_path).glob("*.journal")) == []
