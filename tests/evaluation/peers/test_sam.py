"""SAM with a random model: the numbers mean nothing, but they have to be transformers' own."""

from __future__ import annotations

import json
import socket

import numpy as np
import pytest
import torch
from extras import load
from packaging.version import Version
from torch.nn import functional

from napari_m2n2.attention import libraries
from napari_m2n2.errors import FileError, InputError, MissingError, UserError
from napari_m2n2.evaluation.peers import sam
from napari_m2n2.evaluation.peers.base import Peer
from napari_m2n2.evaluation.predictors import create
from napari_m2n2.evaluation.runs import Settings

transformers = load("transformers", "models")

SIZE = 64


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was asked")

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("sam")
    torch.manual_seed(0)
    vision = transformers.SamVisionConfig(
        hidden_size=32,
        output_channels=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=SIZE,
        patch_size=8,
        window_size=4,
        global_attn_indexes=[1],
        mlp_dim=64,
        num_pos_feats=8,
    )
    prompt = transformers.SamPromptEncoderConfig(
        hidden_size=16, image_size=SIZE, patch_size=8, mask_input_channels=8
    )
    decoder = transformers.SamMaskDecoderConfig(
        hidden_size=16,
        mlp_dim=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        iou_head_hidden_dim=16,
    )
    config = transformers.SamConfig(
        vision_config=vision, prompt_encoder_config=prompt, mask_decoder_config=decoder
    )
    model = transformers.SamModel(config)
    for parameter in model.parameters():  # far from their small start, so that clicks matter
        torch.nn.init.normal_(parameter, std=0.3)
    with libraries.quiet(), libraries._no_bars():
        model.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def model(folder):
    return libraries.load(transformers.SamModel, folder, torch.float32)


@pytest.fixture
def peer(folder):
    return create(Settings(method="sam", weights=str(folder), device="cpu"))


def picture(shape=(40, 70)):
    return np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)


def plain_steps(model, pixels, shape, inner, clicks):
    """Click by click through transformers' own full forward, nothing kept but the last logits."""
    logits, steps = None, []
    for count in range(1, len(clicks) + 1):
        xy = [[c * inner[1] / shape[1], r * inner[0] / shape[0]] for r, c, _ in clicks[:count]]
        with torch.no_grad():
            answer = model(
                pixel_values=pixels,
                input_points=torch.tensor([[xy]], dtype=torch.float32),
                input_labels=torch.tensor([[[label for *_, label in clicks[:count]]]]),
                input_masks=logits,
                multimask_output=count == 1,
            )
        assert answer.pred_masks.shape[2] == (3 if count == 1 else 1)
        best = answer.iou_scores[0, 0].argmax()
        logits = answer.pred_masks[:, 0, best][:, None]
        large = functional.interpolate(logits, (SIZE, SIZE), mode="bilinear")
        large = large[..., : inner[0], : inner[1]]
        steps.append(functional.interpolate(large, shape, mode="bilinear")[0, 0].numpy())
    return steps


CLICKS = [(3, 60, 1), (20, 20, 0), (33, 41, 1), (10, 5, 1)]


@pytest.mark.parametrize("shape", [(40, 70), (70, 40), (50, 50), (200, 90)])
def test_clicks_give_what_transformers_gives(model, shape):
    rgb = picture(shape).astype(np.float32) / 255
    pixels, inner = sam.to_pixel_values(rgb, SIZE)
    expected = plain_steps(model, pixels, shape, inner, CLICKS)
    plane = sam.Sam(model).prepare(rgb)
    points = np.array([c[:2] for c in CLICKS])
    labels = np.array([bool(c[2]) for c in CLICKS])
    for count, logits in enumerate(expected, 1):
        found = plane(points[:count], labels[:count])
        np.testing.assert_allclose(found, logits, rtol=1e-4, atol=1e-5)
    assert np.abs(expected[0] - expected[1]).max() > 1e-2


def test_the_image_is_encoded_once_and_a_click_decoded_once(model, monkeypatch):
    encoded, decoded = [], []
    encode, decode = model.vision_encoder.forward, model.mask_decoder.forward
    monkeypatch.setattr(
        model.vision_encoder, "forward", lambda *a, **k: encoded.append(1) or encode(*a, **k)
    )
    monkeypatch.setattr(
        model.mask_decoder, "forward", lambda *a, **k: decoded.append(1) or decode(*a, **k)
    )
    peer = Peer(sam.Sam(model))
    peer.set_image(picture())
    for count in range(1, 5):
        peer.segment([c[:2] for c in CLICKS[:count]], [c[2] for c in CLICKS[:count]])
    peer.segment([c[:2] for c in CLICKS[:2]], [c[2] for c in CLICKS[:2]])
    assert (len(encoded), len(decoded)) == (1, 4)


def test_the_mask_does_not_depend_on_what_was_asked_before(peer, folder):
    peer.set_image(picture())
    points, labels = [c[:2] for c in CLICKS], [c[2] for c in CLICKS]
    for count in range(1, 5):
        grown = peer.segment(points[:count], labels[:count]).mask
    fresh = create(Settings(method="sam", weights=str(folder), device="cpu"))
    fresh.set_image(picture())
    np.testing.assert_array_equal(fresh.segment(points, labels).mask, grown)


def test_old_answers_are_forgotten_and_found_again(model, monkeypatch):
    monkeypatch.setattr(sam, "_KEPT", 2)
    peer = Peer(sam.Sam(model))
    peer.set_image(picture())
    points, labels = [c[:2] for c in CLICKS], [c[2] for c in CLICKS]
    first = peer.segment(points, labels).mask
    assert len(peer._scorer._answers) == 2
    np.testing.assert_array_equal(peer.segment(points, labels).mask, first)


def test_row_and_column_become_x_and_y_once(model, monkeypatch):
    seen = []
    embed = model.prompt_encoder._embed_points
    monkeypatch.setattr(
        model.prompt_encoder,
        "_embed_points",
        lambda points, labels, pad: seen.append(points.clone()) or embed(points, labels, pad),
    )
    peer = Peer(sam.Sam(model))
    peer.set_image(picture((40, 80)))
    peer.segment([(10, 70)], [1])
    np.testing.assert_allclose(seen[0].numpy(), [[[[70 * 64 / 80, 10 * 32 / 40]]]])


@pytest.mark.skipif(
    Version(transformers.__version__) < Version("5"),
    reason="needs transformers 5",
)
@pytest.mark.parametrize("shape", [(40, 70), (70, 41), (64, 64), (500, 333)])
def test_preprocessing_is_that_of_transformers(shape):
    from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

    processor = SamImageProcessorPil(
        size={"longest_edge": SIZE}, pad_size={"height": SIZE, "width": SIZE}
    )
    smooth = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1) % 256
    image = np.concatenate([smooth, smooth[..., :1] // 2], axis=-1).astype(np.uint8)
    expected = processor(image, return_tensors="pt")
    pixels, inner = sam.to_pixel_values(image.astype(np.float32) / 255, SIZE)
    assert list(inner) == list(expected["reshaped_input_sizes"][0])
    # theirs rounds to whole grey values on the way
    step = 1 / 255 / 0.224
    np.testing.assert_allclose(pixels, expected["pixel_values"], atol=0.6 * step)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (1, 900), (900, 1), (3, 2)])
def test_narrow_planes(peer, shape):
    peer.set_image(np.arange(shape[0] * shape[1]).reshape(shape) % 256)
    mask = peer.segment([(0, 0), (shape[0] - 1, shape[1] - 1)], [0, 1]).mask
    assert mask.shape == shape
    assert mask[-1, -1]


@pytest.mark.parametrize("image", [np.full((20, 30), np.nan), np.zeros((20, 30), np.uint8)])
def test_images_that_say_nothing(peer, image):
    peer.set_image(image)
    assert peer.segment([(5, 6)], [1]).mask[5, 6]


def test_background_clicks_alone_and_first(peer):
    peer.set_image(picture())
    assert not peer.segment([(5, 6)], [0]).mask.any()
    mask = peer.segment([(5, 6), (20, 20)], [0, 1]).mask
    assert mask[20, 20]
    assert not mask[5, 6]


def test_which_weights_were_used(peer, folder):
    assert peer.weights.path == folder
    peer.set_image(picture())
    assert peer.segment([(1, 1)], [1]).weights == str(folder)


def test_weights_that_cannot_be_used(folder, tmp_path, monkeypatch):
    def load(path, **parameters):
        return create(
            Settings(method="sam", weights=path and str(path), device="cpu", parameters=parameters)
        )

    empty, pickled, other, torn = (
        tmp_path / name for name in ("empty", "pickled", "other", "torn")
    )
    for path in (empty, pickled, other, torn):
        path.mkdir()
    config = (folder / "config.json").read_text()
    weights = (folder / "model.safetensors").read_bytes()
    (pickled / "config.json").write_text(config)
    (pickled / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    (other / "config.json").write_text(json.dumps({"model_type": "dinov2"}))
    (other / "model.safetensors").write_bytes(weights)
    (torn / "config.json").write_text(config)
    (torn / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(FileError, match="does not exist"):
        load(tmp_path / "nowhere")
    with pytest.raises(MissingError, match=r"has no model\.safetensors"):
        load(empty)
    with pytest.raises(MissingError, match="pickle may run any program"):
        load(pickled)
    with pytest.raises(FileError, match="'dinov2'; give one of SAM"):
        load(other)
    with pytest.raises(FileError, match="cannot be read"):
        load(torn)
    with pytest.raises(InputError, match="no model 'sam-9'"):
        load(None, model="sam-9")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    with pytest.raises(UserError) as raised:
        load(None)
    assert isinstance(raised.value, MissingError)
    assert "napari-m2n2 download sam-vit-base" in str(raised.value)


def test_without_transformers_the_command_that_installs_it_is_named(folder, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(MissingError, match=r'pip install "napari-m2n2\[models\]"'):
        create(Settings(method="sam", weights=str(folder), device="cpu"))
