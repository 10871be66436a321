"""The benchmark of the backbones runs; what it measures is for people to read."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "backbones.py"


@pytest.fixture
def benchmark(monkeypatch):
    spec = importlib.util.spec_from_file_location("backbones_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


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
