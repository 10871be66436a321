"""The embedding of the empty prompt, which Stable Diffusion is asked with: computed once, kept."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import torch

from napari_m2n2.attention import libraries
from napari_m2n2.attention.catalogue import TOKENIZER, needed_files
from napari_m2n2.errors import FileError

_NAME = "empty_prompt"


def empty_prompt(
    folder: Path, kept: Path | None = None, *, must_keep: bool = False
) -> torch.Tensor:
    """Return what a text encoder makes of the empty prompt.

    Parameters
    ----------
    folder : Path
        Weights in diffusers' layout; its text_encoder and tokenizer are read.
    kept : Path, optional
        A file in safetensors that holds the embedding. Where it is there nothing else is read;
        where it is not it is written.
    must_keep : bool
        Whether it is an error if it cannot be written; else the text encoder is asked again next
        time, as where the weights of a laboratory may only be read.

    Returns
    -------
    (1, T, D) float32 tensor
        The last hidden state, for as many tokens as the encoder knows positions (77).

    Raises
    ------
    MissingError, FileError
        If the text encoder cannot be used, or the embedding must be kept and cannot be.
    """
    if kept is not None and kept.is_file():
        return _read(kept)
    transformers = libraries.library("transformers")
    encoder = libraries.load(transformers.CLIPTextModel, folder / "text_encoder", torch.float32)
    tokens = _tokens(folder / "tokenizer", int(encoder.config.max_position_embeddings))
    with torch.inference_mode():
        embedding: torch.Tensor = encoder(tokens)[0].float()
    if kept is not None:
        with nullcontext() if must_keep else suppress(FileError):
            _write(embedding, kept)
    return embedding


def _tokens(folder: Path, count: int) -> torch.Tensor:
    """Return the tokens of the empty prompt, (1, count)."""
    return tokenize(folder, "", count)


def tokenize(folder: Path, text: str, count: int | None = None) -> torch.Tensor:
    """Return the tokens of a text, with those of its begin and its end.

    Parameters
    ----------
    folder : Path
        The tokenizer's.
    text : str
    count : int, optional
        To fill up to, (1, count); a longer text stays longer. Without it nothing is filled up.

    Raises
    ------
    MissingError, FileError
        If the tokenizer is not there or cannot be read.
    """
    # without its files transformers makes an empty vocabulary and says nothing
    there = [TOKENIZER.path(path.name) for path in folder.glob("*")]
    needed_files((TOKENIZER,), there, str(folder.parent))
    transformers = libraries.library("transformers")
    extra: dict[str, Any] = {}
    special = folder / "special_tokens_map.json"
    filled: dict[str, Any] = {} if count is None else {"padding": "max_length"}
    try:
        if special.is_file():
            # Stable Diffusion 2 fills up with "!", which only this file says
            pad = json.loads(special.read_text(encoding="utf-8")).get("pad_token")
            if pad is not None:
                extra["pad_token"] = pad["content"] if isinstance(pad, dict) else pad
        with libraries.quiet():
            tokenizer = transformers.CLIPTokenizer.from_pretrained(
                str(folder), local_files_only=True, **extra
            )
            encoded = tokenizer(text, max_length=count, return_tensors="pt", **filled)
    except Exception as error:
        raise FileError(f"The tokenizer in {folder} cannot be read; download it again.") from error
    tokens: torch.Tensor = encoded.input_ids
    return tokens


def _read(path: Path) -> torch.Tensor:
    """Read an embedding that was kept."""
    libraries.library("safetensors")
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)[_NAME]
    except (SafetensorError, KeyError, OSError) as error:
        raise FileError(f"The file {path} is damaged; delete it, it is made again.") from error


def _write(embedding: torch.Tensor, path: Path) -> None:
    """Keep an embedding; nobody ever sees a part of the file."""
    from safetensors.torch import save

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        with os.fdopen(number, "wb") as file:
            file.write(save({_NAME: embedding.contiguous()}))
        os.replace(name, path)
    except OSError as error:
        raise FileError(
            f"The file {path} cannot be written ({error.strerror}); make its folder writable or "
            "set HF_HOME to one that is."
        ) from error
