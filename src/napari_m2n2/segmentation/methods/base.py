"""What methods that answer on the grid share: from prompts to marks, from maps to a mask."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import cv2
import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from napari_m2n2.markov.walk import start_states
from napari_m2n2.progress import Progress
from napari_m2n2.prompts import Prompts, to_pixels
from napari_m2n2.segmentation.edit import Change
from napari_m2n2.segmentation.kept import KeptOutlines
from napari_m2n2.segmentation.plane import Canvas
from napari_m2n2.segmentation.proposals import WholeProposal
from napari_m2n2.segmentation.seeds import Seed, force, make_seeds, thresholds_by_point
from napari_m2n2.segmentation.solved import Solved

EVEN = 0.5
"""A cell is foreground where its map says more than this, and more than the background's."""

_LEAST = np.float32(1e-3)
"""Least score of a pixel that is foreground for certain."""


_Key: TypeAlias = tuple[tuple[bytes, bool, float | None], ...]
"""What an answer depends on: key, label and λ of each seed."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What a method says of the cells.

    Attributes
    ----------
    foreground : (h, w) tensor
        In [0, 1].
    background : (h, w) tensor, optional
        In [0, 1]; without it, and wherever it says less, `EVEN` counts.
    thresholds : list of float
        λ of each seed.
    """

    foreground: torch.Tensor
    background: torch.Tensor | None
    thresholds: list[float]


class GridMethod(Protocol):
    """A method that answers on the grid."""

    def answer(self, seeds: Sequence[Seed], progress: Progress) -> Answer:
        """Return what the seeds mean; at least one of them is foreground."""

    def distances(self, seeds: Sequence[Seed], progress: Progress) -> torch.Tensor:
        """Return how far the cells are from each seed, (B, h, w) in [0, 1]."""


class GridSolver:
    """Turns prompts into masks by a method that answers on the grid.

    Parameters
    ----------
    plane : Canvas
    method : GridMethod

    Attributes
    ----------
    plane : Canvas
    """

    def __init__(self, plane: Canvas, method: GridMethod) -> None:
        self.plane = plane
        self._method = method
        self._outlines = KeptOutlines()
        self._last: tuple[_Key, NDArray[np.float32], list[float]] | None = None

    def solve(self, prompts: Prompts, *, draft: bool, progress: Progress) -> Solved:
        """Return the object that prompts mean; see `napari_m2n2.segmenter.Segmenter.segment`."""
        began = time.perf_counter()
        seeds = make_seeds(prompts, self.plane.shape, self.plane.grid)
        score, thresholds = self._score(seeds, progress)
        mapped = time.perf_counter()
        mask = score > 0
        if not draft:
            self._outlines.fit_on(self.plane, mask, score, seeds)
        force(prompts, mask, score)
        return Solved(
            mask=mask,
            score=score,
            thresholds=thresholds_by_point(prompts, seeds, thresholds),
            map_seconds=mapped - began,
            score_seconds=time.perf_counter() - mapped,
        )

    def propose(self, prompts: Prompts, progress: Progress) -> WholeProposal:
        """Return what prompts give before an outline is fitted; the last of them is a point."""
        found = self.solve(prompts, draft=True, progress=progress)
        near = self.distance_maps(prompts.points[-1:], progress)[0]
        return WholeProposal(found.mask, near, found.thresholds, found.map_seconds)

    def mend(self, mask: NDArray[np.bool_], change: Change, prompts: Prompts) -> Change:
        """Move the outline near a change that was made in a mask; return all that is changed."""
        seeds = make_seeds(prompts, self.plane.shape, self.plane.grid)
        return self._outlines.mend_on(self.plane, mask, change, seeds)

    def distance_maps(self, points: ArrayLike, progress: Progress) -> NDArray[np.float32]:
        """Return the distance map of each point (n, 2), (n, H, W) in [0, 1]."""
        pixels = to_pixels(points, self.plane.shape)
        seeds = [Seed((row, column), True) for row, column in pixels.tolist()]
        if not seeds:
            return np.empty((0, *self.plane.shape), np.float32)
        with torch.inference_mode():
            return self.plane.enlarge(self._method.distances(seeds, progress), progress)

    def _score(
        self, seeds: Sequence[Seed], progress: Progress
    ) -> tuple[NDArray[np.float32], list[float]]:
        """Return the signed score of a plane, (H, W) in [-1, 1], and λ of each seed.

        Those of the last seeds are kept: a click that is an edit asks for them twice.
        """
        key = tuple((seed.key, seed.label, seed.threshold) for seed in seeds)
        last = self._last
        if last is None or last[0] != key:
            last = self._last = (key, *self._answered(seeds, progress))
        return last[1].copy(), last[2]

    def _answered(
        self, seeds: Sequence[Seed], progress: Progress
    ) -> tuple[NDArray[np.float32], list[float]]:
        """Return the signed score of a plane and λ of each seed, as the method has them."""
        if not any(seed.label for seed in seeds):
            return np.full(self.plane.shape, -1, np.float32), [np.nan] * len(seeds)
        with torch.inference_mode():
            answer = self._method.answer(seeds, progress)
            maps = [answer.foreground]
            if answer.background is not None:
                maps.append(answer.background)
            enlarged = self.plane.enlarge(torch.stack(maps), progress)
        against = np.maximum(enlarged[-1], EVEN) if len(maps) > 1 else np.float32(EVEN)
        score = np.clip(2 * (enlarged[0] - against), -1, 1).astype(np.float32)
        _split_cells(score, seeds, self.plane.grid)
        for seed in seeds:
            if seed.region is not None:  # one that is thinner than a cell may be lost otherwise
                score[seed.pixel] = max(score[seed.pixel], _LEAST)
        return score, answer.thresholds


def cell_of(
    pixel: tuple[int, int], shape: tuple[int, int], grid: tuple[int, int]
) -> tuple[int, int]:
    """Return row and column of the cell that a pixel lies in."""
    return pixel[0] * grid[0] // shape[0], pixel[1] * grid[1] // shape[1]


def cells_in(region: NDArray[np.bool_], grid: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the cells that lie in a region (H, W) by half; if none, the fullest one: (h, w)."""
    share = cv2.resize(
        region.astype(np.float32), (grid[1], grid[0]), interpolation=cv2.INTER_AREA
    ).reshape(grid)
    inside: NDArray[np.bool_] = share >= min(EVEN, float(share.max()))
    return inside & (share > 0)


def marks_of(seeds: Sequence[Seed], plane: Canvas) -> torch.Tensor:
    """Return where each seed lies on the grid, (B, N), largest entry 1.

    A point has bilinear weights on the cells around it, a box or mask all cells in it.
    """
    pixels = torch.tensor([seed.pixel for seed in seeds])
    marks = start_states(pixels, plane.shape, plane.grid, rule=plane.parameters.start)
    for mark, seed in zip(marks, seeds, strict=True):
        if seed.region is not None:
            mark[:] = torch.from_numpy(cells_in(seed.region, plane.grid).ravel())
    return marks / marks.amax(dim=1, keepdim=True)


def thresholds_of(seeds: Sequence[Seed]) -> list[float]:
    """Return λ of each seed: what the user chose, or half."""
    return [EVEN if seed.threshold is None else seed.threshold for seed in seeds]


def _split_cells(score: NDArray[np.float32], seeds: Sequence[Seed], grid: tuple[int, int]) -> None:
    """Let the nearest point decide in cells that hold points of both classes."""
    shape = (score.shape[0], score.shape[1])
    held: dict[tuple[int, int], list[Seed]] = {}
    for seed in seeds:
        if seed.region is None:
            held.setdefault(cell_of(seed.pixel, shape, grid), []).append(seed)
    for (row, column), some in held.items():
        if len({seed.label for seed in some}) < 2:
            continue
        rows, columns = (
            slice(-(-index * length // cells), -(-(index + 1) * length // cells))
            for index, length, cells in zip((row, column), shape, grid, strict=True)
        )
        places = np.mgrid[rows, columns].reshape(2, -1, 1)
        pixels = np.array([seed.pixel for seed in some]).T[:, None]
        nearest = ((places - pixels) ** 2).sum(axis=0).argmin(axis=1)
        signs = np.array([1 if seed.label else -1 for seed in some], np.float32)
        part = score[rows, columns]
        part[:] = np.abs(part).clip(_LEAST) * signs[nearest].reshape(part.shape)
