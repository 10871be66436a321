"""Clicks as edits: the first one finds the object, every further one mends what the user saw.

M2N2 (CVPR 2025) segments all prompts anew at every click, so that a click can undo what earlier
ones had made right, however small the mistake was that it was placed on. Here the mask of the
clicks before is kept, and a click changes it in one place (`napari_m2n2.segmentation.edit`). The
same prompts in the same order give the same mask: a mask is what replaying its prompts gives, and
what was found for the clicks before is kept so that a further click costs one edit.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_m2n2.progress import Progress
from napari_m2n2.prompts import Prompts
from napari_m2n2.segmentation.corrections import SHARE, depth_of, most_pixels
from napari_m2n2.segmentation.edit import edited
from napari_m2n2.segmentation.mending import Mending
from napari_m2n2.segmentation.outline import follow
from napari_m2n2.segmentation.peel import Peel
from napari_m2n2.segmentation.seeds import force
from napari_m2n2.segmentation.solved import Solved
from napari_m2n2.segmentation.steps import Step, has_foreground, steps
from napari_m2n2.segmentation.window import Window

_MOST_BYTES = 1 << 26
"""Memory for what earlier clicks gave, reckoned at an eighth of a byte a pixel each, of which a
further click needs a part; the least recently used go first."""

_LITTLE = 0.1
"""Share of a mask, and of the disc around a click that is wrong for certain: a click that may
change less of the one, or has changed less of the other, has something to be told."""


@dataclass(frozen=True, eq=False)
class _State:
    """What the prompts up to a click gave.

    Attributes
    ----------
    before : _State or None
        What the clicks before gave; None for the first.
    window : (slice, slice)
        Where the click has changed that.
    bits : uint8 array
        The mask there, packed.
    thresholds : tuple of float
        λ of each click, as it was when the click last had a say.
    limits : tuple of float
        The most pixels of each click's segment; NaN for no limit.
    bounded : bool
        Whether the last click was on a mistake and could change but little.
    """

    before: _State | None
    window: Window
    bits: NDArray[np.uint8]
    thresholds: tuple[float, ...]
    limits: tuple[float, ...]
    bounded: bool = False


class EditingSolver:
    """Turns prompts into masks, click by click.

    Parameters
    ----------
    solver : Mending
        Solves prompts all together.
    strength : float
        κ of `napari_m2n2.segmentation.corrections`, > 0.
    share : float
        s of the same; 0 leaves it out.

    Attributes
    ----------
    plane : Pictured
    """

    def __init__(self, solver: Mending, strength: float, share: float = SHARE) -> None:
        self.plane = solver.plane
        self._solver = solver
        self._strength = strength
        self._share = share or math.inf
        self._known: OrderedDict[bytes, _State] = OrderedDict()

    def solve(self, prompts: Prompts, *, draft: bool, progress: Progress) -> Solved:
        """Return the object that prompts mean; see `napari_m2n2.segmenter.Segmenter.segment`."""
        began = time.perf_counter()
        clicks = [step for step in steps(prompts, by_hand=True) if has_foreground(step.prompts)]
        if not clicks:
            return self._solver.solve(prompts, draft=draft, progress=progress)
        known = max((k for k, step in enumerate(clicks) if step.key in self._known), default=-1)
        found, map_seconds = None, 0.0
        if known < 0:
            found = self._solver.solve(clicks[0].prompts, draft=draft, progress=progress)
            map_seconds, mask = found.map_seconds, found.mask
            limits = clicks[0].prompts.limits
            state = _state_of(None, _all_of(mask), mask, found.thresholds, limits)
            self._keep(clicks[0], state, draft)
            known = 0
        else:
            self._known.move_to_end(clicks[known].key)
            state = self._known[clicks[known].key]
            mask = self._mask_of(state, clicks[known])
        for step in clicks[known + 1 :]:
            state, seconds = self._step(state, mask, step, draft, progress)
            map_seconds += seconds
            self._keep(step, state, draft)
        if found is None or len(clicks) > 1:
            found = self._scored(state, clicks[-1], mask, progress)
        force(prompts, mask, found.score)
        return replace(
            found,
            thresholds=_by_point(prompts, clicks[-1].prompts, state.thresholds),
            map_seconds=map_seconds,
            score_seconds=time.perf_counter() - began - map_seconds,
            bounded=state.bounded,
        )

    def distance_maps(self, points: ArrayLike, progress: Progress) -> NDArray[np.float32]:
        """Return the distance map of each point (n, 2), (n, H, W) in [0, 1]."""
        return self._solver.distance_maps(points, progress)

    def _step(
        self,
        before: _State,
        mask: NDArray[np.bool_],
        step: Step,
        draft: bool,
        progress: Progress,
    ) -> tuple[_State, float]:
        """Change a mask as a click does; return what it is then, and what new maps took."""
        row, column = step.prompts.points[-1].tolist()
        label = bool(step.prompts.labels[-1])
        clicks = len(step.prompts.points)
        depth = depth_of(mask, (row, column), label)
        most = most_pixels(mask, depth, label, self._strength, clicks, self._share)
        limits = np.array([*before.limits, np.nan if most is None else most])
        little = most is not None and most < _LITTLE * np.count_nonzero(mask)
        prompts = replace(step.prompts, limits=limits)
        proposal = self._solver.propose(prompts, progress)
        peel = Peel(mask, (row, column), label, depth, clicks) if depth else None
        change, believed = edited(mask, proposal, (row, column), label, float(limits[-1]), peel)
        if change.any:
            mask[change.window] ^= change.pixels
            if not draft:
                change = self._solver.mend(mask, change, prompts)
        force(prompts, mask)
        own = np.array([*before.thresholds, proposal.thresholds[-1]])
        heard = believed & ~np.isnan(proposal.thresholds)
        thresholds = np.where(heard, proposal.thresholds, own)
        state = _state_of(before, change.window, mask, thresholds, limits)
        alone = most is not None and change.count < _LITTLE * math.pi * depth**2
        bounded = depth > 0 and bool(little or alone)
        return replace(state, bounded=bounded), proposal.map_seconds

    def _mask_of(self, state: _State, step: Step) -> NDArray[np.bool_]:
        """Return a mask (H, W) that was kept."""
        chain = [state]
        while chain[-1].before is not None:
            chain.append(chain[-1].before)
        mask = np.empty(self.plane.shape, bool)
        for one in reversed(chain):
            part = mask[one.window]
            part[:] = np.unpackbits(one.bits, count=part.size).reshape(part.shape).view(bool)
        force(step.prompts, mask)
        return mask

    def _scored(
        self, state: _State, step: Step, mask: NDArray[np.bool_], progress: Progress
    ) -> Solved:
        """Return a mask with the score of all prompts."""
        prompts = replace(step.prompts, limits=np.array(state.limits))
        found = self._solver.solve(prompts, draft=True, progress=progress)
        follow(found.score, mask)
        return replace(found, mask=mask)

    def _keep(self, step: Step, state: _State, draft: bool) -> None:
        """Remember a state that is no draft, in place of those not used for longest."""
        if draft:
            return
        self._known[step.key] = state
        pixels = self.plane.shape[0] * self.plane.shape[1]
        most = max(_MOST_BYTES * 8 // max(pixels, 1), 2)
        while len(self._known) > most:
            self._known.popitem(last=False)


def _all_of(mask: NDArray[np.bool_]) -> Window:
    """Return the window of a whole plane."""
    return slice(0, mask.shape[0]), slice(0, mask.shape[1])


def _state_of(
    before: _State | None,
    window: Window,
    mask: NDArray[np.bool_],
    thresholds: NDArray[np.float64],
    limits: NDArray[np.float64],
) -> _State:
    """Return what is kept of a mask that a click has changed in a window."""
    bits = np.packbits(mask[window])
    return _State(before, window, bits, tuple(thresholds.tolist()), tuple(limits.tolist()))


def _by_point(
    prompts: Prompts, clicked: Prompts, thresholds: Sequence[float]
) -> NDArray[np.float64]:
    """Return λ of each point as the user gave them, (n,); NaN for a superseded one."""
    pixels = [(row, column) for row, column in clicked.points.tolist()]
    of = dict(zip(pixels, thresholds, strict=True))
    found = np.array([of[row, column] for row, column in prompts.points.tolist()], np.float64)
    found[prompts.superseded] = np.nan
    return found
