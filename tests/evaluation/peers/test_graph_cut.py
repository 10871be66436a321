from __future__ import annotations

import cv2
import numpy as np

from napari_m2n2.evaluation.peers import graph_cut
from napari_m2n2.evaluation.peers.graph_cut import GraphCut
from napari_m2n2.evaluation.peers.seeds import rim


def unlikely(image, model):
    """Minus the logarithm of a pixel's likelihood under OpenCV's mixture of Gaussians."""
    weights, means = model[0, :5], model[0, 5:20].reshape(5, 3)
    covariances = model[0, 20:].reshape(5, 3, 3)
    total = 0
    for weight, mean, covariance in zip(weights, means, covariances, strict=True):
        off = image - mean
        exponent = np.einsum("...i,ij,...j", off, np.linalg.inv(covariance), off)
        total = total + weight * np.exp(-exponent / 2) / np.sqrt(np.linalg.det(covariance))
    return -np.log(total)


def boundary(image):
    """Pairs of neighbours, and what it costs to part them: OpenCV's, with gamma 50."""
    shape = image.shape[:2]
    pairs = [
        (here, (here[0] + down, here[1] + across))
        for here in np.ndindex(shape)
        for down, across in ((0, 1), (1, 0), (1, 1), (1, -1))
        if here[0] + down < shape[0] and 0 <= here[1] + across < shape[1]
    ]
    squared = np.array([((image[a] - image[b]) ** 2).sum() for a, b in pairs])
    beta = 1 / (2 * squared.mean())
    far = np.array([np.hypot(a[0] - b[0], a[1] - b[1]) for a, b in pairs])
    return pairs, 50 / far * np.exp(-beta * squared)


def test_no_labelling_has_less_energy():
    """Every labelling of a tiny image is tried."""
    shape = (4, 4)
    rng = np.random.default_rng(2)
    eight_bits = rng.integers(40, 90, (*shape, 3)).astype(np.uint8)
    eight_bits[:, :2] += 80
    score = GraphCut(radius=0, spread=30).prepare(eight_bits.astype(np.float32) / 255)
    mask = score(np.array([(1, 1), (2, 2)]), np.array([True, False])) > 0

    outside = rim(shape)
    outside[2, 2] = True
    behind, front = graph_cut._learn(eight_bits[outside], eight_bits[1, 1][None], 30.0)
    image = eight_bits.astype(float)
    costs = np.stack([unlikely(image, behind), unlikely(image, front)])
    pairs, penalties = boundary(image)
    numbers = np.arange(2**16)
    states = (numbers[:, None] >> np.arange(16)) & 1
    states = states[(states[:, 5] == 1) & (states[:, 10] == 0)].reshape(-1, *shape)
    flat = [[a[0] * 4 + a[1] for a in side] for side in zip(*pairs, strict=True)]
    cut = states.reshape(-1, 16)[:, flat[0]] != states.reshape(-1, 16)[:, flat[1]]
    free = np.ones(shape, bool)
    free[1, 1] = free[2, 2] = False
    energies = (np.where(states == 1, costs[1], costs[0]) * free).sum(axis=(1, 2))
    energies = energies + cut @ penalties
    own = int(np.flatnonzero((states.astype(bool) == mask).all(axis=(1, 2)))[0])
    assert energies[own] <= energies.min() + 1e-6
    assert 1 < mask.sum() < 15


def test_colours_are_learned_from_the_clicks():
    """Two objects alike, far from each other: both are taken, which no distance would do."""
    rgb = np.full((60, 100, 3), 0.3, np.float32)
    rgb += np.random.default_rng(0).normal(0, 0.01, rgb.shape).astype(np.float32)
    rgb[20:40, 15:35, 0] = 0.9
    rgb[20:40, 65:85, 0] = 0.9
    mask = GraphCut().prepare(rgb.clip(0, 1))(np.array([(30, 25)]), np.array([True])) > 0
    assert mask[30, 75]
    assert mask.sum() == 2 * 20 * 20


def test_the_mask_does_not_depend_on_opencvs_random_numbers():
    rgb = np.random.default_rng(0).random((40, 50, 3)).astype(np.float32)
    score = GraphCut().prepare(rgb)
    clicks = np.array([(10, 10), (30, 40), (20, 20)]), np.array([True, False, True])
    first = score(*clicks)
    cv2.setRNGSeed(1234)
    np.testing.assert_array_equal(score(*clicks), first)
