"""The key of an attention changes with all that it depends on, and with nothing else."""

from __future__ import annotations

import dataclasses
import os
import shutil

import numpy as np
import pytest

from napari_m2n2.attention.catalogue import BACKBONES
from napari_m2n2.attention.identity import REVISIONS, derived, describe, key_of
from napari_m2n2.attention.options import PLAIN, BackboneOptions
from napari_m2n2.attention.registry import names
from napari_m2n2.attention.weights import Weights


def image(seed=0, shape=(6, 7)):
    return np.random.default_rng(seed).random((*shape, 3), dtype=np.float32)


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "weights"
    for name in ("unet", "vae"):
        (path / name).mkdir(parents=True)
        data = np.random.default_rng(0).bytes(300_000)
        (path / name / "model.safetensors").write_bytes(data)
    (path / "model_index.json").write_text("{}")
    return path


def described(path, options=PLAIN, name="stable-diffusion-2", grid=8):
    return describe(name, grid, options, Weights(path, str(path), ""))


def test_the_same_plane_has_the_same_key():
    one = key_of(image(), "x")
    assert one == key_of(image().copy(), "x")
    assert one == key_of(np.asfortranarray(image()), "x")
    assert len(one) == 40
    assert set(one) <= set("0123456789abcdef")


def test_every_change_of_a_plane_changes_it():
    plane = image()
    changed = plane.copy()
    changed[3, 2, 1] = np.nextafter(changed[3, 2, 1], 2)
    others = [changed, plane[:, ::-1], plane[:5], plane.reshape(7, 6, 3), image(1)]
    keys = [key_of(one, "x") for one in (plane, *others)] + [key_of(plane, "y")]
    assert len(set(keys)) == len(keys)


def test_every_backbone_has_a_revision():
    assert set(REVISIONS) == {names()[0]} | {model.kind for model in BACKBONES.values()}


def test_all_parameters_count(folder):
    texts = [
        describe("texture", 8, PLAIN, None),
        describe("texture", 9, PLAIN, None),
        described(folder),
        described(folder, name="stable-diffusion-1"),
        described(folder, grid=9),
        described(folder, BackboneOptions(timestep=50)),
        described(folder, BackboneOptions(blocks=(("up0", 1.0),))),
        described(folder, BackboneOptions(dtype="bfloat16")),
        described(folder, BackboneOptions(vae="tiny")),
    ]
    assert len(set(texts)) == len(texts)


def test_no_option_is_forgotten():
    """Whoever adds an option decides whether attention depends on it."""
    known = {"timestep", "blocks", "vae", "dtype"} | {"weights", "revision"}
    assert {field.name for field in dataclasses.fields(BackboneOptions)} == known


def test_a_revision_of_the_code_counts(monkeypatch):
    before = describe("texture", 8, PLAIN, None)
    monkeypatch.setitem(REVISIONS, "texture", REVISIONS["texture"] + 1)
    assert describe("texture", 8, PLAIN, None) != before


def test_weights_of_a_hub_count_by_their_commit(tmp_path):
    def of(repo, commit, path):
        return describe("dinov2-base", 8, PLAIN, Weights(path, repo, commit))

    one = of("a/b", "1" * 40, tmp_path / "here")
    assert one == of("a/b", "1" * 40, tmp_path / "there")
    assert one != of("a/b", "2" * 40, tmp_path / "here")
    assert one != of("a/c", "1" * 40, tmp_path / "here")


def test_weights_in_a_folder_count_by_what_they_are(folder, tmp_path):
    before = described(folder)
    shutil.copytree(folder, tmp_path / "copy")
    assert described(tmp_path / "copy") == before
    (folder / "notes.txt").write_text("mine")
    assert described(folder) == before
    path = folder / "unet" / "model.safetensors"
    then = path.stat()
    data = bytearray(path.read_bytes())
    data[1000:60000] = bytes(59000)  # as if trained on, and given the old date
    path.write_bytes(data)
    os.utime(path, ns=(then.st_atime_ns, then.st_mtime_ns))
    assert described(folder) != before


@pytest.mark.parametrize("size", [0, 1, 100, 65536, 65537])
def test_small_files_of_weights(folder, size):
    path = folder / "unet" / "model.safetensors"
    path.write_bytes(bytes(size))
    before = described(folder)
    assert described(folder) == before
    path.write_bytes(bytes(size) + b"1")
    assert described(folder) != before


def test_what_is_derived():
    keys = {derived("a" * 40, "x"), derived("a" * 40, "y"), derived("b" * 40, "x")}
    assert len(keys) == 3
    assert all(len(one) == 40 for one in keys)
