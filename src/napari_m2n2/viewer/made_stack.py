"""A stack of slices that is computed, and of which it is known what is where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

SHAPE = (24, 160, 200)
"""Slices, rows and columns."""

SCALE = (2.0, 1.0, 1.0)
"""Slices lie further apart than pixels, as under a microscope."""

_SEED = 7
_NOISE = 0.045
_EDGE = 0.05
"""How soft a cell ends, as a share of its radius."""


@dataclass(frozen=True)
class _Cell:
    """Where a cell is, (slice, row, column), how far it reaches along each, and how bright."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    bright: float


_CELLS = (
    _Cell((11, 52, 60), (8, 27, 33), 0.62),
    _Cell((13, 105, 140), (9, 30, 36), 0.55),
    _Cell((8, 40, 145), (6, 22, 25), 0.70),
    _Cell((15, 118, 48), (7, 26, 24), 0.50),
    _Cell((5, 92, 92), (4, 15, 17), 0.66),
)


@cache
def _made() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Compute the stack and its cells, 1, 2, ..., once."""
    random = np.random.default_rng(_SEED)
    where = np.indices(SHAPE).astype(np.float32)
    image = 0.12 + 0.10 * where[2] / SHAPE[2]
    labels = np.zeros(SHAPE, np.uint8)
    for number, cell in enumerate(_CELLS, start=1):
        depth = _depth(cell, where, random)
        image += (cell.bright - image) * (1 + np.tanh(depth / _EDGE)) / 2
        labels[depth > 0] = number
    image += random.normal(0, _NOISE, SHAPE)
    stack = np.clip(np.rint(255 * image), 0, 255).astype(np.uint8)
    for array in (stack, labels):
        array.setflags(write=False)
    return stack, labels


def _depth(
    cell: _Cell, where: NDArray[np.float32], random: np.random.Generator
) -> NDArray[np.float32]:
    """Return how deep each pixel lies in a cell whose surface is gently waved: 1 at its centre."""
    away = [
        (axis - middle) / radius
        for axis, middle, radius in zip(where, cell.centre, cell.radii, strict=True)
    ]
    distance = np.sqrt(sum(part**2 for part in away))
    waves = np.float32(0)
    for part, phase in zip(
        (away[1] + away[0], away[2] - away[0]), random.uniform(0, 6, 2), strict=True
    ):
        waves = waves + np.float32(0.08) * np.sin(3 * part + phase, dtype=np.float32)
    return np.asarray(1 + waves - distance, dtype=np.float32)


def make_stack() -> NDArray[np.uint8]:
    """Return a stack of noisy cells on an uneven ground, (24, 160, 200)."""
    return _made()[0].copy()


def stack_truth() -> NDArray[np.uint8]:
    """Return which cell each pixel of the stack belongs to; 0 for none."""
    return _made()[1].copy()
