"""What every method that answers on the grid keeps to, from prompts to the mask."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from importlib import import_module

import numpy as np
import pytest

from napari_m2n2.attention.texture import Texture
from napari_m2n2.errors import Cancelled
from napari_m2n2.progress import ignore
from napari_m2n2.prompts import check_prompts
from napari_m2n2.segmentation.methods.base import GridSolver
from napari_m2n2.segmentation.parameters import resolve

METHODS = ("mis", "dwc", "iseg", "conditional")
SHAPE = (60, 90)


def disc(shape=SHAPE, seed=0):
    """Return an image of a bright disc on a dark, noisy ground, and the disc."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    truth = (rows - 30) ** 2 + (columns - 35) ** 2 < 18**2
    image = np.where(truth, 0.8, 0.2)[..., None] + np.random.default_rng(seed).normal(
        0, 0.05, (*shape, 3)
    )
    return np.clip(image, 0, 1).astype(np.float32), truth


@lru_cache
def solver(method, outline="map") -> GridSolver:
    return make(method, disc()[0], outline)


def make(method, rgb, outline="map", grid=24, progress=ignore) -> GridSolver:
    parameters = replace(resolve("m2n2", "default", "texture", {}), outline=outline)
    module = import_module(f"napari_m2n2.segmentation.methods.{method}")
    return module.prepare(rgb, Texture(grid).attend(rgb), parameters, progress)


def solve(method, points, labels, *, shape=SHAPE, one=None, draft=False, progress=ignore, **more):
    prompts = check_prompts(points, labels, shape, **more)
    return (one or solver(method)).solve(prompts, draft=draft, progress=progress)


@pytest.mark.parametrize("method", METHODS)
def test_a_few_clicks_find_the_disc(method):
    _, truth = disc()
    points, labels = [(30, 35), (30, 70), (8, 10), (22, 27)], [True, False, False, True]
    solved = solve(method, points, labels)
    overlap = (solved.mask & truth).sum() / (solved.mask | truth).sum()
    assert overlap > 0.75
    assert solved.mask.shape == solved.score.shape == SHAPE
    assert solved.score.dtype == np.float32
    assert -1 <= solved.score.min() <= solved.score.max() <= 1
    np.testing.assert_array_equal(solved.mask, solved.score > 0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", range(4))
def test_a_click_keeps_its_sign(method, seed):
    generator = np.random.default_rng(seed)
    points = np.stack([generator.integers(0, n, 30) for n in SHAPE], axis=1)
    _, first = np.unique(points, axis=0, return_index=True)
    points = points[first]
    labels = generator.random(len(points)) > 0.5
    labels[0] = True
    solved = solve(method, points, labels)
    np.testing.assert_array_equal(solved.mask[tuple(points.T)], labels)
    assert solved.thresholds.shape == (len(points),)


@pytest.mark.parametrize("method", METHODS)
def test_it_is_the_same_every_time(method):
    one, other = (
        solve(method, [(30, 35), (5, 5)], [True, False], one=make(method, disc()[0], grid=12))
        for _ in range(2)
    )
    np.testing.assert_array_equal(one.mask, other.mask)
    np.testing.assert_array_equal(one.score, other.score)


@pytest.mark.parametrize("method", METHODS)
def test_without_foreground_there_is_nothing(method):
    assert not solve(method, [], []).mask.any()
    assert not solve(method, [(30, 35)], [False]).mask.any()


@pytest.mark.parametrize("method", METHODS)
def test_a_higher_threshold_never_takes_away(method):
    before = np.zeros(SHAPE, bool)
    for threshold in (0.1, 0.4, 0.7, 1.0):
        solved = solve(method, [(30, 35)], [True], thresholds=[threshold])
        assert solved.thresholds[0] == pytest.approx(threshold, abs=0.26)
        assert (solved.mask >= before).all()
        before = solved.mask


@pytest.mark.parametrize("method", METHODS)
def test_boxes_and_masks_mean_the_object(method):
    _, truth = disc()
    for given in ({"boxes": [(12, 17, 48, 53)]}, {"mask": truth}):
        solved = solve(method, [(5, 80)], [False], **given)
        assert (solved.mask & truth).sum() / (solved.mask | truth).sum() > 0.6


@pytest.mark.parametrize("method", METHODS)
def test_a_thin_box_counts(method):
    solved = solve(method, [], [], boxes=[(30, 35, 30, 35)])
    assert solved.mask[30, 35]


@pytest.mark.parametrize("method", METHODS)
def test_a_box_around_the_whole_plane_is_the_plane(method):
    solved = solve(method, [], [], boxes=[(0, 0, SHAPE[0] - 1, SHAPE[1] - 1)])
    assert np.isfinite(solved.score).all()
    assert solved.mask.mean() > 0.9


@pytest.mark.parametrize("method", METHODS)
def test_a_line_of_one_pixel_is_a_point(method):
    line = solve(method, [], [], scribbles=[([(30, 35)], True)])
    point = solve(method, [(30, 35)], [True])
    np.testing.assert_array_equal(line.mask, point.mask)


@pytest.mark.parametrize("method", METHODS)
def test_two_classes_in_one_cell_divide_it(method):
    solved = solve(method, [(30, 35), (31, 36)], [True, False])
    assert solved.mask[30, 35]
    assert not solved.mask[31, 36]


@pytest.mark.parametrize("method", METHODS)
def test_distance_maps(method):
    maps = solver(method).distance_maps([(30, 35), (5, 80)], ignore)
    assert maps.shape == (2, *SHAPE)
    assert maps.min() >= 0
    assert maps.max() <= 1 + 1e-6
    assert maps[0, 30, 35] < maps[0, 5, 80]
    assert maps[1, 5, 80] < maps[1, 30, 35]
    assert solver(method).distance_maps(np.zeros((0, 2)), ignore).shape == (0, *SHAPE)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 3)])
def test_any_shape(method, shape):
    rgb = np.random.default_rng(0).random((*shape, 3)).astype(np.float32)
    for image in (rgb, np.full_like(rgb, 0.5)):
        solved = solve(method, [(0, 0)], [True], shape=shape, one=make(method, image))
        assert solved.mask[0, 0]
        assert np.isfinite(solved.score).all()


@pytest.mark.parametrize("method", METHODS)
def test_the_outline_can_be_fitted_and_a_draft_leaves_it(method):
    fitted = solver(method, "graph-cut")
    points, labels = [(30, 35), (30, 70), (8, 10), (22, 27)], [True, False, False, True]
    plain = solve(method, points, labels)
    draft = solve(method, points, labels, one=fitted, draft=True)
    np.testing.assert_array_equal(plain.mask, draft.mask)
    moved = solve(method, points, labels, one=fitted)
    _, truth = disc()
    assert (moved.mask != truth).sum() <= (draft.mask != truth).sum()


@pytest.mark.parametrize("method", METHODS)
def test_it_reports_and_can_be_called_off(method):
    phases = []
    one = make(method, disc()[0], grid=12, progress=lambda phase, _: phases.append(phase))
    solve(method, [(30, 35)], [True], one=one, progress=lambda phase, _: phases.append(phase))
    assert "upsampling" in phases
    assert len(set(phases)) >= 2

    def stop(phase, fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        make(method, disc()[0], grid=12, progress=stop)
    one = make(method, disc()[0], grid=12)
    with pytest.raises(Cancelled):
        solve(method, [(30, 35)], [True], one=one, progress=stop)
    assert solve(method, [(30, 35)], [True], one=one).mask[30, 35]


@pytest.mark.parametrize("method", METHODS)
def test_the_last_answer_is_kept(method):
    one = make(method, disc()[0], grid=12)
    points, labels = [(30, 35), (30, 70)], [True, False]
    first = solve(method, points, labels, one=one)
    first.score[:] = 0  # a copy: what is kept stays
    calls = []
    again = solve(method, points, labels, one=one, progress=lambda phase, _: calls.append(phase))
    assert calls == []
    assert again.mask[30, 35]
    other = solve(method, points, [True, True], one=one)
    assert other.mask[30, 70]


@pytest.mark.parametrize("method", METHODS)
def test_what_is_proposed_is_what_is_solved(method):
    one = make(method, disc()[0], "graph-cut", grid=12)
    prompts = check_prompts([(30, 35), (8, 10)], [True, False], SHAPE)
    whole = (slice(0, SHAPE[0]), slice(0, SHAPE[1]))
    proposal = one.propose(prompts, ignore)
    solved = one.solve(prompts, draft=True, progress=ignore)
    np.testing.assert_array_equal(proposal.mask(whole), solved.mask)
    np.testing.assert_array_equal(proposal.thresholds, solved.thresholds)
    near = one.distance_maps([(8, 10)], ignore)[0]
    np.testing.assert_array_equal(proposal.distance(whole), near)
    # the click has a segment of its own, which the foreground is not in
    own = near <= proposal.thresholds[-1]
    assert own[8, 10]
    assert not own[30, 35]


def test_a_further_mark_costs_the_conditional_affinity_its_own_steps(monkeypatch):
    from napari_m2n2.segmentation.methods import conditional

    asked = []
    plain = conditional.spread_marks

    def spread(matrix, marks, steps):
        asked.append(len(marks))
        return plain(matrix, marks, steps)

    monkeypatch.setattr(conditional, "spread_marks", spread)
    one = make("conditional", disc()[0], grid=12)
    points, labels = [(30, 35), (5, 5), (30, 70)], [True, False, False]
    for count in (1, 2, 3):
        solved = solve("conditional", points[:count], labels[:count], one=one)
        one.distance_maps(points[:count], ignore)
    assert asked == [1, 1, 1]
    afresh = solve("conditional", points, labels, one=make("conditional", disc()[0], grid=12))
    np.testing.assert_allclose(solved.score, afresh.score, atol=1e-5)


def test_several_marks_share_the_rounds_of_iseg(monkeypatch):
    from napari_m2n2.segmentation.methods import iseg

    asked = []
    plain = iseg.refine_maps

    def refine(matrix, marks, iterations, **others):
        asked.append(iterations)
        return plain(matrix, marks, iterations, **others)

    monkeypatch.setattr(iseg, "refine_maps", refine)
    points = [(20, 25), (5, 5), (35, 50), (22, 28), (4, 55)]
    one = make("iseg", disc()[0])
    for count in (1, 2, 5):
        labels = [True, False, False, True, False][:count]
        one.solve(check_prompts(points[:count], labels, SHAPE), draft=False, progress=ignore)
    most = one.plane.parameters.refine_rounds
    assert asked == [most, most, max(most // 3, min(most, 8))]  # 1, 1 and 1, 2 and 3
