from __future__ import annotations

from dataclasses import replace

import numpy as np
import oracles
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_m2n2.segmentation import selection
from napari_m2n2.segmentation.parameters import PUBLISHED
from napari_m2n2.segmentation.selection import (
    FALLBACK,
    choose_threshold,
    find_candidates,
    gradient,
)

shapes = st.tuples(st.integers(1, 7), st.integers(1, 7))
# few values give many ties
maps = shapes.flatmap(
    lambda shape: hnp.arrays(np.float32, shape, elements=st.integers(0, 9).map(lambda n: n / 9))
)
NOBODY = np.zeros((0, 2), np.int64)


@given(maps.filter(lambda m: m.size > 2 and np.ptp(m) > 0), st.integers(0, 99))
def test_choice_equals_the_scores_as_worded(distance, seed):
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, distance.shape, (6, 2))
    same, other = pixels[:3], pixels[3 : 3 + rng.integers(0, 4)]
    candidates = find_candidates(distance, PUBLISHED)
    slope = gradient(distance, 1024)
    expected = oracles.choose_threshold(distance, slope, same, other)
    if not slope.any():  # two by two pixels can differ where no Sobel operator sees it
        expected = FALLBACK
    assert choose_threshold(candidates, same, other) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["edge_score", "positive_score", "negative_score"])
@given(distance=maps.filter(lambda m: m.size > 2 and np.ptp(m) > 0), seed=st.integers(0, 99))
def test_a_score_can_be_left_out(name, distance, seed):
    slope = gradient(distance, 1024)
    assume(slope.any())
    pixels = np.random.default_rng(seed).integers(0, distance.shape, (6, 2))
    candidates = find_candidates(distance, replace(PUBLISHED, **{name: False}))
    expected = oracles.choose_threshold(distance, slope, pixels[:3], pixels[3:], without=(name,))
    assert choose_threshold(candidates, pixels[:3], pixels[3:]) == pytest.approx(expected)


def test_without_any_score_the_threshold_is_one_half():
    distance, _ = basin()
    none = {"edge_score": False, "positive_score": False, "negative_score": False}
    one = np.array([[10, 15]])
    unscored = find_candidates(distance, replace(PUBLISHED, area_prior=1.0, **none))
    assert choose_threshold(unscored, one, NOBODY) == FALLBACK
    with_prior = find_candidates(distance, replace(PUBLISHED, **none))
    assert choose_threshold(with_prior, one, NOBODY) != FALLBACK


def basin(rows=20, columns=30, radius=5.0, center=(10, 15)):
    """A bowl with one steep wall: distance from a centre, steep at a radius."""
    r = np.hypot(*(np.mgrid[:rows, :columns] - np.array(center)[:, None, None]))
    steps = 0.2 * r / r.max() + 0.8 / (1 + np.exp(-3 * (r - radius)))
    distance = (steps - steps.min()).astype(np.float32)
    return distance / distance.max(), r


def test_the_steepest_wall_is_chosen():
    distance, r = basin()
    threshold = choose_threshold(
        find_candidates(distance, PUBLISHED), np.array([[10, 15]]), NOBODY
    )
    segment = distance <= threshold
    assert segment[r <= 4].all()
    assert not segment[r >= 7].any()


def test_a_prompt_of_the_other_class_bounds_the_segment():
    distance, _ = basin()
    candidates = find_candidates(distance, PUBLISHED)
    other = np.array([[10, 18]])  # inside the wall
    threshold = choose_threshold(candidates, np.array([[10, 15]]), other)
    assert threshold < distance[10, 18]


def test_prompts_of_the_own_class_draw_the_segment_out():
    rows, columns = np.mgrid[:40, :40]
    r = np.hypot(rows - 20, columns - 20)
    # a steep wall at 5 pixels and one that is a little less steep at 11
    walls = 1.2 / (1 + np.exp(-4 * (r - 5))) + 1 / (1 + np.exp(-4 * (r - 11))) + 0.01 * r
    distance = ((walls - walls.min()) / np.ptp(walls)).astype(np.float32)
    candidates = find_candidates(distance, PUBLISHED)
    alone = choose_threshold(candidates, np.array([[20, 20]]), NOBODY)
    same = np.array([[20, 20], [20, 28], [12, 20]])
    together = choose_threshold(candidates, same, NOBODY)
    assert (distance <= alone).sum() < np.pi * 7**2
    assert (distance <= together).sum() > np.pi * 9**2
    assert (distance[same[:, 0], same[:, 1]] <= together).all()


def test_the_area_prior_forbids_most_of_the_plane():
    distance, _ = basin(radius=12)
    for prior in (0.1, 0.4):
        candidates = find_candidates(distance, replace(PUBLISHED, area_prior=prior))
        threshold = choose_threshold(candidates, np.array([[10, 15]]), NOBODY)
        assert (distance <= threshold).mean() <= prior + 0.01


def test_a_region_takes_the_place_of_the_prior():
    distance, r = basin(radius=12)
    candidates = find_candidates(distance, PUBLISHED, region=r <= 9)
    threshold = choose_threshold(candidates, np.array([[10, 15]]), NOBODY)
    segment = distance <= threshold
    assert (segment & (r <= 9)).sum() / (segment | (r <= 9)).sum() > 0.6


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (5, 1), (4, 5)])
def test_a_flat_map_falls_back(shape):
    candidates = find_candidates(np.zeros(shape, np.float32), PUBLISHED)
    assert choose_threshold(candidates, np.array([[0, 0]]), NOBODY) == FALLBACK


def test_one_row_has_edges():
    row = np.array([[0, 0.01, 0.02, 0.9, 0.91, 0.92, 0.93, 1.0]], np.float32)
    candidates = find_candidates(row, replace(PUBLISHED, area_prior=0.9))
    assert choose_threshold(candidates, np.array([[0, 0]]), NOBODY) == pytest.approx(0.02)


def test_min_area_forbids_specks():
    distance, _ = basin(radius=1.2)
    small = find_candidates(distance, PUBLISHED)
    large = find_candidates(distance, replace(PUBLISHED, min_area=50))
    one = np.array([[10, 15]])
    assert (distance <= choose_threshold(small, one, NOBODY)).sum() < 50
    assert (distance <= choose_threshold(large, one, NOBODY)).sum() >= 50


def test_the_image_edge_decides_between_two_walls():
    rows, columns = np.mgrid[:40, :40]
    r = np.hypot(rows - 20, columns - 20)
    walls = 1 / (1 + np.exp(-4 * (r - 5))) + 1.05 / (1 + np.exp(-4 * (r - 11))) + 0.01 * r
    distance = ((walls - walls.min()) / np.ptp(walls)).astype(np.float32)
    one = np.array([[20, 20]])
    plain = choose_threshold(find_candidates(distance, PUBLISHED), one, NOBODY)
    edges = np.exp(-((r - 5) ** 2)).astype(np.float32)  # the image has its edge at the inner one
    led = choose_threshold(
        find_candidates(distance, replace(PUBLISHED, image_edge=1.0), image_gradient=edges),
        one,
        NOBODY,
    )
    assert (distance <= plain).sum() > np.pi * 9**2
    assert (distance <= led).sum() < np.pi * 7**2


def test_gradient_is_in_whole_steps_of_its_peak():
    distance, _ = basin()
    slope = gradient(distance, 1024)
    assert slope.max() == 1024
    np.testing.assert_array_equal(slope, np.floor(slope))
    assert gradient(distance, 0).max() == 1


@given(st.integers(0, 2**32 - 1), st.integers(1, 1500), st.integers(0, 4))
def test_the_first_of_the_highest_scores_is_found_without_looking_at_all(seed, count, prompts):
    rng = np.random.default_rng(seed)
    thresholds = np.sort(rng.integers(0, rng.choice([9, 10_000]), count)).astype(np.float32)
    worth = rng.integers(0, rng.choice([2, 6, 1000]), count).astype(np.float32)
    peaks = np.maximum.reduceat(worth, np.arange(0, count, selection._BLOCK))
    near = np.sort(rng.choice(thresholds, prompts))
    bound, allowed = rng.choice([*thresholds[-3:], np.float32(np.inf)]), rng.integers(count + 1)
    height = (near[:, None] <= thresholds).sum(axis=0) if prompts else np.ones(count)
    score = height * worth * (thresholds < bound) * (np.arange(count) < allowed)
    found = selection._best(thresholds, worth, peaks, near, np.float32(bound), int(allowed))
    assert found == int(np.argmax(score))
