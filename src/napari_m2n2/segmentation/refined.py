"""A refiner after any method: its soft score spreads along the image before it becomes a mask."""

from __future__ import annotations

import time
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_m2n2.progress import Progress
from napari_m2n2.prompts import Prompts
from napari_m2n2.segmentation.pixel_diffusion import DILATIONS, PixelDiffusion
from napari_m2n2.segmentation.seeds import force
from napari_m2n2.segmentation.solved import Solved, Solver

_ROUNDS = 10

_REACH = DILATIONS[-1] * _ROUNDS
"""Pixels that a value travels."""

_SNAP = 64
"""The part that is worked on begins and ends at multiples of this, so that it seldom changes."""


class Refined:
    """A solver whose masks are refined by pixel diffusion.

    Parameters
    ----------
    solver : Solver
        Any method's.

    Attributes
    ----------
    plane : what the solver has
    """

    def __init__(self, solver: Solver) -> None:
        self._solver = solver
        self.plane = solver.plane
        self._kept: tuple[tuple[slice, slice], PixelDiffusion] | None = None

    def solve(self, prompts: Prompts, *, draft: bool, progress: Progress) -> Solved:
        """Return the object that prompts mean; a draft is not refined."""
        solved = self._solver.solve(prompts, draft=draft, progress=progress)
        if draft or not solved.mask.any():
            return solved
        began = time.perf_counter()
        window = self._window(solved.mask, prompts)
        score = solved.score.copy()
        last = ~prompts.superseded
        corner = np.array([window[0].start, window[1].start])
        pixels = [(row, column) for row, column in (prompts.points[last] - corner).tolist()]
        score[window] = self._diffusion(window).refine(
            score[window],
            pixels,
            prompts.labels[last].tolist(),
            iterations=_ROUNDS,
            progress=progress,
        )
        mask = score > 0
        force(prompts, mask, score)
        seconds = solved.score_seconds + time.perf_counter() - began
        return replace(solved, mask=mask, score=score, score_seconds=seconds)

    def distance_maps(self, points: ArrayLike, progress: Progress) -> NDArray[np.float32]:
        """Return the distance map of each point (n, 2), (n, H, W) in [0, 1]."""
        return self._solver.distance_maps(points, progress)

    def _window(self, mask: NDArray[np.bool_], prompts: Prompts) -> tuple[slice, slice]:
        """Return the part of the plane that the object could spread to."""
        marked = mask.copy()
        marked[tuple(prompts.points.T)] = True
        left, top, width, height = cv2.boundingRect(marked.astype(np.uint8))
        sides = []
        for start, length, most in zip((top, left), (height, width), mask.shape, strict=True):
            low = (start - _REACH) // _SNAP * _SNAP
            high = -(-(start + length + _REACH) // _SNAP) * _SNAP
            sides.append(slice(max(low, 0), min(high, most)))
        return sides[0], sides[1]

    def _diffusion(self, window: tuple[slice, slice]) -> PixelDiffusion:
        """Return the weights of a part of the image; those of the last one are kept."""
        if self._kept is None or self._kept[0] != window:
            self._kept = None  # give its memory back first
            self._kept = window, PixelDiffusion(self.plane.rgb[window])
        return self._kept[1]
