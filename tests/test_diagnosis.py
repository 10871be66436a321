"""What the doctor finds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from no_network import VARIABLES

from napari_m2n2 import diagnosis
from napari_m2n2.errors import MissingError
from napari_m2n2.segmenter import Segmenter


def test_versions():
    found = diagnosis.versions()
    assert found["numpy"][0].isdigit()
    assert {"python", "napari-m2n2", "torch", "napari", "Qt binding"} <= found.keys()


def test_main_job_works_here():
    job = diagnosis.try_main_job()
    assert job.works, job.sentence
    assert "overlap (IoU)" in job.sentence


def test_main_job_that_fails_is_reported(monkeypatch):
    def fail(*_args, **_kwargs):
        raise RuntimeError("no\nluck")

    monkeypatch.setattr(Segmenter, "set_image", fail)
    job = diagnosis.try_main_job()
    assert not job.works
    assert job.sentence == "RuntimeError: no luck"


@pytest.fixture
def no_variables(monkeypatch):
    for name in (*VARIABLES, "HF_HOME"):
        monkeypatch.delenv(name, raising=False)


def test_hub_folder_follows_the_rules_of_the_hub(monkeypatch, no_variables):
    assert diagnosis.hub_folder() == Path.home() / ".cache" / "huggingface" / "hub"
    monkeypatch.setenv("XDG_CACHE_HOME", "x")
    assert diagnosis.hub_folder() == Path("x/huggingface/hub")
    monkeypatch.setenv("HF_HOME", "h")
    assert diagnosis.hub_folder() == Path("h/hub")
    monkeypatch.setenv("HUGGINGFACE_HUB_CACHE", "old")
    assert diagnosis.hub_folder() == Path("old")
    monkeypatch.setenv("HF_HUB_CACHE", "~/new")
    assert diagnosis.hub_folder() == Path.home() / "new"


def test_sizes_of_caches(monkeypatch, tmp_path, no_variables):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "numba"))
    monkeypatch.setenv("NAPARI_M2N2_STORE", str(tmp_path / "store"))
    weights, made, kept, compiled = diagnosis.caches()
    assert (kept.path, kept.size) == (tmp_path / "store", None)
    assert (weights.path, weights.size) == (tmp_path / "hub", None)
    assert (made.path, made.size) == (tmp_path / "assets" / "napari-m2n2", None)
    (tmp_path / "hub" / "models").mkdir(parents=True)
    (tmp_path / "hub" / "models" / "weights.bin").write_bytes(bytes(1000))
    (tmp_path / "numba").mkdir()
    (tmp_path / "numba" / "f.nbc").write_bytes(bytes(10))
    (tmp_path / "store" / "ab").mkdir(parents=True)
    (tmp_path / "store" / "ab" / f"{'ab' * 20}.safetensors").write_bytes(bytes(20))
    (tmp_path / "store" / "ab" / "of somebody else").write_bytes(bytes(20))
    weights, _, kept, compiled = diagnosis.caches()
    assert (weights.size, kept.size, compiled.size) == (1000, 20, 10)
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    assert diagnosis.caches()[-1].path == Path(diagnosis.__file__).parent


def test_opengl(monkeypatch):
    monkeypatch.setattr("napari_m2n2.viewer.display.has_display", lambda: False)
    assert diagnosis.opengl().startswith("not known: there is no display (")
    monkeypatch.setattr("napari_m2n2.viewer.display.has_display", lambda: True)
    answer = {"vendor": "Mesa", "renderer": "llvmpipe", "version": "4.5"}
    monkeypatch.setattr(diagnosis, "run_module", lambda *_, **__: f"noise\n{json.dumps(answer)}\n")
    assert diagnosis.opengl() == "Mesa, llvmpipe, 4.5"
    monkeypatch.setattr(diagnosis, "run_module", lambda *_, **__: "nonsense")
    assert diagnosis.opengl() == "an answer that cannot be read"

    def crash(*_args, **_kwargs):
        raise MissingError("exit code -11")

    monkeypatch.setattr(diagnosis, "run_module", crash)
    assert diagnosis.opengl() == "does not work: exit code -11"


def test_every_backbone_has_a_state(monkeypatch, tmp_path, no_variables):
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    for name in ("try_main_job", "opengl", "versions"):
        monkeypatch.setattr(diagnosis, name, lambda: None)
    states = {state.name: state for state in diagnosis.diagnose().backbones}
    assert states["texture"].ready
    diffusion = states["stable-diffusion-2"]
    assert not diffusion.ready
    assert "napari-m2n2 download stable-diffusion-2" in diffusion.reason
    assert [path.name for path in diffusion.looked_in] == [
        "models--stabilityai--stable-diffusion-2",
        "models--sd2-community--stable-diffusion-2",
    ]
    assert states["dinov2-small"].looked_in[0].parent == tmp_path / "hub"
