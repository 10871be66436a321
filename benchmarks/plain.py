"""The published implementation of M2N2, in plain form: channel-first torch loops, in place.

They stand for the published code in the table of speeds (`benchmarks/speed.py`) and are written
as it does the work: the matrix is rewritten in every round of balancing, each prompt is walked by
itself, every offset in the disk is looked at, and the ring of every candidate is made anew at
each click.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.morphology import reconstruction
from torch.nn.functional import interpolate

CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)


def sharpen(attention: torch.Tensor, temperature: float) -> torch.Tensor:
    """Return softmax(log A / T) of each row, (N, N)."""
    return torch.softmax(attention.clamp_min(1e-12).log() / temperature, dim=1)


def balance(matrix: torch.Tensor, rounds: int) -> torch.Tensor:
    """Divide columns by their sums, then rows, rewriting the matrix each time."""
    for _ in range(rounds):
        matrix /= matrix.sum(dim=0, keepdim=True)
        matrix /= matrix.sum(dim=1, keepdim=True)
    return matrix


def markov_map(
    matrix: torch.Tensor, start: torch.Tensor, tau: float = 0.3, max_steps: int = 1000
) -> torch.Tensor:
    """Walk one start state (N,) step by step and note when each cell is reached, (N,)."""
    p = start.to(matrix)
    waiting = p <= tau
    times = waiting.to(p) * max_steps
    for step in range(max_steps):
        q = p @ matrix
        q = q / q.max()
        new = waiting & (q > tau)
        rise = (1 - tau) if step == 0 else q[new] - p[new]
        times[new] = step + 1 - (q[new] - tau) / (rise + 1e-6)
        waiting &= ~new
        p = q
        if not waiting.any():
            break
    return times


def upsample(
    low: torch.Tensor, guide: torch.Tensor, sigma_space: float = 1.0, sigma_range: float = 0.1
) -> torch.Tensor:
    """Enlarge a map (h, w) to the size of an image (3, H, W) in [0, 1], offset by offset."""
    height, width = guide.shape[1:]
    enlarged = interpolate(
        low[None, None], size=(height, width), mode="bilinear", align_corners=False
    )[0, 0]
    scale_x, scale_y = width / low.shape[1] * sigma_space, height / low.shape[0] * sigma_space
    total, sums = torch.zeros_like(enlarged), torch.zeros_like(enlarged)
    for dx, dy, away in offsets(scale_x, scale_y, height, width):
        top, bottom = max(0, -dy), min(height, height - dy)
        left, right = max(0, -dx), min(width, width - dx)
        here = (slice(top, bottom), slice(left, right))
        there = (slice(top + dy, bottom + dy), slice(left + dx, right + dx))
        difference = guide[:, *there] - guide[:, *here]
        weight = difference.square_().sum(dim=0).mul_(-0.5 / sigma_range**2).exp_()
        weight.mul_(float(np.exp(-0.5 * away)))
        total[here] += weight
        sums[here] += weight.mul_(enlarged[there])
    return sums / total


def offsets(
    scale_x: float, scale_y: float, height: int, width: int
) -> list[tuple[int, int, float]]:
    """Return (dx, dy, squared distance in standard deviations) of the disk of three of them."""
    reach_x, reach_y = int(3 * scale_x + 1), int(3 * scale_y + 1)
    return [
        (dx, dy, away)
        for dx in range(-reach_x, reach_x + 1)
        for dy in range(-reach_y, reach_y + 1)
        if (away := (dx / scale_x) ** 2 + (dy / scale_y) ** 2) <= 9
        and abs(dx) < width
        and abs(dy) < height
    ]


def flood(distance: NDArray[np.float32], pixel: tuple[int, int]) -> NDArray[np.float32]:
    """Return the least rise on any way from a pixel (H, W), by scikit-image's reconstruction."""
    rise = np.abs(distance - distance[pixel])
    marker = np.full_like(rise, rise.max())
    marker[pixel] = 0
    filled: NDArray[np.float32] = reconstruction(marker, rise, method="erosion", footprint=CROSS)
    return filled.astype(np.float32, copy=False)
