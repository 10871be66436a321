"""From an array and what was drawn on it to a mask, with the method itself."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from napari_m2n2.annotation.channels import AS_IT_IS, along_axis, read_channels
from napari_m2n2.annotation.compute import Computer
from napari_m2n2.annotation.jobs import Job, Segmented, Settings
from napari_m2n2.annotation.planes import Affine, shown_plane
from napari_m2n2.annotation.reading import read_region
from napari_m2n2.annotation.region import Region, whole_plane
from napari_m2n2.annotation.shapes import Shape, label_mask, prompts_on
from napari_m2n2.evaluation.metrics import iou
from napari_m2n2.progress import ignore

SETTINGS = Settings(grid=24, device="cpu")
SAME = Affine(np.eye(3), np.zeros(3))


def ball():
    """A bright ball, wider than high, in a dark volume, and where it is."""
    z, y, x = np.indices((24, 60, 80))
    truth = ((z - 12) / 10) ** 2 + ((y - 25) / 14) ** 2 + ((x - 50) / 20) ** 2 <= 1
    noise = np.random.default_rng(0).integers(0, 12, truth.shape)
    return (np.where(truth, 1800, 500) + noise).astype(np.uint16), truth


VOLUME, TRUTH = ball()
DISPLAYED = {"XY": (1, 2), "YX": (2, 1), "XZ": (0, 2), "ZX": (2, 0), "YZ": (0, 1)}


def outcome_of(computer, plane, region=None, data=VOLUME, **drawn):
    job = Job(
        read=partial(read_region, data, plane, region),
        key=plane,
        prompts=prompts_on(plane, SAME, **drawn),
        contrast=(0, 2000),
        settings=SETTINGS,
        region=region,
        map_of=0 if "points" in drawn else None,
        show_image=True,
    )
    outcome = computer(job, ignore, ignore)
    assert isinstance(outcome, Segmented), outcome
    return outcome


@pytest.mark.parametrize("displayed", DISPLAYED.values(), ids=DISPLAYED)
def test_every_plane_of_a_volume(displayed):
    plane = shown_plane(VOLUME.shape, displayed, 3, (12, 25, 50))
    truth = read_region(TRUTH, plane)
    outcome = outcome_of(Computer(), plane, points=[(12, 25, 50), (12, 25, 2)], labels=[1, 0])
    assert iou(outcome.mask, truth) > 0.8
    assert outcome.image.shape == (*plane.size, 3)
    place = tuple(np.array((12, 25, 50))[list(displayed)])
    assert outcome.distance[place] == 0


PLANE = shown_plane(VOLUME.shape, (1, 2), 3, (12, 0, 0))
BOX = [(12, 10, 29), (12, 10, 71), (12, 40, 71), (12, 40, 29)]


@pytest.mark.parametrize(
    "drawn",
    [
        {"shapes": [Shape("rectangle", BOX)]},
        {"shapes": [Shape("ellipse", BOX)]},
        {"shapes": [Shape("polygon", [(12, 12, 45), (12, 25, 70), (12, 37, 45), (12, 25, 30)])]},
        {"shapes": [Shape("path", [(12, 20, 40), (12, 30, 60)]), Shape("line", BOX[:2], False)]},
        {"start": np.roll(TRUTH[12], 3)},
    ],
    ids=["box", "ellipse", "lasso", "scribbles", "label"],
)
def test_every_kind_of_prompt(drawn):
    outcome = outcome_of(Computer(), PLANE, **drawn)
    assert iou(outcome.mask, TRUTH[12]) > 0.75
    assert outcome.left_out == 0


def test_a_region_is_like_an_image_of_its_own():
    region = Region((5, 50), (20, 78))
    points, labels = [(12, 25, 50), (12, 8, 22), (12, 58, 2)], [1, 0, 0]
    outcome = outcome_of(Computer(), PLANE, region, points=points, labels=labels)
    assert outcome.left_out == 1
    assert np.isnan(outcome.thresholds).tolist() == [False, False, True]
    cropped = np.ascontiguousarray(VOLUME[:, 5:50, 20:78])
    alone = shown_plane(cropped.shape, (1, 2), 3, (12, 0, 0))
    moved = [(z, y - 5, x - 20) for z, y, x in points[:2]]
    want = outcome_of(Computer(), alone, data=cropped, points=moved, labels=labels[:2])
    np.testing.assert_array_equal(outcome.mask, want.mask)
    np.testing.assert_array_equal(outcome.distance, want.distance)


def test_a_reduced_plane_finds_the_object_too():
    region = whole_plane(PLANE.size, 30 * 40)
    assert region.factor == 2
    outcome = outcome_of(
        Computer(), PLANE, region, points=[(12, 25, 50), (12, 5, 5)], labels=[1, 0]
    )
    assert outcome.mask.shape == PLANE.size
    assert iou(outcome.mask, TRUTH[12]) > 0.8
    assert outcome.image.shape == (30, 40, 3)


def test_an_existing_label_is_refined():
    labels = np.where(np.roll(TRUTH[12], 4, axis=1), 6, 0)
    start = label_mask(labels, 6)
    computer = Computer()
    points, signs = [(12, 25, 32), (12, 25, 73)], [1, 0]
    outcome = outcome_of(computer, PLANE, start=start, points=points, labels=signs)
    assert iou(outcome.mask, TRUTH[12]) > iou(start, TRUTH[12])


def test_channels_along_an_axis():
    channels = np.stack([VOLUME[12], np.full_like(VOLUME[12], 100), VOLUME[12, ::-1]])
    plane = shown_plane(channels.shape, (1, 2), 3, (1, 0, 0))
    parts = along_axis(channels, plane, 0, (0,), contrast=(0, 2000))
    job = Job(
        read=partial(read_channels, parts),
        key=tuple(part.key for part in parts),
        prompts=prompts_on(plane, SAME, [(1, 25, 50), (1, 5, 5)], [1, 0]),
        contrast=AS_IT_IS,
        settings=SETTINGS,
    )
    outcome = Computer()(job, ignore, ignore)
    assert iou(outcome.mask, TRUTH[12]) > 0.8


def test_a_chosen_threshold_is_the_one_that_counts():
    computer = Computer()
    given = {"points": [(12, 25, 50), (12, 5, 5)], "labels": [1, 0]}
    free = outcome_of(computer, PLANE, **given)
    chosen = outcome_of(computer, PLANE, **given, thresholds=[0.02, np.nan])
    assert chosen.thresholds[0] == 0.02
    assert chosen.mask.sum() < free.mask.sum()
    assert chosen.seconds["maps"] < free.seconds["maps"]
