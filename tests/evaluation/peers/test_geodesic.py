from __future__ import annotations

import heapq

import numpy as np
import pytest
from skimage.color import rgb2lab

from napari_m2n2.evaluation.peers import geodesic
from napari_m2n2.evaluation.peers.geodesic import Geodesic


def plain_distance(rgb, starts, gamma):
    """Dijkstra's algorithm, written to be read."""
    lab = np.asarray(rgb2lab(rgb), np.float64) / 100
    distance = np.full(rgb.shape[:2], np.inf)
    queue = [(0.0, *start) for start in starts]
    while queue:
        length, row, column = heapq.heappop(queue)
        if length >= distance[row, column]:
            continue
        distance[row, column] = length
        for down in (-1, 0, 1):
            for across in (-1, 0, 1):
                there = row + down, column + across
                if (down, across) == (0, 0) or not (
                    0 <= there[0] < rgb.shape[0] and 0 <= there[1] < rgb.shape[1]
                ):
                    continue
                change = ((lab[row, column] - lab[there]) ** 2).sum()
                step = np.sqrt(down**2 + across**2 + gamma**2 * change)
                heapq.heappush(queue, (length + step, *there))
    return distance


@pytest.mark.parametrize("gamma", [0.0, 3.0, 1000.0])
def test_distances_are_those_of_the_definition(gamma):
    rgb = np.random.default_rng(3).random((7, 11, 3)).astype(np.float32)
    points = np.array([(1, 2), (5, 8), (3, 3), (6, 0)])
    labels = np.array([True, False, True, False])
    score = Geodesic(gamma=gamma, radius=0).prepare(rgb)(points, labels)
    near = plain_distance(rgb, points[labels].tolist(), gamma)
    far = plain_distance(rgb, points[~labels].tolist(), gamma)
    np.testing.assert_allclose(score, far - near, rtol=1e-9, atol=1e-9)


def test_a_wall_is_worth_a_detour():
    rgb = np.zeros((9, 21, 3), np.float32)
    rgb[:, 6] = 1  # nearer to the foreground click than to the background click
    score = Geodesic(radius=0).prepare(rgb)(np.array([(4, 3), (4, 18)]), np.array([True, False]))
    assert (score[:, :6] > 0).all()
    assert (score[:, 7:] < 0).all()


def test_distances_of_the_class_that_did_not_change_are_kept(monkeypatch):
    rgb = np.random.default_rng(3).random((12, 14, 3)).astype(np.float32)
    asked = []
    real = geodesic.dijkstra

    def counted(*args, **kwargs):
        asked.append(len(kwargs["indices"]))
        return real(*args, **kwargs)

    monkeypatch.setattr(geodesic, "dijkstra", counted)
    score = Geodesic(radius=0).prepare(rgb)
    points, labels = np.array([(2, 2), (9, 9), (4, 10)]), np.array([True, False, False])
    score(points[:2], labels[:2])
    assert asked == [1, 1]
    score(points, labels)
    assert asked == [1, 1, 2]
