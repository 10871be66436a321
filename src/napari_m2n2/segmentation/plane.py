"""One image, prepared: all that does not depend on prompts, and distance maps from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from skimage.color import rgb2lab

from napari_m2n2.attention.base import Attention
from napari_m2n2.image import PERCENTILES, to_rgb
from napari_m2n2.markov.flood import flood_fill
from napari_m2n2.markov.upsample import FAST_OFFSETS, FEW_OFFSETS, is_sampled, upsample
from napari_m2n2.markov.walk import start_states
from napari_m2n2.progress import Progress
from napari_m2n2.segmentation.coarse import choice_shape, reduce
from napari_m2n2.segmentation.maps import MapMaker, make_maps
from napari_m2n2.segmentation.parameters import Parameters

_SAMPLE = 1_000_000
"""Pixels that the percentiles of a large plane are taken from."""

_CELL = 16
"""Pixels along the side of a cell up to which edges are looked at pixel by pixel; in larger cells
they are looked at as coarsely as here, so that noise does not hide them."""


@dataclass(frozen=True, eq=False)
class Canvas:
    """The image that maps of the grid are enlarged to.

    Attributes
    ----------
    rgb : (H, W, 3) float32 array
        The image in [0, 1].
    grid : (int, int)
        Rows and columns of the attention grid.
    parameters : Parameters
    guide : (H, W, 3) float32 array
        What guides the upsampling: the image, or the image with its contrast stretched.
    colours : (H, W, 3) uint8 array or None
        What the outline is fitted to, where the parameters ask for it.
    """

    rgb: NDArray[np.float32]
    grid: tuple[int, int]
    parameters: Parameters
    guide: NDArray[np.float32]
    colours: NDArray[np.uint8] | None

    @classmethod
    def of(cls, rgb: NDArray[np.float32], grid: tuple[int, int], parameters: Parameters) -> Canvas:
        """Prepare an image."""
        guide = stretch(rgb) if parameters.stretch_guide else rgb
        fits = parameters.outline == "graph-cut"
        colours = (guide * 255).astype(np.uint8) if fits else None
        return Canvas(rgb, grid, parameters, guide, colours)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the image."""
        return self.rgb.shape[0], self.rgb.shape[1]

    @property
    def _most_offsets(self) -> int:
        """Offsets of a sample; fewer will do where it does not decide what is close."""
        return FEW_OFFSETS if self.parameters.close_calls else FAST_OFFSETS

    @property
    def sampled(self) -> bool:
        """Whether maps are enlarged with a sample of the offsets."""
        own = self.parameters
        return own.upsampling == "fast" and is_sampled(
            self.shape, self.grid, own.sigma_space, self._most_offsets
        )

    def enlarge(self, maps: torch.Tensor, progress: Progress) -> NDArray[np.float32]:
        """Return maps (B, h, w) as maps (B, H, W) that follow the edges of the image."""
        return upsample(
            maps.float().cpu(),
            self.guide,
            sigma_space=self.parameters.sigma_space,
            sigma_range=self.parameters.sigma_range,
            method=self.parameters.upsampling,
            most=self._most_offsets,
            progress=progress,
        )


@dataclass(frozen=True, eq=False)
class PreparedPlane(Canvas):
    """What every prompt of an image shares.

    Attributes
    ----------
    edges : (H, W) float32 array or None
        Gradient of the image, where the parameters ask for it and λ is chosen on this plane.
    device : str
        Where maps are made, as torch calls it.
    make : MapMaker
    coarse : PreparedPlane or None
        The reduced plane that λ is chosen on (`napari_m2n2.segmentation.coarse`).
    """

    edges: NDArray[np.float32] | None
    device: str
    make: MapMaker
    coarse: PreparedPlane | None = None

    def low_maps(self, pixels: Sequence[tuple[int, int]], progress: Progress) -> torch.Tensor:
        """Return how far the cells are from each pixel (row, column), (B, h, w)."""
        rule = self.parameters.start
        starts = start_states(torch.tensor(pixels), self.shape, self.grid, rule=rule)
        maps = self.make(starts.to(self.device, torch.float32), progress)
        return maps.reshape(-1, *self.grid)


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
    shape, grid = (rgb.shape[0], rgb.shape[1]), attention.grid
    small = choice_shape(shape, grid, parameters.choice_cell)
    if small == shape:
        return _plane(rgb, grid, parameters, device, make)
    coarse = _plane(reduce(rgb, small), grid, parameters, device, make)
    colours = None
    if coarse.colours is not None:
        colours = colours_of(rgb, stretched=parameters.stretch_guide)
    guide = _seen_by(coarse, rgb)
    return replace(coarse, rgb=rgb, guide=guide, colours=colours, edges=None, coarse=coarse)


def _seen_by(coarse: Canvas, rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what guides the upsampling to an image (H, W, 3) that is also there reduced.

    Each pixel is the mean of as many around it as a reduced one stands for: how alike a pixel is
    to a cell would be told by its noise otherwise.
    """
    down, across = (
        2 * (length // (2 * short)) + 1
        for length, short in zip(rgb.shape[:2], coarse.shape, strict=True)
    )
    smooth = np.asarray(cv2.blur(rgb, (across, down)), np.float32)
    return stretch(smooth, coarse.rgb) if coarse.parameters.stretch_guide else smooth


def _plane(
    rgb: NDArray[np.float32],
    grid: tuple[int, int],
    parameters: Parameters,
    device: str,
    make: MapMaker,
) -> PreparedPlane:
    """Prepare an image that thresholds are chosen on."""
    cell = max(rgb.shape[0] / grid[0], rgb.shape[1] / grid[1])
    edges = image_edges(rgb, max(cell / _CELL, 1.0)) if parameters.image_edge else None
    canvas = Canvas.of(rgb, grid, parameters)
    return PreparedPlane(rgb, grid, parameters, canvas.guide, canvas.colours, edges, device, make)


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


def stretch(
    rgb: NDArray[np.float32], by: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Stretch an image between its percentiles, all channels alike, so that hues stay.

    With `by` between those of another image.
    """
    low, high = np.percentile(rgb if by is None else by, PERCENTILES)
    return to_rgb(rgb, contrast=(low, high)) if high > low else rgb


def image_edges(rgb: NDArray[np.float32], sigma: float = 1.0) -> NDArray[np.float32]:
    """Return the colour gradient of an image, (H, W): Sobel in CIELAB after a blur of `sigma`."""
    lab = cv2.GaussianBlur(rgb2lab(rgb).astype(np.float32), (0, 0), sigma)
    across = cv2.Sobel(lab, cv2.CV_32F, 1, 0, borderType=cv2.BORDER_REPLICATE)
    down = cv2.Sobel(lab, cv2.CV_32F, 0, 1, borderType=cv2.BORDER_REPLICATE)
    edges: NDArray[np.float32] = np.sqrt((across**2 + down**2).sum(axis=2))
    return edges


def colours_of(rgb: NDArray[np.float32], *, stretched: bool) -> NDArray[np.uint8]:
    """Return an image (H, W, 3) in bytes, stretched between percentiles of a sample or not."""
    low, high = 0.0, 1.0
    if stretched:
        step = max(round(math.sqrt(rgb.shape[0] * rgb.shape[1] / _SAMPLE)), 1)
        found = np.percentile(rgb[::step, ::step], PERCENTILES)
        if found[1] > found[0]:
            low, high = float(found[0]), float(found[1])
    return cv2.convertScaleAbs(
        np.maximum(rgb, np.float32(low)), alpha=255 / (high - low), beta=-255 * low / (high - low)
    ).astype(np.uint8, copy=False)
