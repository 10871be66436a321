"""The conditional affinity of CDNet without training: a few products a click.

Chen et al., "Conditional Diffusion for Interactive Segmentation", ICCV 2021, §3.2. Cheap enough
for a preview; the paper's learnt projections are left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.attention.base import Attention
from napari_m2n2.progress import Progress
from napari_m2n2.segmentation.methods.base import (
    EVEN,
    Answer,
    GridSolver,
    marks_of,
    thresholds_of,
)
from napari_m2n2.segmentation.parameters import Parameters
from napari_m2n2.segmentation.plane import Canvas
from napari_m2n2.segmentation.propagation import conditional_affinity
from napari_m2n2.segmentation.seeds import Seed


class _Conditional:
    """Answers prompts with what reaches each cell from the marks."""

    def __init__(self, matrix: torch.Tensor, canvas: Canvas) -> None:
        self._matrix = matrix
        self._canvas = canvas

    def answer(self, seeds: Sequence[Seed], progress: Progress) -> Answer:
        """Return how likely each cell is foreground."""
        progress("affinity", 0.0)
        marks = marks_of(seeds, self._canvas)
        labels = torch.tensor([seed.label for seed in seeds])
        belief = conditional_affinity(
            self._matrix,
            marks[labels].sum(dim=0),
            marks[~labels].sum(dim=0),
            steps=self._canvas.parameters.walk_steps,
        )
        thresholds = thresholds_of(seeds)
        chosen = [λ for λ, seed in zip(thresholds, seeds, strict=True) if seed.label]
        belief = (belief + sum(chosen) / len(chosen) - EVEN).clamp(0, 1)
        progress("affinity", 1.0)
        return Answer(belief.reshape(self._canvas.grid), None, thresholds)

    def distances(self, seeds: Sequence[Seed], progress: Progress) -> torch.Tensor:
        """Return 1 - the share of the strongest that reaches each cell."""
        progress("affinity", 0.0)
        reached = marks_of(seeds, self._canvas).to(self._matrix)
        for _ in range(self._canvas.parameters.walk_steps):
            reached = reached @ self._matrix.T
        reached /= reached.amax(dim=1, keepdim=True)
        progress("affinity", 1.0)
        return (1 - reached).reshape(-1, *self._canvas.grid)


def prepare(
    rgb: NDArray[np.float32], attention: Attention, parameters: Parameters, progress: Progress
) -> GridSolver:
    """Take the attention as it is."""
    canvas = Canvas.of(rgb, attention.grid, parameters)
    progress("affinity", 1.0)
    return GridSolver(canvas, _Conditional(attention.matrix, canvas))
