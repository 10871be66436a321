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

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_m2n2.image import PERCENTILES
from napari_m2n2.markov.finer import enlarge, enlarge_along_edges
from napari_m2n2.progress import Progress
from napari_m2n2.prompts import Prompts, to_pixels
from napari_m2n2.segmentation.edit import Change
from napari_m2n2.segmentation.kept import KeptOutlines
from napari_m2n2.segmentation.parameters import Parameters
from napari_m2n2.segmentation.plane import PreparedPlane
from napari_m2n2.segmentation.proposals import LargeProposal
from napari_m2n2.segmentation.seeds import Seed, force, innermost
from napari_m2n2.segmentation.selection import Candidates
from napari_m2n2.segmentation.solved import Solved
from napari_m2n2.segmentation.solver import PlaneSolver

_SAMPLE = 1_000_000
"""Pixels that percentiles are taken from."""

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
        moved = _moved(pixels, self.plane.shape, self._small.plane.shape)
        return self._small.candidates(moved, progress)

    def distance_maps(self, points: ArrayLike, progress: Progress) -> NDArray[np.float32]:
        """Return the distance map of each point (n, 2), (n, H, W) in [0, 1]."""
        pixels = to_pixels(points, self.plane.shape)
        moved = _moved(pixels, self.plane.shape, self._small.plane.shape)
        found = self._small.distance_maps(moved, progress)
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
    parameters: Parameters,
    prepared: Callable[[NDArray[np.float32]], PreparedPlane],
) -> PlaneSolvers:
    """Return what solves prompts on an image (H, W, 3) in [0, 1]; a large one is reduced.

    Parameters
    ----------
    rgb : (H, W, 3) float32 array
    parameters : Parameters
        `most_pixels` and `stretch_guide` are used.
    prepared : callable
        Does all that does not depend on prompts for the image, or for the reduced one.
    """
    shape = reduced_shape((rgb.shape[0], rgb.shape[1]), parameters.most_pixels)
    if shape == rgb.shape[:2]:
        return PlaneSolver(prepared(rgb))
    small = cv2.resize(rgb, shape[::-1], interpolation=cv2.INTER_AREA)
    plane = prepared(small.astype(np.float32, copy=False))
    colours = colours_of(rgb, stretched=parameters.stretch_guide)
    large = replace(plane, rgb=rgb, guide=rgb, edges=None, colours=colours)
    return LargeSolver(large, PlaneSolver(plane))


def reduced_shape(shape: tuple[int, int], most_pixels: int) -> tuple[int, int]:
    """Return rows and columns of a plane reduced to a number of pixels; 0 = no limit."""
    share = math.sqrt(most_pixels / (shape[0] * shape[1])) if most_pixels else 1.0
    if share >= 1:
        return shape
    return max(round(shape[0] * share), 1), max(round(shape[1] * share), 1)


def colours_of(rgb: NDArray[np.float32], *, stretched: bool) -> NDArray[np.uint8]:
    """Return an image (H, W, 3) in bytes, stretched between percentiles of a sample or not."""
    low, high = 0.0, 1.0
    if stretched:
        step = max(round(math.sqrt(rgb.shape[0] * rgb.shape[1] / _SAMPLE)), 1)
        found = np.percentile(rgb[::step, ::step], PERCENTILES)
        if found[1] > found[0]:
            low, high = float(found[0]), float(found[1])
    return cv2.convertScaleAbs(
        np.maximum(rgb, np.float32(low)), alpha=255 / (high - low), beta=-255 * low / (high - low)
    ).astype(np.uint8, copy=False)


def shrink(prompts: Prompts, shape: tuple[int, int], small: tuple[int, int]) -> Prompts:
    """Return the prompts of a plane for a reduced one."""
    points = _moved(prompts.points, shape, small)
    last: dict[tuple[int, int], bool] = {}
    superseded = prompts.superseded.copy()
    for place in range(len(points) - 1, -1, -1):
        label = bool(prompts.labels[place])
        row, column = points[place].tolist()
        superseded[place] |= last.setdefault((row, column), label) != label
    return replace(
        prompts,
        points=points,
        superseded=superseded,
        limits=prompts.limits * (math.prod(small) / math.prod(shape)),
        regions=tuple(_reduced_region(region, small) for region in prompts.regions),
        strokes=tuple(
            np.unique(_moved(stroke, shape, small), axis=0) for stroke in prompts.strokes
        ),
    )


def _moved(
    pixels: NDArray[np.int64], shape: tuple[int, int], small: tuple[int, int]
) -> NDArray[np.int64]:
    """Return the reduced pixels that the centres of pixels (n, 2) lie in."""
    moved: NDArray[np.int64] = (2 * pixels + 1) * np.array(small) // (2 * np.array(shape))
    return moved


def _reduced_region(region: NDArray[np.bool_], small: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a box or mask of a reduced plane: half of a pixel must be in it, and one at least."""
    share = cv2.resize(region.view(np.uint8) * 255, small[::-1], interpolation=cv2.INTER_AREA)
    found: NDArray[np.bool_] = share >= 128
    if not found.any():
        pixel = np.array([innermost(region)])
        row, column = _moved(pixel, (region.shape[0], region.shape[1]), small)[0]
        found[row, column] = True
    return found


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
