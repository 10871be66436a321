"""The embedded backbone: affinity of colour and texture, from the image alone."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from skimage.color import rgb2lab

from napari_m2n2.attention.base import Attention


@dataclass(frozen=True)
class TextureParameters:
    scales: tuple[float, ...] = (0.5, 1.0, 2.0)
    neighbour: int = 32
    sigma_space: float = 0.2
    floor: float = 1e-8
    gradient_weight: float = 0.5
    deviation_weight: float = 0.5
    square: bool = False
    sharpness: float = 1.0


class Texture:
    def __init__(self, grid: int = 64, parameters: TextureParameters | None = None) -> None:
        self.grid = grid
        self.parameters = parameters or TextureParameters()

    def attend(self, rgb: NDArray[np.float32]) -> Attention:
        p = self.parameters
        H, W = rgb.shape[:2]
        R = self.grid
        if p.square:
            h, w = min(R, H), min(R, W)
        else:
            h = int(np.clip(round(R * np.sqrt(H / W)), 1, H))
            w = int(np.clip(round(R * np.sqrt(W / H)), 1, W))
        lab = rgb2lab(rgb).astype(np.float32)
        features = describe(lab, (h, w), p)
        A = affinity(features, (h, w), (H, W), p)
        return Attention(A, (h, w), features=features)


def _pool(x, grid):
    return cv2.resize(x, (grid[1], grid[0]), interpolation=cv2.INTER_AREA)


def describe(lab, grid, p):
    cell = max(lab.shape[0] / grid[0], lab.shape[1] / grid[1])
    maps = []
    weights = []
    L = lab[..., 0]
    gx = cv2.Sobel(cv2.GaussianBlur(L, (0, 0), 1.0), cv2.CV_32F, 1, 0)
    gy = cv2.Sobel(cv2.GaussianBlur(L, (0, 0), 1.0), cv2.CV_32F, 0, 1)
    mag = np.hypot(gx, gy)
    chans = lab.std(axis=(0, 1))
    for s in p.scales:
        sig = s * cell
        b = cv2.GaussianBlur(lab, (0, 0), sig) if sig > 0.3 else lab
        m = _pool(b, grid).reshape(-1, 3)
        maps.append(m / (chans.max() + 1e-6))
        weights.append(np.full(3, 1 / np.sqrt(len(p.scales))))
        if p.gradient_weight:
            g = _pool(cv2.GaussianBlur(mag, (0, 0), sig) if sig > 0.3 else mag, grid).reshape(
                -1, 1
            )
            maps.append((g - g.mean()) / (g.std() + 1e-6))
            weights.append([p.gradient_weight / np.sqrt(len(p.scales))])
        if p.deviation_weight:
            mu = cv2.GaussianBlur(L, (0, 0), max(sig, 0.3))
            v = np.sqrt(np.maximum(cv2.GaussianBlur(L * L, (0, 0), max(sig, 0.3)) - mu * mu, 0))
            g = _pool(v, grid).reshape(-1, 1)
            maps.append((g - g.mean()) / (g.std() + 1e-6))
            weights.append([p.deviation_weight / np.sqrt(len(p.scales))])
    return (np.concatenate(maps, 1) * np.concatenate(weights)).astype(np.float32)


def affinity(f, grid, shape, p):
    x = torch.from_numpy(f)
    d2 = torch.cdist(x, x).square_()
    k = min(p.neighbour, len(x) - 1)
    sig = d2.kthvalue(k + 1, dim=1).values.sqrt().clamp_min(1e-4)
    r, c = np.mgrid[: grid[0], : grid[1]]
    longest = max(shape)
    pos = np.stack(
        [
            (r.ravel() + 0.5) * shape[0] / grid[0] / longest,
            (c.ravel() + 0.5) * shape[1] / grid[1] / longest,
        ],
        1,
    )
    y = torch.from_numpy(pos.astype(np.float32))
    s2 = torch.cdist(y, y).square_()
    E = -p.sharpness * d2 / (sig[:, None] * sig[None]) - s2 / (2 * p.sigma_space**2)
    A = E.exp_() + p.floor
    return A / A.sum(1, keepdim=True)
