"""Rows: temperature and balancing, Markov maps of a walk that is slow to mix."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import plain
import torch
from row import Row, Settings
from skimage import data
from skimage.transform import resize

from napari_m2n2.attention.texture import Texture
from napari_m2n2.markov.packing import pack
from napari_m2n2.markov.product import Bands
from napari_m2n2.markov.transition import balance, sharpen
from napari_m2n2.markov.walk import markov_maps, start_states

TEMPERATURE, ROUNDS, PROMPTS = 0.65, 200, 10


def rows(settings: Settings) -> Iterator[Row]:
    """Yield the rows of this module."""
    attention = slow_attention(settings.grid, settings.device)
    grid = (settings.grid, settings.grid)
    yield balancing(f"attention between neighbours, grid {settings.grid}", attention, grid)
    if settings.device == "cpu":
        yield one_round(settings, attention)
    photograph = resize(data.cat(), settings.shape).astype(np.float32)
    seen = Texture(settings.grid).attend(photograph).to(settings.device)
    name = f"texture's attention of the cat, grid {settings.grid}"
    yield balancing(name, seen.matrix, seen.grid)
    del seen
    transition = balance(sharpen(attention, TEMPERATURE), ROUNDS, grid=grid).matrix
    starts = places(settings)
    yield Row(
        name=f"Markov maps of {PROMPTS} prompts, 1000 steps, grid {settings.grid}",
        plain=lambda: torch.stack([plain.markov_map(transition, start) for start in starts]),
        fast=lambda: ours(transition, starts, grid),
        check=apart,
        target="≥ 4 ×",
        least=4,
        warm=False,
        repeat=1,
    )
    yield Row(
        name=f"Markov map of 1 prompt, 1000 steps, grid {settings.grid}",
        plain=lambda: plain.markov_map(transition, starts[0])[None],
        fast=lambda: ours(transition, starts[:1], grid),
        check=apart,
        target="reported",
    )
    if settings.grid == 64:
        del attention, transition
        larger = slow_attention(128, settings.device)
        yield balancing("attention between neighbours, grid 128", larger, (128, 128), 1)


def ours(transition: torch.Tensor, starts: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """Return the maps as `napari_m2n2.segmentation.maps` makes them, with what it does once."""
    cpu = transition.device.type == "cpu"
    return markov_maps((pack(transition, grid=grid) if cpu else None) or transition, starts)


def balancing(what: str, attention: torch.Tensor, grid: tuple[int, int], repeat: int = 0) -> Row:
    """Return the row of temperature and balancing; measured once where it takes long."""
    return Row(
        name=f"temperature and {ROUNDS} rounds of IPF, {what}",
        plain=lambda: plain.balance(plain.sharpen(attention, TEMPERATURE), ROUNDS),
        fast=lambda: balance(sharpen(attention, TEMPERATURE), ROUNDS, grid=grid).matrix,
        check=lambda a, b: f"largest of an entry {float((a - b).abs().max()):.1e}",
        target="reported" if repeat else "≥ 5 ×, ≤ 2e-6",
        least=0 if repeat else 5,
        warm=not repeat,
        repeat=repeat,
    )


def one_round(settings: Settings, attention: torch.Tensor) -> Row:
    """Return the row of one round by itself: ours reads the matrix once and writes vectors."""
    matrix, columns = attention.clone(), np.ones(len(attention), np.float32)

    def ours() -> np.ndarray:
        with Bands(attention) as bands:
            return bands.balance_rows(columns)[1]

    return Row(
        name=f"one round of IPF, grid {settings.grid}",
        plain=lambda: plain.balance(matrix, 1),
        fast=ours,
        check=lambda a, b: "",
        target="plain ≤ 60 ms",
    )


def slow_attention(grid: int, device: str = "cpu", reach: float = 0.7) -> torch.Tensor:
    """Return attention between neighbours, connected, slow to mix and not symmetric, (N, N)."""
    generator = torch.Generator().manual_seed(0)
    side = torch.arange(grid, dtype=torch.float32)
    cells = torch.cartesian_prod(side, side)
    weights = torch.cdist(cells, cells).square_().mul_(-1 / (2 * reach**2)).exp_()
    weights *= torch.randn(weights.shape, generator=generator).exp_()
    weights += 1e-9
    weights /= weights.sum(dim=1, keepdim=True)
    return weights.to(device)


def places(settings: Settings) -> torch.Tensor:
    """Return the start states of prompts all over the image, (B, N)."""
    generator = torch.Generator().manual_seed(1)
    pixels = torch.rand(PROMPTS, 2, generator=generator) * torch.tensor(settings.shape)
    states = start_states(pixels.long(), settings.shape, (settings.grid, settings.grid))
    return states.to(settings.device, torch.float32)


def apart(expected: torch.Tensor, times: torch.Tensor) -> str:
    """Say how far two sets of maps are apart, in steps, and how many cells one did not reach."""
    steps = (expected - times).abs()
    late = int(((expected >= 1000) != (times >= 1000)).sum())
    return (
        f"mean {float(steps.mean()):.1e}, largest {float(steps.max()):.1e} of "
        f"{float(expected.max()):.0f} steps, reached by one only {late}"
    )
