from __future__ import annotations

import numpy as np
import pytest
from skimage.color import rgb2lab

from napari_m2n2.evaluation.peers import random_walker
from napari_m2n2.evaluation.peers.random_walker import RandomWalker


def plain_probability(rgb, foreground, background, beta):
    """The chance to reach a foreground seed first: Grady's Dirichlet problem, solved densely."""
    lab = np.asarray(rgb2lab(rgb), np.float64) / 100
    shape = rgb.shape[:2]
    pixels = list(np.ndindex(shape))
    laplacian = np.zeros((len(pixels), len(pixels)))
    scale = beta / (10 * lab.std() * np.sqrt(3))
    for a, here in enumerate(pixels):
        for step in ((0, 1), (1, 0)):
            there = here[0] + step[0], here[1] + step[1]
            if there[0] < shape[0] and there[1] < shape[1]:
                b = there[0] * shape[1] + there[1]
                weight = np.exp(-scale * ((lab[here] - lab[there]) ** 2).sum()) + 1e-10
                laplacian[a, b] = laplacian[b, a] = -weight
    laplacian -= np.diag(laplacian.sum(axis=1))
    known = dict.fromkeys(foreground, 1.0) | dict.fromkeys(background, 0.0)
    seeded = [a for a, pixel in enumerate(pixels) if pixel in known]
    free = [a for a, pixel in enumerate(pixels) if pixel not in known]
    values = np.array([known[pixels[a]] for a in seeded])
    inner = np.linalg.solve(
        laplacian[np.ix_(free, free)], -laplacian[np.ix_(free, seeded)] @ values
    )
    probability = np.zeros(len(pixels))
    probability[free], probability[seeded] = inner, values
    return probability.reshape(shape)


@pytest.mark.parametrize("largest", [0, 10**6])
def test_the_score_is_the_difference_of_the_two_chances(largest, monkeypatch):
    monkeypatch.setattr(random_walker, "_DIRECT", largest)
    rgb = np.random.default_rng(5).random((7, 9, 3)).astype(np.float32)
    points, labels = np.array([(1, 2), (5, 7), (3, 3)]), np.array([True, False, True])
    score = RandomWalker(beta=90, radius=0, tolerance=1e-10).prepare(rgb)(points, labels)
    chance = plain_probability(rgb, [(1, 2), (3, 3)], [(5, 7)], 90)
    np.testing.assert_allclose(score, 2 * chance - 1, atol=1e-6)


def test_strong_edges_stop_the_walker():
    rgb = np.full((15, 30, 3), 0.2, np.float32)
    rgb[:, 20:] = 0.8
    score = RandomWalker().prepare(rgb)(np.array([(7, 4), (7, 25)]), np.array([True, False]))
    assert (score[:, :20] > 0).all()
    assert (score[:, 20:] < 0).all()
