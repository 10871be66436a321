"""From an image to what a model takes, as the published implementation of M2N2 does it."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)


def resize(rgb: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Resize an image, each axis by its own factor.

    Parameters
    ----------
    rgb : (H, W, 3) float32 array
        In [0, 1].
    shape : (int, int)
        Rows and columns to give. The published implementation makes every image a square.

    Returns
    -------
    (h, w, 3) float32 array
        In [0, 1], in steps of 1/255: the published implementation resizes images of 8 bits by
        OpenCV's INTER_AREA, which rounds, and bilinear weights where a side grows.
    """
    eight_bits = np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)
    resized = cv2.resize(
        np.ascontiguousarray(eight_bits), (shape[1], shape[0]), interpolation=cv2.INTER_AREA
    )
    return resized.astype(np.float32) / np.float32(255)


def for_diffusion(rgb: NDArray[np.float32], shape: tuple[int, int]) -> torch.Tensor:
    """Return an image (H, W, 3) in [0, 1] as (1, 3, h, w) float32 in [-1, 1]."""
    return _batch(resize(rgb, shape) * 2 - 1)


def for_imagenet(rgb: NDArray[np.float32], shape: tuple[int, int]) -> torch.Tensor:
    """Return an image (H, W, 3) in [0, 1] as (1, 3, h, w) float32, less ImageNet's mean."""
    mean = np.asarray(IMAGENET_MEAN, np.float32)
    deviation = np.asarray(IMAGENET_DEVIATION, np.float32)
    return _batch((resize(rgb, shape) - mean) / deviation)


def _batch(image: NDArray[np.float32]) -> torch.Tensor:
    """Return an image (h, w, 3) as a batch of one, channels first."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None]))
