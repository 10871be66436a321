from __future__ import annotations

import builtins
import json
import logging
import os
import pickle
import sys
import warnings

import pytest
import tiny_models as tiny
import torch
import transformers
from diffusers import AutoencoderKL, AutoencoderTiny
from safetensors.torch import load_file, save_file

from napari_m2n2.attention import libraries
from napari_m2n2.attention.empty_prompt import empty_prompt
from napari_m2n2.errors import FileError, InputError, MissingError

FILE = "diffusion_pytorch_model.safetensors"


@pytest.fixture
def folder(tmp_path):
    tiny.randomise(tiny.tiny_vae()).save_pretrained(tmp_path)
    return tmp_path


def load(folder, **others):
    return libraries.load(AutoencoderTiny, folder, torch.float32, **others)


# ------------------------------------------------------------------ precision
@pytest.mark.parametrize(
    ("name", "device", "expected"),
    [
        ("auto", "cpu", torch.float32),
        ("auto", "cuda:1", torch.float16),
        ("auto", "mps", torch.float16),
        ("bfloat16", "cpu", torch.bfloat16),
        ("float32", "cuda:0", torch.float32),
    ],
)
def test_precision_of_a_device(name, device, expected):
    assert libraries.resolve_dtype(name, device) is expected


def test_a_processor_has_no_float16():
    with pytest.raises(InputError, match="bfloat16"):
        libraries.resolve_dtype("float16", "cpu")


def test_loading_at_half_precision_changes_nothing_else(folder):
    assert libraries.load(AutoencoderTiny, folder, torch.bfloat16).dtype == torch.bfloat16
    assert torch.get_default_dtype() == torch.float32
    (folder / FILE).write_bytes(b"damaged")
    with pytest.raises(FileError):
        libraries.load(AutoencoderTiny, folder, torch.float16)
    assert torch.get_default_dtype() == torch.float32


# ------------------------------------------------------------------ files
def test_weights_are_counted_without_reading_them(folder):
    model = tiny.tiny_vae()
    assert libraries.count_weights(folder) == sum(p.numel() for p in model.parameters())
    encoder = sum(p.numel() for p in model.encoder.parameters())
    assert libraries.count_weights(folder, beginnings=("encoder.",)) == encoder


def test_no_pickle_is_ever_opened(tmp_path):
    """A file that would write another one when it is unpickled."""
    trace = tmp_path / "was-here"

    class Evil:
        def __reduce__(self):
            return (os.system, (f"touch '{trace}'",))

    for cls, model, name in (
        (AutoencoderTiny, tiny.tiny_vae(), "diffusion_pytorch_model"),
        (transformers.Dinov2Model, tiny.dino(), "model"),
    ):
        folder = tmp_path / name
        model.save_pretrained(folder)
        for suffix in (".bin", ".pt", ".ckpt"):
            (folder / name).with_suffix(suffix).write_bytes(pickle.dumps(Evil()))
        (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Evil()))
        libraries.load(cls, folder, torch.float32)
        (folder / f"{name}.safetensors").unlink()
        with pytest.raises(MissingError, match="safetensors"):
            libraries.load(cls, folder, torch.float32)
        # even where some file of the right kind lies beside
        save_file({"x": torch.zeros(1)}, folder / "other.safetensors")
        with pytest.raises(FileError):
            libraries.load(cls, folder, torch.float32)
    assert not trace.exists()


def test_a_folder_with_half_precision_only_can_be_used(folder):
    weights = {name: tensor.half() for name, tensor in load_file(folder / FILE).items()}
    (folder / FILE).unlink()
    save_file(weights, folder / FILE.replace(".safe", ".fp16.safe"))
    assert load(folder).dtype == torch.float32
    assert libraries.count_weights(folder) == sum(t.numel() for t in weights.values())


@pytest.mark.parametrize("named", ["whole.bin", "../piece.safetensors", None])
@pytest.mark.parametrize("library", ["diffusers", "transformers"])
def test_a_list_of_pieces_cannot_name_a_pickle(tmp_path, monkeypatch, library, named):
    """The libraries open whatever file it names, by torch.load if its name has another ending."""
    model, stem = (tiny.vae(), FILE) if library == "diffusers" else (tiny.dino(), "model")
    stem = stem.removesuffix(".safetensors")
    folder = tmp_path / "weights"
    model.save_pretrained(folder)
    (folder / f"{stem}.safetensors").rename(folder / f"{stem}-00001-of-00001.safetensors")
    torch.save(model.state_dict(), folder / "whole.bin")
    pieces = named and dict.fromkeys(model.state_dict(), named)
    index = {"metadata": {"total_size": 1}, "weight_map": pieces}
    (folder / f"{stem}.safetensors.index.json").write_text(json.dumps(index))
    opened = []
    monkeypatch.setattr(torch, "load", lambda *args, **kwargs: opened.append(args))
    with pytest.raises(FileError, match="only safetensors"):
        libraries.load(type(model), folder, torch.float32)
    assert opened == []


@pytest.mark.parametrize("variant", [None, "fp16"])
def test_a_folder_with_weights_in_pieces_can_be_used(tmp_path, variant):
    model = tiny.randomise(tiny.vae())
    model.save_pretrained(tmp_path, variant=variant, max_shard_size="20KB")
    (tmp_path / "diffusion_pytorch_model.non_ema.safetensors").write_bytes(b"of training")
    assert len(libraries.weight_files(tmp_path)) > 1
    assert libraries.count_weights(tmp_path) == sum(p.numel() for p in model.parameters())
    found = libraries.load(AutoencoderKL, tmp_path, torch.float32).state_dict()
    for name, expected in model.state_dict().items():
        assert torch.equal(found[name], expected), name


def test_weights_that_lack_are_never_made_up(folder):
    weights = load_file(folder / FILE)
    del weights["encoder.layers.0.weight"]
    save_file(weights, folder / FILE)
    with pytest.raises(FileError, match=r"lack 1 .* encoder\.layers\.0\.weight"):
        load(folder)
    assert load(folder, unused=("encoder.",))


@pytest.mark.parametrize("damage", ["cut", "empty", "shape"])
def test_damaged_weights_are_said(folder, damage):
    path = folder / FILE
    if damage == "shape":
        weights = load_file(path)
        weights["encoder.layers.0.weight"] = torch.zeros(2, 3, 3, 3)
        save_file(weights, path)
    else:
        path.write_bytes(path.read_bytes()[:1000] if damage == "cut" else b"")
        with pytest.raises(FileError, match="download them again"):
            libraries.count_weights(folder)
    with pytest.raises(FileError, match=r"download them again\.$"):
        load(folder)


def test_a_folder_without_a_model_is_said(tmp_path):
    with pytest.raises(MissingError, match=r"config\.json"):
        load(tmp_path)
    (tmp_path / "config.json").write_text("[]")
    with pytest.raises(FileError, match="describe"):
        load(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(FileError, match="read"):
        load(tmp_path)


# ------------------------------------------------------------------ silence
def test_libraries_are_silent_and_then_as_before(capfd):
    logger = logging.getLogger("diffusers")
    before = logger.level
    with libraries.quiet():
        logging.getLogger("diffusers.models").error("not for the user")
        warnings.warn("neither this", FutureWarning, stacklevel=1)
    assert logger.level == before
    assert capfd.readouterr() == ("", "")
    with pytest.warns(FutureWarning):
        warnings.warn("again", FutureWarning, stacklevel=1)


def test_bars_are_back_afterwards(folder):
    from diffusers.utils import logging as bars

    assert bars.is_progress_bar_enabled()
    load(folder)
    assert bars.is_progress_bar_enabled()


def test_a_library_that_is_not_installed_is_said_with_the_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(MissingError, match=r'pip install "napari-m2n2\[models\]"\.$'):
        libraries.library("diffusers")


def test_a_library_that_is_broken_is_said(monkeypatch):
    monkeypatch.delitem(sys.modules, "json.tool", raising=False)
    original = builtins.__import__

    def broken(name, *args, **kwargs):
        raise OSError("libsomething.so: cannot open\nand more") if name == "x" else original(name)

    monkeypatch.setattr(
        "napari_m2n2.attention.libraries.importlib.import_module", lambda name: broken("x")
    )
    with pytest.raises(MissingError, match=r"\(libsomething\.so: cannot open\); run"):
        libraries.library("transformers")


# ------------------------------------------------------------------ the empty prompt
def test_the_empty_prompt_is_what_the_pipeline_would_give(tmp_path):
    tiny.save_text_encoder(tmp_path)
    encoder = transformers.CLIPTextModel.from_pretrained(tmp_path / "text_encoder")
    tokens = torch.tensor([[518, 519, 0, 0, 0, 0, 0]])  # begin, end, and "!" to fill up
    with torch.no_grad():
        expected = encoder(tokens).last_hidden_state
    found = empty_prompt(tmp_path)
    assert found.shape == (1, 7, 32)
    torch.testing.assert_close(found, expected)


def test_a_tokenizer_as_the_libraries_save_it_today(tmp_path):
    """One file, and the token that fills up in tokenizer_config.json."""
    tiny.save_text_encoder(tmp_path)
    expected = empty_prompt(tmp_path)
    folder = tmp_path / "tokenizer"
    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder, pad_token="!")
    for path in folder.iterdir():
        path.unlink()
    tokenizer.save_pretrained(folder)
    if not (folder / "tokenizer.json").is_file():
        pytest.skip("this release of transformers still saves two files")
    assert torch.equal(empty_prompt(tmp_path), expected)


def test_a_map_of_tokens_may_leave_the_padding_to_the_other_file(tmp_path):
    tiny.save_text_encoder(tmp_path)
    special = tmp_path / "tokenizer" / "special_tokens_map.json"
    special.unlink()
    expected = empty_prompt(tmp_path)
    special.write_text('{"bos_token": "<|startoftext|>"}')
    assert torch.equal(empty_prompt(tmp_path), expected)


def test_the_empty_prompt_is_kept(tmp_path):
    tiny.save_text_encoder(tmp_path / "weights")
    kept = tmp_path / "a" / "b" / "empty.safetensors"
    first = empty_prompt(tmp_path / "weights", kept)
    assert [path.name for path in kept.parent.iterdir()] == [kept.name]
    assert torch.equal(empty_prompt(tmp_path / "nowhere", kept), first)
    kept.write_bytes(b"damaged")
    with pytest.raises(FileError, match="delete it"):
        empty_prompt(tmp_path / "weights", kept)


def test_where_nothing_can_be_kept_it_is_made_each_time(tmp_path):
    """Weights that everybody of a laboratory shares may often only be read."""
    tiny.save_text_encoder(tmp_path)
    (tmp_path / "file").write_text("in the way of a folder")
    kept = tmp_path / "file" / "empty.safetensors"
    assert torch.equal(empty_prompt(tmp_path, kept), empty_prompt(tmp_path))
    with pytest.raises(FileError, match="make its folder writable or set HF_HOME"):
        empty_prompt(tmp_path, kept, must_keep=True)


def test_a_tokenizer_that_lacks_is_said(tmp_path):
    tiny.save_text_encoder(tmp_path)
    for path in (tmp_path / "tokenizer").iterdir():
        path.unlink()
    with pytest.raises(MissingError, match=r"tokenizer.vocab\.json"):
        empty_prompt(tmp_path)


def test_a_tokenizer_that_is_damaged_is_said(tmp_path):
    tiny.save_text_encoder(tmp_path)
    (tmp_path / "tokenizer" / "vocab.json").write_text("{")
    with pytest.raises(FileError, match=r"tokenizer .* download"):
        empty_prompt(tmp_path)


def test_stable_diffusion_1_fills_up_with_its_own_token(tmp_path):
    tiny.save_text_encoder(tmp_path)
    expected = empty_prompt(tmp_path)
    (tmp_path / "tokenizer" / "special_tokens_map.json").unlink()
    assert not torch.equal(empty_prompt(tmp_path), expected)


def test_the_names_of_older_files_are_understood(tmp_path):
    """Those of Stable Diffusion's own encoder, older than the names of today's diffusers."""
    model = tiny.randomise(tiny.vae())
    model.save_pretrained(tmp_path)
    weights = load_file(tmp_path / FILE)
    older = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    for name in list(weights):
        for new, old in older.items():
            if f".attentions.0.{new}." in name:
                weights[name.replace(f".{new}.", f".{old}.")] = weights.pop(name)
    assert any(".attentions.0.proj_attn." in name for name in weights)
    save_file(weights, tmp_path / FILE)
    found = libraries.load(AutoencoderKL, tmp_path, torch.float32)
    for name, expected in model.state_dict().items():
        assert torch.equal(found.state_dict()[name], expected), name
