from __future__ import annotations

import numpy as np
import oracles
from hypothesis import given
from hypothesis.extra import numpy as hnp

from napari_m2n2.prompts import check_prompts
from napari_m2n2.segmentation.seeds import force, innermost, make_seeds, thresholds_by_point

SHAPE, GRID = (40, 60), (10, 12)


def seeds(*arguments, **options):
    return make_seeds(check_prompts(*arguments, SHAPE, **options), SHAPE, GRID)


def test_duplicates_are_one_seed():
    assert len(seeds([(3, 4), (3.2, 4.3), (3, 5)], [1, 1, 1])) == 2


def test_of_contradicting_duplicates_the_last_counts():
    (seed,) = seeds([(3, 4), (3, 4), (3, 4)], [1, 0, 1])
    assert seed.pixel == (3, 4)
    assert seed.label


def test_a_scribble_has_a_seed_every_cell():
    path = [(20, 5), (20, 55)]
    found = seeds([], [], scribbles=[(path, False)])
    assert len(found) == 51 // 5
    assert not any(seed.label for seed in found)
    assert {seed.pixel[0] for seed in found} == {20}


def test_a_long_scribble_has_not_too_many():
    path = [(0, 0), (0, 59), (20, 59), (20, 0), (39, 0), (39, 59)]
    assert len(seeds([], [], scribbles=[(path, True)])) == 12


def test_a_box_has_one_in_its_middle():
    (seed,) = seeds([], [], boxes=[(10, 20, 20, 30)])
    assert seed.pixel == (15, 25)
    assert seed.label
    assert seed.region.sum() == 121


def test_keys_tell_seeds_apart_but_not_their_labels():
    first, second = seeds([(3, 3), (4, 3)], [1, 1])
    (flipped,) = seeds([(3, 3)], [0])
    (boxed,) = seeds([], [], boxes=[(0, 0, 6, 6)])
    assert first.key == flipped.key
    assert len({first.key, second.key, boxed.key}) == 3
    assert boxed.pixel == first.pixel


def test_innermost_knows_the_rim():
    assert innermost(np.ones((5, 9), bool)) == (2, 2)


@given(hnp.arrays(bool, (9, 12)).filter(np.any))
def test_innermost_is_the_deepest_of_the_whole_plane(region):
    _, expected = oracles.first_of_largest(oracles.squared_depth(region))
    assert innermost(region) == expected
    assert innermost(region.T.copy().T) == expected


def test_thresholds_come_back_by_point():
    prompts = check_prompts([(1, 1), (2, 2), (1, 1), (2, 2)], [1, 1, 0, 1], SHAPE)
    made = make_seeds(prompts, SHAPE, GRID)
    found = thresholds_by_point(prompts, made, [0.1, 0.2])
    np.testing.assert_array_equal(found, [np.nan, 0.2, 0.1, 0.2])


def test_forced_pixels():
    prompts = check_prompts(
        [(0, 5), (1, 1), (1, 1)], [0, 1, 0], SHAPE, scribbles=[([(0, 0), (0, 9)], True)]
    )
    mask, score = np.zeros(SHAPE, bool), np.zeros(SHAPE, np.float32)
    force(prompts, mask, score)
    assert np.flatnonzero(mask).tolist() == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert score[0, 5] == score[1, 1] == -1
    assert score[0, 4] == 1
