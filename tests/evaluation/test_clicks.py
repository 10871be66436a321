from __future__ import annotations

import numpy as np
import pytest

from napari_m2n2.evaluation.clicks import Click, iou, next_click, simulate


def test_the_first_click_is_the_middle_of_the_object():
    truth = np.zeros((21, 31), bool)
    truth[5:16, 10:21] = True
    assert next_click(np.zeros_like(truth), truth) == Click(10, 15, True)


def test_surplus_is_clicked_as_background():
    truth = np.zeros((21, 31), bool)
    mask = truth.copy()
    mask[5:16, 10:21] = True
    assert next_click(mask, truth) == Click(10, 15, False)


def test_missing_and_surplus_count_together():
    # two squares of errors side by side are one: its middle is on their common border
    truth = np.zeros((40, 60), bool)
    truth[10:30, 10:30] = True
    mask = np.zeros_like(truth)
    mask[10:30, 30:50] = True
    click = next_click(mask, truth)
    assert click.column in (19, 20, 29, 30, 39)
    assert click.label == bool(truth[click.row, click.column])
    small = np.zeros((24, 44), bool)
    small[2:22, 2:22] = True
    other = np.zeros_like(small)
    other[2:22, 22:42] = True
    assert next_click(other, small) == Click(11, 11, True)


def test_the_rim_of_the_plane_is_right():
    truth = np.ones((9, 9), bool)
    assert next_click(np.zeros_like(truth), truth) == Click(4, 4, True)


def test_a_right_mask_is_clicked_in_its_middle():
    truth = np.zeros((9, 9), bool)
    truth[2:7, 2:7] = True
    assert next_click(truth, truth) == Click(4, 4, True)


def test_unknown_pixels_are_neither_clicked_nor_scored():
    truth = np.zeros((10, 30), bool)
    truth[:, :10] = True
    valid = np.ones_like(truth)
    valid[:, 10:25] = False
    mask = np.zeros_like(truth)
    mask[:, 10:30] = True
    click = next_click(mask, truth, valid)
    assert valid[click.row, click.column]
    assert iou(truth | ~valid, truth, valid) == 1


@pytest.mark.parametrize(
    ("mask", "truth", "expected"),
    [
        ([1, 1, 0, 0], [0, 1, 1, 0], 1 / 3),
        ([0, 0, 0, 0], [0, 0, 0, 0], 1),
        ([1, 0, 0, 0], [0, 0, 0, 0], 0),
    ],
)
def test_iou(mask, truth, expected):
    assert iou(np.array([mask], bool), np.array([truth], bool)) == expected


class Discs:
    """Outlines a disc around each foreground click."""

    def __init__(self, shape):
        self.shape, self.calls = shape, []

    def segment(self, points, labels):
        self.calls.append((points, labels))
        mask = np.zeros(self.shape, bool)
        rows, columns = np.ogrid[: self.shape[0], : self.shape[1]]
        for (row, column), label in zip(points, labels, strict=True):
            mask[np.hypot(rows - row, columns - column) <= 4] = label
        return type("Result", (), {"mask": mask})


def test_simulate_gives_one_score_a_click():
    truth = np.zeros((30, 30), bool)
    truth[5:25, 5:12] = True
    fake = Discs(truth.shape)
    scores = simulate(fake, truth, clicks=6)
    assert len(scores) == 6
    assert [len(points) for points, _ in fake.calls] == [1, 2, 3, 4, 5, 6]
    assert scores[0] < max(scores)
