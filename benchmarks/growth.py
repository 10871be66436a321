"""How the time of a click grows with grid, image, prompts and planes: a picture and its numbers.

    python benchmarks/growth.py [--picture docs/images/growth.png] [--repeat 3]

Needs matplotlib. Prints medians: seconds are of this machine and moment, how they grow is not.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")

import matplotlib.pyplot as plt
from numpy.typing import NDArray
from rows_clicks import places
from skimage import data
from skimage.transform import resize

from napari_m2n2 import Segmenter

SHAPE = (480, 854)
GRIDS = (16, 24, 32, 48, 64, 80)
SCALES = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0)
PROMPTS = (1, 2, 5, 10, 20, 50)
PLANES = (1, 2, 3, 4)

Curves = dict[str, list[float]]


def seconds(work: Callable[[], Any], repeat: int) -> float:
    """Return the median of some runs."""
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def photograph(scale: float = 1.0) -> NDArray[np.uint8]:
    """Return the image at a scale."""
    shape = tuple(round(side * scale) for side in SHAPE)
    return (resize(data.cat(), shape) * 255).astype(np.uint8)


def click(segmenter: Segmenter, shape: tuple[int, int], count: int, repeat: int) -> Curves:
    """Return seconds of a new prompt, of a label flipped and of an undo, with `count` prompts."""
    points = places(shape, count, seed=3)
    labels = [bool(k % 2 == 0) for k in range(count)]
    # other places for each count, since maps of prompts that were seen are kept
    others = iter(places(shape, 1000, seed=4 + count))
    segmenter.segment(points, labels)
    new = seconds(lambda: segmenter.segment([*points, next(others)], [*labels, True]), repeat)
    turns = iter(range(1000))

    def flip() -> None:
        bits = next(turns) + 1
        segmenter.segment(points, [a ^ bool(bits >> k & 1) for k, a in enumerate(labels)])

    flipped = seconds(flip, 1 if count == 1 else repeat)
    undo = seconds(lambda: segmenter.segment(points, labels), repeat)
    return {"a new prompt": [new], "a label flipped": [flipped], "undo": [undo]}


def join(curves: Curves, more: Curves) -> None:
    """Add the next values to curves."""
    for name, values in more.items():
        curves.setdefault(name, []).extend(values)


def over_grids(repeat: int) -> Curves:
    """Measure at growing grids."""
    curves: Curves = {}
    image = photograph()
    for grid in GRIDS:
        segmenter = Segmenter(grid=grid, device="cpu", zoom="off")
        once = seconds(lambda one=segmenter: one.set_image(image), repeat)
        join(curves, {"the image, once": [once]})
        join(curves, click(segmenter, SHAPE, 3, repeat))
    return curves


def over_images(repeat: int) -> Curves:
    """Measure at growing images."""
    curves: Curves = {}
    for scale in SCALES:
        image = photograph(scale)
        segmenter = Segmenter(grid=64, device="cpu", zoom="off")
        began = time.perf_counter()
        segmenter.set_image(image)
        join(curves, {"the image, once": [time.perf_counter() - began]})
        join(curves, click(segmenter, image.shape[:2], 3, repeat))
    return curves


def over_prompts(repeat: int) -> Curves:
    """Measure with more and more prompts."""
    curves: Curves = {}
    segmenter = Segmenter(grid=64, device="cpu", zoom="off")
    segmenter.set_image(photograph())
    for count in PROMPTS:
        join(curves, click(segmenter, SHAPE, count, repeat))
    return curves


def over_planes() -> Curves:
    """Measure the click on the n-th plane, when it is new and when one comes back to it."""
    stack = np.stack([np.roll(photograph()[..., 1], 20 * k, axis=1) for k in range(max(PLANES))])
    kept = [Segmenter(grid=64, device="cpu", zoom="off") for _ in PLANES]
    points, labels = places(SHAPE, 3, seed=3), [True, False, True]
    curves: Curves = {"plane seen first": [], "plane seen again": []}
    for segmenter, plane in zip(kept, stack, strict=True):
        began = time.perf_counter()
        segmenter.set_image(plane)
        segmenter.segment(points, labels)
        curves["plane seen first"].append(time.perf_counter() - began)
    for segmenter in kept:
        curves["plane seen again"].append(
            seconds(lambda s=segmenter: s.segment(points, labels), 3)
        )
    return curves


def main() -> None:
    """Measure, print, and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    folder = Path(__file__).resolve().parents[1] / "docs" / "images"
    parser.add_argument("--picture", type=Path, default=folder / "growth.png")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    warm = Segmenter(grid=16, device="cpu", zoom="off")
    warm.set_image(photograph(0.25))
    warm.segment([(60, 100), (10, 10)], [1, 0])
    megapixels = [round(SHAPE[0] * SHAPE[1] * scale**2 / 1e6, 2) for scale in SCALES]
    panels = [
        ("cells along the grid's side", list(GRIDS), over_grids(options.repeat)),
        ("megapixels of the plane", megapixels, over_images(options.repeat)),
        ("prompts", list(PROMPTS), over_prompts(options.repeat)),
        ("planes", list(PLANES), over_planes()),
    ]
    figure, axes = plt.subplots(1, len(panels), figsize=(18, 4.6), layout="constrained")
    for axis, (what, values, curves) in zip(axes, panels, strict=True):
        print(f"\n| {what} | " + " | ".join(str(value) for value in values) + " |")
        print("|---" * (len(values) + 1) + "|")
        for name, times in curves.items():
            print(f"| {name}, s | " + " | ".join(f"{t:.4f}" for t in times) + " |", flush=True)
            axis.plot(values, times, "o-", label=name)
        axis.set(xlabel=what, yscale="log", xscale="linear" if what == "planes" else "log")
        axis.set_xticks(values, [str(value) for value in values])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
        axis.legend()
    axes[0].set_ylabel(f"seconds, {os.cpu_count()} cores")
    figure.savefig(options.picture, dpi=70)


if __name__ == "__main__":
    main()
