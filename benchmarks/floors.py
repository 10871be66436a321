"""How far the stages of a click are from their floors: bytes to be moved, sums to be done.

    python benchmarks/floors.py [--grid 64]

The floors are in units of this machine, measured in the same run: bytes at the speed of a product
of a large matrix and a vector, sums at that of a product of two matrices. The least of seven runs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from rows_clicks import PROMPTS, object_points
from skimage import data
from skimage.transform import resize

from napari_m2n2.attention.texture import Texture
from napari_m2n2.markov.cutting import cut
from napari_m2n2.markov.flood import flood_fill
from napari_m2n2.markov.packing import pack
from napari_m2n2.markov.transition import balance, sharpen
from napari_m2n2.markov.upsample import FEW_OFFSETS, upsample
from napari_m2n2.markov.walk import markov_maps, start_states
from napari_m2n2.segmentation.growth import nearest_first, ring_means
from napari_m2n2.segmentation.nearest import combine
from napari_m2n2.segmentation.outline import fit_outline
from napari_m2n2.segmentation.selection import gradient

SHAPE = (480, 854)
ROUNDS, STEPS = 200, 200
PER_OFFSET = 25
"""Sums of an offset at a pixel: three differences, their squares, an exponential of six terms."""


def least(work: Callable[[], Any], times: int = 7) -> float:
    """Return the seconds of the fastest run."""
    work()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def speeds() -> tuple[float, float]:
    """Return bytes and sums a second."""
    matrix, vector = torch.rand(4096, 4096), torch.rand(4096)
    square = torch.rand(2048, 2048)
    return (
        matrix.nbytes / least(lambda: matrix @ vector),
        2 * 2048**3 / least(lambda: square @ square, 3),
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--grid", type=int, default=64)
    options = parser.parse_args()
    read, add = speeds()
    print(f"{torch.get_num_threads()} threads: {read / 1e9:.0f} GB/s, {add / 1e9:.0f} GFLOP/s\n")
    print("| stage | what must be done | floor, ms | taken, ms | times the floor |")
    print("|---|---|---|---|---|")

    def line(stage: str, must: str, floor: float, work: Callable[[], Any], times: int = 7) -> None:
        taken = least(work, times)
        print(
            f"| {stage} | {must} | {floor * 1e3:.2f} | {taken * 1e3:.2f} | {taken / floor:.1f} |",
            flush=True,
        )

    with torch.inference_mode():
        image = resize(data.cat(), SHAPE).astype(np.float32)
        attention = Texture(options.grid).attend(image)
        grid, size = attention.grid, SHAPE[0] * SHAPE[1]
        matrix = attention.matrix
        strips = cut(sharpen(matrix, 0.65), (3e-6,), grid=grid)
        line(
            f"temperature, {ROUNDS} rounds of IPF",
            "what matters of A read once a round",
            ROUNDS * strips.entries.nbytes / read,
            lambda: balance(sharpen(matrix, 0.65), ROUNDS, grid=grid),
            2,
        )
        transition = balance(sharpen(matrix, 0.65), ROUNDS, grid=grid).matrix
        walked = pack(transition, grid=grid) or transition
        points = object_points(SHAPE)
        starts = start_states(torch.tensor(points), SHAPE, grid).float()
        line(
            f"Markov map, {STEPS} steps",
            "A read once a step",
            STEPS * matrix.nbytes / read,
            lambda: markov_maps(walked, starts[:1], max_steps=STEPS),
            3,
        )
        low = markov_maps(transition, starts[:1]).reshape(1, *grid).numpy()
        line(
            "upsampling",
            f"{FEW_OFFSETS} offsets a pixel, {PER_OFFSET} sums each",
            FEW_OFFSETS * PER_OFFSET * size / add,
            lambda: upsample(low, image, method="fast", most=FEW_OFFSETS),
            3,
        )
        high = upsample(low, image, method="fast")[0]
        high /= high.max()
        line(
            "flood fill",
            "map read, map written",
            8 * size / read,
            lambda: flood_fill(high, points[0]),
        )
        distance = flood_fill(high, points[0])
        distance /= distance.max()
        count = int(0.4 * size)
        line(
            "sorting the nearest 40 %",
            "map read, places written",
            (4 * size + 4 * count) / read,
            lambda: nearest_first(distance, count),
        )
        order = nearest_first(distance, count)
        values = gradient(distance, 1024).astype(np.float32)[:, None]
        line(
            "ring of each candidate",
            "order and gradient read, means written",
            (4 * size + 12 * count) / read,
            lambda: ring_means(order, SHAPE, values),
        )
        line(
            f"nearest of {PROMPTS} prompts",
            "maps read, mask and score written",
            (4 * PROMPTS + 5) * size / read,
            lambda: combine([distance] * PROMPTS, [0.3] * PROMPTS, [True, False] * 5, SHAPE),
        )
        mask = np.hypot(*(np.indices(SHAPE) - np.reshape((240, 427), (2, 1, 1)))) < 140
        guide, score = (image * 255).astype(np.uint8), np.zeros(SHAPE, np.float32)
        line(
            "outline",
            "image, mask and score read and written",
            13 * size / read,
            lambda: fit_outline(mask.copy(), score.copy(), guide, [(240, 427)], [True], band=0.15),
        )


if __name__ == "__main__":
    main()
