"""`napari-m2n2 encode`."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from extras import load
from no_network import keep_weights_in

from napari_m2n2 import Segmenter
from napari_m2n2.attention.texture import Texture
from napari_m2n2.files import read_image
from napari_m2n2.image import to_rgb


@pytest.fixture(autouse=True)
def _offline(tmp_path, monkeypatch):
    keep_weights_in(tmp_path / "home", monkeypatch)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_the_attention_is_written_as_the_backbone_gives_it(command, work):
    out = work.folder / "a.npz"
    done = command("encode", work.image, "--export", out, "--grid", 10)
    assert done.code == 0, done
    assert "from texture" in done.out
    expected = Texture(10).attend(to_rgb(read_image(work.image).data))
    with np.load(out) as written:
        assert set(written) == {"attention", "grid", "weights"}
        assert written["attention"].dtype == np.float32
        np.testing.assert_array_equal(written["attention"], expected.matrix)
        np.testing.assert_allclose(written["attention"].sum(axis=1), 1, atol=1e-5)
        assert tuple(written["grid"]) == expected.grid
        assert str(written["weights"]) == ""


def test_that_it_runs_on_the_processor_is_said(command, work, monkeypatch):
    tiny_models = load("tiny_models", "models")
    tiny_models.dino().save_pretrained(work.folder / "dino")
    monkeypatch.setattr("napari_m2n2.devices.resolve", lambda _device="auto": "cpu")
    done = command(
        *("encode", work.image, "--export", work.folder / "a.npz", "--grid", 4),
        *("--backbone", "dinov2-base", "--weights", work.folder / "dino"),
    )
    assert done.code == 0, done
    assert "There is no CUDA device, so dinov2-base runs on the processor" in done.err


@pytest.mark.parametrize("name", ["stable-diffusion-2", "dinov2-base"])
def test_with_weights(command, work, name):
    tiny_models = load("tiny_models", "models")
    folder = work.folder / "weights"
    if name == "dinov2-base":
        tiny_models.dino().save_pretrained(folder)
    else:
        tiny_models.save_stable_diffusion(folder)
    out = work.folder / "a.npz"
    done = command(
        *("encode", work.image, "--export", out, "--backbone", name),
        *("--weights", folder, "--grid", 6, "--device", "cpu"),
    )
    assert done.code == 0, done
    assert str(folder) in done.out
    assert not [line for line in done.err.splitlines() if not line.endswith(" ...")]
    with np.load(out) as written:
        attention, grid = written["attention"], tuple(written["grid"])
        assert str(written["weights"]) == str(folder)
    assert (attention.shape, grid) == ((36, 36), (6, 6))
    segmenter = Segmenter(name, weights=folder, grid=6, device="cpu")
    np.testing.assert_allclose(
        attention, segmenter._source.attend(to_rgb(tifffile.imread(work.image))).matrix, rtol=1e-5
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--export", "a.npy"), "does not end in .npz"),
        (("--export", "absent/a.npz"), "absent does not exist"),
        (("--export", "a.npz", "--grid", 0), "grid=0"),
        (("--export", "a.npz", "--timestep", 5), "has no timestep"),
        (("--export", "a.npz", "--backbone", "magic"), "'magic' is unknown"),
        (("--export", "a.npz", "--backbone", "dinov2-base"), "download dinov2-base'"),
        (
            ("--export", "a.npz", "--backbone", "dinov2-base", "--weights", "no/such/place"),
            "does not exist",
        ),
        (("--export", "a.npz", "--backbone", "dinov2-base", "--blocks", "x=y"), "no number"),
    ],
)
def test_what_cannot_be_is_one_sentence(command, work, monkeypatch, arguments, words):
    monkeypatch.chdir(work.folder)
    assert words in command("encode", work.image, *arguments).sentence
    assert not (work.folder / "a.npz").exists()


def test_four_channels_need_a_choice(command, work):
    tifffile.imwrite(work.image, np.zeros((20, 24, 5), np.uint8), metadata={"axes": "YXC"})
    out = work.folder / "a.npz"
    assert "--channels" in command("encode", work.image, "--export", out).sentence
    done = command("encode", work.image, "--export", out, "--channels", 1, "--grid", 4)
    assert done.code == 0, done
