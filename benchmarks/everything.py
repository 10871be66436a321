"""Seconds of segmenting everything, way by way, beside the first click of the default method.

    python benchmarks/everything.py [--grid 64] [--side 512] [--device cpu] [--threads 2] [--whole]

The attention of `texture` is made once and not counted; of each way the seconds of the processor
are printed too, which other programs on the machine change less. Seconds are of this machine and
moment; compare ratios within a run. With --whole, `dwc` is measured again with the power of the
walk as a matrix, from which its thin form leaves something out, and how alike the two are.
"""

from __future__ import annotations

import argparse
import time
from unittest import mock

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from skimage import data

from napari_m2n2 import Attention, Segmenter
from napari_m2n2.attention.texture import Texture
from napari_m2n2.image import to_rgb
from napari_m2n2.progress import ignore
from napari_m2n2.segmentation import ncut
from napari_m2n2.segmentation.parameters import Parameters, resolve
from napari_m2n2.segmentation.regions import Regions, find_regions
from napari_m2n2.segmentation.registry import REGIONS
from napari_m2n2.segmentation.ward import build_tree

LARGE = 128
"""Cells along the side of the grid on which the tree of `mis` is timed by itself."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--grid", type=int, default=64)
    parser.add_argument("--side", type=int, default=512, help="of the image, in pixels")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--whole", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    image = cv2.resize(data.astronaut(), (options.side, options.side))
    rgb = to_rgb(image)
    parameters = resolve("m2n2", "default", "texture", {"grid": options.grid}, options.device)
    attention = Texture(options.grid).attend(rgb).to(options.device)
    segmenter = Segmenter(grid=options.grid, device=options.device)
    segmenter.set_image(image, attention=attention)
    middle = [(options.side // 2, options.side // 2)]
    segmenter.segment(middle, [True])  # compiles what is compiled
    segmenter.set_image(image, attention=attention)
    began = time.perf_counter()
    segmenter.segment(middle, [True])
    click = time.perf_counter() - began
    print(f"a first click: {click:.2f} s")
    for by in REGIONS:
        measure(by, rgb, attention, parameters, click)
    cells = np.random.default_rng(0).normal(size=(LARGE * LARGE, 32))
    began, used = time.perf_counter(), time.process_time()
    build_tree(cells, (LARGE, LARGE))
    seconds, used = time.perf_counter() - began, time.process_time() - used
    print(f"the tree of mis, {LARGE} x {LARGE} cells: {seconds:.2f} s ({used:.2f} s)")
    if options.whole:
        thin = find_regions("dwc", rgb, attention, parameters, progress=ignore)
        with mock.patch.object(ncut, "thin_graph", return_value=None):
            whole = measure("dwc", rgb, attention, parameters, click)
        for count in (5, 20, 50):
            print(f"  {count} regions: {100 * shared(thin, whole, count):.1f} % of pixels alike")


def measure(
    by: str,
    rgb: NDArray[np.float32],
    attention: Attention,
    parameters: Parameters,
    click: float,
) -> Regions:
    """Measure one way, and print."""
    with torch.inference_mode():
        find_regions(by, rgb, Texture(8).attend(rgb), parameters, progress=ignore)  # compiles
        shown: list[float] = []
        began, used = time.perf_counter(), time.process_time()
        regions = find_regions(
            by,
            rgb,
            attention,
            parameters,
            partial=lambda _: shown.append(time.perf_counter() - began),
            progress=ignore,
        )
    seconds, used = time.perf_counter() - began, time.process_time() - used
    first = f"first shown after {shown[0]:.1f} s, " if shown else ""
    began = time.perf_counter()
    regions.labels()
    level = time.perf_counter() - began
    print(
        f"{by}: {seconds:.2f} s ({used:.1f} s of the processor), {first}"
        f"{seconds / click:.1f} first clicks; another level {1000 * level:.1f} ms"
    )
    return regions


def shared(one: Regions, other: Regions, count: int) -> float:
    """Return the share of pixels in regions of two ways that are matched one to one."""
    found, wanted = (some.labels(min(count, some.finest)) for some in (one, other))
    table = np.zeros((found.max() + 1, wanted.max() + 1))
    np.add.at(table, (found, wanted), 1)
    rows, columns = linear_sum_assignment(-table)
    return float(table[rows, columns].sum() / found.size)


if __name__ == "__main__":
    main()
