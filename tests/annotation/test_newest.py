from __future__ import annotations

import numpy as np
import pytest

from napari_m2n2.annotation.jobs import Failed, Job, Segmented, Settings, Stopped
from napari_m2n2.annotation.newest import Newest, run_now
from napari_m2n2.annotation.prompts import PlanePrompts
from napari_m2n2.errors import Cancelled
from napari_m2n2.progress import ignore


def make_job(name, key="plane", **more):
    return Job(
        read=lambda: np.zeros((4, 4)),
        key=key,
        prompts=PlanePrompts(np.zeros((1, 2)), np.ones(1, bool)),
        tag=name,
        **more,
    )


class Later:
    """A runner that works when told to, as a thread does at a time of its own."""

    def __init__(self):
        self.tasks = []

    def __call__(self, task, report, done):
        self.tasks.append((task, report, done))

    def work(self):
        task, report, done = self.tasks.pop(0)
        done(task(report))


class Desk:
    """A scheduler whose work is written down."""

    def __init__(self):
        self.later = Later()
        self.ended = []
        self.computed = []
        self.prepared = []
        self.reports = []
        self.newest = Newest(
            self.compute,
            self.later,
            lambda job, outcome: self.ended.append((job.tag, outcome)),
            lambda phase, fraction: self.reports.append((phase, fraction)),
        )

    def compute(self, job, preparing, segmenting):
        try:
            preparing("attention", 0.5)
            self.prepared.append(job.tag)
            segmenting("Markov map", 0.5)
        except Cancelled:
            return Stopped()
        self.computed.append(job.tag)
        return Segmented(np.zeros((4, 4), bool), np.zeros((4, 4), np.float32))

    def names(self):
        return [(name, type(outcome).__name__) for name, outcome in self.ended]


@pytest.fixture
def desk():
    return Desk()


def test_a_job_runs_and_is_handed_back(desk):
    desk.newest.submit(make_job("a"))
    assert desk.newest.busy
    desk.later.work()
    assert desk.names() == [("a", "Segmented")]
    assert desk.reports == [("attention", 0.5), ("Markov map", 0.5)]
    assert not desk.newest.busy


def test_only_the_newest_of_many_clicks_is_computed(desk):
    for name in "abcde":
        desk.newest.submit(make_job(name))
    assert desk.names() == [(name, "Stopped") for name in "bcd"]
    desk.later.work()
    desk.later.work()
    assert desk.computed == ["e"]
    assert desk.names()[-1] == ("e", "Segmented")
    assert not desk.later.tasks


def test_the_same_plane_is_prepared_to_its_end(desk):
    desk.newest.submit(make_job("a"))
    desk.newest.submit(make_job("b"))
    desk.later.work()
    assert desk.prepared == ["a"]
    assert desk.computed == []
    assert desk.ended == [("a", Stopped(overtaken=True))]


@pytest.mark.parametrize(
    "other", [{"key": "other"}, {"settings": Settings(grid=32)}, {"contrast": (0.0, 1.0)}]
)
def test_work_on_another_plane_is_called_off_at_once(desk, other):
    desk.newest.submit(make_job("a"))
    desk.newest.submit(make_job("b", **other))
    desk.later.work()
    assert desk.prepared == []
    desk.later.work()
    assert desk.prepared == ["b"]


def test_a_stale_result_is_dropped(desk):
    def stubborn(job, preparing, segmenting):  # never asks whether it is still wanted
        return Segmented(np.ones((4, 4), bool), np.ones((4, 4), np.float32))

    desk.newest._compute = stubborn
    desk.newest.submit(make_job("a"))
    desk.newest.submit(make_job("b"))
    desk.later.work()
    assert desk.ended == [("a", Stopped(overtaken=True))]


def test_stop_calls_off_what_runs_and_what_waits(desk):
    running, waiting = make_job("a"), make_job("b")
    desk.newest.submit(running)
    desk.newest.submit(waiting)
    assert desk.newest.stop() == (running, waiting)
    desk.later.work()
    assert desk.computed == []
    assert not desk.later.tasks


def test_a_failure_is_handed_on(desk):
    desk.newest._compute = lambda job, preparing, segmenting: Failed("no")
    desk.newest.submit(make_job("a"))
    desk.later.work()
    assert desk.ended == [("a", Failed("no"))]


def test_work_that_stops_by_itself_was_not_overtaken(desk):
    desk.newest._compute = lambda job, preparing, segmenting: Stopped()
    desk.newest.submit(make_job("a"))
    desk.later.work()
    assert desk.ended == [("a", Stopped(overtaken=False))]


def test_run_now_needs_no_window():
    ended = []
    newest = Newest(
        lambda job, preparing, segmenting: Failed(job.tag),
        run_now,
        lambda job, outcome: ended.append(outcome),
        ignore,
    )
    newest.submit(make_job("a"))
    newest.submit(make_job("b"))
    assert ended == [Failed("a"), Failed("b")]
