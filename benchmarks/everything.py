"""Seconds of segmenting everything, way by way, beside the first click of the default method.

    python benchmarks/everything.py [--grid 64] [--side 512] [--device cpu] [--threads 2]

The attention of `texture` is made once and not counted; of each way the seconds of the processor
are printed too, which other programs on the machine change less. Seconds are of this machine and
moment; compare ratios within a run.
"""

from __future__ import annotations

import argparse
import time

import cv2
import torch
from skimage import data

from napari_m2n2 import Segmenter
from napari_m2n2.attention.texture import Texture
from napari_m2n2.image import to_rgb
from napari_m2n2.segmentation.parameters import resolve
from napari_m2n2.segmentation.regions import find_regions
from napari_m2n2.segmentation.registry import REGIONS


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--grid", type=int, default=64)
    parser.add_argument("--side", type=int, default=512, help="of the image, in pixels")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
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
        with torch.inference_mode():
            find_regions(by, rgb, Texture(8).attend(rgb), parameters, progress=lambda *_: None)
            partial: list[float] = []
            began, used = time.perf_counter(), time.process_time()
            regions = find_regions(
                by,
                rgb,
                attention,
                parameters,
                partial=lambda _, began=began, seen=partial: seen.append(
                    time.perf_counter() - began
                ),
                progress=lambda *_: None,
            )
        seconds, used = time.perf_counter() - began, time.process_time() - used
        first = f"first shown after {partial[0]:.1f} s, " if partial else ""
        began = time.perf_counter()
        regions.labels()
        level = time.perf_counter() - began
        print(
            f"{by}: {seconds:.2f} s ({used:.1f} s of the processor), {first}"
            f"{seconds / click:.1f} first clicks; another level {1000 * level:.1f} ms"
        )


if __name__ == "__main__":
    main()
