"""iSeg: what is marked, refined by the entropy-reduced attention.

Sun et al., "iSeg: An Iterative Refinement-based Framework for Training-free Segmentation", 2024.
The paper's program takes one click and no background; several clicks of both classes are our
extension: the largest of the foreground's maps is set against the largest of the background's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from napari_m2n2.attention.base import Attention
from napari_m2n2.progress import Progress
from napari_m2n2.segmentation.entropy import reduce_entropy
from napari_m2n2.segmentation.methods.base import (
    EVEN,
    Answer,
    GridSolver,
    marks_of,
    thresholds_of,
)
from napari_m2n2.segmentation.parameters import Parameters
from napari_m2n2.segmentation.plane import Canvas
from napari_m2n2.segmentation.propagation import refine_maps, thinned
from napari_m2n2.segmentation.seeds import Seed

_PUBLISHED_ROUNDS = 8

_HOLD = 0.5
"""A map has gone too far once its value at the mark is less than this share of its largest."""


class _Refined:
    """Answers prompts with refined maps."""

    def __init__(self, matrix: torch.Tensor | csr_array, canvas: Canvas) -> None:
        self._matrix = matrix
        self._canvas = canvas

    def answer(self, seeds: Sequence[Seed], progress: Progress) -> Answer:
        """Return the largest of the foreground's maps, and of the background's."""
        maps = self._maps(seeds, progress)
        thresholds = thresholds_of(seeds)
        # a pixel joins where 1 - map <= λ, so that moving λ is moving the map
        shifts = maps.new_tensor(thresholds)[:, None] - EVEN
        maps = (maps + shifts).clamp(0, 1)
        labels = torch.tensor([seed.label for seed in seeds])
        grid = self._canvas.grid
        foreground = maps[labels].amax(dim=0).reshape(grid)
        background = None if bool(labels.all()) else maps[~labels].amax(dim=0).reshape(grid)
        return Answer(foreground, background, thresholds)

    def distances(self, seeds: Sequence[Seed], progress: Progress) -> torch.Tensor:
        """Return 1 - map of each seed."""
        return (1 - self._maps(seeds, progress)).reshape(-1, *self._canvas.grid)

    def _maps(self, seeds: Sequence[Seed], progress: Progress) -> torch.Tensor:
        """Return the refined map of each seed, (B, N).

        Many marks of a class have to go less far each: the rounds that a walk needs to cross a
        part of the object grow with its size.
        """
        most = self._canvas.parameters.refine_rounds
        marked = sum(seed.label for seed in seeds)
        share = max(marked, len(seeds) - marked)
        rounds = max(most // share, min(most, _PUBLISHED_ROUNDS))
        marks = marks_of(seeds, self._canvas)
        return refine_maps(self._matrix, marks, rounds, hold=_HOLD, progress=progress)


def prepare(
    rgb: NDArray[np.float32], attention: Attention, parameters: Parameters, progress: Progress
) -> GridSolver:
    """Reduce the entropy of the attention."""
    canvas = Canvas.of(rgb, attention.grid, parameters)
    progress("entropy", 0.0)
    with torch.inference_mode():
        matrix = thinned(reduce_entropy(attention.matrix, parameters.entropy))
    progress("entropy", 1.0)
    return GridSolver(canvas, _Refined(matrix, canvas))
