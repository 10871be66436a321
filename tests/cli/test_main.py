"""The command itself: help, exit codes, what it says on stderr, what it imports."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

import napari_m2n2
from napari_m2n2.cli.arguments import COMMANDS
from napari_m2n2.cli.console import ConsoleProgress
from napari_m2n2.errors import Cancelled
from napari_m2n2.segmenter import Segmenter


def test_help_and_version(command):
    done = command("--help")
    assert done.code == 0
    for word in ("IMAGE", *COMMANDS, "130 interrupted"):
        assert word in done.out
    assert command("--version").out == f"napari-m2n2 {napari_m2n2.__version__}\n"
    for name in COMMANDS:
        done = command(name, "--help")
        assert done.code == 0
        assert f"usage: napari-m2n2 {name}" in done.out


def test_every_option_is_in_the_manual(command):
    manual = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")
    for words in ([], *([name] for name in COMMANDS)):
        for option in re.findall(r"--[a-z-]+", command(*words, "--help").out):
            assert f"`{option}" in manual, option


def test_wrong_words(command):
    assert command("demo", "--nonsense").code == 2
    assert command("segment").code == 2
    assert command("one.tif", "two.tif").code == 2


def test_importing_the_command_loads_nothing_heavy():
    code = (
        "import sys, napari_m2n2.cli, napari_m2n2.cli.arguments as a;"
        "a.parse(['segment', 'i.tif', '--points', 'p.csv', '-o', 'l.tif']);"
        "print([m for m in ('torch', 'numba', 'napari', 'qtpy', 'skimage') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, Cancelled])
def test_interruption_leaves_no_file(segment, work, monkeypatch, interruption):
    def interrupt(*_args, **_kwargs):
        raise interruption

    monkeypatch.setattr(Segmenter, "segment", interrupt)
    before = sorted(work.folder.iterdir())
    done = segment()
    assert done.code == 130
    assert done.err.endswith("napari-m2n2: Interrupted; no half-written file is left behind.\n")
    assert sorted(work.folder.iterdir()) == before


@pytest.mark.parametrize("where", ["before", "after"])
def test_unexpected_errors_show_a_traceback_only_on_demand(
    segment, command, work, monkeypatch, where
):
    def fail(*_args, **_kwargs):
        raise ZeroDivisionError("by\nnothing")

    monkeypatch.setattr(Segmenter, "segment", fail)
    done = segment()
    assert done.code == 1
    assert "Traceback" not in done.err
    assert done.err.splitlines()[-1] == (
        "napari-m2n2: Something unexpected went wrong (ZeroDivisionError: by nothing); "
        "run the same command with --debug and report what it prints."
    )
    words = ("segment", work.image, "--points", work.points, "-o", work.labels)
    done = command("--debug", *words) if where == "before" else command(*words, "--debug")
    assert done.code == 1
    assert "Traceback (most recent call last)" in done.err


def test_too_little_memory(segment, monkeypatch):
    def fail(*_args, **_kwargs):
        raise MemoryError

    monkeypatch.setattr(Segmenter, "set_image", fail)
    assert segment().sentence == (
        "There is not enough memory for this; use a smaller --grid or a smaller image."
    )


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_on_a_terminal_is_one_line(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with ConsoleProgress() as progress:
        for phase, fraction in [("one", 0), ("one", 0.5), ("one", 0.5), ("two", 1)]:
            progress(phase, fraction)
    clear = "\r\x1b[K"
    name = "napari-m2n2"
    assert terminal.getvalue() == (
        f"{clear}{name}: one 0 %{clear}{name}: one 50 %{clear}{name}: two 100 %{clear}"
    )


def test_progress_in_a_file_is_one_line_for_each_phase(capsys):
    with ConsoleProgress() as progress:
        for phase, fraction in [("one", 0), ("one", 0.5), ("two", 0), ("two", 1)]:
            progress(phase, fraction)
    assert capsys.readouterr().err == "napari-m2n2: one ...\nnapari-m2n2: two ...\n"


# ------------------------------------------------------------ the installed command


@pytest.fixture
def installed():
    """Path of the installed command."""
    beside = Path(sys.executable).with_name("napari-m2n2")
    found = shutil.which("napari-m2n2", path=f"{beside.parent}{os.pathsep}{os.environ['PATH']}")
    assert found, "the package is not installed"
    return found


def test_installed_command(installed, work):
    done = subprocess.run(
        [installed, "segment", work.image, "--points", work.points, "-o", work.labels, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["foreground_pixels"] == tifffile.imread(work.labels).sum()


def test_installed_command_refuses_in_one_sentence(installed, work):
    work.image.write_bytes(work.image.read_bytes()[:400])
    done = subprocess.run(
        [installed, "segment", work.image, "--points", work.points, "-o", work.labels],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        f"napari-m2n2: {work.image} is no TIFF file, or it is damaged or cut off; copy it again.\n"
    )
    assert not work.labels.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c(installed, work):
    tifffile.imwrite(work.image, np.random.default_rng(0).integers(0, 255, (700, 700), np.uint8))
    with subprocess.Popen(
        [installed, "segment", work.image, "--points", work.points, "-o", work.labels],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr.readline() == "napari-m2n2: attention ...\n"
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait() == 130
    assert (
        rest.splitlines()[-1] == "napari-m2n2: Interrupted; no half-written file is left behind."
    )
    assert sorted(work.folder.iterdir()) == sorted([work.image, work.points])
