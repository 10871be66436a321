"""One prepared plane and its prompts: from the distance maps that are kept to the mask."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_m2n2.progress import Progress
from napari_m2n2.prompts import Prompts, to_pixels
from napari_m2n2.segmentation.kept import KeptCandidates, KeptOutlines
from napari_m2n2.segmentation.nearest import combine
from napari_m2n2.segmentation.plane import PreparedPlane
from napari_m2n2.segmentation.seeds import (
    Seed,
    choose_thresholds,
    force,
    make_seeds,
    thresholds_by_point,
)
from napari_m2n2.segmentation.selection import Candidates
from napari_m2n2.segmentation.solved import Solved


class PlaneSolver:
    """Turns prompts into masks on one plane, and keeps what a further prompt can use again.

    Parameters
    ----------
    plane : PreparedPlane

    Attributes
    ----------
    plane : PreparedPlane
    """

    def __init__(self, plane: PreparedPlane) -> None:
        self.plane = plane
        self._kept = KeptCandidates(plane.parameters)
        self._outlines = KeptOutlines()

    def solve(self, prompts: Prompts, *, draft: bool, progress: Progress) -> Solved:
        """Return the object that prompts mean; see `napari_m2n2.segmenter.Segmenter.segment`."""
        began = time.perf_counter()
        seeds = make_seeds(prompts, self.plane.shape, self.plane.grid)
        candidates = self._kept.of(self.plane, seeds, progress)
        mapped = time.perf_counter()
        mask, score, chosen = self._decide(seeds, candidates, draft)
        force(prompts, mask, score)
        return Solved(
            mask=mask,
            score=score,
            thresholds=thresholds_by_point(prompts, seeds, chosen),
            map_seconds=mapped - began,
            score_seconds=time.perf_counter() - mapped,
        )

    def fit(self, mask: NDArray[np.bool_], score: NDArray[np.float32], prompts: Prompts) -> None:
        """Move the outline of a mask to the image's edges, in place, if it has colours."""
        self._outlines.fit_on(
            self.plane, mask, score, make_seeds(prompts, self.plane.shape, self.plane.grid)
        )

    def candidates(self, points: ArrayLike, progress: Progress) -> list[Candidates]:
        """Return the candidate thresholds of each point (n, 2)."""
        pixels = to_pixels(points, self.plane.shape)
        seeds = [Seed((row, column), True) for row, column in pixels.tolist()]
        return self._kept.of(self.plane, seeds, progress)

    def distance_maps(self, points: ArrayLike, progress: Progress) -> NDArray[np.float32]:
        """Return the distance map of each point (n, 2), (n, H, W) in [0, 1]."""
        candidates = self.candidates(points, progress)
        maps = np.empty((len(candidates), *self.plane.shape), np.float32)
        for target, found in zip(maps, candidates, strict=True):
            target[:] = found.distance
        return maps

    def _decide(
        self, seeds: Sequence[Seed], candidates: Sequence[Candidates], draft: bool
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32], list[float]]:
        """Return the mask, its score, and λ of each seed."""
        labels = [seed.label for seed in seeds]
        chosen = choose_thresholds(candidates, seeds)
        maps = [one.distance for one in candidates]
        mask, score = combine(maps, chosen, labels, self.plane.shape)
        if not draft:
            self._outlines.fit_on(self.plane, mask, score, seeds)
        return mask, score, chosen
