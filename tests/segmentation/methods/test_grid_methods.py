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
    make(method, disc()[0], grid=12, progress=lambda phase, _: phases.append(phase))
    solve(method, [(30, 35)], [True], progress=lambda phase, _: phases.append(phase))
    assert "upsampling" in phases
    assert len(set(phases)) >= 2

    def stop(phase, fraction):
        raise Cancelled

    with pytest.raises(Cancelled):
        make(method, disc()[0], grid=12, progress=stop)
    with pytest.raises(Cancelled):
        solve(method, [(30, 35)], [True], progress=stop)


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
