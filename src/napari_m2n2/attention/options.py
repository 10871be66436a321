"""How a backbone with weights is run: which weights, which attention, at what precision.

Imports nothing heavy, so that a command line or a widget can make and check options at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from napari_m2n2.errors import InputError

BLOCKS = {
    "down0": "down_blocks.0.attentions.0.transformer_blocks.0.attn1",
    "down1": "down_blocks.0.attentions.1.transformer_blocks.0.attn1",
    "up0": "up_blocks.3.attentions.0.transformer_blocks.0.attn1",
    "up1": "up_blocks.3.attentions.1.transformer_blocks.0.attn1",
    "up2": "up_blocks.3.attentions.2.transformer_blocks.0.attn1",
}
"""The self-attention blocks of the paper's Table 1: its name of each, and its path in the UNet."""

VAES = ("full", "tiny")
DTYPES = ("auto", "float32", "float16", "bfloat16")


@dataclass(frozen=True)
class BackboneOptions:
    """How a backbone with weights is run.

    Attributes
    ----------
    weights : str, optional
        A folder in the layout of diffusers or transformers, or the id of a repository on the
        Hugging Face hub. None tries the repositories of `napari_m2n2.attention.weights`.
    revision : str, optional
        Branch, tag or commit of the repository; None is its main branch.
    timestep : int
        t: the step of the diffusion whose attention is taken, 0 to 999 (paper: 100, Figure 4).
        Stable Diffusion only.
    blocks : tuple of (str, float), optional
        Self-attention blocks with their weights, made to sum to 1: ``up0, up1, up2, down0, down1``
        as in the paper's Table 1, or a path in the UNet (DINOv2: ``layer.N``, counted from 0).
        None is what was published: up0 and up1 at one half each; for DINOv2 the last layer.
    vae : {"full", "tiny"}
        What encodes the image for Stable Diffusion: its own encoder, or a tiny one that was
        trained to give nearly the same (TAESD), much faster on a processor.
    dtype : {"auto", "float32", "float16", "bfloat16"}
        Precision of the model; the attention itself is always computed in float32. "auto" is half
        precision where the device has it.
    """

    weights: str | None = None
    revision: str | None = None
    timestep: int = 100
    blocks: tuple[tuple[str, float], ...] | None = None
    vae: Literal["full", "tiny"] = "full"
    dtype: Literal["auto", "float32", "float16", "bfloat16"] = "auto"


PLAIN = BackboneOptions()
"""What was published, with weights from wherever they can be had."""

NAMES = tuple(field.name for field in fields(BackboneOptions))


def check_options(given: Mapping[str, Any]) -> BackboneOptions:
    """Return options made of a user's settings, the others being as published.

    Parameters
    ----------
    given : mapping
        Names of `BackboneOptions` with values. `blocks` may also be a mapping of names to weights,
        a sequence of names (weighted alike), or text as of `parse_blocks`; `weights` a path.

    Raises
    ------
    InputError
        If a name is unknown or a value cannot be.
    """
    for name in given:
        if name not in NAMES:
            raise InputError(
                f"The option {name!r} of a backbone is unknown; there are {', '.join(NAMES)}."
            )
    values = dict(given)
    for name in ("weights", "revision"):
        if values.get(name) is not None:
            values[name] = _text(name, values[name])
    if values.get("blocks") is not None:
        values["blocks"] = _blocks(values["blocks"])
    options = BackboneOptions(**values)
    step = options.timestep
    if isinstance(step, bool) or not isinstance(step, int) or not 0 <= step <= 999:
        raise InputError(f"timestep={step!r} cannot be; give a whole number from 0 to 999.")
    for name, value, choices in (("vae", options.vae, VAES), ("dtype", options.dtype, DTYPES)):
        if value not in choices:
            raise InputError(
                f"{name}={value!r} is unknown; choose one of {', '.join(sorted(choices))}."
            )
    return options


def parse_blocks(text: str) -> tuple[tuple[str, float], ...]:
    """Return the blocks that text names: ``up0=0.5,up1=0.5``, or ``up0,up1`` for equal weights.

    Raises
    ------
    InputError
        If a weight is no number above 0, or a block is named twice.
    """
    pairs = []
    for part in text.split(","):
        name, equals, weight = (word.strip() for word in part.partition("="))
        try:
            pairs.append((name, float(weight) if equals else 1.0))
        except ValueError:
            raise InputError(
                f"The weight {weight!r} of block {name} is no number; write up0=0.5,up1=0.5."
            ) from None
    return _checked(pairs)


def _blocks(given: Any) -> tuple[tuple[str, float], ...]:
    """Return blocks, however they were given, as pairs of name and weight."""
    if isinstance(given, str):
        return parse_blocks(given)
    try:
        pairs = list(given.items()) if isinstance(given, Mapping) else list(given)
        pairs = [(pair, 1.0) if isinstance(pair, str) else pair for pair in pairs]
        named = [(str(name), float(weight)) for name, weight in pairs]
    except (TypeError, ValueError):
        raise InputError(
            f"blocks={given!r} cannot be; give names with weights, such as "
            "{'up0': 0.5, 'up1': 0.5}."
        ) from None
    return _checked(named)


def _checked(pairs: list[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """Return the blocks with weights that sum to 1."""
    names = [name for name, _ in pairs]
    total = sum(weight for _, weight in pairs)
    if not pairs or not all(names) or len(set(names)) < len(names):
        raise InputError(f"The blocks {', '.join(names)!r} cannot be; name each block once.")
    if not (all(weight > 0 for _, weight in pairs) and total < float("inf")):
        raise InputError("The weight of a block cannot be 0, negative or infinite; leave it out.")
    return tuple((name, weight / total) for name, weight in pairs)


def _text(name: str, value: Any) -> str:
    """Return a path or an id as text."""
    text = str(value).strip()
    if not text:
        raise InputError(f"{name} is empty; give a name, or leave it out.")
    return text
