"""IoU after simulated clicks, seconds and memory, over folders of images with masks.

    python benchmarks/clicks.py FOLDER [--sets grabcut50 brats2018] [--images 5] [--clicks 20]

FOLDER holds an `index.csv` with the columns dataset, kind (object, instance or semantic), image
and mask; 255 in a mask of kind `object` is not known, and is neither clicked nor scored. Objects
of one image are taken in the order of their size, `--objects` of them, spread from the largest to
the median one. Seconds are of this machine; compare ratios within one run only.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from skimage.io import imread

from napari_m2n2 import Segmenter
from napari_m2n2.evaluation.clicks import simulate


def chosen_ids(mask: np.ndarray, kind: str, count: int) -> list[int]:
    """Return the ids of the objects to click."""
    if kind == "object":
        return [1]
    ids, sizes = np.unique(mask[mask > 0], return_counts=True)
    ids = ids[np.argsort(-sizes, kind="stable")]
    places = np.unique(np.linspace(0, len(ids) // 2, count).round().astype(int))
    return [int(ids[place]) for place in places if place < len(ids)]


def measure(row: dict[str, str], root: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Click the objects of one image."""
    image, mask = imread(root / row["image"]), imread(root / row["mask"])
    if mask.ndim != 2:
        return []  # a stack
    segmenter = Segmenter(preset=options.preset, method=options.method, grid=options.grid)
    began = time.perf_counter()
    segmenter.set_image(image)
    prepare = time.perf_counter() - began
    found = []
    for number in chosen_ids(mask, row["kind"], options.objects):
        known = mask != 255 if row["kind"] == "object" else np.ones(mask.shape, bool)
        truth = (mask > 0) & known if row["kind"] == "object" else mask == number
        began = time.perf_counter()
        scores = simulate(segmenter, truth, clicks=options.clicks, valid=known)
        click = (time.perf_counter() - began) / options.clicks
        found.append({**row, "id": number, "iou": scores, "prepare": prepare, "click": click})
    return found


def clicks_to(scores: list[float], target: float) -> int:
    """Return the first click whose IoU reaches a target, or the number of clicks."""
    return next((k for k, score in enumerate(scores, 1) if score >= target), len(scores))


HEAD = (
    "| set | objects | IoU@1 | IoU@3 | IoU@5 | IoU@10 | NoC@85 | NoC@90 | harmful | prepare s "
    "| click s |\n|---|" + "---|" * 10
)


def line(name: str, objects: list[dict[str, Any]]) -> str:
    """Return the row of a set."""
    scores = np.array([one["iou"] for one in objects])
    at = [f"{scores[:, k - 1].mean():.3f}" for k in (1, 3, 5, 10) if k <= scores.shape[1]]
    at += ["–"] * (4 - len(at))
    noc = [f"{statistics.mean(clicks_to(o['iou'], t) for o in objects):.1f}" for t in (0.85, 0.9)]
    harmful = f"{(np.diff(scores, axis=1) < -0.05).mean():.0%}" if scores.shape[1] > 1 else "–"
    seconds = [f"{statistics.median(o[key] for o in objects):.2f}" for key in ("prepare", "click")]
    return "| " + " | ".join([name, str(len(objects)), *at, *noc, harmful, *seconds]) + " |"


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", nargs="*", help="names of datasets; all without it")
    parser.add_argument("--images", type=int, default=5, help="the first so many of each set")
    parser.add_argument("--objects", type=int, default=2, help="of an image with several")
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--preset", default="default")
    parser.add_argument("--method", default="m2n2")
    parser.add_argument("--grid", type=int, default=64)
    parser.add_argument("--json", type=Path, help="write every object's figures there")
    options = parser.parse_args()
    with (options.folder / "index.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = options.sets or list(dict.fromkeys(row["dataset"] for row in rows))
    objects = []
    print(HEAD)
    for name in names:
        mine = []
        for row in [row for row in rows if row["dataset"] == name][: options.images]:
            mine += measure(row, options.folder, options)
        print(line(name, mine) if mine else f"| {name} | 0, stacks are left out |", flush=True)
        objects += mine
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"\npeak memory of the process: {peak:.2f} GiB (ru_maxrss)")
    if options.json:
        options.json.write_text(json.dumps(objects))


if __name__ == "__main__":
    main()
