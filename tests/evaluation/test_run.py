from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace

import pytest
from evaluation_fakes import Squares, discs, missing, missing_later, squares, undemanding

from napari_m2n2.errors import Cancelled, FileError, InputError, MissingError
from napari_m2n2.evaluation.failure import Failure
from napari_m2n2.evaluation.journal import Journal, journal_path
from napari_m2n2.evaluation.run import _workers, evaluate
from napari_m2n2.evaluation.runs import FORMAT, Settings, read_run
from napari_m2n2.evaluation.simulation import click_object

SETTINGS = Settings(clicks=4, device="cpu")


def with_log(folder, **parameters):
    """Settings whose predictor counts its calls in a file."""
    return dataclasses.replace(SETTINGS, parameters={"log": str(folder / "log"), **parameters})


def calls(folder):
    path = folder / "log"
    return len(path.read_text().splitlines()) if path.exists() else 0


def plain(run):
    """All of a run but the seconds and how many processes there were."""
    return (
        run.settings,
        [dataclasses.replace(record, seconds={}) for record in run.objects],
        run.failures,
        {
            name: {key: value for key, value in one.items() if key != "seconds"}
            for name, one in run.summary.items()
        },
    )


def names(run):
    return [(record.image, record.object) for record in run.objects]


@pytest.fixture
def output(tmp_path):
    return tmp_path / "RUN.json"


def test_every_object_is_clicked_and_scored(output):
    cases = squares(3)
    run = evaluate(cases, SETTINGS, output, source={"name": "squares"}, workers=1, create=discs)
    assert names(run) == [(f"image {i}", f"object {k}") for i in range(3) for k in range(2)]
    predictor = discs(SETTINGS)
    for record in run.objects:
        loaded = cases[int(record.image[-1])].load()
        predictor.set_image(loaded.image)
        target = loaded.targets[int(record.object[-1])]
        alone = click_object(predictor, target.truth, target.valid, clicks=4, protocol="ritm")
        for score in ("iou", "dice", "boundary_f", "surface", "clicks"):
            assert getattr(record, score) == getattr(alone, score)
        assert len(record.seconds["clicks"]) == len(record.clicks)
        assert record.seconds["prepare"] >= 0
        assert record.seconds["rescore"] > 0
    assert run.summary["squares"]["objects"] == 6
    assert run.format == FORMAT
    assert run.versions["numpy"]
    assert run.machine["processes"] == 1
    assert run.machine["device"] == "cpu"
    assert read_run(output) == run
    assert [path.name for path in output.parent.iterdir()] == ["RUN.json"]


def test_number_of_processes_changes_nothing(output):
    """With the real engine, whose sums could differ with the number of threads."""
    settings = Settings(clicks=3, grid=12, device="cpu")
    one = evaluate(squares(5), settings, output, workers=1)
    four = evaluate(squares(5), settings, output.with_name("four.json"), workers=4)
    assert four.machine["processes"] == 4
    assert plain(one) == plain(four)
    assert len({score for record in one.objects for score in record.iou}) > 10


def test_what_cannot_be_evaluated_says_so_and_the_rest_goes_on(output):
    cases = [
        Squares("gone", fault="no file"),
        Squares("bug", fault="bug"),
        Squares("empty", fault="empty"),
        Squares("size", fault="size"),
        Squares("problem", fault="problem"),
        Squares("refused", fault="refused"),
        Squares("trouble", fault="trouble"),
        Squares("good"),
        Squares("good", 1),
    ]
    listing = [Failure("squares", "no mask", "", "It has no mask; add one.")]
    run = evaluate(cases, SETTINGS, output, workers=2, create=discs, problems=listing)
    assert names(run) == [
        ("empty", "object 1"),
        ("size", "object 1"),
        ("problem", "object 0"),
        ("problem", "object 1"),
        ("good", "object 0"),
        ("good", "object 1"),
    ]
    unforeseen = (
        "It could not be evaluated (RuntimeError: nobody thought of it); "
        "the same command tries it again."
    )
    refused = "The image is refused; take another."
    assert [(f.image, f.object, f.sentence) for f in run.failures] == [
        ("no mask", "", "It has no mask; add one."),
        ("gone", "", "gone is not there; give its path."),
        ("bug", "", unforeseen),
        ("empty", "object 0", "The object has no pixel; leave it out."),
        (
            "size",
            "object 0",
            "The image has 48 × 48 pixels and the object's mask 5 × 6; "
            "give a mask of the image's size.",
        ),
        ("problem", "label 7", "There is no label 7; leave it out."),
        ("refused", "object 0", refused),
        ("refused", "object 1", refused),
        ("trouble", "object 0", unforeseen),
        ("trouble", "object 1", unforeseen),
        ("good", "", "There are two images of this name; rename one, the first was taken."),
    ]
    assert read_run(output) == run


def test_nothing_is_repeated_when_the_run_is_complete(output, tmp_path):
    settings = with_log(tmp_path)
    run = evaluate(squares(2), settings, output, workers=1, create=discs)
    before = calls(tmp_path)
    again = evaluate(squares(2), settings, output, workers=1, create=discs)
    assert again == run
    assert calls(tmp_path) == before


def test_what_was_mended_is_added(output, tmp_path):
    settings = with_log(tmp_path)
    good = squares(3)
    bad = [good[0], dataclasses.replace(good[1], fault="empty"), good[2]]
    assert len(evaluate(bad, settings, output, workers=1, create=discs).failures) == 1
    before = calls(tmp_path)
    run = evaluate(good, settings, output, workers=1, create=discs)
    assert calls(tmp_path) - before == len(run.objects[2].clicks) + 1
    fresh = evaluate(good, settings, output.with_name("b.json"), workers=1, create=discs)
    assert plain(run) == plain(fresh)
    assert run.failures == ()


@pytest.mark.parametrize(
    ("change", "word"),
    [({"clicks": 5}, "clicks"), ({"grid": 9}, "grid"), ({"parameters": {"radius": 2.0}}, "param")],
)
def test_a_run_of_other_settings_is_left_alone(output, change, word):
    evaluate(squares(1), SETTINGS, output, workers=1, create=discs)
    before = output.read_bytes()
    other = dataclasses.replace(SETTINGS, **change)
    with pytest.raises(FileError, match=rf"other settings \({word}.*give another file"):
        evaluate(squares(1), other, output, workers=1, create=discs)
    with pytest.raises(FileError, match=r"other settings \(name\)"):
        evaluate(squares(1), SETTINGS, output, source={"name": "a"}, workers=1, create=discs)
    assert output.read_bytes() == before
    assert not journal_path(output).exists()


class Stop:
    """Calls the evaluation off once so many objects are in the journal."""

    def __init__(self, output, after, error=Cancelled):
        self.path, self.after, self.error = journal_path(output), after, error
        self.told = []

    def __call__(self, phase, fraction):
        self.told.append((phase, fraction))
        if self.path.exists() and self.path.read_bytes().count(b'{"object"') >= self.after:
            raise self.error


@pytest.mark.parametrize("error", [Cancelled, KeyboardInterrupt])
def test_called_off_it_goes_on_where_it_stopped(output, tmp_path, error):
    settings = with_log(tmp_path, sleep=0.01)
    with pytest.raises(error):
        evaluate(
            squares(8), settings, output, workers=2, progress=Stop(output, 3, error), create=discs
        )
    assert not output.exists()
    with Journal(output, settings, {}) as journal:
        kept = list(journal.records)
    assert 3 <= len(kept) < 16
    before = calls(tmp_path)
    stop = Stop(output, math.inf)
    run = evaluate(squares(8), settings, output, workers=2, progress=stop, create=discs)
    clicked = [record for record in run.objects if record not in kept]
    assert len(clicked) == 16 - len(kept)
    assert calls(tmp_path) - before == sum(len(record.clicks) + 1 for record in clicked)
    fresh = evaluate(squares(8), settings, output.with_name("fresh.json"), workers=1, create=discs)
    assert plain(run) == plain(fresh)
    fractions = [fraction for _, fraction in stop.told]
    assert fractions == sorted(fractions)
    assert stop.told[-1][0] == "evaluating, less than a minute left"


def test_settings_that_no_image_can_be_evaluated_with(output):
    with pytest.raises(MissingError, match=r"There are no weights; download them\."):
        evaluate(squares(3), SETTINGS, output, workers=2, create=missing)
    with pytest.raises(InputError, match="method 'x' is unknown"):
        evaluate(squares(1), dataclasses.replace(SETTINGS, method="x"), output, workers=1)
    # weights are looked for when the first image comes
    with pytest.raises(MissingError, match=r"There are no weights; download them\."):
        evaluate(squares(3), SETTINGS, output, workers=2, create=missing_later)
    assert list(output.parent.iterdir()) == []


def test_weights_are_there_before_several_processes_want_them(output, monkeypatch):
    asked = []

    def locate(name, options, progress):
        asked.append((name, options.weights, options.timestep))
        missing(None)

    monkeypatch.setattr("napari_m2n2.bulk.processes.weights.locate", locate)
    settings = Settings(
        backbone="stable-diffusion-2", weights="folder", parameters={"timestep": 5, "tau": 0.2}
    )
    with pytest.raises(MissingError, match="no weights"):
        evaluate(squares(2), settings, output, workers=2)
    assert asked == [("stable-diffusion-2", "folder", 5)]
    # neither a peer nor another computer needs them here
    sam = dataclasses.replace(settings, method="sam", parameters={}, clicks=1)
    evaluate(squares(1), sam, output, workers=1, create=undemanding)
    assert len(asked) == 1


def test_as_many_processes_as_fit(monkeypatch):
    """Cores, and fewer where a large grid or a model takes the memory."""
    monkeypatch.setattr("napari_m2n2.parallel.cores", lambda: 8)
    free = SimpleNamespace(available=16 << 30)
    monkeypatch.setattr("napari_m2n2.bulk.processes.psutil.virtual_memory", lambda: free)
    for change, count in [
        ({}, 8),
        ({"grid": 96}, 6),
        ({"grid": 256}, 1),
        ({"method": "sam"}, 2),
        ({"backbone": "stable-diffusion-2", "grid": 64}, 2),
    ]:
        assert _workers(dataclasses.replace(SETTINGS, **change)) == count
    monkeypatch.setattr("napari_m2n2.bulk.processes.devices.resolve", lambda device: "cuda:0")
    assert _workers(SETTINGS) == 1


@pytest.mark.parametrize(
    ("cases", "change", "sentence"),
    [
        ([], {}, "There is no image to evaluate"),
        (squares(1), {"clicks": 0}, "0 clicks cannot be"),
        (squares(1), {"protocol": "x"}, "no protocol 'x'; choose one of"),
        (squares(1), {"device": "abacus"}, "device 'abacus' is unknown"),
    ],
)
def test_settings_that_cannot_be(output, cases, change, sentence):
    with pytest.raises(InputError, match=sentence):
        evaluate(cases, dataclasses.replace(SETTINGS, **change), output, create=discs)
    assert list(output.parent.iterdir()) == []


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    for output, word in [
        (tmp_path / "no" / "RUN.json", "does not exist"),
        (tmp_path / "file" / "RUN.json", "not a folder"),
        (tmp_path, "is a folder"),
    ]:
        with pytest.raises(FileError, match=word):
            evaluate(squares(1), SETTINGS, output, create=discs)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("text", ["{}", "no JSON", '{"objects": []}', '{"kind": "other"}'])
def test_a_file_that_is_no_run_is_left_alone(output, text):
    output.write_text(text)
    with pytest.raises(FileError):
        evaluate(squares(1), SETTINGS, output, create=discs)
    assert output.read_text() == text
    assert not journal_path(output).exists()


def test_two_evaluations_do_not_share_a_file(output):
    with (
        Journal(output, SETTINGS, {}),
        pytest.raises(FileError, match="in use by another evaluation"),
    ):
        evaluate(squares(1), SETTINGS, output, workers=1, create=discs)


def test_a_process_that_dies_has_its_image_done_again(output, tmp_path):
    settings = with_log(tmp_path, dies=str(tmp_path / "died"))
    cases = [*squares(3), Squares("deadly", fault="dies"), Squares("last", 9)]
    run = evaluate(cases, settings, output, workers=2, create=discs)
    assert (tmp_path / "died").exists()
    assert len(run.objects) == 10
    assert run.failures == ()


def test_a_process_that_always_dies_is_given_up(output):
    cases = [Squares("deadly", fault="dies"), *squares(2)]
    run = evaluate(cases, SETTINGS, output, workers=2, create=discs)
    assert names(run) == [(f"image {i}", f"object {k}") for i in range(2) for k in range(2)]
    assert [(f.image, f.object) for f in run.failures] == [
        ("deadly", "object 0"),
        ("deadly", "object 1"),
    ]
    assert "its process ended, with signal 9" in run.failures[0].sentence
