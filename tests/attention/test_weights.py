"""Weights in folders and in the cache; what is in the way of using them; never a pickle."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from extras import load

from napari_m2n2.attention import catalogue, store, weights
from napari_m2n2.attention.options import BackboneOptions
from napari_m2n2.errors import FileError, InputError, MissingError

COMMIT = "a" * 40
DIFFUSION = [
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/vocab.json",
    "tokenizer/merges.txt",
]


@pytest.fixture(autouse=True)
def _no_network(home, monkeypatch):
    """Whatever would go to the hub fails at once."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def write(folder: Path, names, data=b"{}"):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def cache(repository, names, commit=COMMIT, reference="main"):
    """Put files where huggingface_hub keeps them."""
    folder = store.repository_folder(repository)
    write(folder / "snapshots" / commit, names)
    (folder / "refs").mkdir(exist_ok=True)
    (folder / "refs" / reference).write_text(commit)
    return folder / "snapshots" / commit


def named(folder, **more):
    return BackboneOptions(weights=str(folder), **more)


# ------------------------------------------------------------------ a folder that was named
def test_a_folder_is_taken_as_it_is(tmp_path):
    folder = write(tmp_path / "sd", DIFFUSION)
    found = weights.locate("stable-diffusion-2", named(folder))
    assert (found.path, found.repo, found.revision) == (folder, str(folder), "")
    assert str(found) == str(folder)
    assert found.looked_in == (folder,)
    assert found.embedding.parent == store.own_folder() / "empty-prompt"


def test_the_folder_goes_before_the_cache(tmp_path):
    cache("facebook/dinov2-base", ["config.json", "model.safetensors"])
    folder = write(tmp_path / "own", ["config.json", "model.safetensors"])
    assert weights.locate("dinov2-base", named(folder)).path == folder
    assert weights.locate("dinov2-base").path != folder


@pytest.mark.parametrize("lacking", DIFFUSION)
def test_each_file_of_a_folder_is_missed(tmp_path, lacking):
    folder = write(tmp_path, [name for name in DIFFUSION if name != lacking])
    with pytest.raises(MissingError, match=str(folder)) as error:
        weights.locate("stable-diffusion-2", named(folder))
    part = lacking.split("/")[0]
    assert f"no {part}/" in str(error.value)


def test_what_is_not_needed_is_not_missed(tmp_path):
    no_vae = [name for name in DIFFUSION if not name.startswith("vae/")]
    folder = write(tmp_path / "a", no_vae)
    assert weights.locate("stable-diffusion-2", named(folder, vae="tiny")).path == folder
    no_text = [name for name in DIFFUSION if not name.startswith("t")]
    folder = write(tmp_path / "b", [*no_text, "empty_prompt.safetensors"])
    found = weights.locate("stable-diffusion-2", named(folder))
    assert found.embedding == folder / "empty_prompt.safetensors"
    folder = write(tmp_path / "c", DIFFUSION)
    kept = weights.locate("stable-diffusion-2", named(folder)).embedding
    write(kept.parent, [kept.name])
    for path in (folder / "text_encoder").iterdir():
        path.unlink()
    assert weights.locate("stable-diffusion-2", named(folder)).embedding == kept


def test_other_weights_in_the_same_folder_have_another_embedding(tmp_path):
    folder = write(tmp_path, DIFFUSION)
    first = weights.locate("stable-diffusion-2", named(folder)).embedding
    assert weights.locate("stable-diffusion-2", named(folder)).embedding == first
    write(folder, ["unet/diffusion_pytorch_model.safetensors"], b"other weights")
    assert weights.locate("stable-diffusion-2", named(folder)).embedding != first


def test_half_precision_and_pieces_are_weights_too(tmp_path):
    folder = write(tmp_path / "half", ["config.json", "model.fp16.safetensors"])
    assert weights.locate("dinov2-base", named(folder)).path == folder
    pieces = [f"model-0000{n}-of-00003.safetensors" for n in (1, 2, 3)]
    folder = write(tmp_path / "pieces", ["config.json", "model.safetensors.index.json", *pieces])
    assert weights.locate("dinov2-base", named(folder)).path == folder
    (folder / pieces[1]).unlink()
    with pytest.raises(MissingError, match=r"no model\.safetensors"):
        weights.locate("dinov2-base", named(folder))


def test_full_precision_is_preferred():
    there = ["config.json", "model.fp16.safetensors", "model.safetensors"]
    chosen = catalogue.needed_files(catalogue.PLAIN_PARTS, there, "x")
    assert chosen == ["config.json", "model.safetensors"]


class Trap:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.ckpt", "model.pt"])
def test_a_pickle_is_never_opened(tmp_path, name):
    folder = write(tmp_path / "own", ["config.json"])
    sprung = tmp_path / "sprung"
    (folder / name).write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(MissingError, match="a pickle may run any program") as error:
        weights.locate("dinov2-base", named(folder))
    assert name in str(error.value)
    assert not sprung.exists()


def test_a_pickle_under_another_name_is_not_run(tmp_path):
    """The reader of safetensors refuses it."""
    load("transformers", "models")
    from napari_m2n2.attention.registry import create

    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "dinov2"}')
    sprung = tmp_path / "sprung"
    (folder / "model.safetensors").write_bytes(pickle.dumps(Trap(sprung)))
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(FileError, match="cannot be read"):
        create("dinov2-base", 4, "cpu", named(folder))
    assert not sprung.exists()


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("no/such/folder", "does not exist"),
        ("nowhere", "does not exist"),
        ("file.safetensors", "is a file; give the folder"),
    ],
)
def test_a_folder_that_is_none(tmp_path, monkeypatch, where, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.safetensors").write_bytes(b"")
    with pytest.raises(FileError, match=words):
        weights.locate("dinov2-base", BackboneOptions(weights=where))


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    write(tmp_path / "own", ["config.json", "model.safetensors"])
    assert weights.locate("dinov2-base", named("~/own")).path == tmp_path / "own"


# ------------------------------------------------------------------ the cache
def test_the_cache_is_looked_through_in_order():
    original, mirror = catalogue.model("stable-diffusion-2").repositories
    there = cache(mirror, DIFFUSION)
    found = weights.locate("stable-diffusion-2")
    assert (found.path, found.repo, found.revision) == (there, mirror, COMMIT)
    assert len(found.looked_in) == 2
    there = cache(original, DIFFUSION)
    assert weights.locate("stable-diffusion-2").path == there


def test_what_was_fetched_in_part_is_not_taken():
    cache("facebook/dinov2-base", ["config.json"])
    assert weights.locate_here("dinov2-base") is None
    with pytest.raises(MissingError, match="napari-m2n2 download dinov2-base"):
        weights.locate("dinov2-base")


def test_revisions_are_kept_apart():
    files = ["config.json", "model.safetensors"]
    cache("facebook/dinov2-base", files)
    other = cache("facebook/dinov2-base", files, commit="b" * 40, reference="v2")
    assert weights.locate("dinov2-base").revision == COMMIT
    assert weights.locate("dinov2-base", BackboneOptions(revision="v2")).path == other
    assert weights.locate("dinov2-base", BackboneOptions(revision="b" * 40)).path == other
    assert weights.locate_here("dinov2-base", BackboneOptions(revision="v3")) is None
    assert weights.locate_here("dinov2-base", BackboneOptions(revision="../x")) is None


def test_a_repository_may_be_named():
    there = cache("someone/stable-diffusion-2-1", DIFFUSION)
    found = weights.locate("stable-diffusion-2", named("someone/stable-diffusion-2-1"))
    assert (found.path, found.repo) == (there, "someone/stable-diffusion-2-1")
    assert weights.locate_here("stable-diffusion-2") is None


def test_a_link_to_what_was_deleted_is_nothing(tmp_path):
    folder = cache("facebook/dinov2-base", ["config.json", "model.safetensors"])
    (folder / "model.safetensors").unlink()
    try:
        (folder / "model.safetensors").symlink_to(tmp_path / "gone")
    except OSError:
        pytest.skip("this system makes no links")
    assert weights.locate_here("dinov2-base") is None


def test_unknown_models_are_said():
    with pytest.raises(InputError, match="no model 'sd9'; choose one of stable-diffusion-2"):
        weights.locate("sd9")


def test_every_model_says_where_it_is_looked_for():
    for name, model in catalogue.MODELS.items():
        assert len(weights.places(name)) == len(model.repositories)
        assert all(path.name.startswith("models--") for path in weights.places(name))
    assert catalogue.model("stable-diffusion-2").repositories[0].startswith("stabilityai/")


# ------------------------------------------------------------------ where things are kept
def test_folders_follow_the_rules_of_the_hub(monkeypatch, home):
    assert store.hub_folder() == home / "hub"
    assert store.own_folder() == home / "assets" / "napari-m2n2"
    monkeypatch.setenv("HF_ASSETS_CACHE", "~/assets")
    assert store.own_folder() == Path.home() / "assets" / "napari-m2n2"
    monkeypatch.setenv("SOMEWHERE", "/there")
    monkeypatch.setenv("HF_HUB_CACHE", "$SOMEWHERE/hub")
    assert store.hub_folder() == Path("/there/hub")


SAME_FOLDERS = """
import importlib, json, os, sys
from pathlib import Path
import huggingface_hub.constants as theirs
from napari_m2n2.attention import store
for variables in json.loads(sys.argv[1]):
    for name in [n for n in os.environ if n.startswith(("HF_", "HUGGINGFACE_", "XDG_"))]:
        del os.environ[name]
    os.environ.update(variables)
    importlib.reload(theirs)
    assert store.hub_folder() == Path(theirs.HF_HUB_CACHE), variables
    assert store.own_folder().parent == Path(theirs.HF_ASSETS_CACHE), variables
    assert store.is_offline() == theirs.HF_HUB_OFFLINE, variables
"""


def test_variables_mean_what_they_mean_to_huggingface_hub():
    load("huggingface_hub", "models")
    variables = [
        {},
        {"HF_HOME": "/one"},
        {"XDG_CACHE_HOME": "/two"},
        {"HF_HOME": "~/one", "HF_HUB_CACHE": "$HOME/three", "HF_HUB_OFFLINE": "on"},
        {"HUGGINGFACE_HUB_CACHE": "/four", "HF_ASSETS_CACHE": "/five", "HF_HUB_OFFLINE": "0"},
    ]
    done = subprocess.run(
        [sys.executable, "-c", SAME_FOLDERS, json.dumps(variables)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("value", "offline"), [("1", True), ("yes", True), ("On", True), ("0", False), ("", False)]
)
def test_offline_is_read_as_the_hub_reads_it(monkeypatch, value, offline):
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert store.is_offline() is offline
