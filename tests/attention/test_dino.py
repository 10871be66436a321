from __future__ import annotations

import json
import weakref

import numpy as np
import pytest
import tiny_models as tiny
import torch
import transformers

from napari_m2n2 import Backbone
from napari_m2n2.attention.dino import Dino
from napari_m2n2.attention.options import BackboneOptions
from napari_m2n2.errors import Cancelled, FileError, InputError, MissingError


@pytest.fixture(scope="module")
def rgb():
    return np.random.default_rng(0).random((50, 70, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def model():
    return tiny.dino()


def relative(found, expected):
    assert expected.max() / expected.min() > 5, "attention that hardly varies would prove nothing"
    return float(((found.double() - expected).abs() / expected).max())


# ------------------------------------------------------------------ the same numbers
@pytest.mark.parametrize("grid", [(5, 5), (4, 7), (9, 3)], ids=str)
@pytest.mark.parametrize("registers", [0, 4])
def test_equals_the_plain_reference(rgb, registers, grid):
    expected = tiny.plain_dino(tiny.dino(registers, eager=True), rgb, grid, registers=registers)
    attention = Dino.from_model(tiny.dino(registers), grid=grid).attend(rgb)
    assert attention.grid == grid
    assert attention.matrix.dtype == torch.float32
    assert relative(attention.matrix, expected) < 1e-5


def test_layers_and_their_weights_are_parameters(model, rgb):
    options = BackboneOptions(blocks=(("layer.0", 0.25), ("layer.2", 0.75)))
    plain = tiny.dino(eager=True)
    pixels = [tiny.plain_dino_tokens(plain, rgb, (5, 5), layer) for layer in (0, 2)]
    expected = 0.25 * pixels[0] + 0.75 * pixels[1]
    expected /= expected.sum(1, keepdim=True)
    found = Dino.from_model(model, grid=5, options=options).attend(rgb).matrix
    assert relative(found, expected) < 1e-5


@pytest.mark.parametrize("block", ["layer.3", "layer.-1", "up0", "layer", "layer.x"])
def test_a_layer_that_is_not_there_is_refused(model, rgb, block):
    options = BackboneOptions(blocks=((block, 1.0),))
    with pytest.raises(InputError, match=r"choose layer\.0 to layer\.2"):
        Dino.from_model(model, grid=5, options=options).attend(rgb)


def test_it_is_a_backbone_and_the_same_every_time(model, rgb):
    backbone = Dino.from_model(model, grid=5)
    assert isinstance(backbone, Backbone)
    first = backbone.attend(rgb).matrix
    assert torch.equal(backbone.attend(rgb).matrix, first)
    torch.testing.assert_close(first.sum(1), torch.ones(25))


def test_bfloat16_gives_nearly_the_same(rgb):
    exact = Dino.from_model(tiny.dino(), grid=5).attend(rgb).matrix
    half = tiny.dino()
    options = BackboneOptions(dtype="bfloat16")
    matrix = Dino.from_model(half, grid=5, options=options).attend(rgb).matrix
    assert half.dtype == torch.bfloat16
    assert 0.9 < float(torch.minimum(matrix, exact).sum(1).mean()) < 0.9999


# ------------------------------------------------------------------ what is hooked
@pytest.mark.parametrize("registers", [0, 4])
def test_the_library_has_the_parts_that_are_read(registers):
    config = {"hidden_size": 384, "num_attention_heads": 6, "num_hidden_layers": 12}
    with torch.device("meta"):
        made = {"image_size": 518, **config}
        model = (
            transformers.Dinov2WithRegistersModel(transformers.Dinov2WithRegistersConfig(**made))
            if registers
            else transformers.Dinov2Model(transformers.Dinov2Config(**made))
        )
    layer = model.get_submodule("encoder.layer.11.attention")
    assert layer.q_proj.out_features == layer.k_proj.out_features == 384
    assert layer.scaling == pytest.approx(64**-0.5)
    assert model.config.num_attention_heads == 6
    assert getattr(model.config, "num_register_tokens", 0) == registers
    assert sorted(name for name, _ in layer.named_children()) == [
        "k_proj",
        "o_proj",
        "q_proj",
        "v_proj",
    ], "something may have come between the projections and their product"


def test_the_names_of_older_releases_are_known(rgb):
    model = tiny.dino()
    backbone = Dino.from_model(model, grid=5)
    expected = backbone.attend(rgb).matrix
    for layer in model.encoder.layer:
        own = layer.attention
        own.attention = torch.nn.Module()
        own.attention.query, own.attention.key = own.q_proj, own.k_proj
        names = {"q_proj": own.q_proj.forward, "k_proj": own.k_proj.forward}
        for name in names:
            delattr(own, name)
        own.q_proj, own.k_proj = own.attention.query.__call__, own.attention.key.__call__
    assert torch.equal(backbone.attend(rgb).matrix, expected)


def test_a_library_that_changed_is_said(rgb):
    model = tiny.dino()
    del model.encoder.layer[2].attention.q_proj
    with pytest.raises(MissingError, match=r"encoder\.layer\.2\.attention\.q_proj"):
        Dino.from_model(model, grid=5).attend(rgb)


def test_the_network_ends_at_the_last_layer_that_is_needed(model, rgb):
    ran = []
    handles = [
        model.get_submodule(path).register_forward_hook(
            lambda module, inputs, output, path=path: ran.append(path)
        )
        for path in ("encoder.layer.0", "encoder.layer.1", "encoder.layer.2", "layernorm")
    ]
    try:
        Dino.from_model(model, grid=5).attend(rgb)
        assert ran == ["encoder.layer.0", "encoder.layer.1"]
    finally:
        for handle in handles:
            handle.remove()


def test_can_be_ended_and_leaves_no_hook_behind(model, rgb):
    fractions = []

    def stop(phase, fraction):
        fractions.append(fraction)
        if fraction > 0.3:
            raise Cancelled

    backbone = Dino.from_model(model, grid=5)
    with pytest.raises(Cancelled):
        backbone.attend(rgb, progress=stop)
    assert fractions[0] == 0
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
    fractions.clear()
    backbone.attend(rgb, progress=lambda phase, fraction: fractions.append(fraction))
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


# ------------------------------------------------------------------ from a folder
def of_folder(folder, **changes):
    given = {"grid": 5, "device": "cpu", "options": BackboneOptions()} | changes
    return Dino(folder, **given)


@pytest.mark.parametrize("registers", [0, 2])
def test_weights_from_a_folder_give_the_same_as_the_model(tmp_path, rgb, registers, capfd, caplog):
    tiny.dino(registers).save_pretrained(tmp_path)
    capfd.readouterr()
    backbone = of_folder(tmp_path)
    found = backbone.attend(rgb).matrix
    expected = Dino.from_model(tiny.dino(registers), grid=5).attend(rgb).matrix
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)
    assert capfd.readouterr() == ("", "")
    assert not caplog.records
    network = weakref.ref(backbone._model)
    backbone.release()
    assert network() is None
    assert torch.equal(backbone.attend(rgb).matrix, found)


def test_another_model_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "clip"}))
    with pytest.raises(FileError, match="'clip'"):
        of_folder(tmp_path)


def test_a_grid_that_does_not_fit_is_known_before_anything_is_loaded(tmp_path, monkeypatch):
    tiny.dino().save_pretrained(tmp_path)
    monkeypatch.setattr("napari_m2n2.devices.memory", lambda device: (10**9, 10**9))
    with pytest.raises(InputError, match=r"grid 96 or the smaller backbone dinov2-small\.$"):
        of_folder(tmp_path, grid=128)
    with pytest.raises(InputError, match=r"grid 77 × 120 or the smaller backbone texture\.$"):
        of_folder(tmp_path, grid=(82, 128), name="dinov2-small")


def test_running_out_of_memory_is_said(model, rgb, monkeypatch):
    def fail(*args, **kwargs):
        raise torch.OutOfMemoryError

    monkeypatch.setattr("napari_m2n2.attention.dino.averaged", fail)
    with pytest.raises(InputError, match="ran out for dinov2-base on a grid of 5; use"):
        Dino.from_model(model, grid=5).attend(rgb)
