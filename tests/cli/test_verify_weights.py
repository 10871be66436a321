"""`napari-m2n2 verify-weights`: sentence and exit code; the numbers are judged elsewhere."""

from __future__ import annotations

import made_runs
import pytest
from made_sets import make_set

from napari_m2n2.evaluation import run as evaluation
from napari_m2n2.evaluation import verification


@pytest.fixture
def verify(command, monkeypatch, tmp_path):
    """Runs the command on GrabCut's layout, where each object needs so many clicks."""
    folder = make_set(tmp_path / "grabcut", 1, "data_GT", "boundary_GT")

    def run(first, second, *words, objects=50):
        def evaluate(cases, settings, output, *, source, **_options):
            run.settings, run.source, run.cases = settings, source, cases
            scores = [0.92 if k >= second else 0.87 if k >= first else 0.5 for k in range(1, 21)]
            records = [
                made_runs.record(scores, dataset=verification.DATASET, image=str(place))
                for place in range(objects)
            ]
            return made_runs.run(records, **vars(settings))

        monkeypatch.setattr(evaluation, "evaluate", evaluate)
        return command("verify-weights", folder, *words)

    run.folder = folder
    return run


def test_numbers_that_are_not_met(verify):
    done = verify(2, 3)
    assert done.code == 1
    assert "grabcut-m2n2" in done.out
    assert "Weights: not known\n" in done.out
    assert "Not met: NoC@85 is 2.00 (paper 1.62) and NoC@90 is 3.00 (paper 1.90)" in done.out


def test_numbers_that_are_met(verify, monkeypatch):
    monkeypatch.setattr(verification, "TARGETS", {0.85: 2.05, 0.90: 2.95})
    done = verify(2, 3)
    assert done.code == 0
    assert done.out.splitlines()[-1].startswith("Met: ")


def test_too_few_objects(verify):
    done = verify(2, 3, objects=49)
    assert done.code == 1
    assert "No verdict: 49 objects of GrabCut were evaluated" in done.out


def test_settings_are_those_of_the_paper(verify, tmp_path):
    verify(2, 3, "--device", "cpu", "--weights", tmp_path)
    assert verify.settings == verification.settings(device="cpu", weights=str(tmp_path))
    assert verify.settings.backbone == "stable-diffusion-2"
    assert verify.source["dataset"] == "grabcut-m2n2"
    assert len(verify.cases) == 1


def test_what_is_refused(command, verify, tmp_path):
    assert "does not exist" in command("verify-weights", tmp_path / "no").sentence
    assert "data_GT" in command("verify-weights", tmp_path).sentence
    assert command("verify-weights").code == 2
