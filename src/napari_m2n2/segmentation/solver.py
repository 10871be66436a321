"""One prepared plane and its prompts: from the distance maps that are kept to the mask."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_m2n2.markov.finer import enlarge
from napari_m2n2.progress import Progress, ignore
from napari_m2n2.prompts import Prompts, to_pixels
from napari_m2n2.segmentation.edit import Change
from napari_m2n2.segmentation.kept import KeptCandidates, KeptOutlines
from napari_m2n2.segmentation.nearest import combine
from napari_m2n2.segmentation.plane import PreparedPlane
from napari_m2n2.segmentation.proposals import PlaneProposal
from napari_m2n2.segmentation.seeds import (
    Seed,
    choose_thresholds,
    force,
    make_seeds,
    thresholds_by_point,
)
from napari_m2n2.segmentation.selection import Candidates
from napari_m2n2.segmentation.shrinking import shrink
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
        found = self.propose(prompts, progress)
        coarse = self.plane.coarse
        if draft and coarse is not None:
            mask, score = self._drafted(prompts, found, coarse.shape)
        else:
            mask, score = combine(found.distances, found.chosen, found.labels, self.plane.shape)
        if not draft:
            seeds = make_seeds(prompts, self.plane.shape, self.plane.grid)
            self._outlines.fit_on(self.plane, mask, score, seeds)
        force(prompts, mask, score)
        return Solved(
            mask=mask,
            score=score,
            thresholds=found.thresholds,
            map_seconds=found.map_seconds,
            score_seconds=time.perf_counter() - began - found.map_seconds,
        )

    def propose(self, prompts: Prompts, progress: Progress) -> PlaneProposal:
        """Return what prompts give before an outline is fitted, wherever one asks."""
        began = time.perf_counter()
        seeds = make_seeds(prompts, self.plane.shape, self.plane.grid)
        candidates = self._kept.of(self.plane, seeds, progress)
        mapped = time.perf_counter() - began
        chosen = choose_thresholds(candidates, seeds)
        last = tuple(prompts.points[-1].tolist()) if len(prompts.points) else None
        places = [k for k, seed in enumerate(seeds) if seed.pixel == last and seed.region is None]
        return PlaneProposal(
            prompts=prompts,
            distances=[one.map for one in candidates],
            chosen=chosen,
            labels=[seed.label for seed in seeds],
            last=places[0] if places else -1,
            thresholds=thresholds_by_point(prompts, seeds, chosen),
            map_seconds=mapped,
        )

    def _drafted(
        self, prompts: Prompts, found: PlaneProposal, shape: tuple[int, int]
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Return mask and score as the reduced plane that thresholds are chosen on has them."""
        seeds = make_seeds(prompts, self.plane.shape, self.plane.grid)
        distances = [one.distance for one in self._kept.of(self.plane, seeds, ignore)]
        small = combine(distances, found.chosen, found.labels, shape)
        force(shrink(prompts, self.plane.shape, shape), *small)
        score = enlarge(small[1], self.plane.shape)
        return score > 0, score

    def mend(self, mask: NDArray[np.bool_], change: Change, prompts: Prompts) -> Change:
        """Move the outline near a change that was made in a mask; return all that is changed."""
        seeds = make_seeds(prompts, self.plane.shape, self.plane.grid)
        return self._outlines.mend_on(self.plane, mask, change, seeds)

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
            target[:] = found.map
        return maps
