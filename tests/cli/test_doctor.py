"""`napari-m2n2 doctor`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from napari_m2n2 import diagnosis
from napari_m2n2.attention.registry import BackboneStatus


@pytest.fixture(autouse=True)
def _no_window(monkeypatch):
    monkeypatch.setattr(diagnosis, "opengl", lambda: "Mesa, llvmpipe, 4.5")


def test_report(command):
    done = command("doctor")
    assert done.code == 0, done
    assert done.err == ""
    for word in ("torch", "cpu", "free", "Mesa", "texture", "ready", "Hugging Face", "numba"):
        assert word in done.out
    assert done.out.splitlines()[-1] == "All is well: images can be segmented."


def test_report_for_machines(command):
    done = command("doctor", "--json")
    report = json.loads(done.out)
    assert report["job"]["works"] is True
    assert report["devices"][-1]["total"] > 0
    assert report["backbones"][0]["name"] == "texture"
    assert {"versions", "opengl", "caches"} <= report.keys()


def test_what_does_not_work_is_said(command, monkeypatch):
    job = diagnosis.Job(False, "RuntimeError: no luck", 0.1)
    monkeypatch.setattr(diagnosis, "try_main_job", lambda: job)
    lacking = BackboneStatus("big", False, "needs weights", (Path("weights"),))
    monkeypatch.setattr(diagnosis.registry, "status", lambda _name: lacking)
    done = command("doctor")
    assert done.code == 1
    assert done.out.splitlines()[-2:] == [
        "Main job: RuntimeError: no luck in 0.1 s",
        "Images cannot be segmented.",
    ]
    assert "NOT READY" in done.out
    assert "looked in weights" in done.out


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGPIPE")
def test_a_reader_that_leaves_early_is_no_error():
    code = "import sys; from napari_m2n2.cli import main; sys.exit(main(['doctor', '--json']))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 1
