"""What a text encoder makes of phrases, and which of its tokens stand for each of them.

iSeg (Sun et al., 2024), Cat-Cross: the tokens of the categories are made heavier than the rest of
the sentence before the network reads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from napari_m2n2.attention import libraries
from napari_m2n2.attention.empty_prompt import tokenize
from napari_m2n2.errors import InputError, MissingError

_BEFORE, _BETWEEN, _AFTER = "a photograph of", "and", "and other object and background"
"""The sentence around the phrases, as published."""


@dataclass(frozen=True)
class Emphasis:
    """How the words that a user gave stand out from the sentence around them.

    Attributes
    ----------
    gain : float
        γ > 0, how much heavier their tokens are.
    keys_only : bool
        Whether only the keys of the cross-attention are heavier, as the paper has it, or all that
        the network reads, as in the published program.
    clusters : int
        How many clusters of cells share their answers
        (`napari_m2n2.attention.word_clusters.clustered`); 0 for none.
    """

    gain: float
    keys_only: bool = False
    clusters: int = 0


@dataclass(frozen=True, eq=False)
class Worded:
    """Phrases in a sentence, as the network reads them.

    Attributes
    ----------
    embedding : (1, T, D) float32 tensor
        What the text encoder makes of the sentence, with the tokens of the phrases made heavier.
    places : tuple of tuple of int
        Which tokens stand for each phrase.
    """

    embedding: torch.Tensor
    places: tuple[tuple[int, ...], ...]


def embed_phrases(folder: Path, phrases: Sequence[str], gain: float) -> Worded:
    """Return what a text encoder makes of phrases.

    Parameters
    ----------
    folder : Path
        Weights in diffusers' layout; its text_encoder and tokenizer are read.
    phrases : sequence of str
        One or more, none empty.
    gain : float
        γ, what the embeddings of the tokens of phrases are multiplied with.

    Raises
    ------
    InputError
        If the sentence is longer than the encoder reads.
    MissingError, FileError
        If the text encoder or the tokenizer cannot be used.
    """
    if not (folder / "text_encoder").is_dir():
        raise MissingError(
            f"The weights in {folder} have no text encoder, so that text is not understood; use "
            "points, or give complete weights."
        )
    transformers = libraries.library("transformers")
    encoder = libraries.load(transformers.CLIPTextModel, folder / "text_encoder", torch.float32)
    most = int(encoder.config.max_position_embeddings)
    tokenizer = folder / "tokenizer"
    tokens = tokenize(tokenizer, sentence_of(phrases), most)
    if tokens.shape[1] > most:
        raise InputError(
            f"The text is {tokens.shape[1] - most} tokens longer than the model reads; use fewer "
            "or shorter phrases."
        )
    places = _places(tokenizer, phrases)
    with torch.inference_mode():
        embedding = encoder(tokens)[0].float().clone()
        embedding[:, [place for some in places for place in some]] *= gain
    return Worded(embedding, places)


def sentence_of(phrases: Sequence[str]) -> str:
    """Return the sentence that phrases are put into."""
    return f"{_BEFORE} {f' {_BETWEEN} '.join(phrases)} {_AFTER}"


def _places(tokenizer: Path, phrases: Sequence[str]) -> tuple[tuple[int, ...], ...]:
    """Return the tokens of each phrase; a tokenizer of this kind never joins words."""

    def length(text: str) -> int:
        return int(tokenize(tokenizer, text).shape[1]) - 2  # less begin and end

    place, between = 1 + length(_BEFORE), length(_BETWEEN)
    places = []
    for phrase in phrases:
        count = length(phrase)
        if count < 1:
            raise InputError(f"The phrase {phrase!r} says nothing; use words.")
        places.append(tuple(range(place, place + count)))
        place += count + between
    return tuple(places)
