"""The embedded backbone: how alike two cells look, and how near they are, from the image alone.

Each cell is described by its colour (CIELAB), the strength of edges in it and the local deviation
of its lightness, at several scales. The affinity of two cells is a Gaussian of the difference of
their descriptors, at a scale that each cell chooses for itself by its k-th most similar cell
(Zelnik-Manor and Perona, "Self-tuning spectral clustering", 2004), times a Gaussian of their
distance. It is symmetric before its rows are divided by their sums. In an enlarged crop cells are
also parted by what lies between them (`napari_m2n2.attention.intervening`).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from skimage.color import rgb2lab

from napari_m2n2.attention.base import Attention
from napari_m2n2.attention.intervening import intervening

_VARIES = 0.02
"""Least deviation that counts as one; the conversion to CIELAB makes a grey image's colours vary
by some thousandths."""

_CELL = 16
"""Pixels along the side of a cell that are looked at; blurs follow the cells, so that more of
them would only cost time: of a plane of 4096 × 4096 minutes."""


_CONTOUR = 0.3
"""Least difference of colour, in deviations of the image, that parts the cells on both its sides;
with less a bright bar with a little noise fell into pieces."""


@dataclass(frozen=True)
class TextureParameters:
    """What the texture backbone looks at.

    Attributes
    ----------
    scales : tuple of float
        Standard deviations of the blur before descriptors are taken, in cells.
    contrast_weight : float
        Weight of edge strength and of local deviation against colour.
    neighbour : int
        k: a cell's own scale is its distance to its k-th most similar cell. Fewer part the image
        into smaller pieces.
    reach : float
        Standard deviation of the Gaussian of distance, as a share of the longer side.
    floor : float
        What every affinity is at least, so that a walk can get everywhere.
    least_scale : float
        What a cell's own scale is at least.
    intervening : float
        Weight of what lies between two cells against how they differ themselves; 0 leaves it out.
    """

    scales: tuple[float, ...] = (0.5, 1.0, 2.0)
    contrast_weight: float = 0.5
    neighbour: int = 8
    reach: float = 0.2
    floor: float = 1e-8
    least_scale: float = 1e-4
    intervening: float = 0.0


ENLARGED = TextureParameters(least_scale=0.05, intervening=2.0)
"""Of a crop that is enlarged: cells beside each other are nearly alike there, and would be walled
off from what differs by a thousandth; touching objects have the cells between them that part them.
Measured in docs/texture.md."""


class Texture:
    """Attention from colour and texture; needs no weights.

    Parameters
    ----------
    grid : int
        About ``grid * grid`` cells, as square as the image allows and never more than pixels.
    parameters : TextureParameters, optional
        What it looks at.
    """

    def __init__(self, grid: int = 64, parameters: TextureParameters | None = None) -> None:
        self.grid = grid
        self.parameters = parameters or TextureParameters()

    def attend(self, rgb: NDArray[np.float32]) -> Attention:
        """Return the attention of an RGB image, (H, W, 3) float32 in [0, 1]."""
        shape = (rgb.shape[0], rgb.shape[1])
        grid = cells_of(shape, self.grid)
        features = describe(_no_finer(rgb, grid), grid, self.parameters)
        affinity = _self_tuned(features, grid, self.parameters)
        affinity *= _nearness(shape, grid, self.parameters.reach)
        affinity += self.parameters.floor
        affinity /= affinity.sum(dim=1, keepdim=True)
        return Attention(affinity, grid, features=features)


def cells_of(shape: tuple[int, int], side: int) -> tuple[int, int]:
    """Return rows and columns of about side² square cells, at most one a pixel."""
    ratio = (shape[0] / shape[1]) ** 0.5
    rows = min(max(round(side * ratio), 1), shape[0])
    columns = min(max(round(side / ratio), 1), shape[1])
    return rows, columns


def _no_finer(rgb: NDArray[np.float32], grid: tuple[int, int]) -> NDArray[np.float32]:
    """Reduce an image whose cells span more pixels than there is anything to learn from."""
    rows, columns = (
        min(length, cells * _CELL) for length, cells in zip(rgb.shape[:2], grid, strict=True)
    )
    if (rows, columns) == rgb.shape[:2]:
        return rgb
    small = cv2.resize(rgb, (columns, rows), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32, copy=False)


def describe(
    rgb: NDArray[np.float32], grid: tuple[int, int], parameters: TextureParameters
) -> NDArray[np.float32]:
    """Return the descriptor of each cell, (N, D), D = 5 a scale.

    Every component has deviation 1 over the image before it is weighted. One that does not vary,
    as colour in a grey image, is 0, and what varies of the three stands in for it, so that edges
    and texture do not outweigh a grey image's lightness.
    """
    lab = _standardised(rgb2lab(rgb).astype(np.float32))
    lightness = lab[..., 0].copy()
    varying = (lab.std(axis=(0, 1)) > 0.5).sum()
    lab *= np.float32(np.sqrt(3 / max(varying, 1)))
    edges = _edge_strength(lightness)
    cell = max(rgb.shape[0] / grid[0], rgb.shape[1] / grid[1])
    parts = []
    for scale in parameters.scales:
        sigma = scale * cell
        mean = _blur(lightness, sigma)
        variance = _blur(lightness**2, sigma) - mean**2
        deviation = np.sqrt(np.maximum(variance, 0))
        parts.append(_pool(_blur(lab, sigma), grid))
        for contrast in (_blur(edges, sigma), deviation):
            pooled = _standardised(_pool(contrast, grid))
            parts.append(parameters.contrast_weight * pooled)
    features = np.concatenate(parts, axis=-1, dtype=np.float32)
    # so that the number of scales does not change how far cells are apart
    features /= np.float32(np.sqrt(len(parameters.scales)))
    return features.reshape(grid[0] * grid[1], -1)


def _standardised(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return maps (H, W, C) with mean 0 and deviation 1 each; one that hardly varies becomes 0."""
    mean, deviation = maps.mean(axis=(0, 1)), maps.std(axis=(0, 1))
    return np.where(deviation > _VARIES, (maps - mean) / np.maximum(deviation, _VARIES), 0).astype(
        np.float32
    )


def _edge_strength(lightness: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the Sobel magnitude after a blur of one pixel."""
    smooth = _blur(lightness, 1.0)
    across = cv2.Sobel(smooth, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    return np.hypot(across, down).astype(np.float32)


def _blur(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Blur an image (H, W[, C]); the rim is mirrored, or repeated where a side has one pixel."""
    border = cv2.BORDER_REFLECT_101 if min(image.shape[:2]) > 1 else cv2.BORDER_REPLICATE
    blurred = cv2.GaussianBlur(image, (0, 0), max(sigma, 0.3), borderType=border)
    return blurred.astype(np.float32, copy=False)


def _pool(image: NDArray[np.float32], grid: tuple[int, int]) -> NDArray[np.float32]:
    """Return the mean of each cell, (h, w, C)."""
    pooled = cv2.resize(image, (grid[1], grid[0]), interpolation=cv2.INTER_AREA)
    return pooled.reshape(*grid, -1).astype(np.float32, copy=False)


def _self_tuned(
    features: NDArray[np.float32], grid: tuple[int, int], parameters: TextureParameters
) -> torch.Tensor:
    """Return exp(-|f_i - f_j|² / (σ_i σ_j)), (N, N), σ_i the distance to the k-th nearest.

    What lies between the cells, b_ij, counts as far as it is larger than σ_i σ_j, which is how
    much the image varies there anyway, and than what noise makes.
    """
    f = torch.from_numpy(features)
    squared = torch.cdist(f, f).square_()
    k = min(parameters.neighbour, len(f) - 1)
    own = squared.topk(k + 1, dim=1, largest=False).values[:, -1].sqrt_()
    own.clamp_min_(parameters.least_scale)
    squared /= own[:, None]
    squared /= own
    if parameters.intervening:
        between = torch.from_numpy(intervening(_colours(features, parameters), grid))
        between /= (own[:, None] * own).clamp_min_(_CONTOUR**2)
        squared += between.sub_(1).clamp_min_(0).mul_(parameters.intervening)
    return squared.neg_().exp_()


def _colours(features: NDArray[np.float32], parameters: TextureParameters) -> NDArray[np.float32]:
    """Return the part of the descriptors (N, 3) that is colour, blurred by about a cell."""
    nearest = min(range(len(parameters.scales)), key=lambda k: abs(parameters.scales[k] - 1))
    return features[:, 5 * nearest : 5 * nearest + 3]


def _nearness(shape: tuple[int, int], grid: tuple[int, int], reach: float) -> torch.Tensor:
    """Return exp(-|p_i - p_j|² / 2 reach²), (N, N), p in units of the longer side."""
    longest = max(shape)
    rows = (torch.arange(grid[0]) + 0.5) * (shape[0] / grid[0] / longest)
    columns = (torch.arange(grid[1]) + 0.5) * (shape[1] / grid[1] / longest)

    def along(places: torch.Tensor) -> torch.Tensor:
        return ((places[:, None] - places) ** 2 / (-2 * reach**2)).exp_()

    # a Gaussian of the distance is the product of one along rows and one along columns
    return torch.kron(along(rows), along(columns))
