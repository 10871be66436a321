from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from napari_m2n2.segmentation.colours import learn_both, log_ratio


def cloud(mean, count=400, spread=6, seed=0):
    values = np.random.default_rng(seed).normal(mean, spread, (count, 3))
    return values.clip(0, 255).astype(np.uint8)


def learn(colours):
    """The mixture of some colours, as the inside of an image whose outside is one black pixel."""
    image = np.concatenate([colours, np.zeros((1, 3), np.uint8)])[None]
    return learn_both(image, np.arange(len(colours) + 1)[None] < len(colours), 1)[0]


def density(mixture, colours):
    """Of the mixture at each colour, by scipy."""
    total = np.zeros(len(colours))
    for mean, (a, b, c, ab, ac, bc), height in zip(
        mixture.means, mixture.shapes, mixture.heights, strict=True
    ):
        inverse = np.array([[a, ab / 2, ac / 2], [ab / 2, b, bc / 2], [ac / 2, bc / 2, c]])
        covariance = np.linalg.inv(inverse)
        share = height * np.sqrt(np.linalg.det(covariance))
        total += share * multivariate_normal(mean, covariance, allow_singular=True).pdf(colours)
    return total


def test_the_ratio_is_that_of_the_densities():
    red, blue = learn(cloud((180, 60, 60), spread=25)), learn(cloud((60, 60, 180), spread=25))
    colours = cloud((120, 60, 120), 50, 25)
    expected = np.log(density(red, colours) / density(blue, colours))
    np.testing.assert_allclose(log_ratio(colours, red, blue), expected, rtol=1e-2, atol=1e-2)


def test_shares_are_all_there_is():
    mixture = learn(np.concatenate([cloud((170, 90, 90), 400, 25), cloud((90, 90, 170), 100, 25)]))
    samples = np.random.default_rng(0).uniform(0, 255, (400_000, 3))
    assert density(mixture, samples).mean() * 255**3 == pytest.approx(1, abs=0.1)


def test_a_colour_is_of_who_has_it():
    inside, outside = cloud((200, 40, 40)), cloud((40, 200, 40))
    ratio = log_ratio(np.concatenate([inside, outside]), learn(inside), learn(outside))
    assert (ratio[:400] > 0).all()
    assert (ratio[400:] < 0).all()


@pytest.mark.parametrize("count", [1, 2, 4, 7])
def test_few_colours(count):
    few = cloud((90, 90, 90), count)
    ratio = log_ratio(few, learn(few), learn(cloud((200, 200, 200))))
    assert np.isfinite(ratio).all()
    assert (ratio > 0).all()


def test_one_colour_and_colours_nobody_knows():
    white, black = np.full((50, 3), 255, np.uint8), np.zeros((50, 3), np.uint8)
    grey = np.full((1, 3), 128, np.uint8)
    assert log_ratio(white[:1], learn(white), learn(black))[0] > 0
    assert log_ratio(grey, learn(white), learn(black))[0] == 0


def test_many_colours_are_learnt_from_some_and_the_same_every_time():
    many = cloud((100, 120, 140), 50_000, 20)
    first, second = learn(many), learn(many)
    np.testing.assert_array_equal(first.means, second.means)
    np.testing.assert_array_equal(first.heights, second.heights)
