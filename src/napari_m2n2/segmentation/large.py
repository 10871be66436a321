"""A plane of many millions of pixels: the work is done on a reduced one.

A cell of the attention grid spans dozens of pixels of such a plane, so maps, flood fill and
candidates lose nothing on a plane reduced to `Parameters.most_pixels`. What follows the image to
the pixel, the outline, is decided at full resolution, and only along it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_m2n2.markov.finer import enlarge, enlarge_along_edges
from napari_m2n2.progress import Progress
from napari_m2n2.prompts import Prompts, to_pixels
from napari_m2n2.segmentation.coarse import choice_shape, moved, reduce
from napari_m2n2.segmentation.edit import Change
from napari_m2n2.segmentation.kept import KeptOutlines
from napari_m2n2.segmentation.parameters import Parameters
from napari_m2n2.segmentation.plane import PreparedPlane, colours_of
from napari_m2n2.segmentation.proposals import LargeProposal
from napari_m2n2.segmentation.seeds import Seed, force, innermost
from napari_m2n2.segmentation.selection import Candidates
from napari_m2n2.segmentation.shrinking import shrink
from napari_m2n2.segmentation.solved import Solved
from napari_m2n2.segmentation.solver import PlaneSolver

_PER_STROKE = 64
"""Pixels of a scribble that an outline has to respect."""


class LargeSolver:
    """Turns prompts into masks on a large plane by way of a reduced one.

    Parameters
    ----------
    plane : PreparedPlane
        The plane at full resolution; its `edges` and `make` are not used.
    small : PlaneSolver
        Of the reduced plane.

    Attributes
    ----------
    plane : PreparedPlane
        The plane at full resolution.
    """

    def __init__(self, plane: PreparedPlane, small: PlaneSolver) -> None:
        self.plane = plane
        self._small = small
        self._outlines = KeptOutlines()

    def solve(self, prompts: Prompts, *, draft: bool, progress: Progress) -> Solved:
        """Return the object that prompts mean; see `napari_m2n2.segmenter.Segmenter.segment`.

        λ are those of the reduced plane, where points less than its pixel apart are one.
        """
        fitted = self._small.plane.colours is not None
        inside = shrink(prompts, self.plane.shape, self._small.plane.shape)
        solved = self._small.solve(inside, draft=draft or fitted, progress=progress)
        began = time.perf_counter()
        if fitted or draft:
            score = enlarge(solved.score, self.plane.shape)
        else:
            score = self._along_edges(solved.score)
        mask = score > 0
        if fitted and not draft:
            self._outlines.fit_on(self.plane, mask, score, _certain(prompts))
        force(prompts, mask, score)
        seconds = solved.score_seconds + time.perf_counter() - began
        return replace(solved, mask=mask, score=score, score_seconds=seconds)

    def propose(self, prompts: Prompts, progress: Progress) -> LargeProposal:
        """Return what prompts give before an outline is fitted, wherever one asks."""
        reduced = self._small.plane.shape
        inside = shrink(prompts, self.plane.shape, reduced)
        small = self._small.propose(inside, progress)
        return LargeProposal(small, prompts, self.plane.shape, reduced)

    def mend(self, mask: NDArray[np.bool_], change: Change, prompts: Prompts) -> Change:
        """Move the outline near a change to the image's edges, at full resolution."""
        return self._outlines.mend_on(self.plane, mask, change, _certain(prompts))

    def candidates(self, points: ArrayLike, progress: Progress) -> list[Candidates]:
        """Return the candidate thresholds of each point (n, 2), on the reduced plane."""
        pixels = to_pixels(points, self.plane.shape)
        inside = moved(pixels, self.plane.shape, self._small.plane.shape)
        return self._small.candidates(inside, progress)

    def distance_maps(self, points: ArrayLike, progress: Progress) -> NDArray[np.float32]:
        """Return the distance map of each point (n, 2), (n, H, W) in [0, 1]."""
        pixels = to_pixels(points, self.plane.shape)
        inside = moved(pixels, self.plane.shape, self._small.plane.shape)
        found = self._small.distance_maps(inside, progress)
        maps = np.empty((len(pixels), *self.plane.shape), np.float32)
        for target, one, pixel in zip(maps, found, pixels.tolist(), strict=True):
            target[:] = enlarge(one, self.plane.shape)
            target[pixel[0], pixel[1]] = 0
        return maps

    def _along_edges(self, score: NDArray[np.float32]) -> NDArray[np.float32]:
        """Enlarge a score so that its outline follows the image."""
        assert self.plane.colours is not None
        small = _bytes(self._small.plane.guide)
        sigma = self.plane.parameters.sigma_range
        return enlarge_along_edges(score, small, self.plane.colours, sigma_range=sigma)


PlaneSolvers: TypeAlias = PlaneSolver | LargeSolver
"""What solves prompts on one plane."""


def make_solver(
    rgb: NDArray[np.float32],
    grid: tuple[int, int],
    parameters: Parameters,
    prepared: Callable[[NDArray[np.float32]], PreparedPlane],
) -> PlaneSolvers:
    """Return what solves prompts on an image (H, W, 3) in [0, 1]; a large one is reduced.

    Parameters
    ----------
    rgb : (H, W, 3) float32 array
    grid : (int, int)
        Rows and columns of the attention's grid.
    parameters : Parameters
        `most_pixels`, `choice_cell` and `stretch_guide` are used.
    prepared : callable
        Does all that does not depend on prompts for the image, or for the reduced one.
    """
    shape = rgb.shape[0], rgb.shape[1]
    reduced = reduced_shape(shape, parameters.most_pixels)
    if reduced == shape:
        return PlaneSolver(prepared(rgb))
    # no more pixels than thresholds are chosen by, so that full resolution chooses by the same
    reduced = min(reduced, choice_shape(shape, grid, parameters.choice_cell), key=math.prod)
    plane = prepared(reduce(rgb, reduced))
    colours = colours_of(rgb, stretched=parameters.stretch_guide)
    large = replace(plane, rgb=rgb, guide=rgb, edges=None, colours=colours, coarse=None)
    return LargeSolver(large, PlaneSolver(plane))


def reduced_shape(shape: tuple[int, int], most_pixels: int) -> tuple[int, int]:
    """Return rows and columns of a plane reduced to a number of pixels; 0 = no limit."""
    share = math.sqrt(most_pixels / (shape[0] * shape[1])) if most_pixels else 1.0
    if share >= 1:
        return shape
    return max(round(shape[0] * share), 1), max(round(shape[1] * share), 1)


def _certain(prompts: Prompts) -> list[Seed]:
    """Return the pixels that an outline has to respect, with their labels."""
    last = ~prompts.superseded
    seeds = [
        Seed((row, column), label)
        for (row, column), label in zip(
            prompts.points[last].tolist(), prompts.labels[last].tolist(), strict=True
        )
    ]
    for stroke, label in zip(prompts.strokes, prompts.stroke_labels.tolist(), strict=True):
        some = stroke[:: max(len(stroke) // _PER_STROKE, 1)]
        seeds += [Seed((row, column), label) for row, column in some.tolist()]
    return seeds + [Seed(innermost(region), True) for region in prompts.regions]


def _bytes(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return an image in [0, 1] in bytes."""
    return (image * np.float32(255)).astype(np.uint8)
