from __future__ import annotations

import logging
import subprocess
import sys
import warnings
from dataclasses import dataclass, replace

import numpy as np
import pytest

from napari_m2n2 import errors
from napari_m2n2.annotation.compute import Computer
from napari_m2n2.annotation.jobs import Failed, Job, Segmented, Settings, Stopped
from napari_m2n2.annotation.prompts import PlanePrompts
from napari_m2n2.annotation.region import Region
from napari_m2n2.errors import Cancelled, InputError, MissingError, NoMemoryError
from napari_m2n2.progress import ignore


@dataclass
class FakeResult:
    mask: np.ndarray
    score: np.ndarray
    timings: dict
    thresholds: np.ndarray
    weights: str = "some/weights@1"


class FakeSegmenter:
    """Outlines what is brighter than half; raises what it is told to."""

    grid = (8, 8)
    device = "cpu"
    made = 0
    trouble: list[Exception]

    def __init__(self, settings, log, trouble):
        self.settings = settings
        self.log = log
        self.trouble = trouble

    def set_image(self, image, *, contrast=None, progress=ignore):
        warnings.warn("model libraries are noisy", FutureWarning, stacklevel=2)
        self.log.append(("set_image", contrast))
        self.image = image
        if self.trouble:
            raise self.trouble.pop(0)
        progress("attention", 1.0)

    @property
    def rgb(self):
        return np.repeat(self.image[..., np.newaxis], 3, axis=2).astype(np.float32)

    def distance_maps(self, points, *, progress=ignore):
        self.log.append(("distance_maps", len(points)))
        rows, columns = np.indices(self.image.shape)
        return np.stack([np.hypot(rows - r, columns - c) for r, c in points]).astype(np.float32)

    def segment(self, points, labels, *, progress=ignore, **more):
        self.more = more
        self.log.append(("segment", len(points)))
        progress("Markov map", 1.0)
        mask = self.image > 0.5
        return FakeResult(
            mask, mask.astype(np.float32), {"maps": 0.1, "total": 0.1}, np.full(len(points), 0.25)
        )


@pytest.fixture
def log():
    return []


@pytest.fixture
def trouble():
    return []


@pytest.fixture
def computer(log, trouble):
    return Computer(lambda settings: FakeSegmenter(settings, log, trouble))


def make_job(key="a", **more):
    image = np.eye(6)
    return Job(
        read=lambda: image,
        key=key,
        prompts=PlanePrompts(np.array([[1.0, 1.0]]), np.array([True])),
        **more,
    )


def run(computer, job):
    return computer(job, ignore, ignore)


def test_a_job_is_segmented(computer):
    outcome = run(computer, make_job())
    assert isinstance(outcome, Segmented)
    assert np.array_equal(outcome.mask, np.eye(6, dtype=bool))
    assert outcome.grid == (8, 8)
    assert outcome.weights == "some/weights@1"
    assert outcome.device == "cpu"
    assert outcome.seconds["total"] >= 0
    assert outcome.seconds["maps"] == 0.1


def box_job(**more):
    prompts = PlanePrompts(
        points=np.array([[1.0, 1.0], [9.0, 9.0]]),
        labels=np.array([True, False]),
        thresholds=np.array([0.3, np.nan]),
        boxes=np.array([[0.0, 0.0, 3.0, 3.0]]),
        scribbles=((np.array([[0.0, 0.0], [0.0, 4.0]]), True),),
        lassos=(np.array([[0.0, 0.0], [0.0, 4.0], [4.0, 4.0], [4.0, 0.0]]),),
    )
    return Job(read=lambda: np.ones((10, 10)), key="box", prompts=prompts, **more)


def test_all_that_was_said_reaches_the_segmenter(log, trouble):
    made = []
    computer = Computer(
        lambda settings: made.append(FakeSegmenter(settings, log, trouble)) or made[-1]
    )
    outcome = run(computer, box_job())
    assert isinstance(outcome, Segmented)
    assert set(made[0].more) == {"boxes", "scribbles", "mask", "thresholds"}
    assert made[0].more["mask"].shape == (1, 10, 10)
    np.testing.assert_array_equal(made[0].more["thresholds"], [0.3, np.nan])
    assert outcome.distance is None
    assert outcome.image is None
    run(computer, make_job())
    assert made[1].more == {}
    run(computer, make_job(draft=True))
    assert made[1].more == {"draft": True}


def test_a_map_and_the_image_are_given_if_asked_for(computer, log):
    outcome = run(computer, box_job(map_of=1, show_image=True))
    assert log[-1] == ("distance_maps", 1)
    assert outcome.distance[9, 9] == 0
    assert outcome.image.shape == (10, 10, 3)
    np.testing.assert_array_equal(outcome.thresholds, [0.25, 0.25])


def test_a_region_is_segmented_and_given_back_at_full_resolution(log, trouble):
    made = []
    computer = Computer(
        lambda settings: made.append(FakeSegmenter(settings, log, trouble)) or made[-1]
    )
    region = Region((2, 9), (0, 8), 2)
    reduced = np.zeros(region.size)
    reduced[1, 2] = 1
    prompts = PlanePrompts(np.array([[1.0, 1.0], [5.0, 4.0]]), np.array([True, True]))
    job = Job(read=lambda: reduced, key="r", prompts=prompts, region=region, map_of=1)
    outcome = run(computer, job)
    assert np.argwhere(outcome.mask).tolist() == [[2, 4], [2, 5], [3, 4], [3, 5]]
    assert outcome.mask.shape == outcome.score.shape == outcome.distance.shape == region.extent
    assert outcome.left_out == 1
    np.testing.assert_array_equal(outcome.thresholds, [np.nan, 0.25])
    assert outcome.distance[3, 4] == pytest.approx(np.hypot(0.25, 0.25))
    # a map of the point outside the region cannot be
    assert run(computer, replace(job, map_of=0)).distance is None


def test_another_region_is_another_plane(computer, log):
    for rows in ((0, 6), (0, 6), (1, 7)):
        run(computer, make_job(region=Region(rows, (0, 6))))
    assert sum(step == "set_image" for step, _ in log) == 2


def test_background_shapes_have_the_last_word(log, trouble):
    computer = Computer(lambda settings: FakeSegmenter(settings, log, trouble))
    corner = np.array([[0.0, 0.0], [0.0, 4.0], [4.0, 4.0], [4.0, 0.0]])
    prompts = PlanePrompts(np.array([[1.0, 1.0]]), np.array([True]), excluded=(corner,))
    outcome = run(computer, Job(read=lambda: np.ones((10, 10)), key=1, prompts=prompts))
    assert np.argwhere(outcome.mask[:4, :4]).tolist() == [[1, 1]]
    assert outcome.mask[6:].all()
    assert outcome.score[2, 2] == -1
    assert outcome.uncertainty[2, 2] == 0


def test_what_was_read_has_to_fit_the_region(computer):
    outcome = run(computer, make_job(region=Region((0, 4), (0, 4))))
    assert isinstance(outcome, Failed)
    assert "segment the region anew" in outcome.message


def test_a_plane_is_prepared_once(computer, log):
    run(computer, make_job())
    run(computer, make_job())
    assert [step for step, _ in log] == ["set_image", "segment", "segment"]


def test_coming_back_to_a_plane_prepares_nothing(computer, log):
    for key in "abcdabcd":
        run(computer, make_job(key))
    assert sum(step == "set_image" for step, _ in log) == 4


def test_the_plane_not_used_for_longest_is_given_up(computer, log):
    for key in "abcd":
        run(computer, make_job(key))
    run(computer, make_job("a"))
    run(computer, make_job("e"))  # b goes
    log.clear()
    for key in "acde":
        run(computer, make_job(key))
    assert sum(step == "set_image" for step, _ in log) == 0
    run(computer, make_job("b"))
    assert sum(step == "set_image" for step, _ in log) == 1


@pytest.mark.parametrize(
    "other", [{"contrast": (0.0, 2.0)}, {"settings": Settings(preset="published")}]
)
def test_other_contrast_or_settings_prepare_anew(computer, log, other):
    run(computer, make_job())
    run(computer, make_job(**other))
    assert sum(step == "set_image" for step, _ in log) == 2


@pytest.mark.parametrize("error", [InputError("Use another image."), MissingError("No weights.")])
def test_the_sentence_of_a_user_error_is_kept(computer, trouble, error):
    trouble.append(error)
    assert run(computer, make_job()) == Failed(str(error))


def test_anything_else_is_a_sentence_and_a_log_entry(computer, trouble, caplog):
    trouble.append(ZeroDivisionError("division by zero"))
    with caplog.at_level(logging.ERROR):
        outcome = run(computer, make_job())
    assert isinstance(outcome, Failed)
    assert "unexpected" in outcome.message
    assert "ZeroDivisionError: division by zero" in outcome.message
    assert "Traceback" in caplog.text


def test_a_failure_is_not_kept(computer, trouble):
    trouble.append(InputError("no"))
    run(computer, make_job())
    assert isinstance(run(computer, make_job()), Segmented)


class OutOfMemoryError(RuntimeError):
    """Named as torch names its own."""


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OutOfMemoryError("CUDA out of memory."),
        RuntimeError("MPS backend out of memory (...)"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried"),
    ],
)
def test_out_of_memory_names_a_smaller_grid(computer, trouble, error):
    trouble.append(error)
    outcome = run(computer, make_job(settings=Settings(grid=128)))
    assert isinstance(outcome, Failed)
    assert "set the grid to 64" in outcome.message


def test_out_of_memory_on_the_backbones_own_grid(computer, trouble):
    trouble.append(MemoryError())
    outcome = run(computer, make_job())
    assert isinstance(outcome, Failed)
    assert "set a smaller one under Advanced" in outcome.message


def test_out_of_memory_at_the_smallest_grid_says_something_else(computer, trouble):
    trouble.append(MemoryError())
    outcome = run(computer, make_job(settings=Settings(grid=16)))
    assert isinstance(outcome, Failed)
    assert "crop the image" in outcome.message


def test_the_sentence_of_a_grid_that_does_not_fit_is_shown(computer, trouble):
    trouble.append(NoMemoryError("Use grid 56."))
    assert run(computer, make_job()) == Failed("Use grid 56.")


def test_a_grid_that_does_not_fit_beside_other_planes_is_tried_alone(computer, trouble):
    run(computer, make_job(key="first"))
    trouble.append(NoMemoryError("Use grid 56."))
    assert isinstance(run(computer, make_job(key="second")), Segmented)


def test_the_real_torch_error_is_recognised():
    import torch

    assert errors.is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert not errors.is_out_of_memory(RuntimeError("shapes differ"))


def test_other_planes_make_room_when_memory_runs_out(computer, trouble, log):
    run(computer, make_job("a"))
    trouble.append(MemoryError())
    assert isinstance(run(computer, make_job("b")), Segmented)
    log.clear()
    run(computer, make_job("a"))
    assert log[0][0] == "set_image"


def test_cancelled_while_preparing_keeps_nothing(computer, log):
    def preparing(phase, fraction):
        if phase == "attention":
            raise Cancelled

    assert computer(make_job(), preparing, ignore) == Stopped()
    run(computer, make_job())
    assert sum(step == "set_image" for step, _ in log) == 2


def test_cancelled_while_segmenting_keeps_the_plane(computer, log):
    def segmenting(phase, fraction):
        raise Cancelled

    assert computer(make_job(), ignore, segmenting) == Stopped()
    run(computer, make_job())
    assert sum(step == "set_image" for step, _ in log) == 1


def test_an_image_that_cannot_be_read_is_a_failure(computer):
    def read():
        raise OSError("the disk is gone")

    job = Job(read=read, key=1, prompts=PlanePrompts(np.zeros((1, 2)), np.ones(1, bool)))
    outcome = run(computer, job)
    assert isinstance(outcome, Failed)
    assert "the disk is gone" in outcome.message


def test_a_plane_too_large_is_refused_before_any_work(computer, log):
    image = np.broadcast_to(np.uint8(0), (20000, 20000))
    job = Job(read=lambda: image, key=1, prompts=PlanePrompts(np.zeros((1, 2)), np.ones(1, bool)))
    outcome = run(computer, job)
    assert isinstance(outcome, Failed)
    assert "20000 × 20000" in outcome.message
    assert log == []


def test_torch_runs_in_inference_mode_in_the_thread_that_computes():
    import torch

    seen = []

    class Asking(FakeSegmenter):
        def segment(self, points, labels, *, progress=ignore, **more):
            seen.append(torch.is_inference_mode_enabled())
            return super().segment(points, labels, progress=progress, **more)

    outcome = run(Computer(lambda settings: Asking(settings, [], [])), make_job())
    assert isinstance(outcome, Segmented)
    assert seen == [True]


def test_importing_the_annotation_loads_neither_torch_nor_napari():
    code = (
        "import sys, napari_m2n2.annotation.compute, napari_m2n2.annotation.newest, "
        "napari_m2n2.annotation.ownership; "
        "print([m for m in ('torch', 'napari', 'qtpy', 'numba', 'skimage') if m in sys.modules])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
