"""What all work in the background has in common, without a window and without a thread."""

from __future__ import annotations

import pytest

from napari_m2n2.annotation.jobs import Failed, Stopped
from napari_m2n2.errors import InputError
from napari_m2n2.viewer.background import Background


class Tasks:
    """A runner whose tasks are worked when the test says so."""

    def __init__(self):
        self.waiting = []

    def __call__(self, task, report, done):
        self.waiting.append((task, report, done))

    def work_one(self):
        task, report, done = self.waiting.pop(0)
        done(task(report))


@pytest.fixture
def tasks():
    return Tasks()


@pytest.fixture
def background(controller, tasks):
    return Background(controller, tasks)


def two_steps(progress):
    progress("first", 0.0)
    progress("second", 0.5)
    return "done"


def test_reports_and_what_comes_of_it_are_handed_on(background, tasks):
    heard, came = [], []
    background.progressed.connect(lambda phase, fraction: heard.append((phase, fraction)))
    background._work_on(two_steps, came.append)
    assert background.busy
    assert background.at_work
    tasks.work_one()
    assert heard == [("first", 0.0), ("second", 0.5)]
    assert came == ["done"]
    assert not background.busy


def test_called_off_it_ends_at_its_next_report(background, tasks):
    came = []
    background._work_on(two_steps, came.append)
    background.stop()
    assert background.at_work  # which has not heard of it yet
    tasks.work_one()
    assert came == [Stopped()]
    assert not background.at_work


def test_what_was_done_already_is_handed_on_though_it_was_called_off(background, tasks):
    came = []
    background._work_on(lambda progress: "done", came.append)
    background.stop()
    tasks.work_one()
    assert came == ["done"]


def test_the_next_piece_is_not_called_off(background, tasks):
    came = []
    background.stop()
    background._work_on(two_steps, came.append)
    tasks.work_one()
    assert came == ["done"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (InputError("It is torn; take another."), "It is torn; take another."),
        (MemoryError(), Background.no_memory),
        (RuntimeError("CUDA out of memory"), Background.no_memory),
        (KeyError("odd"), "Something unexpected went wrong (KeyError: 'odd')."),
    ],
)
def test_whatever_goes_wrong_becomes_a_sentence(background, tasks, error, words):
    came = []

    def fail(_progress):
        raise error

    background._work_on(fail, came.append)
    tasks.work_one()
    assert came == [Failed(words)]


def test_closed_it_says_nothing_more(background, tasks):
    came, heard = [], []
    background.progressed.connect(lambda *report: heard.append(report))
    background._work_on(two_steps, came.append)
    background.close()
    tasks.work_one()
    assert came == heard == []
    assert not background.at_work
    background.close()  # a second time does nothing


def test_a_report_of_a_piece_that_has_ended_is_not_passed_on(background, tasks):
    heard = []
    background.progressed.connect(lambda *report: heard.append(report))
    background._work_on(two_steps, lambda outcome: None)
    _, report, done = tasks.waiting.pop()
    done("whatever")
    report("late", 0.5)
    assert heard == []
