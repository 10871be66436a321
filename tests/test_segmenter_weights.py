"""`Segmenter` with backbones that have weights: tiny random models, from a folder to a mask."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from extras import load
from no_network import keep_weights_in

from napari_m2n2 import Attention, Segmenter, devices
from napari_m2n2.errors import Cancelled, InputError, MissingError, NoMemoryError
from napari_m2n2.segmentation import preparing
from napari_m2n2.segmentation.plane import PreparedPlane

tiny_models = load("tiny_models", "models")

DISC = np.where(np.hypot(*np.mgrid[-25:35, -50:30]) <= 14, 180, 50).astype(np.uint8)
CLICKS = [(25, 50), (5, 10)], [True, False]


@pytest.fixture(autouse=True)
def _offline(tmp_path, monkeypatch):
    keep_weights_in(tmp_path / "home", monkeypatch)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="module")
def diffusion(tmp_path_factory):
    return tiny_models.save_stable_diffusion(tmp_path_factory.mktemp("sd"))


@pytest.fixture(scope="module")
def dino(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dino")
    tiny_models.dino().save_pretrained(folder)
    return folder


@pytest.mark.parametrize("name", ["stable-diffusion-2", "stable-diffusion-1", "dinov2-base"])
def test_from_a_folder_to_a_mask(request, name):
    folder = request.getfixturevalue("dino" if name == "dinov2-base" else "diffusion")
    segmenter = Segmenter(name, weights=folder, grid=8, device="cpu")
    assert segmenter.weights is None
    segmenter.set_image(DISC)
    result = segmenter.segment(*CLICKS)
    assert result.mask.shape == DISC.shape
    assert result.mask[25, 50]
    assert not result.mask[5, 10]
    assert segmenter.grid == (8, 8)
    assert segmenter.weights.path == folder
    assert result.weights == str(folder)


def test_default_is_as_published(diffusion):
    """Until somebody with weights has measured a change."""
    masks = []
    for preset in ("default", "published"):
        segmenter = Segmenter(
            "stable-diffusion-2", preset=preset, weights=diffusion, grid=8, device="cpu"
        )
        segmenter.set_image(DISC)
        masks.append(segmenter.segment(*CLICKS).score)
    np.testing.assert_array_equal(*masks)


@pytest.mark.parametrize(
    ("device", "grids"), [("cuda:0", (128, 112, 80, 64)), ("cpu", (64, 64, 80, 64))]
)
def test_the_grid_is_the_backbones_own(monkeypatch, device, grids):
    monkeypatch.setattr(devices, "resolve", lambda _name: device)
    names = ("stable-diffusion-2", "stable-diffusion-1", "dinov2-large", "texture")
    assert tuple(Segmenter(name).parameters.grid for name in names) == grids
    assert Segmenter("stable-diffusion-2", preset="published").parameters.grid == grids[0]
    assert Segmenter("stable-diffusion-2", grid=32).parameters.grid == 32


def test_progress_tells_of_weights_and_may_stop(dino):
    segmenter = Segmenter("dinov2-base", weights=dino, grid=6, device="cpu")
    phases = []
    segmenter.set_image(DISC, progress=lambda phase, _: phases.append(phase))
    assert list(dict.fromkeys(phases)) == ["attention", "weights", "encode", "transition"]

    def stop(phase, _fraction):
        if phase == "encode":
            raise Cancelled

    before = segmenter.segment(*CLICKS).mask
    with pytest.raises(Cancelled):
        segmenter.set_image(DISC.T, progress=stop)
    np.testing.assert_array_equal(segmenter.segment(*CLICKS).mask, before)


def test_without_weights_the_command_is_named():
    segmenter = Segmenter("dinov2-small", device="cpu")
    with pytest.raises(MissingError, match="run 'napari-m2n2 download dinov2-small'"):
        segmenter.set_image(DISC)


@pytest.mark.parametrize("where", ["prepare", "model"])
def test_memory_that_runs_out_is_given_back_and_the_old_image_stays(diffusion, monkeypatch, where):
    one = Segmenter("stable-diffusion-2", weights=diffusion, grid=8, device="cpu")
    one.set_image(DISC)
    before = one.segment(*CLICKS).mask

    def exhausted(*_args, **_kwargs):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB")

    model = one._source._backbone._shared.backbone
    with monkeypatch.context() as limited:
        if where == "prepare":
            limited.setattr(preparing, "prepare", exhausted)
        else:
            limited.setattr(model._modules.unet, "forward", exhausted)
        with pytest.raises(NoMemoryError, match="stable-diffusion-2 on a grid of 8"):
            one.set_image(DISC.T)
    assert model._modules is None
    np.testing.assert_array_equal(one.segment(*CLICKS).mask, before)
    one.set_image(DISC.T)
    assert one.rgb.shape[:2] == DISC.T.shape


def test_memory_that_runs_out_at_a_click(monkeypatch):
    one = Segmenter(grid=12, device="cpu")
    one.set_image(DISC)

    def exhausted(*_args):
        raise MemoryError

    with monkeypatch.context() as limited:
        limited.setattr(PreparedPlane, "low_maps", exhausted)
        with pytest.raises(NoMemoryError, match="texture on a grid of 12; use grid 8"):
            one.segment(*CLICKS)
    assert one.segment(*CLICKS).mask[25, 50]


def test_options_need_a_backbone_that_has_them():
    class Own:
        def attend(self, rgb):
            return Attention(np.eye(4), (2, 2))

    with pytest.raises(InputError, match="no weights, timestep or blocks"):
        Segmenter(Own(), timestep=3)
    with pytest.raises(InputError, match="'texture' has no weights"):
        Segmenter("texture", weights="folder")
    with pytest.raises(InputError, match="timestep=-1"):
        Segmenter("stable-diffusion-2", timestep=-1)


def test_a_backbone_of_ones_own_may_report():
    class Own:
        def attend(self, rgb, *, progress):
            progress("looking", 0.5)
            return Attention(np.full((4, 4), 0.25), (2, 2))

    phases = []
    own = Segmenter(Own(), device="cpu")
    own.set_image(DISC, progress=lambda phase, _: phases.append(phase))
    assert "looking" in phases
    assert own.weights is None
