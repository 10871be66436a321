"""Text prompts: the sentence, its tokens, and where an image answers to them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tiny_models as tiny
import torch
import transformers
from diffusers.models.attention_processor import AttnProcessor

from napari_m2n2 import Segmenter
from napari_m2n2.attention import registry
from napari_m2n2.attention.cross_attention import LEVELS
from napari_m2n2.attention.options import BackboneOptions
from napari_m2n2.attention.stable_diffusion import StableDiffusion
from napari_m2n2.attention.word_clusters import clustered
from napari_m2n2.attention.words import Emphasis, embed_phrases, sentence_of
from napari_m2n2.errors import Cancelled, InputError, MissingError
from napari_m2n2.segmentation.text import phrases_of

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A Stable Diffusion whose tokens are letters, so that phrases have several."""
    folder = tmp_path_factory.mktemp("weights")
    tiny.save_stable_diffusion(folder, text=False)
    config = transformers.CLIPTextConfig(
        vocab_size=60,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=77,
        bos_token_id=58,
        eos_token_id=59,
    )
    tiny.randomise(transformers.CLIPTextModel(config)).save_pretrained(folder / "text_encoder")
    words = ["!", *LETTERS, *(f"{letter}</w>" for letter in LETTERS)]
    words += [f"unused{n}" for n in range(5)] + ["<|startoftext|>", "<|endoftext|>"]
    tokenizer = folder / "tokenizer"
    tokenizer.mkdir()
    (tokenizer / "vocab.json").write_text(json.dumps({word: n for n, word in enumerate(words)}))
    (tokenizer / "merges.txt").write_text("#version: 0.2\n")
    (tokenizer / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "CLIPTokenizer", "pad_token": "<|endoftext|>"})
    )
    return folder


@pytest.fixture(scope="module")
def rgb():
    return np.random.default_rng(0).random((50, 70, 3)).astype(np.float32)


def of_folder(folder, grid=8):
    return StableDiffusion(folder, grid=grid, device="cpu", options=BackboneOptions())


def test_the_tokens_of_phrases_are_made_heavier_and_no_others(folder):
    plain = embed_phrases(folder, ("cell", "a wall"), 1.0)
    heavy = embed_phrases(folder, ("cell", "a wall"), 1.6)
    assert plain.embedding.shape == (1, 77, 32)
    # a, photograph (10 letters), of (2) after the beginning; "and" (3) between
    assert plain.places == (tuple(range(14, 18)), tuple(range(21, 26)))
    ratio = (heavy.embedding / plain.embedding)[0].mean(dim=1)
    touched = [place for some in plain.places for place in some]
    np.testing.assert_allclose(ratio[touched], 1.6, rtol=1e-5)
    np.testing.assert_allclose(np.delete(ratio.numpy(), touched), 1, rtol=1e-5)


class Heavier(torch.nn.Module):
    """A projection to keys in which some tokens weigh more."""

    def __init__(self, plain, tokens, gain):
        super().__init__()
        self.plain = plain
        self.weights = torch.ones(77, 1, dtype=torch.float64)
        self.weights[tokens] = gain

    def forward(self, states):
        return self.plain(states) * self.weights


def plain_maps(folder, rgb, phrases, emphasis, grid):
    """The whole UNet with the library's own attention, all heads at once, in float64."""
    backbone = of_folder(folder, grid)
    backbone.load()
    unet = backbone.modules.unet.double()
    unet.set_attn_processor(AttnProcessor())
    seen = {}

    for level in LEVELS:
        for name in level.blocks:
            tiny.remember(seen, name, unet.get_submodule(name))
    worded = embed_phrases(folder, phrases, 1.0 if emphasis.keys_only else emphasis.gain)
    if emphasis.keys_only:
        tokens = [place for some in worded.places for place in some]
        for path, part in list(unet.named_modules()):
            if path.endswith(".attn2"):
                part.to_k = Heavier(part.to_k, tokens, emphasis.gain)
    with torch.no_grad():
        latent = backbone.encode(rgb).double()
        unet(latent, 100, encoder_hidden_states=worded.embedding.double())
    total = 0
    for level in LEVELS:
        heads = torch.cat([seen[name] for name in level.blocks])  # all heads of all blocks
        mean = heads.mean(dim=0).T
        mean = mean / mean.sum(dim=1, keepdim=True)
        side = grid // 2**level.halvings
        total = total + level.weight * torch.nn.functional.interpolate(
            mean.reshape(1, -1, side, side), size=(grid, grid), mode="bilinear"
        )
    maps = total[0].flatten(1)
    if emphasis.clusters:
        maps = clustered(maps, (grid, grid), emphasis.clusters)
    return torch.stack([maps[list(places)].mean(dim=0) for places in worded.places])


@pytest.mark.parametrize(
    ("grid", "emphasis"),
    [
        (8, Emphasis(1.6)),
        (16, Emphasis(1.6)),
        (8, Emphasis(1.6, keys_only=True)),
        (16, Emphasis(1.6, clusters=20)),
    ],
)
def test_equals_the_plain_reference(folder, rgb, grid, emphasis):
    phrases = ("cell", "wall")
    maps, attention = of_folder(folder, grid).attend_words(rgb, phrases, emphasis=emphasis)
    expected = plain_maps(folder, rgb, phrases, emphasis, grid)
    assert maps.shape == (2, grid * grid)
    assert float(expected.std(dim=1).min() / expected.mean()) > 0.01, "flat maps prove nothing"
    np.testing.assert_allclose(maps, expected, rtol=1e-4)
    assert attention.grid == (grid, grid)
    other, _ = of_folder(folder, grid).attend_words(rgb, phrases, emphasis=Emphasis(1.0))
    assert not np.allclose(maps, other, rtol=1e-3)


def test_heavier_keys_are_not_heavier_values(folder, rgb):
    both, keys = (
        of_folder(folder).attend_words(rgb, ("cell",), emphasis=Emphasis(1.6, keys_only=only))[0]
        for only in (False, True)
    )
    assert not np.allclose(both, keys, rtol=1e-3)
    plain, none = (
        of_folder(folder).attend_words(rgb, ("cell",), emphasis=Emphasis(1.0, keys_only=only))[0]
        for only in (False, True)
    )
    torch.testing.assert_close(plain, none)


def test_the_attention_is_that_of_the_sentence(folder, rgb):
    backbone = of_folder(folder)
    _, attention = backbone.attend_words(rgb, ("cell",), emphasis=Emphasis(1.6))
    modules = backbone.modules
    worded = embed_phrases(folder, ("cell",), 1.6)
    with_words = type(modules)(modules.unet, modules.vae, worded.embedding)
    expected = tiny.plain_stable_diffusion(with_words, rgb, (8, 8), {"up0": 0.5, "up1": 0.5})
    np.testing.assert_allclose(attention.matrix, expected, rtol=1e-4)


def test_it_can_be_called_off_and_leaves_no_hook(folder, rgb):
    backbone = of_folder(folder)

    def stop(phase, fraction):
        if phase == "encode" and fraction > 0.6:
            raise Cancelled

    for emphasis in (Emphasis(1.6), Emphasis(1.6, keys_only=True)):
        with pytest.raises(Cancelled):
            backbone.attend_words(rgb, ("cell",), emphasis=emphasis, progress=stop)
    parts = backbone.modules.unet.modules()
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in parts)


def test_bad_texts_are_said(folder):
    with pytest.raises(InputError, match="tokens longer than the model reads"):
        embed_phrases(folder, ("abcdefghij" * 8,), 1.6)
    with pytest.raises(InputError, match="text is empty"):
        phrases_of(" ; ")
    assert phrases_of(" nucleus ;; the  background") == ("nucleus", "the background")
    assert sentence_of(("x", "y")) == "a photograph of x and y and other object and background"


def test_weights_without_a_text_encoder_say_so(tmp_path, rgb):
    tiny.save_stable_diffusion(tmp_path)
    backbone = of_folder(tmp_path)
    backbone.load()
    (tmp_path / "text_encoder").rename(tmp_path / "gone")
    with pytest.raises(MissingError, match="no text encoder"):
        backbone.attend_words(rgb, ("cell",), emphasis=Emphasis(1.6))


# ------------------------------------------------------------------ through the segmenter
def test_only_stable_diffusion_understands_text():
    names = {name for name in registry.names() if registry.understands_text(name)}
    assert names == {"stable-diffusion-1", "stable-diffusion-2"}
    segmenter = Segmenter(grid=8, device="cpu")
    segmenter.set_image(np.zeros((9, 9), np.uint8))
    with pytest.raises(InputError, match="'texture' does not understand text"):
        segmenter.segment([], [], text="cell")


@pytest.mark.parametrize("method", ["m2n2", "iseg", "mis"])
def test_a_text_is_a_prompt_like_a_rough_mask(folder, rgb, method):
    segmenter = Segmenter(
        "stable-diffusion-2", weights=str(folder), grid=8, device="cpu", method=method
    )
    segmenter.set_image(rgb)
    found = segmenter.segment([], [], text="cell; wall")
    assert found.mask.any()
    assert not found.mask.all()
    again = segmenter.segment([], [], text=" cell;  wall ")
    assert np.array_equal(found.mask, again.mask)
    rough = segmenter._texts.mask("cell; wall", segmenter.rgb, lambda *_: None)
    assert np.array_equal(found.mask, segmenter.segment([], [], mask=rough).mask)
    both = segmenter.segment([(3, 3), (40, 60)], [True, False], text="cell; wall")
    assert both.mask[3, 3]
    assert not both.mask[40, 60]
