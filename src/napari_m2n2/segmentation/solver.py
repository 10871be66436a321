"""One prepared plane and its prompts: from the distance maps that are kept to the mask."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_m2n2.progress import Progress
from napari_m2n2.prompts import Prompts, to_pixels
from napari_m2n2.segmentation.corrections import Corrections
from napari_m2n2.segmentation.kept import KeptCandidates
from napari_m2n2.segmentation.nearest import combine
from napari_m2n2.segmentation.outline import fit_outline
from napari_m2n2.segmentation.plane import PreparedPlane
from napari_m2n2.segmentation.seeds import (
    Seed,
    choose_thresholds,
    force,
    make_seeds,
    thresholds_by_point,
)
from napari_m2n2.segmentation.selection import Candidates


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
    """

    mask: NDArray[np.bool_]
    score: NDArray[np.float32]
    thresholds: NDArray[np.float64]
    map_seconds: float
    score_seconds: float


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
        self._parameters = plane.parameters
        self._kept = KeptCandidates(plane.parameters)
        self._corrections = Corrections(plane.parameters.correction)

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

    def distance_maps(self, points: ArrayLike, progress: Progress) -> NDArray[np.float32]:
        """Return the distance map of each point (n, 2), (n, H, W) in [0, 1]."""
        pixels = to_pixels(points, self.plane.shape)
        seeds = [Seed((row, column), True) for row, column in pixels.tolist()]
        candidates = self._kept.of(self.plane, seeds, progress)
        maps = np.empty((len(seeds), *self.plane.shape), np.float32)
        for target, found in zip(maps, candidates, strict=True):
            target[:] = found.distance
        return maps

    def _decide(
        self, seeds: Sequence[Seed], candidates: Sequence[Candidates], draft: bool
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32], list[float]]:
        """Return the mask, its score, and λ of each seed."""

        def solve(
            places: Sequence[int], limits: Sequence[int | None]
        ) -> tuple[NDArray[np.bool_], NDArray[np.float32], list[float]]:
            some, maps = [seeds[i] for i in places], [candidates[i] for i in places]
            chosen = choose_thresholds(maps, some, limits)
            labels = [seed.label for seed in some]
            return *combine([c.distance for c in maps], chosen, labels, self.plane.shape), chosen

        limits = self._corrections.limits(seeds, lambda places, most: solve(places, most)[0])
        mask, score, chosen = solve(range(len(seeds)), limits)
        if self.plane.colours is not None and not draft:
            pixels, labels = [seed.pixel for seed in seeds], [seed.label for seed in seeds]
            band = self._parameters.outline_band
            fit_outline(mask, score, self.plane.colours, pixels, labels, band=band)
        return mask, score, chosen
