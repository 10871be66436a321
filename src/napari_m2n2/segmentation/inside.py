"""Prompts of a plane, solved on a crop of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_m2n2.progress import Progress
from napari_m2n2.prompts import Prompts
from napari_m2n2.segmentation.crop import Crop, prompts_in, reduced
from napari_m2n2.segmentation.large import PlaneSolvers
from napari_m2n2.segmentation.seeds import force
from napari_m2n2.segmentation.solved import Solved

_EPSILON = 1e-3
"""Least score of a pixel of the mask."""


def solve_inside(
    solver: PlaneSolvers,
    crop: Crop,
    prompts: Prompts,
    shape: tuple[int, int],
    draft: bool,
    progress: Progress,
) -> Solved:
    """Return the object that prompts of a plane mean within a crop.

    Parameters
    ----------
    solver : PlaneSolver or LargeSolver
        Of the crop.
    crop : Crop
    prompts : Prompts
        Of the whole plane; those outside hold for their own pixels, λ of points there is NaN.
    shape : (int, int)
        Rows and columns of the plane; all of it outside the crop is background.
    draft : bool
        Whether the outline is left where the maps say.
    progress : callable
    """
    found = solver.solve(prompts_in(prompts, crop), draft=draft, progress=progress)
    mask, score = np.zeros(shape, bool), np.full(shape, -1, np.float32)
    inside = reduced(found.mask.astype(np.float32), crop) > 0.5
    soft = reduced(found.score, crop)
    np.maximum(soft, _EPSILON, out=soft, where=inside & (soft <= 0))
    np.minimum(soft, 0, out=soft, where=~inside)
    mask[crop.part], score[crop.part] = inside, soft
    force(prompts, mask, score)
    thresholds = np.full(len(prompts.points), np.nan)
    thresholds[crop.holds(prompts.points)] = found.thresholds
    return replace(found, mask=mask, score=score, thresholds=thresholds)
