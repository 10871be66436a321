"""The scripts that prepare a machine and run the checks."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

TOOLS = Path(__file__).resolve().parents[1] / "tools"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TOOLS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script on a Linux machine without a display that lacks two packages."""
    module = load("window_libraries")
    needed = {"xvfb": lambda: False, "libgl1": lambda: True, "libegl1": lambda: False}
    monkeypatch.setattr(module, "has_display", lambda: False)
    monkeypatch.setattr(module.sys, "platform", "linux")
    monkeypatch.setattr(
        module, "missing", lambda: [k for k, there in needed.items() if not there()]
    )
    module.needed = needed
    return module


class AptGet:
    """Stands for apt-get: notes the calls, fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.calls: list[list[str]] = []

    def __call__(self, command: list[str], *, check: bool, **_: object) -> None:
        self.calls.append(command)
        if check and self.failures:
            self.failures -= 1
            raise subprocess.CalledProcessError(100, command)

    @property
    def verbs(self) -> list[str]:
        return [command[1] for command in self.calls]


def test_has_display() -> None:
    has_display = load("window_libraries").has_display
    assert has_display("win32", {})
    assert has_display("darwin", {})
    assert has_display("linux", {"DISPLAY": ":0"})
    assert has_display("linux", {"WAYLAND_DISPLAY": "wayland-0"})
    assert not has_display("linux", {"DISPLAY": ""})


def test_missing_lists_what_is_not_there() -> None:
    missing = load("window_libraries").missing
    assert missing({"a": lambda: False, "b": lambda: True, "c": lambda: False}) == ["a", "c"]


def test_probes() -> None:
    module = load("window_libraries")
    assert not module._on_path("a-program-nobody-has")()
    assert not module._loads("liba-library-nobody-has.so.0")()
    assert not module._has_file("/a-folder-nobody-has/*")()
    assert module._has_file(str(TOOLS / "*.py"))()


def test_root_on_debian_installs_only_what_is_missing(
    libraries: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def install(packages: list[str]) -> None:
        asked.append(packages)
        libraries.needed.update(dict.fromkeys(packages, lambda: True))

    monkeypatch.setattr(libraries, "can_install", lambda: True)
    monkeypatch.setattr(libraries, "install", install)
    assert libraries.main() == 0
    assert asked == [["xvfb", "libegl1"]]
    assert libraries.main() == 0
    assert len(asked) == 1


def test_elsewhere_one_sentence_says_what_is_missing(
    libraries: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(libraries, "can_install", lambda: False)
    assert libraries.main() == 1
    error = capsys.readouterr().err
    assert "sudo apt-get install -y xvfb libegl1)" in error
    assert len(error.splitlines()) == 1


def test_with_a_display_what_is_missing_is_only_told(
    libraries: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(libraries, "has_display", lambda: True)
    monkeypatch.setattr(libraries, "can_install", lambda: pytest.fail("wanted to install"))
    assert libraries.main() == 0
    assert "sudo apt-get install -y libegl1)" in capsys.readouterr().err
    libraries.needed["libegl1"] = lambda: True
    assert libraries.main() == 0
    assert capsys.readouterr().err == ""


def test_elsewhere_than_on_linux_nothing_is_missing(
    libraries: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libraries.sys, "platform", "darwin")
    monkeypatch.setattr(libraries, "missing", lambda: pytest.fail("looked for libraries"))
    monkeypatch.setattr(libraries, "has_display", lambda: True)
    assert libraries.main() == 0


def test_a_failed_installation_is_told(
    libraries: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def install(packages: list[str]) -> None:
        raise subprocess.CalledProcessError(100, ["apt-get"])

    monkeypatch.setattr(libraries, "can_install", lambda: True)
    monkeypatch.setattr(libraries, "install", install)
    assert libraries.main() == 1
    assert "apt-get ended with code 100" in capsys.readouterr().err


def test_install_tries_twice() -> None:
    install = load("window_libraries").install
    apt = AptGet()
    install(["xvfb"], apt)
    assert apt.verbs == ["update", "install"]
    apt = AptGet(failures=1)
    install(["xvfb"], apt)
    assert apt.verbs == ["update", "install"] * 2
    with pytest.raises(subprocess.CalledProcessError):
        install(["xvfb"], AptGet(failures=2))


# ------------------------------------------------------------------ the checks
def _python(code: int) -> list[str]:
    return ["-c", f"raise SystemExit({code})"]


@pytest.mark.parametrize(
    ("ruff", "tests", "expected"), [(0, 0, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1), (0, 5, 1)]
)
def test_check_fails_if_one_step_fails(
    monkeypatch: pytest.MonkeyPatch, ruff: int, tests: int, expected: int
) -> None:
    check = load("check")
    monkeypatch.setattr(check, "STEPS", {"ruff": _python(ruff), "mypy": _python(0)})
    monkeypatch.setattr(check, "PYTEST", _python(tests))
    assert check.main([]) == expected


def test_check_runs_pytest_last_and_names_what_failed(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    check = load("check")
    monkeypatch.setattr(check, "STEPS", {"ruff": _python(1), "mypy": _python(0)})
    monkeypatch.setattr(check, "PYTEST", ["-c", "import sys; print('ran', *sys.argv[1:])"])
    assert check.main(["-k", "some"]) == 1
    out, err = capfd.readouterr()
    assert out.splitlines()[-1] == "ran -k some"
    assert err == "Failed: ruff\n"


def test_scripts_run_without_the_package() -> None:
    """The first one prepares a machine, so the standard library must be enough."""
    program = (
        "import runpy, sys; "
        "sys.argv = ['window_libraries.py']; "
        f"runpy.run_path({str(TOOLS / 'window_libraries.py')!r}, run_name='loaded')"
    )
    subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True)
