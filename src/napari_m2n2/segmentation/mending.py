"""What a solver has to tell so that clicks can mend masks: a proposal, and the outline nearby."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.progress import Progress
from napari_m2n2.prompts import Prompts
from napari_m2n2.segmentation.edit import Change, accepted
from napari_m2n2.segmentation.outline import follow
from napari_m2n2.segmentation.proposals import Proposal, WholeProposal
from napari_m2n2.segmentation.solved import Solver


@runtime_checkable
class Edited(Solver, Protocol):
    """What solves prompts all together, and fits outlines."""

    def fit(self, mask: NDArray[np.bool_], score: NDArray[np.float32], prompts: Prompts) -> None:
        """Move the outline of a mask to the edges nearby; both are changed in place."""


@runtime_checkable
class Mending(Solver, Protocol):
    """What does both for a part of the plane, in a time that follows the part."""

    def propose(self, prompts: Prompts, progress: Progress) -> Proposal:
        """Return what prompts give before an outline is fitted, wherever one asks."""

    def mend(self, mask: NDArray[np.bool_], change: Change, prompts: Prompts) -> Change:
        """Move the outline near a change that was made in a mask; return all that is changed."""


class Whole:
    """Any solver, asked for all of the plane each time.

    Parameters
    ----------
    solver : Edited

    Attributes
    ----------
    plane : Pictured
    """

    def __init__(self, solver: Edited) -> None:
        self.plane = solver.plane
        self.solve = solver.solve
        self.distance_maps = solver.distance_maps
        self._fit = solver.fit

    def propose(self, prompts: Prompts, progress: Progress) -> Proposal:
        """Return what prompts give before an outline is fitted."""
        found = self.solve(prompts, draft=True, progress=progress)
        near = self.distance_maps(prompts.points[-1:], progress)[0]
        return WholeProposal(found.mask, near, found.thresholds, found.map_seconds)

    def mend(self, mask: NDArray[np.bool_], change: Change, prompts: Prompts) -> Change:
        """Fit the whole outline, and accept of it what is connected with the change."""
        changed = np.zeros(mask.shape, bool)
        changed[change.window] = change.pixels
        before = mask ^ changed
        score = np.zeros(mask.shape, np.float32)
        follow(score, mask)
        fitted = mask.copy()
        self._fit(fitted, score, prompts)
        moved = accepted(fitted, before, changed)
        np.bitwise_xor(before, moved, out=mask)
        whole = slice(0, mask.shape[0]), slice(0, mask.shape[1])
        return Change(whole, moved).tight()


def mending_of(solver: Edited | Mending) -> Mending:
    """Return a solver that mends, which a solver that only fits is made to."""
    return solver if isinstance(solver, Mending) else Whole(solver)
