"""Tasks in processes of this computer and of a Dask cluster."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import closing

import parallel_work
import psutil
import pytest
from extras import load

from napari_m2n2 import parallel
from napari_m2n2.errors import Cancelled, InputError, MissingError
from napari_m2n2.parallel import Ended, Failed, Part
from napari_m2n2.parallel.outcomes import TRIES, describe
from napari_m2n2.parallel.threads import VARIABLES

posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture(scope="module")
def cluster():
    distributed = load("distributed", "cluster")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs="CRITICAL"
    ) as here:
        yield here.scheduler_address


@pytest.fixture(params=["here", "cluster"])
def where(request):
    if request.param == "here":
        return {"workers": 2}
    return {"scheduler": request.getfixturevalue("cluster")}


def test_every_task_gives_its_parts_in_order_and_ends(where):
    outcomes = list(parallel.run(parallel_work.count, [3, 0, 2, 1], **where))
    for task, count in enumerate([3, 0, 2, 1]):
        mine = [outcome for outcome in outcomes if outcome.task == task]
        assert [part.value[0] for part in mine[:-1]] == list(range(count))
        assert mine[-1] == Ended(task)
    processes = {outcome.value[1] for outcome in outcomes if isinstance(outcome, Part)}
    assert os.getpid() not in processes
    assert len(processes) <= 2


def test_two_workers_are_at_work_at_once(where, tmp_path):
    tasks = [(str(tmp_path), "a", "b"), (str(tmp_path), "b", "a")]
    outcomes = list(parallel.run(parallel_work.meet, tasks, **where))
    assert {outcome for outcome in outcomes if isinstance(outcome, Part)} == {
        Part(0, True),
        Part(1, True),
    }


def test_no_tasks(where):
    assert list(parallel.run(parallel_work.count, [], **where)) == []


@posix
def test_trouble_of_one_task_leaves_the_others_alone(where, tmp_path):
    kinds = ["fine", "raises", "dies once", "unpicklable", "raises once"]
    tasks = [(kind, str(tmp_path)) for kind in kinds]
    outcomes = list(parallel.run(parallel_work.trouble, tasks, **where))
    told = {task: [o for o in outcomes if o.task == task] for task in range(len(tasks))}
    for task in (0, 2, 4):
        assert told[task] == [
            Part(task, (kinds[task], 0)),
            Part(task, (kinds[task], 1)),
            Ended(task),
        ]
    assert told[1] == [Part(1, ("raises", 0)), Failed(1, "ValueError: no work")]
    assert told[3][0] == Part(3, ("unpicklable", 0))
    assert "pickle" in told[3][1].reason
    begun = (tmp_path / "raises").read_text()
    assert len(begun) == TRIES


@posix
def test_a_task_that_kills_its_process_is_given_up(where):
    outcomes = list(parallel.run(parallel_work.trouble, [("dies", ""), ("fine", "")], **where))
    # what a process tells just before it is killed may not leave it
    *_, died = (outcome for outcome in outcomes if outcome.task == 0)
    assert isinstance(died, Failed)
    assert "process" in died.reason
    assert "ended" in died.reason
    assert Ended(1) in outcomes


@posix
@pytest.mark.timeout(60)
def test_the_task_of_a_process_that_dies_goes_to_one_that_is_idle(tmp_path):
    tasks = [("dies late", str(tmp_path)), ("fine", "")]
    outcomes = list(parallel.run(parallel_work.trouble, tasks, workers=2))
    assert outcomes.index(Ended(1)) < outcomes.index(Ended(0))
    assert outcomes.count(Part(0, ("dies late", 0))) == 1


def test_a_process_that_leaves():
    (part, failed) = parallel.run(parallel_work.trouble, [("exits", "")], workers=1)
    assert part == Part(0, ("exits", 0))
    assert failed == Failed(0, "its process ended, with exit code 3")


def test_parts_are_there_before_their_task_ends(where, tmp_path):
    gate = tmp_path / "gate"
    outcomes = parallel.run(parallel_work.wait_for, [str(gate)], **where)
    with closing(outcomes):
        assert isinstance(next(outcomes).value, int)
        gate.touch()
        assert list(outcomes) == [Part(0, "there"), Ended(0)]


def test_what_the_tick_raises_ends_everything(where, tmp_path):
    ticks = []

    def tick():
        ticks.append(1)
        if len(ticks) > 3:
            raise Cancelled

    gate = tmp_path / "gate"
    parts = []
    outcomes = parallel.run(parallel_work.wait_for, [str(gate)] * 2, tick=tick, **where)
    with pytest.raises(Cancelled):
        parts.extend(outcomes)
    if "workers" in where:
        assert not any(psutil.pid_exists(part.value) for part in parts)
    gate.touch()


def test_closing_the_iterator_ends_the_processes(tmp_path):
    outcomes = parallel.run(parallel_work.wait_for, [str(tmp_path / "never")] * 3, workers=3)
    processes = [next(outcomes).value for _ in range(3)]
    assert all(psutil.pid_exists(process) for process in processes)
    outcomes.close()
    assert not any(psutil.pid_exists(process) for process in processes)


def test_one_thread_for_sums():
    before = {name: os.environ.get(name) for name in VARIABLES}
    assert next(parallel.run(parallel_work.threads, [0], workers=1)).value == (1, 1, 1)
    assert {name: os.environ.get(name) for name in VARIABLES} == before


def test_one_thread_for_sums_on_a_cluster(cluster):
    list(parallel.run(parallel_work.threads, [0] * 4, scheduler=cluster))  # loads the libraries
    for outcome in parallel.run(parallel_work.threads, [0] * 4, scheduler=cluster):
        if isinstance(outcome, Part):
            assert outcome.value[:2] == (1, 1)


def test_there_are_as_many_processes_as_wanted():
    values = {
        outcome.value[2]
        for outcome in parallel.run(parallel_work.slow_count, list(range(9)), workers=3)
        if isinstance(outcome, Part)
    }
    assert len(values) == 3


def test_processes_that_cannot_start(monkeypatch, tmp_path):
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nexit 7\n")
    broken.chmod(0o755)
    monkeypatch.setattr("multiprocessing.spawn._python_exe", os.fsencode(broken))
    with pytest.raises(MissingError, match=r"do not start \(exit code 7\).*__main__"):
        list(parallel.run(parallel_work.count, [1], workers=1))


def test_work_whose_module_cannot_be_loaded(tmp_path, monkeypatch):
    module = tmp_path / "only_here.py"
    module.write_text("def work(task):\n    yield task\n")
    monkeypatch.syspath_prepend(tmp_path)
    import only_here

    module.unlink()
    (outcome,) = parallel.run(only_here.work, [1], workers=1)
    assert outcome == Failed(0, "ModuleNotFoundError: No module named 'only_here'")
    del sys.modules["only_here"]


def test_workers_have_to_be_some():
    with pytest.raises(InputError, match="0 worker processes cannot be"):
        parallel.run(parallel_work.count, [1], workers=0)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "nonsense://x"])
def test_no_scheduler(address, monkeypatch):
    load("distributed", "cluster")
    monkeypatch.setattr("napari_m2n2.parallel.cluster._SECONDS_TO_CONNECT", 0.5)
    with pytest.raises(InputError, match=f"no Dask scheduler at '{address}'"):
        list(parallel.run(parallel_work.count, [1], scheduler=address))


def test_a_scheduler_without_workers(monkeypatch):
    distributed = load("distributed", "cluster")
    monkeypatch.setattr("napari_m2n2.parallel.cluster._SECONDS_TO_CONNECT", 0.5)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as here,
        pytest.raises(InputError, match="has no worker; start one with dask worker"),
    ):
        list(parallel.run(parallel_work.count, [1], scheduler=here.scheduler_address))


def test_a_scheduler_that_is_lost(tmp_path):
    distributed = load("distributed", "cluster")
    gate = tmp_path / "gate"
    here = distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs="CRITICAL"
    )
    try:
        outcomes = parallel.run(
            parallel_work.wait_for, [str(gate)], scheduler=here.scheduler_address
        )
        next(outcomes)
        closer = threading.Timer(0.1, here.close)
        closer.start()
        with pytest.raises(MissingError, match="does not answer any more; start it again"):
            next(outcomes)
        closer.join()
    finally:
        gate.touch()
        here.close()


def test_dask_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingError, match=r"pip install napari-m2n2\[cluster\]"):
        list(parallel.run(parallel_work.count, [1], scheduler="tcp://127.0.0.1:9"))


def test_descriptions():
    assert describe(ValueError("two\n  lines")) == "ValueError: two lines"
    assert describe(KeyError()) == "KeyError"
    assert len(describe(ValueError("x" * 1000))) == 300


def test_cores():
    assert 1 <= parallel.cores() <= (os.cpu_count() or 1)


@posix
def test_processes_end_in_the_middle_of_a_task_when_their_parent_is_killed(tmp_path):
    program = """
import subprocess
import sys
sys.path.insert(0, sys.argv[1])
import parallel_work
from napari_m2n2 import parallel
for outcome in parallel.run(parallel_work.wait_for, [sys.argv[2]] * 2, workers=2):
    print(outcome.value, flush=True)
"""
    here = os.path.dirname(os.path.abspath(__file__))
    parent = subprocess.Popen(
        [sys.executable, "-c", program, here, str(tmp_path / "never")],
        stdout=subprocess.PIPE,
        text=True,
    )
    workers = [int(parent.stdout.readline()) for _ in range(2)]
    parent.kill()
    parent.communicate()
    end = time.monotonic() + 20
    while any(alive(worker) for worker in workers):
        assert time.monotonic() < end
        time.sleep(0.01)


def alive(process):
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
