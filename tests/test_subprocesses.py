"""Modules run as processes of their own."""

from __future__ import annotations

import pytest

from napari_m2n2.errors import MissingError
from napari_m2n2.subprocesses import _reason, run_module


def test_output_is_returned(tmp_path):
    assert run_module("timeit", "-n", "1", "-r", "1", "pass", seconds=60).startswith("1 loop")


def test_failure_gives_the_reason():
    with pytest.raises(MissingError, match="NameError: name 'nonsense' is not defined"):
        run_module("timeit", "nonsense", seconds=60)


def test_patience_ends():
    with pytest.raises(MissingError, match="no answer within 1 seconds"):
        run_module("timeit", "-n", "1", "import time; time.sleep(60)", seconds=1)


def test_the_line_that_tells():
    assert _reason("", -6) == "exit code -6"
    assert _reason("WARNING: libxcb-cursor0 is needed.\nReinstall it.\n", -6) == (
        "libxcb-cursor0 is needed"
    )
    assert _reason("Traceback (most ...\n  File\nValueError: no.\n", 1) == "ValueError: no"
