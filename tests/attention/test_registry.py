"""The backbones by name: their state, their defaults, and one copy of a model in memory."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from extras import load

from napari_m2n2.attention import registry, store
from napari_m2n2.attention.catalogue import BACKBONES
from napari_m2n2.attention.options import BackboneOptions, check_options
from napari_m2n2.attention.registry import create, default_grid, names, status
from napari_m2n2.attention.sharing import share
from napari_m2n2.attention.source import AttentionSource
from napari_m2n2.errors import InputError, MissingError, NoMemoryError

IMAGE = np.random.default_rng(0).random((40, 50, 3), dtype=np.float32)


@pytest.fixture(autouse=True)
def _offline(home, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Folders with tiny random models."""
    tiny_models = load("tiny_models", "models")
    folder = tmp_path_factory.mktemp("models")
    tiny_models.save_stable_diffusion(folder / "sd")
    tiny_models.tiny_vae().save_pretrained(folder / "sd" / "vae_tiny")
    tiny_models.dino().save_pretrained(folder / "dino")
    tiny_models.dino(registers=2).save_pretrained(folder / "registers")
    return folder


# ------------------------------------------------------------------ names and states
def test_names():
    assert names()[0] == "texture"
    assert {"stable-diffusion-2", "stable-diffusion-1", "dinov2-base"} <= set(names())
    assert {f"dinov2-{s}-registers" for s in ("small", "base", "large")} <= set(names())


@pytest.mark.parametrize(
    ("name", "gpu", "cpu"),
    [
        ("stable-diffusion-2", 128, 64),
        ("stable-diffusion-1", 112, 64),
        ("dinov2-small", 80, 80),
        ("dinov2-large-registers", 80, 80),
        ("texture", 64, 64),
        ("", 64, 64),
    ],
)
def test_default_grids(name, gpu, cpu):
    assert default_grid(name, "cuda:1") == default_grid(name, "mps") == gpu
    assert default_grid(name, "cpu") == cpu


@pytest.mark.parametrize("name", names())
def test_states_without_weights(name):
    found = status(name)
    assert found.name == name
    assert found.ready == (name == "texture")
    if name != "texture":
        assert f"napari-m2n2 download {name}" in found.reason
        assert len(found.looked_in) == len(BACKBONES[name].repositories)
        assert all(str(store.hub_folder()) in str(path) for path in found.looked_in)


def test_state_with_weights(tiny):
    found = status("dinov2-base", BackboneOptions(weights=str(tiny / "dino")))
    assert found.ready
    assert str(tiny / "dino") in found.reason
    assert found.looked_in == (tiny / "dino",)


def test_state_with_a_folder_that_cannot_be_used(tiny, tmp_path):
    assert "unet" in status("stable-diffusion-2", BackboneOptions(weights=str(tmp_path))).reason
    absent = status("stable-diffusion-2", BackboneOptions(weights=str(tmp_path / "absent")))
    assert not absent.ready
    assert "does not exist" in absent.reason


def test_state_without_the_packages(tiny, monkeypatch):
    monkeypatch.setattr(registry, "find_spec", lambda _name: None)
    found = status("dinov2-base", BackboneOptions(weights=str(tiny / "dino")))
    assert not found.ready
    assert 'transformers; run: pip install "napari-m2n2[models]"' in found.reason


@pytest.mark.parametrize("error", [ModuleNotFoundError("No module"), ValueError("no __spec__")])
def test_state_where_a_package_is_half_there(tiny, monkeypatch, error):
    def refuse(name):
        raise error

    monkeypatch.setattr(registry, "find_spec", refuse)
    found = status("stable-diffusion-2", BackboneOptions(weights=str(tiny / "sd")))
    assert not found.ready
    assert found.reason.startswith("needs the package transformers")


def test_dino_does_not_need_the_other_library(tiny):
    code = """if True:
        import sys
        sys.modules["diffusers"] = None
        import numpy as np
        from napari_m2n2.attention.options import BackboneOptions
        from napari_m2n2.attention.registry import create, status
        options = BackboneOptions(weights=sys.argv[1])
        assert status("dinov2-base", options).ready
        backbone, _ = create("dinov2-base", 3, "cpu", options)
        print(backbone.attend(np.zeros((20, 30, 3), np.float32)).grid)
    """
    command = [sys.executable, "-c", code, str(tiny / "dino")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout == "(3, 3)\n"


@pytest.mark.parametrize("call", [status, lambda name: create(name, 8)])
def test_unknown_names(call):
    with pytest.raises(InputError, match="backbone 'magic' is unknown; choose one of texture"):
        call("magic")


# ------------------------------------------------------------------ making one
def test_texture_has_no_weights():
    backbone, weights = create("texture", 8)
    assert weights is None
    assert backbone.attend(IMAGE).grid == (7, 9)


@pytest.mark.parametrize(
    ("name", "folder", "more"),
    [
        ("stable-diffusion-2", "sd", {}),
        ("stable-diffusion-2", "sd", {"blocks": "up2,down0=3", "timestep": 10}),
        ("stable-diffusion-2", "sd", {"vae": "tiny"}),
        ("dinov2-base", "dino", {}),
        ("dinov2-base", "dino", {"blocks": "layer.0"}),
        ("dinov2-base-registers", "registers", {}),
    ],
)
def test_backbones_with_weights(tiny, name, folder, more):
    backbone, weights = create(name, 8, "cpu", check_options({"weights": tiny / folder, **more}))
    assert weights.path == tiny / folder
    phases = []
    attention = backbone.attend(IMAGE, progress=lambda phase, _: phases.append(phase))
    assert attention.grid == (8, 8)
    assert {"weights", "encode"} <= set(phases)
    assert attention.matrix.std() > 0


def test_blocks_and_timestep_make_a_difference(tiny):
    def attention(**more):
        options = check_options({"weights": tiny / "sd", **more})
        return create("stable-diffusion-2", 8, "cpu", options)[0].attend(IMAGE).matrix

    published = attention()
    torch.testing.assert_close(attention(blocks="up1=1,up0=1", timestep=100), published)
    assert not torch.allclose(attention(blocks="up0"), published)
    assert not torch.allclose(attention(timestep=900), published)
    halves = (attention(blocks="up0") + attention(blocks="up1")) / 2
    torch.testing.assert_close(halves, published)


def test_the_empty_prompt_is_kept(tiny, tmp_path):
    import shutil

    folder = shutil.copytree(tiny / "sd", tmp_path / "sd")
    options = BackboneOptions(weights=str(folder))
    backbone, weights = create("stable-diffusion-2", 8, "cpu", options)
    first = backbone.attend(IMAGE).matrix
    assert weights.embedding.is_file()
    del backbone
    gc.collect()
    shutil.rmtree(folder / "text_encoder")
    shutil.rmtree(folder / "tokenizer")
    again, _ = create("stable-diffusion-2", 8, "cpu", options)
    torch.testing.assert_close(again.attend(IMAGE).matrix, first)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("texture", {"weights": "x"}),
        ("texture", {"blocks": "up0"}),
        ("dinov2-base", {"timestep": 1}),
        ("dinov2-base", {"vae": "tiny"}),
    ],
)
def test_options_that_mean_nothing_are_said(name, given):
    with pytest.raises(InputError, match=f"backbone '{name}' has no {next(iter(given))}"):
        create(name, 8, "cpu", check_options(given))


def test_blocks_that_are_not_there(tiny):
    for name, folder, block in (
        ("dinov2-base", "dino", "layer.9"),
        ("stable-diffusion-2", "sd", "up7"),
    ):
        options = check_options({"weights": tiny / folder, "blocks": block})
        with pytest.raises((InputError, MissingError), match=block):
            create(name, 8, "cpu", options)[0].attend(IMAGE)


# ------------------------------------------------------------------ one copy
def test_a_model_is_there_once_for_all_grids(tiny):
    options = BackboneOptions(weights=str(tiny / "dino"))
    one, _ = create("dinov2-base", 6, "cpu", options)
    two, _ = create("dinov2-base", 8, "cpu", options)
    assert one._shared is two._shared
    assert (one.attend(IMAGE).grid, two.attend(IMAGE).grid) == ((6, 6), (8, 8))
    other, _ = create("dinov2-base", 6, "cpu", check_options({"weights": tiny / "dino"}))
    assert other._shared is one._shared
    blocks, _ = create(
        "dinov2-base", 6, "cpu", check_options({"weights": tiny / "dino", "blocks": "layer.0"})
    )
    assert blocks._shared is not one._shared


def test_a_model_goes_with_its_last_user():
    made = []

    class Model:
        def __del__(self):
            made.remove("model")

    def make():
        made.append("model")
        return Model()

    first = share("key", 8, make)
    second = share("key", 9, make)
    assert made == ["model"]
    del first
    gc.collect()
    assert made == ["model"]
    del second
    gc.collect()
    assert made == []


def test_two_threads_do_not_run_a_model_at_once():
    inside = []

    class Model:
        grid = (0, 0)

        def attend(self, rgb, *, progress):
            inside.append(self.grid)
            assert len(inside) == 1
            threading.Event().wait(0.02)
            assert inside.pop() == self.grid == rgb
            return self.grid

    users = [share("threads", side, Model) for side in range(2, 8)]
    found = {}

    def run(user):
        found[user.grid] = user.attend(user.grid)

    threads = [threading.Thread(target=run, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {(side, side): (side, side) for side in range(2, 8)}


# ------------------------------------------------------------------ memory
def test_running_out_gives_the_model_back(tiny, monkeypatch):
    source = AttentionSource(
        "stable-diffusion-2", 8, "cpu", BackboneOptions(weights=str(tiny / "sd"))
    )
    source.attend(IMAGE)
    model = source._backbone._shared.backbone
    assert model._modules is not None

    def exhausted():
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(NoMemoryError, match="stable-diffusion-2 on a grid of 8; use ") as error:
        source.within_memory(exhausted)
    assert isinstance(error.value, MemoryError)
    assert error.value.__context__ is None  # no traceback holds on to tensors
    assert model._modules is None
    assert source.attend(IMAGE).grid == (8, 8)


def test_running_out_without_weights_names_a_smaller_grid():
    source = AttentionSource("texture", 64, "cpu")

    def exhausted():
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    with pytest.raises(NoMemoryError, match="texture on a grid of 64; use grid 48 or close"):
        source.within_memory(exhausted)
    with pytest.raises(ZeroDivisionError):
        source.within_memory(lambda: 1 / 0)
    with pytest.raises(RuntimeError, match="another thing"):
        source.within_memory(lambda: (_ for _ in ()).throw(RuntimeError("another thing")))


def test_a_grid_that_cannot_fit_is_known_before(tiny, monkeypatch):
    from napari_m2n2 import devices

    monkeypatch.setattr(devices, "memory", lambda _device="auto": (1 << 29, 1 << 29))
    with pytest.raises(NoMemoryError, match="use grid ") as error:
        create("dinov2-base", 200, "cpu", BackboneOptions(weights=str(tiny / "dino")))
    assert "dinov2-base on a grid of 200 needs" in str(error.value)
