"""A new method is one module and one line: the rest of the program finds it."""

from __future__ import annotations

import json
import sys
from types import ModuleType

import numpy as np
import pytest
import tifffile
from made_sets import make_set

from napari_m2n2 import Segmenter
from napari_m2n2.cli import main
from napari_m2n2.evaluation import predictors
from napari_m2n2.evaluation.clicks import Click, next_click
from napari_m2n2.evaluation.runs import Settings, read_run
from napari_m2n2.parallel import Ended, Part
from napari_m2n2.segmentation.methods.base import Answer, GridSolver
from napari_m2n2.segmentation.plane import Canvas
from napari_m2n2.segmentation.registry import METHODS, Method


class Halves:
    """Takes the half of the plane that holds the first foreground point."""

    def __init__(self, grid):
        self.grid = grid

    def answer(self, seeds, progress):
        import torch

        foreground = torch.zeros(self.grid)
        middle = self.grid[1] // 2
        left = next(seed for seed in seeds if seed.label).pixel[1] < 20
        foreground[:, :middle] = float(left)
        foreground[:, middle:] = float(not left)
        return Answer(foreground, None, [0.5] * len(seeds))

    def distances(self, seeds, progress):
        import torch

        return torch.zeros(len(seeds), *self.grid)


@pytest.fixture
def halves(monkeypatch):
    module = ModuleType("halves_of_a_test")
    module.prepare = lambda rgb, attention, parameters, progress: GridSolver(
        Canvas.of(rgb, attention.grid, parameters), Halves(attention.grid)
    )
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(METHODS, "halves", Method("a half", {"outline": "map"}, module.__name__))


@pytest.fixture
def image():
    return np.random.default_rng(0).integers(0, 255, (30, 40), np.uint8)


@pytest.mark.usefixtures("halves")
def test_segmenter_and_evaluation_find_it(image):
    settings = Settings("texture", "halves", "default", 8, "m2n2", 3, "cpu", None, {})
    for one in (Segmenter(method="halves", grid=8), predictors.create(settings)):
        one.set_image(image)
        mask = one.segment([(5, 5)], [True]).mask
        assert mask[:, :12].all()
        assert not mask[:, 28:].any()
    assert "halves" in predictors.names()


@pytest.mark.usefixtures("halves")
def test_the_command_line_finds_it(image, tmp_path, capsys):
    tifffile.imwrite(tmp_path / "image.tif", image)
    (tmp_path / "points.csv").write_text("index,axis-0,axis-1,label\n0,5,35,fg\n")
    code = main(
        [
            *("segment", str(tmp_path / "image.tif"), "--points", str(tmp_path / "points.csv")),
            *("-o", str(tmp_path / "labels.tif"), "--method", "halves", "--grid", "8", "--json"),
        ]
    )
    assert code == 0
    assert json.loads(capsys.readouterr().out)["method"] == "halves"
    labels = tifffile.imread(tmp_path / "labels.tif")
    assert (labels[:, 28:] > 0).all()
    assert (labels[:, :12] == 0).all()


@pytest.mark.usefixtures("halves")
def test_an_evaluation_from_the_command_line_finds_it(tmp_path, monkeypatch):
    def here(work, tasks, **_):
        for place, task in enumerate(tasks):
            yield from (Part(place, value) for value in work(task))
            yield Ended(place)

    # other processes would not know a method that only this one was told of
    monkeypatch.setattr("napari_m2n2.parallel.run", here)
    output = tmp_path / "run.json"
    code = main(
        [
            *("evaluate", "folders", str(make_set(tmp_path / "pairs")), "--method", "halves"),
            *("--grid", "8", "--clicks", "2", "--json", str(output)),
        ]
    )
    assert code == 0
    run = read_run(output)
    assert run.settings.method == "halves"
    assert len(run.objects) == 4
    assert all(0 < overlap < 0.5 for one in run.objects for overlap in one.iou)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("refine", [None, "pdm"])
def test_every_method_outlines_a_disc(method, refine):
    rows, columns = np.mgrid[:60, :80]
    truth = (rows - 30) ** 2 + (columns - 35) ** 2 < 18**2
    image = np.where(truth, 200, 60) + np.random.default_rng(0).normal(0, 8, truth.shape)
    segmenter = Segmenter(method=method, refine=refine, grid=20, device="cpu")
    segmenter.set_image(image.clip(0, 255).astype(np.uint8))
    given: list[Click] = []
    mask = np.zeros_like(truth)
    while len(given) < 10 and (click := next_click(mask, truth, given=given)):
        given.append(click)
        points, labels = [c[:2] for c in given], [c.label for c in given]
        mask = segmenter.segment(points, labels).mask
        assert mask[tuple(np.transpose(points))].tolist() == labels
    assert (mask & truth).sum() / (mask | truth).sum() > 0.8
    assert segmenter.distance_maps(points[:2]).shape[1:] == truth.shape


def test_every_method_has_a_title():
    assert next(iter(METHODS)) == "m2n2"
    assert all(method.title for method in METHODS.values())
