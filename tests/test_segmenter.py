from __future__ import annotations

import numpy as np
import pytest
import torch
from oracles import random_attention
from skimage import data

from napari_m2n2 import Attention, Segmenter
from napari_m2n2.errors import Cancelled, InputError
from napari_m2n2.evaluation.metrics import iou


def blob(shape=(60, 80), center=(25, 50), radius=14, dtype=np.uint8):
    """A bright disc on a dark ground, and where it is."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    truth = np.hypot(rows - center[0], columns - center[1]) <= radius
    noise = np.random.default_rng(0).integers(0, 12, shape)
    image = np.where(truth, 180, 50) + noise
    return image.astype(dtype), truth


@pytest.fixture(scope="module")
def disc():
    image, truth = blob()
    segmenter = Segmenter(grid=24, device="cpu")
    segmenter.set_image(image)
    return segmenter, truth


@pytest.mark.parametrize(
    ("method", "preset", "least"),
    [
        ("m2n2", "default", 0.9),
        ("m2n2", "published", 0.9),
        ("m2n2-no-flood", "default", 0.9),
        ("m2n2-no-flood", "published", 0.9),
        ("attention-nn", "default", 0.6),
        ("attention-nn", "published", 0.1),  # the rim of the plane is its steepest edge
        ("kl-nn", "default", 0.6),
        ("kl-nn", "published", 0.1),
    ],
)
def test_every_method_finds_a_disc_from_two_points(method, preset, least):
    image, truth = blob()
    segmenter = Segmenter(method=method, preset=preset, grid=24, device="cpu")
    segmenter.set_image(image)
    result = segmenter.segment([(25, 50), (5, 10)], [True, False])
    assert iou(result.mask, truth) > least
    assert result.mask.dtype == bool
    assert result.score.dtype == np.float32


def test_what_a_result_holds(disc):
    segmenter, truth = disc
    result = segmenter.segment([(25, 50), (5, 10), (6.4, 9.7)], [True, False, False])
    assert result.mask.shape == result.score.shape == truth.shape
    assert -1 <= result.score.min() <= result.score.max() <= 1
    assert result.thresholds.shape == (3,)
    assert set(result.timings) == {"prepare", "maps", "score", "total"}
    assert result.timings["total"] == pytest.approx(
        result.timings["maps"] + result.timings["score"]
    )
    with pytest.raises(AttributeError):
        result.mask = None


def test_the_score_says_what_the_mask_says(disc):
    segmenter, _ = disc
    result = segmenter.segment([(25, 50), (20, 60), (5, 10)], [True, True, False])
    assert (result.score[result.mask] >= 0).all()
    assert (result.score[~result.mask] <= 0).all()


def test_no_prompt_and_only_background(disc):
    segmenter, _ = disc
    for points, labels in (([], []), ([(25, 50)], [False]), (np.zeros((0, 2)), np.zeros(0))):
        result = segmenter.segment(points, labels)
        assert not result.mask.any()
        assert (result.score <= 0).all()
        assert len(result.thresholds) == len(labels)


def test_duplicates_change_nothing(disc):
    segmenter, _ = disc
    once = segmenter.segment([(25, 50), (5, 10)], [1, 0])
    again = segmenter.segment([(25, 50), (5, 10), (25.3, 49.8), (5, 10)], [1, 0, 1, 0])
    np.testing.assert_array_equal(again.mask, once.mask)
    np.testing.assert_array_equal(again.thresholds[2:], once.thresholds)


def test_of_contradicting_duplicates_the_later_counts(disc):
    segmenter, _ = disc
    plain = segmenter.segment([(25, 50)], [1])
    changed_mind = segmenter.segment([(25, 50), (25, 50)], [0, 1])
    np.testing.assert_array_equal(changed_mind.mask, plain.mask)
    assert np.isnan(changed_mind.thresholds[0])
    taken_back = segmenter.segment([(25, 50), (25, 50)], [1, 0])
    assert not taken_back.mask.any()


def test_prompt_pixels_are_forced(disc):
    segmenter, _ = disc
    points = [(25, 50), (25, 51), (0, 0), (59, 79), (5, 10)]
    labels = [True, False, True, False, True]
    result = segmenter.segment(points, labels)
    assert [bool(result.mask[point]) for point in points] == labels
    assert [result.score[point] > 0 for point in points] == labels


def test_a_background_point_takes_its_pixel_away(disc):
    segmenter, _ = disc
    before = segmenter.segment([(25, 50)], [True])
    row, column = np.argwhere(before.mask)[0]
    after = segmenter.segment([(25, 50), (row, column)], [True, False])
    assert before.mask[row, column]
    assert not after.mask[row, column]


def test_undo_gives_the_same_mask_without_new_maps(disc):
    segmenter, _ = disc
    before = segmenter.segment([(25, 50), (5, 10)], [1, 0])
    segmenter.segment([(25, 50), (5, 10), (40, 60)], [1, 0, 0])
    calls = []
    after = segmenter.segment(
        [(25, 50), (5, 10)], [1, 0], progress=lambda phase, _: calls.append(phase)
    )
    assert calls == []
    np.testing.assert_array_equal(after.mask, before.mask)
    np.testing.assert_array_equal(after.score, before.score)


def test_order_of_points_does_not_matter_as_published():
    image, _ = blob()
    segmenter = Segmenter(preset="published", grid=24, device="cpu")
    segmenter.set_image(image)
    points, labels = [(25, 50), (5, 10), (50, 70), (30, 45)], [1, 0, 0, 1]
    first = segmenter.segment(points, labels)
    second = segmenter.segment(points[::-1], labels[::-1])
    np.testing.assert_array_equal(first.mask, second.mask)
    np.testing.assert_allclose(first.thresholds, second.thresholds[::-1])


def test_the_way_to_the_points_does_not_matter():
    image, _ = blob()
    points, labels = [(25, 50), (5, 10), (50, 70), (30, 45), (22, 50)], [1, 0, 0, 1, 0]
    fresh, clicked = (Segmenter(grid=24, device="cpu") for _ in range(2))
    for segmenter in (fresh, clicked):
        segmenter.set_image(image)
    # one by one, with a point that is taken back and another that is moved
    for count in (1, 2, 3):
        clicked.segment(points[:count], labels[:count])
    clicked.segment([*points[:2], (40, 40), *points[3:]], labels)
    clicked.segment([(11, 52), *points[1:]], [0, *labels[1:]])
    want, have = (segmenter.segment(points, labels) for segmenter in (fresh, clicked))
    np.testing.assert_array_equal(have.mask, want.mask)
    # one map at a time and several at once differ in the last digit
    np.testing.assert_allclose(have.score, want.score, atol=1e-5)
    np.testing.assert_allclose(have.thresholds, want.thresholds, atol=1e-5)


def test_a_click_beside_the_outline_moves_it_a_little(disc):
    segmenter, _ = disc
    before = segmenter.segment([(25, 50)], [True]).mask
    row, column = np.argwhere(before).max(axis=0)[0] + 2, 50
    after = segmenter.segment([(25, 50), (row, column)], [True, True])
    assert after.mask[row, column]
    assert (after.mask ^ before).sum() < 60


def test_the_sign_of_the_score_is_the_mask(disc):
    segmenter, _ = disc
    result = segmenter.segment([(25, 50), (5, 10), (12, 50)], [1, 0, 1])
    np.testing.assert_array_equal(result.score > 0, result.mask)


def test_rows_and_columns_are_not_swapped():
    image, truth = blob((40, 100), (12, 80), 8)
    upright, sideways = (Segmenter(grid=20, device="cpu") for _ in range(2))
    upright.set_image(image)
    sideways.set_image(image.T)
    first = upright.segment([(12, 80), (30, 20)], [1, 0])
    second = sideways.segment([(80, 12), (20, 30)], [1, 0])
    assert upright.grid == sideways.grid[::-1]
    assert iou(first.mask, truth) > 0.6
    assert iou(first.mask, second.mask.T) > 0.95


def test_a_box_alone(disc):
    segmenter, truth = disc
    result = segmenter.segment([], [], boxes=[(10, 35, 40, 65)])
    assert iou(result.mask, truth) > 0.7
    assert result.thresholds.shape == (0,)


def test_a_rough_mask_alone(disc):
    segmenter, truth = disc
    rough = np.roll(truth, (2, 3), (0, 1))
    result = segmenter.segment([], [], mask=rough)
    assert iou(result.mask, truth) > iou(rough, truth)


def test_scribbles(disc):
    segmenter, truth = disc
    result = segmenter.segment(
        [], [], scribbles=[([(20, 45), (30, 55)], True), ([(2, 2), (57, 2)], False)]
    )
    assert iou(result.mask, truth) > 0.6
    assert result.mask[20, 45]
    assert result.mask[30, 55]
    assert not result.mask[2:58, 2].any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 50)])
@pytest.mark.parametrize("preset", ["default", "published"])
def test_tiny_planes(shape, preset):
    image = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    segmenter = Segmenter(preset=preset, device="cpu")
    segmenter.set_image(image)
    corner = (shape[0] - 1, shape[1] - 1)
    result = segmenter.segment([(0, 0), corner], [1, 0])
    assert result.mask.shape == shape
    assert not result.mask[corner]
    if corner != (0, 0):
        assert result.mask[0, 0]
    assert np.isfinite(result.score).all()


@pytest.mark.parametrize("preset", ["default", "published"])
@pytest.mark.parametrize("value", [0, 255])
def test_constant_images(preset, value):
    segmenter = Segmenter(preset=preset, grid=12, device="cpu")
    segmenter.set_image(np.full((30, 40), value, np.uint8))
    result = segmenter.segment([(10, 10), (20, 30)], [1, 0])
    assert result.mask[10, 10]
    assert not result.mask[20, 30]
    assert np.isfinite(result.score).all()


def test_not_a_number_and_infinities():
    image, truth = blob(dtype=np.float64)
    image[3, 3], image[4, 4], image[5, 5] = np.nan, np.inf, -np.inf
    segmenter = Segmenter(grid=24, device="cpu")
    segmenter.set_image(image, contrast=(0, 255))
    assert iou(segmenter.segment([(25, 50), (5, 10)], [1, 0]).mask, truth) > 0.6


def test_a_grid_finer_than_the_image():
    image, truth = blob((20, 30), (9, 17), 6)
    segmenter = Segmenter(grid=64, device="cpu")
    segmenter.set_image(image)
    assert segmenter.grid[0] <= 20
    assert segmenter.grid[1] <= 30
    assert iou(segmenter.segment([(9, 17), (2, 2)], [1, 0]).mask, truth) > 0.4
    fine = Attention(random_attention(30, 40), (30, 40))
    segmenter.set_image(image, attention=fine)
    assert segmenter.segment([(9, 17)], [1]).mask.shape == (20, 30)


@pytest.mark.parametrize("grid", [(3, 8), (8, 3), (1, 5)])
def test_grids_need_not_be_square(grid):
    segmenter = Segmenter(preset="published", device="cpu")
    segmenter.set_image(blob()[0], attention=Attention(random_attention(*grid), grid))
    result = segmenter.segment([(25, 50), (0, 0), (59, 79), (0, 79)], [1, 0, 0, 1])
    assert segmenter.grid == grid
    assert np.isfinite(result.score).all()


def test_cells_that_cannot_be_reached():
    halves = torch.block_diag(torch.full((8, 8), 1 / 8), torch.full((8, 8), 1 / 8))
    segmenter = Segmenter(preset="published", device="cpu", max_steps=50)
    segmenter.set_image(np.zeros((40, 40), np.uint8), attention=Attention(halves, (4, 4)))
    mask = segmenter.segment([(2, 2)], [1]).mask
    assert mask[:15].all()
    assert not mask[25:].any()


def test_an_object_with_attend_is_a_backbone():
    class Columns:
        seen = None

        def attend(self, rgb):
            self.seen = rgb
            return Attention(np.kron(np.eye(4), np.full((4, 4), 0.25)), (4, 4))

    backbone = Columns()
    segmenter = Segmenter(backbone, device="cpu", max_steps=50)
    segmenter.set_image(np.zeros((8, 8, 3), np.uint8))
    assert segmenter.backbone_name == "Columns"
    assert backbone.seen.shape == (8, 8, 3)
    assert segmenter.segment([(0, 0)], [1]).mask[0].all()


def test_attention_that_a_backbone_of_ones_own_keeps_is_left_alone():
    class Kept:
        attention = Attention(random_attention(4, 4), (4, 4))

        def attend(self, rgb):
            return self.attention

    before = Kept.attention.matrix.clone()
    Segmenter(Kept(), device="cpu", max_steps=50).set_image(np.zeros((8, 8, 3), np.uint8))
    assert torch.equal(Kept.attention.matrix, before)


def test_channels_and_contrast_reach_the_method():
    image, truth = blob(dtype=np.uint16)
    stack = np.stack([np.zeros_like(image)] * 4 + [image * 40], axis=0)
    segmenter = Segmenter(grid=24, device="cpu")
    segmenter.set_image(stack, channel_axis=0, channels=4, contrast=(0, 10_000))
    assert segmenter.rgb.shape == (60, 80, 3)
    assert iou(segmenter.segment([(25, 50), (5, 10)], [1, 0]).mask, truth) > 0.6


def test_a_failed_image_leaves_the_old_one(disc):
    segmenter, _ = disc
    before = segmenter.segment([(25, 50)], [1]).mask

    def stop(phase, fraction):
        if phase == "transition":
            raise Cancelled

    with pytest.raises(Cancelled):
        segmenter.set_image(np.zeros((30, 30), np.uint8), progress=stop)
    with pytest.raises(InputError):
        segmenter.set_image(np.zeros((30, 30, 5), np.uint8))
    np.testing.assert_array_equal(segmenter.segment([(25, 50)], [1]).mask, before)


def test_a_new_image_forgets_the_maps_of_the_old(disc):
    image, _ = blob()
    segmenter = Segmenter(grid=16, device="cpu")
    segmenter.set_image(image)
    segmenter.segment([(25, 50)], [1])
    segmenter.set_image(image[::-1].copy())
    fresh = Segmenter(grid=16, device="cpu")
    fresh.set_image(image[::-1].copy())
    np.testing.assert_array_equal(
        segmenter.segment([(25, 50)], [1]).mask, fresh.segment([(25, 50)], [1]).mask
    )


def test_it_says_where_it_is():
    phases = []
    segmenter = Segmenter(grid=16, zoom="off", device="cpu")
    segmenter.set_image(blob()[0], progress=lambda phase, share: phases.append((phase, share)))
    assert {phase for phase, _ in phases} == {"attention", "transition", "spectrum"}
    assert all(0 <= share <= 1 for _, share in phases)
    phases.clear()
    segmenter.segment([(25, 50)], [1], progress=lambda phase, share: phases.append((phase, share)))
    assert {phase for phase, _ in phases} == {"Markov map", "upsampling"}


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (([(99, 0)], [1]), {}, "outside the plane"),
        (([(1, 1)], []), {}, "1 points but 0 labels"),
        (([], []), {"text": "nucleus"}, "does not understand text"),
    ],
)
def test_bad_prompts_are_said_in_a_sentence(disc, arguments, options, words):
    with pytest.raises(InputError, match=words):
        disc[0].segment(*arguments, **options)


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        (("unheard-of",), {}, "backbone 'unheard-of' is unknown; choose one of texture"),
        ((42,), {}, "no attend"),
        ((), {"method": "magic"}, "method 'magic'"),
        ((), {"preset": "magic"}, "preset 'magic'"),
        ((), {"refine": "sharper"}, "refinement 'sharper'"),
        ((), {"grid": 0}, "grid=0"),
        ((), {"colour": 1}, "parameter 'colour'"),
        ((), {"device": "abacus"}, "abacus"),
    ],
)
def test_bad_settings_are_said_in_a_sentence(arguments, options, words):
    with pytest.raises(InputError, match=words):
        Segmenter(*arguments, **options)


def test_without_an_image():
    with pytest.raises(InputError, match="set_image first"):
        Segmenter(device="cpu").segment([], [])


def test_the_same_every_time():
    masks = []
    for _ in range(2):
        segmenter = Segmenter(device="cpu")
        segmenter.set_image(data.coffee()[:200, 100:400])
        masks.append(segmenter.segment([(100, 150), (20, 20)], [1, 0]))
    np.testing.assert_array_equal(masks[0].score, masks[1].score)


POINTS, LABELS = [(25, 50), (5, 10), (40, 60)], [1, 0, 0]


def test_a_threshold_of_the_users_is_what_counts(disc):
    segmenter, _ = disc
    free = segmenter.segment(POINTS, LABELS)
    calls = []
    chosen = segmenter.segment(
        POINTS, LABELS, thresholds={0: 0.07}, progress=lambda phase, _: calls.append(phase)
    )
    assert calls == []  # no new map
    assert chosen.thresholds[0] == 0.07
    assert free.thresholds[0] != 0.07
    same = segmenter.segment(POINTS, LABELS, thresholds=[0.07, np.nan, np.nan])
    np.testing.assert_array_equal(same.mask, chosen.mask)
    np.testing.assert_array_equal(same.thresholds, chosen.thresholds)


@pytest.mark.parametrize("thresholds", [{}, {1: np.nan}, [np.nan] * 3, None])
def test_a_threshold_that_is_not_a_number_changes_nothing(disc, thresholds):
    segmenter, _ = disc
    free = segmenter.segment(POINTS, LABELS)
    result = segmenter.segment(POINTS, LABELS, thresholds=thresholds)
    np.testing.assert_array_equal(result.mask, free.mask)
    np.testing.assert_array_equal(result.score, free.score)
    np.testing.assert_array_equal(result.thresholds, free.thresholds)


@pytest.mark.parametrize("preset", ["default", "published"])
def test_a_higher_threshold_takes_more(preset):
    segmenter = Segmenter(preset=preset, grid=24, device="cpu")
    segmenter.set_image(blob()[0])
    areas = [
        segmenter.segment([(25, 50)], [1], thresholds={0: threshold}).mask.sum()
        for threshold in (0.0, 0.05, 0.2, 0.6, 1.0)
    ]
    assert areas == sorted(areas)
    assert areas[0] < areas[-1]


def test_the_best_thresholds_given_back_change_nothing():
    segmenter = Segmenter(preset="published", grid=24, device="cpu")
    segmenter.set_image(blob()[0])
    free = segmenter.segment(POINTS, LABELS)
    again = segmenter.segment(POINTS, LABELS, thresholds=free.thresholds)
    np.testing.assert_array_equal(again.mask, free.mask)
    np.testing.assert_array_equal(again.thresholds, free.thresholds)


def test_thresholds_of_a_pixel_given_twice(disc):
    segmenter, _ = disc
    points = [(25, 50), (25.2, 49.9), (5, 10), (5, 10)]
    result = segmenter.segment(points, [1, 1, 1, 0], thresholds={0: 0.5, 1: 0.1, 2: 0.3})
    np.testing.assert_array_equal(result.thresholds[:3], [0.1, 0.1, np.nan])
    free = segmenter.segment(points, [1, 1, 1, 0], thresholds={0: 0.1})
    # a λ of the superseded point means nothing
    np.testing.assert_equal(result.thresholds[3], free.thresholds[3])


def test_the_way_to_a_threshold_does_not_matter(disc):
    segmenter, _ = disc
    points, labels = [(25, 50), (30, 62), (45, 50)], [1, 1, 0]
    for threshold in (0.02, 0.9, 0.3):
        last = segmenter.segment(points, labels, thresholds={0: threshold})
    fresh = Segmenter(grid=24, device="cpu")
    fresh.set_image(blob()[0])
    want = fresh.segment(points, labels, thresholds={0: 0.3})
    np.testing.assert_array_equal(last.mask, want.mask)


def test_distance_maps_are_those_the_mask_is_made_of():
    segmenter = Segmenter(preset="published", grid=24, device="cpu")
    segmenter.set_image(blob()[0])
    result = segmenter.segment([(25, 50)], [1])
    calls = []
    maps = segmenter.distance_maps(
        [(25, 50), (25, 50)], progress=lambda phase, _: calls.append(phase)
    )
    assert calls == []
    assert maps.shape == (2, 60, 80)
    assert maps.dtype == np.float32
    np.testing.assert_array_equal(maps[0], maps[1])
    assert (maps[0, 25, 50], maps[0].max()) == (0, 1)
    np.testing.assert_array_equal(maps[0] <= result.thresholds[0], result.mask)
    assert segmenter.distance_maps([]).shape == (0, 60, 80)
    maps[:] = 0  # a copy: what is kept stays
    assert segmenter.segment([(25, 50)], [1]).mask.sum() == result.mask.sum()


def test_uncertainty_is_highest_on_the_boundary(disc):
    segmenter, _ = disc
    result = segmenter.segment(POINTS, LABELS)
    assert (result.uncertainty >= 0).all()
    assert result.uncertainty.max() > 0.9
    assert [result.uncertainty[point] for point in POINTS] == [0, 0, 0]


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [
        ({3: 0.1}, "for point 3, but there are 3 points"),
        ({-1: 0.1}, "for point -1"),
        ({0: 1.5}, "threshold 1.5 cannot be"),
        ({0: -0.1}, "threshold -0.1 cannot be"),
        ([0.1, np.inf, 0.1], "threshold inf cannot be"),
        ([0.1], "3 points but thresholds of shape"),
    ],
)
def test_bad_thresholds_are_said_in_a_sentence(disc, thresholds, words):
    with pytest.raises(InputError, match=words):
        disc[0].segment(POINTS, LABELS, thresholds=thresholds)


def test_distance_maps_without_an_image_or_outside_of_it(disc):
    with pytest.raises(InputError, match="set_image first"):
        Segmenter(device="cpu").distance_maps([(0, 0)])
    with pytest.raises(InputError, match="outside the plane"):
        disc[0].distance_maps([(99, 0)])


def test_several_rough_masks_are_several_parts(disc):
    segmenter, truth = disc
    left, right = truth.copy(), truth.copy()
    left[:, 50:], right[:, :50] = False, False
    result = segmenter.segment([], [], mask=np.stack([left, right, np.zeros_like(left)]))
    assert iou(result.mask, truth) > 0.7


def test_a_draft_leaves_the_outline_where_the_maps_say(monkeypatch):
    fitted = []
    monkeypatch.setattr(
        "napari_m2n2.segmentation.kept.fit_outline", lambda *_, **__: fitted.append(1)
    )
    segmenter = Segmenter(grid=24, device="cpu")
    segmenter.set_image(blob()[0])
    draft = segmenter.segment(POINTS, LABELS, thresholds={0: 0.2}, draft=True)
    assert fitted == []
    final = segmenter.segment(POINTS, LABELS, thresholds={0: 0.2})
    assert 1 <= len(fitted) <= len(POINTS)  # none for a click that changes nothing
    np.testing.assert_array_equal(draft.thresholds, final.thresholds)
