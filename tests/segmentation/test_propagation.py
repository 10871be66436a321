"""iSeg's refinement and the conditional affinity on made-up walks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from napari_m2n2.errors import Cancelled
from napari_m2n2.segmentation.entropy import reduce_entropy
from napari_m2n2.segmentation.propagation import conditional_affinity, refine_maps, thinned


def blocks(sizes=(20, 30, 14), leak=0.0, seed=0):
    """Return a walk within blocks, the number of each cell's block, and marks on single cells."""
    block = np.repeat(np.arange(len(sizes)), sizes)
    weights = np.random.default_rng(seed).uniform(0.5, 1, (len(block), len(block)))
    weights *= (block[:, None] == block) + leak
    walk = torch.from_numpy(weights / weights.sum(axis=1, keepdims=True))
    return walk, block, torch.eye(len(block), dtype=torch.float64)


@pytest.mark.parametrize("iterations", [1, 3, 40])
def test_a_click_gives_its_block_exactly(iterations):
    walk, block, clicks = blocks()
    maps = refine_maps(reduce_entropy(walk, 0.02), clicks[[3, 25, 60]], iterations)
    for found, number in zip(maps, (0, 1, 2), strict=True):
        np.testing.assert_array_equal((found > 0.5).numpy(), block == number)


def test_it_equals_the_rounds_written_out():
    walk, _, clicks = blocks(leak=0.1)
    expected = clicks[5].clone()
    expected = (expected - expected.min()) / (expected - expected.min()).sum()
    for _ in range(4):
        pulled = torch.tensor([float((row * expected).sum()) for row in walk])
        expected = (pulled - pulled.min()).double()
        expected /= expected.sum()
    np.testing.assert_allclose(
        refine_maps(walk, clicks[5:6], 4)[0], expected / expected.max(), atol=1e-6
    )


def test_many_rounds_forget_the_click():
    walk, _, clicks = blocks(leak=0.2)
    few = refine_maps(walk, clicks[[3, 40]], 1)
    many = refine_maps(walk, clicks[[3, 40]], 400)

    def alike(maps):
        return abs(np.corrcoef(maps.numpy())[0, 1])

    # the slowest pattern remains, and this is why the rounds are limited
    assert alike(many) > 0.99
    assert alike(few) < 0.8


def test_without_entropy_reduction_the_clicks_are_forgotten_sooner():
    """Why attention is reduced at all: its blocks hold a click much longer."""
    walk, _, clicks = blocks(leak=0.01)
    marks = clicks[[3, 40]]

    def alike(strength):
        maps = refine_maps(reduce_entropy(walk, strength), marks, 200)
        return abs(np.corrcoef(maps.numpy())[0, 1])

    assert alike(0.0) > 0.99  # λ = 0 leaves the slowest pattern, whatever was clicked
    assert alike(0.02) < 0.8


def test_a_map_that_is_held_stays_at_its_mark():
    walk, _, clicks = blocks(leak=0.2)
    marks = clicks[[3, 25, 60]]
    held = refine_maps(walk, marks, 400, hold=0.9)
    assert (held[range(3), [3, 25, 60]] >= 0.9).all()
    drifted = refine_maps(walk, marks, 400)
    assert (drifted[range(3), [3, 25, 60]] < 0.9).any()


@pytest.mark.parametrize("hold", [0.0, 0.7])
def test_maps_do_not_depend_on_their_company_or_on_how_the_walk_is_kept(hold):
    walk, _, clicks = blocks(sizes=(200, 300, 140))
    walk = reduce_entropy(walk, 0.02)
    marks = clicks[[3, 250, 600]]
    together = refine_maps(walk, marks, 30, hold=hold)
    alone = torch.cat([refine_maps(walk, one[None], 30, hold=hold) for one in marks])
    torch.testing.assert_close(together, alone)
    sparse = refine_maps(csr_array(walk.numpy()), marks, 30, hold=hold)
    torch.testing.assert_close(sparse, together)


def test_a_matrix_that_is_mostly_empty_becomes_sparse():
    assert isinstance(thinned(torch.full((50, 50), 0.02)), torch.Tensor)
    thin = torch.eye(50)
    assert isinstance(thinned(thin), csr_array)
    np.testing.assert_array_equal(thinned(thin).toarray(), thin)


def test_a_mark_everywhere_stays_everywhere():
    walk, *_ = blocks()
    maps = refine_maps(walk, torch.ones(1, len(walk), dtype=torch.float64), 5)
    np.testing.assert_allclose(maps, 1)


def test_maps_are_refined_one_by_one():
    walk, _, clicks = blocks(leak=0.1)
    together = refine_maps(walk, clicks[[3, 40]], 3)
    for found, cell in zip(together, (3, 40), strict=True):
        np.testing.assert_allclose(found, refine_maps(walk, clicks[cell : cell + 1], 3)[0])


def test_refining_can_be_called_off():
    walk, _, clicks = blocks()

    def progress(phase, fraction):
        assert phase == "refining"
        if fraction > 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        refine_maps(walk, clicks[:1], 5, progress=progress)


def test_marks_of_both_classes_divide_the_blocks():
    walk, block, clicks = blocks(leak=0.02)
    belief = conditional_affinity(walk, clicks[3], clicks[25])
    assert bool((belief[block == 0] > 0.8).all())
    assert bool((belief[block == 1] < 0.1).all())
    assert bool((belief[block == 2] < 0.5).all())


def test_without_background_the_mean_decides():
    walk, block, clicks = blocks(leak=0.02)
    belief = conditional_affinity(walk, clicks[3], torch.zeros(len(walk)))
    np.testing.assert_array_equal((belief > 0.5).numpy(), block == 0)


def test_without_foreground_there_is_none():
    walk, _, clicks = blocks()
    nothing = conditional_affinity(walk, torch.zeros(len(walk)), clicks[3])
    assert float(nothing.max()) == 0


def test_a_prior_of_zero_silences():
    walk, block, clicks = blocks(leak=0.02)
    prior = torch.full((len(walk),), 0.5, dtype=torch.float64)
    prior[block == 0] = 0
    belief = conditional_affinity(walk, clicks[3], clicks[25], prior=prior)
    assert float(belief[block == 0].max()) == 0
