from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from napari_m2n2.errors import MissingError
from napari_m2n2.viewer import display

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux needs Xvfb")
NAMES = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "LIBGL_ALWAYS_SOFTWARE")


@pytest.fixture
def nowhere(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@linux
def test_a_display_is_one_of_two_variables(nowhere, monkeypatch):
    assert not display.has_display()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert display.has_display()


def test_elsewhere_there_is_always_one(nowhere, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert display.has_display()


@linux
def test_a_private_display_comes_and_goes(nowhere):
    if shutil.which("Xvfb") is None:
        pytest.fail("Xvfb is not installed")
    with display.virtual_display():
        assert display.has_display()
        assert os.environ["QT_QPA_PLATFORM"] == "xcb"
        number = os.environ["DISPLAY"]
        with display.virtual_display():  # one is enough
            assert os.environ["DISPLAY"] == number
    assert not any(name in os.environ for name in NAMES)


@linux
def test_two_private_displays_do_not_clash(nowhere):
    with display.virtual_display():
        first = os.environ.pop("DISPLAY")
        with display.virtual_display():
            assert os.environ["DISPLAY"] != first
        os.environ["DISPLAY"] = first


@linux
def test_without_xvfb_there_is_a_sentence(nowhere, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(MissingError, match="apt-get install xvfb"), display.virtual_display():
        pass


@linux
def test_a_server_that_does_not_start_is_a_sentence(nowhere, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/true")
    with pytest.raises(MissingError, match="did not start"), display.virtual_display():
        pass


@linux
@pytest.mark.parametrize("code", [0, 3])
def test_a_command_runs_under_it(nowhere, code):
    command = [
        sys.executable,
        "-c",
        f"import os, sys; sys.exit({code} if os.environ.get('DISPLAY') else 9)",
    ]
    assert display.main(command) == code


def test_a_command_that_is_none(capsys):
    assert display.main([]) == 2
    assert display.main(["no-such-command-anywhere"]) == 127
    assert "no-such-command-anywhere" in capsys.readouterr().err


@linux
def test_the_module_runs_and_needs_no_qt(nowhere):
    code = "import sys; assert 'qtpy' not in sys.modules"
    command = [sys.executable, "-m", "napari_m2n2.viewer.display", sys.executable, "-c", code]
    assert subprocess.run(command, check=False).returncode == 0


def test_window_tests_fail_without_a_display(nowhere, monkeypatch):
    """They must not be skipped: run one in a process of its own, without a display."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    answer = subprocess.run(
        [*command, "-k", "test_elsewhere"], capture_output=True, text=True, check=False
    )
    if sys.platform.startswith("linux"):
        assert answer.returncode == 1
        assert "python -m napari_m2n2.viewer.display" in answer.stdout
