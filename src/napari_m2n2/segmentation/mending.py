"""What a solver has to tell so that clicks can mend masks: a proposal, and the outline nearby."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.progress import Progress
from napari_m2n2.prompts import Prompts
from napari_m2n2.segmentation.edit import Change
from napari_m2n2.segmentation.proposals import Proposal
from napari_m2n2.segmentation.solved import Solver


@runtime_checkable
class Mending(Solver, Protocol):
    """What does both for a part of the plane, in a time that follows the part."""

    def propose(self, prompts: Prompts, progress: Progress) -> Proposal:
        """Return what prompts give before an outline is fitted, wherever one asks."""

    def mend(self, mask: NDArray[np.bool_], change: Change, prompts: Prompts) -> Change:
        """Move the outline near a change that was made in a mask; return all that is changed."""
