"""Images and predictors for evaluations whose processes have to import them."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from napari_m2n2.errors import FileError, InputError, MissingError
from napari_m2n2.evaluation.datasets.base import Loaded, Target

SIZE = 48


@dataclass(frozen=True)
class Squares:
    """An image of a few bright rectangles, each an object; a fault makes it bad."""

    image: str
    seed: int = 0
    objects: int = 2
    fault: str = ""
    dataset: str = "squares"
    domain: str = "natural"

    def load(self):
        if self.fault == "no file":
            raise FileError(f"{self.image} is not there; give its path.")
        if self.fault == "bug":
            raise RuntimeError("nobody\nthought of it")
        random = np.random.default_rng(self.seed)
        image = random.normal(0.2, 0.05, (SIZE, SIZE))
        targets = []
        for number in range(self.objects):
            truth = np.zeros((SIZE, SIZE), bool)
            top, left = random.integers(2, SIZE - 22, 2)
            height, width = random.integers(8, 20, 2)
            truth[top : top + height, left : left + width] = True
            image[truth] += 0.4 + 0.1 * number
            targets.append(Target(f"object {number}", truth, np.ones_like(truth)))
        if self.fault == "empty":
            targets[0].truth[:] = False
        if self.fault == "size":
            targets[0] = Target("object 0", np.ones((5, 6), bool), np.ones((5, 6), bool))
        problems = (("label 7", "There is no label 7; leave it out."),) * (self.fault == "problem")
        if self.fault.startswith("die"):
            image[0, 0] = 1e6
        if self.fault == "refused":
            image[0, 0] = -1e6
        if self.fault == "trouble":
            image[0, 0] = 2e6
        return Loaded(image, tuple(targets), problems=problems)


@dataclass
class Discs:
    """Makes a disc of each click; does what an image's first pixel or the parameters say."""

    radius: float = 5.0
    sleep: float = 0.0
    log: str = ""
    dies: str = ""
    image: np.ndarray = field(default_factory=lambda: np.zeros((SIZE, SIZE)))

    def set_image(self, image, *, channels=None, contrast=None):
        self.image = image
        if image[0, 0] == -1e6:
            raise InputError("The image is refused; take another.")

    def segment(self, points, labels):
        if self.log:
            with open(self.log, "a", encoding="utf-8") as file:
                file.write(f"{os.getpid()}\n")
        if self.image[0, 0] == 1e6 and not (self.dies and Path(self.dies).exists()):
            if self.dies:
                Path(self.dies).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if self.image[0, 0] == 2e6:
            raise RuntimeError("nobody\nthought of it")
        time.sleep(self.sleep)
        mask = np.zeros(self.image.shape, bool)
        rows, columns = np.ogrid[: mask.shape[0], : mask.shape[1]]
        for (row, column), label in zip(points, labels, strict=True):
            mask[np.hypot(rows - row, columns - column) <= self.radius] = label
        return SimpleNamespace(mask=mask, timings={})


def discs(settings):
    """Make what the parameters say."""
    return Discs(**settings.parameters)


def undemanding(settings):
    """Make a predictor that knows no parameter."""
    return Discs()


def missing(settings):
    """Miss the weights."""
    raise MissingError("There are no weights; download them.")


class Later:
    """Misses the weights with the first image."""

    def set_image(self, image, *, channels=None, contrast=None):
        missing(None)


def missing_later(settings):
    return Later()


def squares(count, **options):
    """Return images that differ."""
    return [Squares(f"image {seed}", seed, **options) for seed in range(count)]
