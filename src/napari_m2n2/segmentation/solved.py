"""What every method gives for prompts, and what gives it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_m2n2.progress import Progress
from napari_m2n2.prompts import Prompts


@dataclass(frozen=True, eq=False)
class Solved:
    """What the prompts of a plane give.

    Attributes
    ----------
    mask : (H, W) bool array
    score : (H, W) float32 array
        In [-1, 1]; 0 is the boundary.
    thresholds : (n,) float64 array
        λ of each point.
    map_seconds, score_seconds : float
        What new distance maps took, and all that followed.
    bounded : bool
        Whether the last click was on a mistake and could change but little: so close to the
        outline (`napari_m2n2.segmentation.corrections`), or where all clicks together propose
        nothing else.
    """

    mask: NDArray[np.bool_]
    score: NDArray[np.float32]
    thresholds: NDArray[np.float64]
    map_seconds: float
    score_seconds: float
    bounded: bool = False


class Pictured(Protocol):
    """A plane that is ready for prompts."""

    @property
    def rgb(self) -> NDArray[np.float32]:
        """The image in [0, 1], (H, W, 3)."""

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of cells."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of pixels."""


class Solver(Protocol):
    """Turns prompts into masks on one plane."""

    @property
    def plane(self) -> Pictured:
        """The plane."""

    def solve(self, prompts: Prompts, *, draft: bool, progress: Progress) -> Solved:
        """Return the object that prompts mean; see `napari_m2n2.segmenter.Segmenter.segment`."""

    def distance_maps(self, points: ArrayLike, progress: Progress) -> NDArray[np.float32]:
        """Return the distance map of each point (n, 2), (n, H, W) in [0, 1]."""
