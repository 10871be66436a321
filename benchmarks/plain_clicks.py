"""What the published implementation of M2N2 does at a click, in plain form.

A new prompt is walked, upsampled and filled; after every click all prompts are sorted and the
rings of all their candidates are followed anew; then every pixel takes the nearest prompt.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import plain
import torch
from numpy.typing import NDArray

from napari_m2n2.markov.walk import start_states


def distance_map(
    transition: torch.Tensor, image: torch.Tensor, pixel: tuple[int, int], grid: tuple[int, int]
) -> NDArray[np.float32]:
    """Return the distance map (H, W) of a prompt of an image (3, H, W)."""
    shape = (int(image.shape[1]), int(image.shape[2]))
    start = start_states(torch.tensor([pixel]), shape, grid)[0].float()
    low = plain.markov_map(transition, start).reshape(grid)
    high = plain.upsample(low, image).numpy()
    filled = plain.flood(high / high.max(), pixel)
    return filled / filled.max()


def order_and_edges(
    distance: NDArray[np.float32], bins: int = 1024
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the pixels from near to far, and the mean gradient around each segment of them."""
    order = np.argsort(distance, axis=None, kind="stable")
    border = cv2.BORDER_REFLECT_101
    across, down = (
        cv2.Sobel(distance, cv2.CV_32F, *way, ksize=3, borderType=border)
        for way in ((1, 0), (0, 1))
    )
    slope = np.hypot(across, down).ravel().astype(np.float64)
    slope = np.floor(slope / slope.max() * bins)
    left = np.empty(order.size, np.int64)
    left[order] = np.arange(order.size)
    rank = left.reshape(distance.shape)
    entered = np.full(distance.shape, order.size)
    np.minimum(entered[1:], rank[:-1], out=entered[1:])
    np.minimum(entered[:-1], rank[1:], out=entered[:-1])
    np.minimum(entered[:, 1:], rank[:, :-1], out=entered[:, 1:])
    np.minimum(entered[:, :-1], rank[:, 1:], out=entered[:, :-1])
    waits = entered.ravel() < left
    into, out_of, held = entered.ravel()[waits], left[waits], slope[waits]
    size = order.size
    total = np.cumsum(np.bincount(into, held, size) - np.bincount(out_of, held, size))
    length = np.cumsum(np.bincount(into, minlength=size) - np.bincount(out_of, minlength=size))
    return order, np.where(length > 0, total / np.maximum(length, 1), 0)


def choose(
    distance: NDArray[np.float32],
    same: NDArray[np.int64],
    other: NDArray[np.int64],
    prior: float = 0.4,
) -> float:
    """Return the threshold of highest score of one prompt."""
    order, edges = order_and_edges(distance)
    thresholds = distance.ravel()[order][:-1]
    count = len(thresholds)
    near = distance[same[:, 0], same[:, 1]]
    inside = np.searchsorted(np.sort(near), thresholds, side="right") / len(near)
    bound = distance[other[:, 0], other[:, 1]].min() if len(other) else distance.max()
    allowed = (thresholds < bound) & (np.arange(count) < prior * (count - 1))
    return float(thresholds[int(np.argmax(edges[:-1] * inside * allowed))])


def mask_of(
    distances: Sequence[NDArray[np.float32]], points: Sequence[tuple[int, int]], labels: list[bool]
) -> NDArray[np.bool_]:
    """Return the mask that prompts with distance maps mean."""
    pixels, truth = np.array(points), np.array(labels, bool)
    scaled = []
    for distance, label in zip(distances, labels, strict=True):
        threshold = choose(distance, pixels[truth == label], pixels[truth != label])
        scaled.append(distance / np.float32(max(threshold, 1e-7)))
    nearest = np.argmin(scaled, axis=0)
    mask: NDArray[np.bool_] = truth[nearest] & (np.min(scaled, axis=0) <= 1)
    mask[pixels[:, 0], pixels[:, 1]] = truth
    return mask
