"""One image, prepared: all that does not depend on prompts, and distance maps from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from skimage.color import rgb2lab

from napari_m2n2.attention.base import Attention
from napari_m2n2.image import PERCENTILES, to_rgb
from napari_m2n2.markov.flood import flood_fill
from napari_m2n2.markov.upsample import upsample
from napari_m2n2.markov.walk import start_states
from napari_m2n2.progress import Progress
from napari_m2n2.segmentation.maps import MapMaker, make_maps
from napari_m2n2.segmentation.parameters import Parameters

_CELL = 16
"""Pixels along the side of a cell up to which edges are looked at pixel by pixel; in larger cells
they are looked at as coarsely as here, so that noise does not hide them."""


@dataclass(frozen=True, eq=False)
class PreparedPlane:
    """What every prompt of an image shares.

    Attributes
    ----------
    rgb : (H, W, 3) float32 array
        The image in [0, 1].
    guide : (H, W, 3) float32 array
        What guides the upsampling: the image, or the image with its contrast stretched.
    grid : (int, int)
        Rows and columns of the attention grid.
    edges : (H, W) float32 array or None
        Gradient of the image, where the parameters ask for it.
    colours : (H, W, 3) uint8 array or None
        What the outline is fitted to, where the parameters ask for it.
    """

    rgb: NDArray[np.float32]
    guide: NDArray[np.float32]
    grid: tuple[int, int]
    edges: NDArray[np.float32] | None
    colours: NDArray[np.uint8] | None
    parameters: Parameters
    device: str
    make: MapMaker

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the image."""
        return self.rgb.shape[0], self.rgb.shape[1]

    def distances(
        self, pixels: Sequence[tuple[int, int]], progress: Progress
    ) -> list[NDArray[np.float32]]:
        """Return the distance map of each pixel (row, column), (H, W) in [0, 1]."""
        parameters = self.parameters
        starts = start_states(torch.tensor(pixels), self.shape, self.grid, rule=parameters.start)
        maps = self.make(starts.to(self.device, torch.float32), progress)
        enlarged = upsample(
            maps.reshape(-1, *self.grid).cpu(),
            self.guide,
            sigma_space=parameters.sigma_space,
            sigma_range=parameters.sigma_range,
            method=parameters.upsampling,
            progress=progress,
        )
        return [
            to_distance(one, pixel, flood=parameters.flood)
            for one, pixel in zip(enlarged, pixels, strict=True)
        ]


def prepare(
    rgb: NDArray[np.float32],
    attention: Attention,
    method: str,
    parameters: Parameters,
    device: str,
    progress: Progress,
    *,
    overwrite: bool = False,
) -> PreparedPlane:
    """Do the work that depends on the image and its attention alone.

    With `overwrite` the attention's matrix is used up, which saves a copy of it.
    """
    make = make_maps(attention.to(device), method, parameters, progress, overwrite=overwrite)
    cell = max(rgb.shape[0] / attention.grid[0], rgb.shape[1] / attention.grid[1])
    edges = image_edges(rgb, max(cell / _CELL, 1.0)) if parameters.image_edge else None
    guide = stretch(rgb) if parameters.stretch_guide else rgb
    colours = (guide * 255).astype(np.uint8) if parameters.outline == "graph-cut" else None
    return PreparedPlane(rgb, guide, attention.grid, edges, colours, parameters, device, make)


def to_distance(
    enlarged: NDArray[np.float32], pixel: tuple[int, int], *, flood: bool
) -> NDArray[np.float32]:
    """Scale a map to [0, 1], flood-fill it from its prompt, and scale it again (M2N2 §3.4).

    A map that is flat or not finite says nothing: 0 at the prompt and 1 elsewhere.
    """
    distance = _unit(enlarged)
    if distance is not None and flood:
        distance = _unit(flood_fill(distance, pixel))
    if distance is None:
        distance = np.ones_like(enlarged)
        distance[pixel] = 0
    return distance


def _unit(distance: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Divide a map by its maximum; None where that says nothing."""
    peak = distance.max()
    if not (np.isfinite(distance).all() and peak > 0):
        return None
    scaled: NDArray[np.float32] = distance / peak
    return scaled


def stretch(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Stretch an image between its percentiles, all channels alike, so that hues stay."""
    low, high = np.percentile(rgb, PERCENTILES)
    return to_rgb(rgb, contrast=(low, high)) if high > low else rgb


def image_edges(rgb: NDArray[np.float32], sigma: float = 1.0) -> NDArray[np.float32]:
    """Return the colour gradient of an image, (H, W): Sobel in CIELAB after a blur of `sigma`."""
    lab = cv2.GaussianBlur(rgb2lab(rgb).astype(np.float32), (0, 0), sigma)
    across = cv2.Sobel(lab, cv2.CV_32F, 1, 0, borderType=cv2.BORDER_REPLICATE)
    down = cv2.Sobel(lab, cv2.CV_32F, 0, 1, borderType=cv2.BORDER_REPLICATE)
    edges: NDArray[np.float32] = np.sqrt((across**2 + down**2).sum(axis=2))
    return edges
