"""Seconds and memory of a 512 × 512 plane, step by step.

    python benchmarks/planes.py [--grid 64] [--preset default]

Medians of five. Seconds are of this machine and moment; compare ratios within one run only.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time

import numpy as np
import torch
from skimage import data

from napari_m2n2 import Segmenter
from napari_m2n2.attention.texture import Texture
from napari_m2n2.image import to_rgb

POINTS = [(400, 315), (330, 220), (300, 400), (350, 330)]
LABELS = [True, False, False, True]


def main() -> None:
    """Print a line for each step."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--grid", type=int, default=64)
    parser.add_argument("--preset", default="default")
    options = parser.parse_args()
    image = data.immunohistochemistry()
    rgb = to_rgb(image)
    steps: dict[str, list[float]] = {}

    def measure(step: str, began: float) -> None:
        steps.setdefault(step, []).append(time.perf_counter() - began)

    segmenter = Segmenter(grid=options.grid, preset=options.preset)
    segmenter.set_image(image)
    segmenter.segment(POINTS, LABELS)  # compiles, or loads what was compiled before
    for _ in range(5):
        began = time.perf_counter()
        Texture(options.grid).attend(rgb)
        measure("texture: attention of the plane", began)
        began = time.perf_counter()
        segmenter.set_image(image)
        measure("set_image: attention, transition, spectrum", began)
        for k in range(1, len(POINTS) + 1):
            began = time.perf_counter()
            segmenter.segment(POINTS[:k], LABELS[:k])
            measure("segment: a new point", began)
        began = time.perf_counter()
        segmenter.segment(POINTS, [True, False, True, True])
        measure("segment: a label flipped, no new map", began)
    print(
        f"{image.shape[0]} × {image.shape[1]}, grid {segmenter.grid}, preset {options.preset}, ",
        end="",
    )
    print(f"{torch.get_num_threads()} threads, numpy {np.__version__}, torch {torch.__version__}")
    for step, seconds in steps.items():
        print(f"{statistics.median(seconds):8.3f} s  {step}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"{peak:8.2f} GiB peak memory of the process (ru_maxrss)")


if __name__ == "__main__":
    main()
