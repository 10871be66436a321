"""Draw the picture of rim.md, and print the numbers that the page quotes.

python docs/make_rim.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import skimage.data
from numpy.typing import NDArray
from scipy import ndimage

from napari_m2n2 import Segmenter
from napari_m2n2.evaluation.clicks import Click
from napari_m2n2.evaluation.simulation import click_object
from napari_m2n2.progress import ignore
from napari_m2n2.segmentation.selection import Candidates

FOLDER = Path(__file__).parent / "images"
CENTRE = (250, 240)
CLICKS = 6
PRESETS: dict[str, dict[str, Any]] = {
    "published": {"upsampling": "fast", "walk": "spectral"},
    "default": {},
}
COLOURS = {"published": "#ff6d00", "default": "#00e5ff"}


def head() -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return scikit-image's head phantom with a faint lesion in it, the lesion and the brain."""
    phantom = skimage.data.shepp_logan_phantom()
    brain = ndimage.binary_opening((phantom > 0.05) & (phantom < 0.9), iterations=3)
    brain = ndimage.binary_fill_holes(brain)
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:400, :400]
    tissue = ndimage.gaussian_filter(random.normal(size=(400, 400)), 6)
    lesion = np.hypot((rows - CENTRE[0]) / 1.2, columns - CENTRE[1]) < 32
    image = (0.4 + 0.4 * (phantom - 0.2) + 0.03 * tissue / tissue.std()) * brain
    image += 0.1 * ndimage.gaussian_filter(lesion.astype(float), 2)
    image = np.clip(image + random.normal(0, 0.02, image.shape), 0, 1)
    return image, lesion, brain


def main() -> None:
    """Draw and print."""
    image, lesion, brain = head()
    figure, axes = plt.subplots(1, 5, figsize=(19, 4.2), layout="constrained")
    for axis in (*axes[:2], *axes[3:]):
        axis.imshow(image, cmap="gray")
        axis.axis("off")
    axes[0].contour(lesion, [0.5], colors="#ffffff", linewidths=1.5)
    axes[0].set_title("a head, and the lesion in it")
    axes[1].set_title("after the first click")
    axes[2].set_title("what each segment scores")
    for axis, preset in zip(axes[3:], PRESETS, strict=True):
        segmenter = Segmenter(preset=preset, zoom="off", **PRESETS[preset])
        segmenter.set_image(image)
        clicked = click_object(segmenter, lesion, clicks=CLICKS, protocol="m2n2")
        sys.stdout.write(f"{preset}: " + " ".join(f"{iou:.2f}" for iou in clicked.iou) + "\n")
        first = clicked.clicks[0]
        curve(axes[2], candidates_of(segmenter, first), preset)
        outline(axes[1], segmenter, clicked.clicks[:1], preset)
        outline(axis, segmenter, clicked.clicks[:4], preset)
        axis.set_title(f"{preset}, after 4 clicks: IoU {clicked.iou[3]:.2f}")
    for area, name in ((lesion, "lesion"), (brain, "brain")):
        axes[2].axvline(np.count_nonzero(area), color="#888888", ls=":")
        axes[2].text(np.count_nonzero(area), 1.03, name, ha="center", color="#666666")
    axes[2].set_xscale("log")
    axes[2].set_xlabel("pixels of the segment")
    axes[2].set_yticks([])
    axes[2].legend()
    FOLDER.mkdir(exist_ok=True)
    figure.savefig(FOLDER / "rim.png", dpi=60)


def candidates_of(segmenter: Segmenter, click: Click) -> Candidates:
    """Return the segments that a first click could mean, with their scores."""
    solver: Any = segmenter._solver
    solver = getattr(solver, "_solver", solver)
    found: Candidates = solver.candidates([(click.row, click.column)], ignore)[0]
    return found


def curve(axis: Any, candidates: Candidates, preset: str) -> None:
    """Draw the scores of the segments by their area."""
    worth = candidates.worth / candidates.worth.max()
    area = np.arange(1, len(worth) + 1)
    best = int(np.argmax(worth))
    axis.plot(area[100:], worth[100:], color=COLOURS[preset], lw=1, label=preset)
    axis.plot(area[best], 1, "v", color=COLOURS[preset])


def outline(axis: Any, segmenter: Segmenter, clicks: tuple[Click, ...], preset: str) -> None:
    """Draw the outline that clicks give, and the clicks."""
    points = [(click.row, click.column) for click in clicks]
    mask = segmenter.segment(points, [click.label for click in clicks]).mask
    axis.contour(mask, [0.5], colors=COLOURS[preset], linewidths=2)
    for click in clicks:
        colour, sign = ("#2979ff", "o") if click.label else ("#ff1744", "X")
        axis.plot(click.column, click.row, sign, ms=9, mec="w", c=colour)


if __name__ == "__main__":
    main()
