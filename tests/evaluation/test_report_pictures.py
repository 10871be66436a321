from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from imageio.v3 import imread, imwrite
from made_runs import record, run

from napari_m2n2.errors import Cancelled
from napari_m2n2.evaluation.clicks import Click
from napari_m2n2.evaluation.report.document import Bullets, Gallery
from napari_m2n2.evaluation.report.pictures import draw_case, draw_cases, extremes, frame, inside
from napari_m2n2.evaluation.report.sections import cases
from napari_m2n2.evaluation.report.systems import System, make_systems


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An index of three images with a bright square each."""
    with (tmp_path / "index.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["dataset", "domain", "kind", "object", "image", "mask"])
        for place in range(3):
            mask = np.zeros((40, 50), np.uint8)
            mask[10:25, 8 + place : 30] = 1
            rng = np.random.default_rng(place)
            image = np.where(mask, 190, 60) + rng.integers(0, 20, mask.shape)
            imwrite(tmp_path / f"image{place}.png", image.astype(np.uint8))
            imwrite(tmp_path / f"mask{place}.png", mask)
            rows.writerow(
                ["set", "natural", "object", "square", f"image{place}.png", f"mask{place}.png"]
            )
    return tmp_path


def system(folder: Path) -> System:
    """What a run over the index says: the square is found better from image to image."""
    records = [
        record([0.2 + 0.3 * place] * 2, dataset="set", image=f"image{place}", name="square")
        for place in range(3)
    ]
    clicks = (Click(17, 19, True), Click(2, 45, False))
    records = [one.__class__(**{**vars(one), "clicks": clicks}) for one in records]
    source = {"dataset": "index", "path": str(folder / "index.csv"), "options": {}}
    # the quickest method there is
    return make_systems([run(records, source=source, method="geodesic")])[0]


def test_cases_are_computed_again_and_drawn(folder: Path) -> None:
    made = system(folder)
    pictures, sentences = draw_cases(made, made.records, 2)
    assert not sentences
    assert [one.png[:4] for one in pictures] == [b"\x89PNG"] * 3
    assert pictures[0].caption.startswith("set, image0, object square: IoU 0.20 after 2 clicks.")
    # the square is found, whatever the records say
    assert "Computed again here it is" in pictures[0].caption


def test_what_is_gone_is_said_and_the_rest_is_drawn(folder: Path) -> None:
    (folder / "image1.png").unlink()
    made = system(folder)
    pictures, sentences = draw_cases(made, made.records, 2)
    assert len(pictures) == 2
    assert len(sentences) == 1
    assert "image1" in sentences[0]


def test_an_object_that_is_gone_is_said(folder: Path) -> None:
    index = folder / "index.csv"
    index.write_text(index.read_text().replace("square", "circle"))
    made = system(folder)
    pictures, sentences = draw_cases(made, made.records, 2)
    assert not pictures
    assert "no longer has the object square" in sentences[0]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({}, "does not say"),
        ({"dataset": "index"}, "does not say"),
        ({"dataset": "none", "path": "x"}, "unknown"),
        ({"dataset": "index", "path": "gone.csv"}, "gone.csv"),
        ({"dataset": "index", "path": "gone.csv", "options": {"old": 1}}, "old"),
    ],
)
def test_a_run_whose_images_are_nowhere_is_one_sentence(source: dict, reason: str) -> None:
    records = [
        record([score], image=str(score), domain=domain)
        for domain in ("natural", "medical")
        for score in (0.1, 0.5, 0.9)
    ]
    made = make_systems([run(records, source=source, method="geodesic")])[0]
    found = cases([made], 2)
    assert not any(isinstance(block, Gallery) for block in found)
    (said,) = [block for block in found if isinstance(block, Bullets)]
    assert len(said.items) == 1
    assert reason in said.items[0]


def test_drawing_can_be_called_off(folder: Path) -> None:
    def stop(phase: str, fraction: float) -> None:
        raise Cancelled

    made = system(folder)
    with pytest.raises(Cancelled):
        draw_cases(made, made.records, 2, progress=stop)


def test_none_are_drawn_if_none_are_wanted(folder: Path) -> None:
    assert not any(isinstance(block, Gallery) for block in cases([system(folder)], 0))


def test_best_and_worst_are_different_images() -> None:
    records = [
        record([score], image=image, name=str(score))
        for image, score in (("a", 0.9), ("a", 0.8), ("b", 0.7), ("c", 0.2), ("c", 0.1))
    ]
    best, worst = extremes(records, 1, 2)
    assert [one.iou[0] for one in best] == [0.9, 0.7]
    assert [one.iou[0] for one in worst] == [0.1, 0.8]
    assert extremes(records[:1], 1, 3) == ([records[0]], [])
    assert extremes([], 1, 3) == ([], [])


def test_the_frame_follows_the_object_and_stays_inside() -> None:
    shown = np.zeros((200, 300), bool)
    shown[100:140, 0:40] = True
    rows, columns = frame(shown)
    assert (rows.start, rows.stop) == (88, 152)
    assert (columns.start, columns.stop) == (0, 52)
    assert inside(Click(90, 51, True), rows, columns)
    assert not inside(Click(90, 52, True), rows, columns)
    assert frame(np.zeros((20, 30), bool)) == (slice(0, 20), slice(0, 30))


def test_truth_result_and_clicks_are_in_the_picture(tmp_path: Path) -> None:
    """Blue left and right, yellow, green and red only on the right."""
    truth, mask = np.zeros((2, 60, 60), bool)
    truth[20:40, 20:40] = mask[22:42, 20:40] = True
    clicks = [Click(30, 30, True), Click(44, 30, False)]
    (tmp_path / "case.png").write_bytes(draw_case(np.zeros((60, 60, 3)), truth, mask, clicks))
    picture = imread(tmp_path / "case.png")[..., :3].astype(int)
    middle = picture.shape[1] // 2

    def near(part: np.ndarray, colour: tuple[int, int, int]) -> int:
        return int((np.abs(part - colour).sum(axis=-1) < 40).sum())

    left, right = picture[:, : middle - 5], picture[:, middle + 5 :]
    blue, yellow, green, red = (41, 182, 246), (255, 220, 0), (0, 168, 68), (224, 20, 60)
    assert near(left, blue) > 100
    assert near(right, blue) > 20
    for colour in (yellow, green, red):
        assert near(right, colour) > 20
        assert near(left, colour) == 0


def test_a_mask_that_fills_the_plane_or_is_empty_is_drawn() -> None:
    full, empty = np.ones((9, 9), bool), np.zeros((9, 9), bool)
    for mask in (full, empty):
        assert draw_case(np.zeros((9, 9, 3)), full, mask, []).startswith(b"\x89PNG")
        assert draw_case(np.zeros((9, 9, 3)), empty, mask, []).startswith(b"\x89PNG")
