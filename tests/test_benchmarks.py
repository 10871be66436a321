"""Benchmarks run; what they measure is for people to read."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path

import bulk_work
import pytest

from napari_m2n2.parallel.threads import VARIABLES

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"


@pytest.fixture
def load(monkeypatch):
    """Load a benchmark by its name; what it sets for the libraries of its process is undone."""
    for name in VARIABLES:
        monkeypatch.setenv(name, "1")

    def load(name):
        spec = importlib.util.spec_from_file_location(f"{name}_benchmark", FOLDER / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def benchmark(load):
    return load("backbones")


def test_backbones_are_measured_beside_the_plain_form(benchmark, monkeypatch, capsys):
    arguments = ["--quick", "--grid", "8", "--repeat", "1", "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", ["backbones.py", *arguments])
    benchmark.main()
    printed = capsys.readouterr().out
    assert printed.count("ratio of seconds") == 3
    assert printed.count("| temperature + IPF |") == 3
    apart = [float(number) for number in re.findall(r"difference of the attention (\S+)", printed)]
    assert len(apart) == 2
    assert max(apart) < 1e-5


def test_what_fails_is_said_and_the_rest_goes_on(benchmark, monkeypatch, capsys):
    def fail(*args, **kwargs):
        raise MemoryError("it is full")

    monkeypatch.setattr(benchmark, "plain_dino", fail)
    arguments = ["--quick", "--grid", "8", "--repeat", "1", "--device", "cpu", "--skip"]
    monkeypatch.setattr(sys, "argv", ["backbones.py", *arguments, "diffusion"])
    benchmark.main()
    printed = capsys.readouterr().out
    assert "plain form: it is full" in printed
    assert "| network | 0." in printed


def test_a_stack_is_measured_beside_its_planes(load, monkeypatch, capsys, tmp_path):
    scale = load("scale")
    monkeypatch.setattr("napari_m2n2.parallel.run", bulk_work.run)
    few = ["--planes", "20", "--side", "24", "--grid", "6"]
    alone, counted = scale.alone, []
    monkeypatch.setattr(
        scale, "alone", lambda p, e, numbers: counted.extend(numbers) or alone(p, e, numbers)
    )
    file = tmp_path / "found.json"
    monkeypatch.setattr(sys, "argv", ["scale.py", *few, "--write", str(file)])
    scale.main()
    printed = capsys.readouterr().out
    assert printed.count("| 20 planes, 1 worker |") == 2
    assert printed.count("× one worker (≥ 1.8)") == 2
    found = json.loads(file.read_text())
    assert found["bytes a plane"] > 1000
    # one plane is the mean of all, after one that loads and compiles
    assert sorted(counted[1:]) == list(range(20))


@pytest.mark.parametrize(("one", "two", "met"), [(162, 89, "yes"), (163, 91, "no")])
def test_what_is_asked_of_a_stack_is_told(load, one, two, met):
    scale = load("scale")
    found = {"planes": 155, "one plane s": 1.0}
    found |= {"stack, 1 worker s": one, "stack, 2 workers s": two, "stack again s": 1.0}
    _, first, second, _ = scale.compared(found, "s", 1)
    assert (first[-1], second[-1]) == (met, met)


def test_reduced_planes_are_compared_with_full_resolution(load, monkeypatch, capsys):
    agreement = load("agreement")
    arguments = ["--side", "384", "--clicks", "2", "--only", "coins", "--again"]
    monkeypatch.setattr(sys, "argv", ["agreement.py", *arguments])
    agreement.main()
    printed = capsys.readouterr().out
    assert len(re.findall(r"coins 0 click [12]: IoU 1\.0000", printed)) == 2
    assert "reduced against full resolution: 2 clicks, IoU 1.0000 in the mean" in printed
    assert "full resolution against itself with other noise: 2 clicks" in printed
    for picture in agreement.PICTURES:
        height, width = picture.image().shape[:2]
        for click in (one for sequence in picture.clicks for one in sequence):
            assert 0 <= click.row < height
            assert 0 <= click.column < width
