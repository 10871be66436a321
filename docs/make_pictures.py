"""Draw the pictures of these pages from scikit-image's samples.

python docs/make_pictures.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import skimage.data
import torch
from skimage.segmentation import mark_boundaries

from napari_m2n2 import Segmenter
from napari_m2n2.attention.texture import Texture
from napari_m2n2.markov.upsample import upsample
from napari_m2n2.markov.walk import start_states
from napari_m2n2.progress import ignore
from napari_m2n2.segmentation.parameters import resolve
from napari_m2n2.segmentation.plane import prepare
from napari_m2n2.segmentation.registry import METHODS, REGIONS
from napari_m2n2.segmentation.selection import find_candidates
from napari_m2n2.viewer.samples import SAMPLES

FOLDER = Path(__file__).parent / "images"


def stages() -> None:
    """Draw what each step of one prompt gives."""
    sample = SAMPLES["tissue"]
    image = sample.load()
    row, column = sample.points[sample.labels][0]
    pixel = (int(row), int(column))
    parameters = resolve("m2n2", "default", "texture", {})
    rgb = (image / 255).astype(np.float32)
    attention = Texture().attend(rgb)
    plane = prepare(rgb, attention, "m2n2", parameters, "cpu", ignore)
    start = start_states(
        torch.tensor([pixel]), plane.shape, plane.grid, rule=parameters.start
    ).float()
    markov = plane.make(start, ignore).reshape(1, *plane.grid)
    enlarged = upsample(markov, plane.guide, method="fast")[0]
    distance = plane.distances([pixel], ignore)[0]
    candidates = find_candidates(distance, parameters, image_gradient=plane.edges)
    segmenter = Segmenter()
    segmenter.set_image(image)
    result = segmenter.segment(sample.points, sample.labels)

    figure, axes = plt.subplots(2, 4, figsize=(16, 8.4), layout="constrained")
    titles = [
        "the image and its prompts",
        "1. attention of the clicked cell",
        "3. Markov map, in steps",
        "4. upsampled along edges",
        "5. filled from the click",
        "6. worth of each threshold",
        "7. soft score of all prompts",
        "the mask",
    ]
    for axis, title in zip(axes.flat, titles, strict=True):
        axis.set_title(title)
        if not title.startswith("6"):
            axis.axis("off")
    flat = axes.flat
    flat[0].imshow(image)
    for (r, c), label in zip(sample.points, sample.labels, strict=True):
        flat[0].plot(
            c, r, "o" if label else "X", ms=11, mec="w", c="#2979ff" if label else "#ff6d00"
        )
    row_of_a = (start / start.sum()) @ attention.matrix
    flat[1].imshow(np.log10(row_of_a.numpy().reshape(plane.grid) + 1e-5), cmap="magma")
    flat[2].imshow(markov[0], cmap="viridis")
    flat[3].imshow(enlarged, cmap="viridis")
    flat[4].imshow(distance, cmap="viridis")
    flat[5].plot(candidates.thresholds, candidates.worth / candidates.worth.max())
    flat[5].axvline(candidates.thresholds[int(np.argmax(candidates.worth))], color="#ff1744")
    flat[5].set_xlabel("threshold")
    flat[5].set_yticks([])
    flat[6].imshow(result.score, cmap="RdBu_r", vmin=-1, vmax=1)
    flat[7].imshow(image)
    flat[7].contour(result.mask, [0.5], colors="#00e5ff", linewidths=2)
    figure.savefig(FOLDER / "stages.png", dpi=70)


def sees() -> None:
    """Draw what each group of descriptors of the backbone sees."""
    samples = ("tissue", "coins", "coffee")
    figure, axes = plt.subplots(
        len(samples), 4, figsize=(14, 3.4 * len(samples)), layout="constrained"
    )
    for line, name in zip(axes, samples, strict=True):
        image = SAMPLES[name].load()
        rgb = (image / 255).astype(np.float32)
        rgb = rgb if rgb.ndim == 3 else np.repeat(rgb[..., None], 3, axis=2)
        attention = Texture().attend(rgb)
        features = attention.features.numpy().reshape(*attention.grid, -1)
        colour = features[..., 5:8] / (4 * features[..., 5:8].std()) + 0.5
        line[0].imshow(image, cmap="gray")
        line[1].imshow(np.clip(colour, 0, 1))
        line[2].imshow(features[..., 8], cmap="magma")
        line[3].imshow(features[..., 9], cmap="magma")
        for axis in line:
            axis.axis("off")
    for axis, title in zip(
        axes[0], ("image", "L, a, b as red, green, blue", "edges", "deviation"), strict=True
    ):
        axis.set_title(title)
    figure.savefig(FOLDER / "descriptors.png", dpi=60)


def methods() -> None:
    """Draw what every method makes of the same prompts."""
    sample = SAMPLES["tissue"]
    image = sample.load()
    choices = [(name, None) for name in METHODS] + [("mis", "pdm")]
    figure, axes = plt.subplots(3, 3, figsize=(13, 13.6), layout="constrained")
    for axis, (name, refine) in zip(axes.flat, choices, strict=True):
        segmenter = Segmenter(method=name, refine=refine)
        segmenter.set_image(image)
        mask = segmenter.segment(sample.points, sample.labels).mask
        axis.imshow(image)
        axis.contour(mask, [0.5], colors="#00e5ff", linewidths=2)
        for (r, c), label in zip(sample.points, sample.labels, strict=True):
            axis.plot(
                c, r, "o" if label else "X", ms=10, mec="w", c="#2979ff" if label else "#ff6d00"
            )
        axis.set_title(f"{name}, refined (pdm)" if refine else name)
        axis.axis("off")
    figure.savefig(FOLDER / "methods.png", dpi=50)


def everything() -> None:
    """Draw a sample parted into regions, in every way."""
    image = skimage.data.astronaut()
    segmenter = Segmenter(method="conditional-affinity")
    segmenter.set_image(image)
    figure, axes = plt.subplots(1, len(REGIONS), figsize=(13, 4.7), layout="constrained")
    for axis, by in zip(axes, REGIONS, strict=True):
        regions = segmenter.regions(by)
        labels = regions.labels(min(20, regions.finest))
        axis.imshow(mark_boundaries(image, labels, color=(0, 0.9, 1), mode="thick"))
        axis.set_title(f"{by}, {len(np.unique(labels))} regions")
        axis.axis("off")
    figure.savefig(FOLDER / "regions.png", dpi=60)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    stages()
    sees()
    methods()
    everything()
