"""Small datasets made by hand."""

from __future__ import annotations

import imageio.v3
import numpy as np

QUICK = ("--grid", 12, "--clicks", 3)
"""Arguments that make an evaluation quick."""


def make_set(folder, count=2, images="images", masks="masks", ending="png"):
    """Images with two objects each and their label images, in two folders."""
    noise = np.random.default_rng(0)
    for place in range(count):
        image = noise.normal(60, 8, (32, 40))
        labels = np.zeros((32, 40), np.uint8)
        labels[4:16, 6 + 3 * place : 20 + 3 * place] = 1
        labels[20:28, 26:36] = 2
        image[labels == 1] += 120
        image[labels == 2] += 60
        for name, content in ((images, image.clip(0, 255).astype(np.uint8)), (masks, labels)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            imageio.v3.imwrite(folder / name / f"{place}.{ending}", content)
    return folder
