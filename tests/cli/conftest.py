"""A small image with points, and the command run in this process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile
from made_sets import make_set

from napari_m2n2.cli import main
from napari_m2n2.parallel import Ended, Failed, Part

POINTS = "axis-0,axis-1,label\n17,22,fg\n4,4,bg\n"


@dataclass
class Outcome:
    """What a command left: its exit code, its two streams, and the lines of stderr."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one sentence of a command that failed."""
        assert self.code == 1, self
        assert self.out == ""
        assert "Traceback" not in self.err
        sentences = [x for x in self.err.splitlines() if not x.endswith(" ...")]
        assert len(sentences) == 1, self.err
        assert sentences[0].startswith("napari-m2n2: ")
        assert "unexpected" not in sentences[0]
        return sentences[0].removeprefix("napari-m2n2: ")


@pytest.fixture
def command(capsys):
    """Runs `napari-m2n2 ARGUMENT...` and returns the outcome."""

    def run(*arguments):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


@pytest.fixture
def square():
    """A bright square on black, (40, 48) uint8."""
    data = np.zeros((40, 48), np.uint8)
    data[10:26, 14:34] = 200
    return data


@pytest.fixture
def work(tmp_path, square):
    """A folder with image.tif, points.csv, and `labels`, where labels are to be written."""

    class Work:
        folder: Path = tmp_path
        image = tmp_path / "image.tif"
        points = tmp_path / "points.csv"
        labels = tmp_path / "labels.tif"

    tifffile.imwrite(Work.image, square)
    Work.points.write_text(POINTS)
    return Work


@pytest.fixture
def segment(command, work):
    """Runs `napari-m2n2 segment` on the files of `work`, quickly, with further arguments."""

    def run(*arguments, image=work.image, points=work.points, labels=work.labels):
        fixed = ("--points", points, "-o", labels, "--grid", 12)
        return command("segment", image, *fixed, *arguments)

    return run


@pytest.fixture
def in_process(monkeypatch):
    """Evaluates in this process, since to start others takes seconds."""

    def run(work, tasks, *, workers=None, scheduler=None, tick=lambda: None):
        for place, task in enumerate(tasks):
            tick()
            try:
                yield from (Part(place, value) for value in work(task))
            except ValueError as error:
                yield Failed(place, str(error))
            else:
                yield Ended(place)

    monkeypatch.setattr("napari_m2n2.parallel.run", run)


@pytest.fixture
def pairs(tmp_path):
    """A dataset `folders` of two images with two objects each."""
    return make_set(tmp_path / "pairs")
