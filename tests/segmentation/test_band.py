from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_m2n2.segmentation.band import band_graph, contrast
from napari_m2n2.segmentation.maxflow import DIRECTIONS

TIE = 50


def plain_contrast(image):
    """GrabCut's β, pair by pair."""
    rows, columns = image.shape[:2]
    squares = []
    for r, c in np.ndindex(rows, columns):
        for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
            if r + down < rows and 0 <= c + right < columns:
                away = image[r, c].astype(float) - image[r + down, c + right]
                squares.append((away**2).sum())
    return 1 / (2 * np.mean(squares)) if np.sum(squares) else 0


def plain_cost(image, trimap, pixels, data, inside):
    """Cost of a cut of the whole plane: GrabCut's energy, counted pair by pair."""
    side = trimap == 1
    side.ravel()[pixels] = inside
    beta = plain_contrast(image)
    total = -data[inside].sum()
    for r, c in np.ndindex(trimap.shape):
        for down, right in DIRECTIONS[4:]:
            other = (r + down, c + right)
            if not (0 <= other[0] < trimap.shape[0] and 0 <= other[1] < trimap.shape[1]):
                continue
            if side[r, c] != side[other]:
                squared = ((image[r, c].astype(float) - image[other]) ** 2).sum()
                total += TIE * np.exp(-beta * squared) / np.hypot(down, right)
    return total


def graph_cost(weights, neighbours, capacities, inside):
    nodes, ways = np.nonzero(neighbours >= 0)
    through = inside[nodes] & ~inside[neighbours[nodes, ways]]
    return -weights[inside].sum() + capacities[nodes, ways][through].sum()


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 999))
def test_cuts_cost_what_they_cost_in_the_whole_plane(rows, columns, seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (rows, columns, 3)).astype(np.uint8)
    trimap = rng.integers(0, 4, (rows, columns)).astype(np.uint8)
    pixels = np.flatnonzero(trimap >= 2)
    data = rng.normal(0, 5, len(pixels)).astype(np.float32)
    graph = band_graph(image, trimap, pixels, data)
    one, other = (rng.random(len(pixels)) < 0.5 for _ in range(2))
    ours = graph_cost(*graph, one) - graph_cost(*graph, other)
    theirs = plain_cost(image, trimap, pixels, data, one) - plain_cost(
        image, trimap, pixels, data, other
    )
    assert ours == pytest.approx(theirs, abs=1e-2)


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 99))
def test_contrast_is_that_of_all_pairs(rows, columns, seed):
    image = np.random.default_rng(seed).integers(0, 256, (rows, columns, 3)).astype(np.uint8)
    assert contrast(image) == pytest.approx(plain_contrast(image))


def test_one_colour_has_no_contrast():
    assert contrast(np.full((4, 5, 3), 9, np.uint8)) == 0
