"""Rows: joint bilateral upsampling, and flood fill of what it gives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import plain
import torch
from numpy.typing import NDArray
from row import Row, Settings
from skimage import data
from skimage.transform import resize

from napari_m2n2.attention.texture import Texture
from napari_m2n2.markov.flood import flood_fill
from napari_m2n2.markov.upsample import FEW_OFFSETS, disk_offsets, upsample
from napari_m2n2.markov.walk import start_states
from napari_m2n2.progress import ignore
from napari_m2n2.segmentation.maps import make_maps
from napari_m2n2.segmentation.parameters import PUBLISHED


def rows(settings: Settings) -> Iterator[Row]:
    """Yield the rows of this module."""
    for name, image in (("cat", data.cat()), ("coffee", data.coffee())):
        guide = photograph(image, settings.shape)
        low = markov_map(guide, settings.grid)
        yield from upsampling(name, low, guide)
    yield steady(low, image, settings.shape)
    yield filling(low, guide)


def photograph(image: NDArray[np.uint8], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Return an image of a size, in [0, 1]."""
    return resize(image, shape).astype(np.float32)


def markov_map(guide: NDArray[np.float32], grid: int) -> NDArray[np.float32]:
    """Return the published method's map (1, h, w) of a prompt in the middle, at most 1."""
    attention = Texture(grid).attend(guide)
    make = make_maps(attention, "m2n2", PUBLISHED, ignore)
    shape = (guide.shape[0], guide.shape[1])
    starts = start_states(torch.tensor([[shape[0] // 2, shape[1] // 2]]), shape, attention.grid)
    low = make(starts.float(), ignore).reshape(1, *attention.grid).numpy()
    return low / low.max()


def upsampling(name: str, low: NDArray[np.float32], guide: NDArray[np.float32]) -> Iterator[Row]:
    """Compare a sample of the offsets, and all of them, with all of them one by one."""
    small, image = torch.from_numpy(low[0]), torch.from_numpy(guide).permute(2, 0, 1).contiguous()
    count = len(disk_offsets(guide.shape[:2], low.shape[1:], 1.0, "dense")[0])
    yield Row(
        name=f"upsampling of the {name}, {count} offsets one by one",
        plain=lambda: plain.upsample(small, image).numpy(),
        fast=lambda: upsample(low, guide, method="fast", most=FEW_OFFSETS)[0],
        check=apart,
        target="≥ 40 ×, mean ≤ 5e-4, 99.9th percentile ≤ 2 %",
        least=40,
        warm=False,
    )
    yield Row(
        name=f"upsampling of the {name}, a sample of {FEW_OFFSETS} against all offsets",
        plain=lambda: upsample(low, guide)[0],
        fast=lambda: upsample(low, guide, method="fast", most=FEW_OFFSETS)[0],
        check=apart,
        target="reported",
    )


def apart(slow: NDArray[np.float32], fast: NDArray[np.float32]) -> str:
    """Say by how much of the maximum two maps differ."""
    error = np.abs(slow - fast) / slow.max()
    return (
        f"mean {error.mean():.1e}, 99.9th percentile {np.quantile(error, 0.999):.2%}, "
        f"largest {error.max():.2%}"
    )


def steady(low: NDArray[np.float32], image: NDArray[np.uint8], shape: tuple[int, int]) -> Row:
    """Compare four planes with one of four times their pixels, enlarged twice as much."""
    small = photograph(image, shape)
    large = photograph(image, (2 * shape[0], 2 * shape[1]))
    return Row(
        name="upsampling, four planes against one of four times the pixels",
        plain=lambda: [upsample(low, small, method="fast", most=FEW_OFFSETS) for _ in range(4)],
        fast=lambda: upsample(low, large, method="fast", most=FEW_OFFSETS),
        check=lambda _, __: "",
        target="≥ 0.8 ×: the cost of a pixel does not depend on the factor",
        least=0.8,
    )


def filling(low: NDArray[np.float32], guide: NDArray[np.float32]) -> Row:
    """Compare the flood fill with scikit-image's reconstruction."""
    distance = upsample(low, guide, method="fast")[0]
    distance /= distance.max()
    seed = (guide.shape[0] // 2, guide.shape[1] // 2)
    return Row(
        name="flood fill",
        plain=lambda: plain.flood(distance, seed),
        fast=lambda: flood_fill(distance, seed),
        check=lambda a, b: f"largest {float(np.abs(a - b).max()):.1e} of the range",
        target="≥ 15 ×, ≤ 1e-3",
        least=15,
    )
