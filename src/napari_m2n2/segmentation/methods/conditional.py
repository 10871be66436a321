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
from napari_m2n2.segmentation.propagation import spread_marks, weighed
from napari_m2n2.segmentation.seeds import Seed

_MOST_BYTES = 1 << 26
"""Memory for what earlier marks reach; the first ones go first."""


class _Conditional:
    """Answers prompts with what reaches each cell from the marks.

    Marks of a class reach what they reach one by one, taken together, so that a further one costs
    only its own steps.
    """

    def __init__(self, matrix: torch.Tensor, canvas: Canvas) -> None:
        self._matrix = matrix
        self._canvas = canvas
        self._reached: dict[bytes, torch.Tensor] = {}

    def answer(self, seeds: Sequence[Seed], progress: Progress) -> Answer:
        """Return how likely each cell is foreground."""
        reached = self._of(seeds, progress)
        labels = torch.tensor([seed.label for seed in seeds])
        belief = weighed(reached[labels].sum(dim=0), reached[~labels].sum(dim=0))
        thresholds = thresholds_of(seeds)
        chosen = [λ for λ, seed in zip(thresholds, seeds, strict=True) if seed.label]
        belief = (belief + sum(chosen) / len(chosen) - EVEN).clamp(0, 1)
        return Answer(belief.reshape(self._canvas.grid), None, thresholds)

    def distances(self, seeds: Sequence[Seed], progress: Progress) -> torch.Tensor:
        """Return 1 - the share of the strongest that reaches each cell."""
        reached = self._of(seeds, progress)
        reached = reached / reached.amax(dim=1, keepdim=True)
        return (1 - reached).reshape(-1, *self._canvas.grid)

    def _of(self, seeds: Sequence[Seed], progress: Progress) -> torch.Tensor:
        """Return what reaches each cell from each seed, (B, N)."""
        progress("affinity", 0.0)
        new = {seed.key: seed for seed in seeds if seed.key not in self._reached}
        if new:
            marks = marks_of([*new.values()], self._canvas)
            steps = round(self._canvas.parameters.walk_steps)
            reached = spread_marks(self._matrix, marks, steps)
            self._reached.update(zip(new, reached, strict=True))
        found = torch.stack([self._reached[seed.key] for seed in seeds])
        while len(self._reached) * found[0].nbytes > _MOST_BYTES:
            del self._reached[next(iter(self._reached))]
        progress("affinity", 1.0)
        return found


def prepare(
    rgb: NDArray[np.float32], attention: Attention, parameters: Parameters, progress: Progress
) -> GridSolver:
    """Take the attention as it is."""
    canvas = Canvas.of(rgb, attention.grid, parameters)
    progress("affinity", 1.0)
    return GridSolver(canvas, _Conditional(attention.matrix, canvas))
