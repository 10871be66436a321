"""Clicks as edits: the first one finds the object, every further one mends what the user saw.

M2N2 (CVPR 2025) segments all prompts anew at every click, so that a click can undo what earlier
ones had made right, however small the mistake was that it was placed on. Here the mask of the
clicks before is kept, and a click changes it in one place (`napari_m2n2.segmentation.edit`). The
same prompts in the same order give the same mask: a mask is what replaying its prompts gives, and
what was found for the clicks before is kept so that a further click costs one edit.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_m2n2.progress import Progress
from napari_m2n2.prompts import Prompts
from napari_m2n2.segmentation.corrections import most_pixels
from napari_m2n2.segmentation.edit import accepted, edited
from napari_m2n2.segmentation.outline import follow
from napari_m2n2.segmentation.plane import PreparedPlane
from napari_m2n2.segmentation.seeds import force
from napari_m2n2.segmentation.solved import Solved
from napari_m2n2.segmentation.steps import Step, has_foreground, steps

_MOST_BYTES = 1 << 26
"""Memory for the masks of earlier clicks, an eighth of a byte a pixel each; the least recently
used go first."""


class Edited(Protocol):
    """What solves prompts all together, and fits outlines."""

    plane: PreparedPlane

    def solve(self, prompts: Prompts, *, draft: bool, progress: Progress) -> Solved:
        """Return the object that prompts mean."""

    def fit(self, mask: NDArray[np.bool_], score: NDArray[np.float32], prompts: Prompts) -> None:
        """Move the outline of a mask to the edges nearby; both are changed in place."""

    def distance_maps(self, points: ArrayLike, progress: Progress) -> NDArray[np.float32]:
        """Return the distance map of each point (n, 2), (n, H, W) in [0, 1]."""


@dataclass(frozen=True, eq=False)
class _State:
    """What the prompts up to a click gave.

    Attributes
    ----------
    bits : uint8 array
        The mask, packed.
    thresholds : tuple of float
        λ of each click, as it was when the click last had a say.
    limits : tuple of float
        The most pixels of each click's segment; NaN for no limit.
    """

    bits: NDArray[np.uint8]
    thresholds: tuple[float, ...]
    limits: tuple[float, ...]


class EditingSolver:
    """Turns prompts into masks, click by click.

    Parameters
    ----------
    solver : Edited
        Solves prompts all together.
    strength : float
        κ of `napari_m2n2.segmentation.corrections`, > 0.

    Attributes
    ----------
    plane : PreparedPlane
    """

    def __init__(self, solver: Edited, strength: float) -> None:
        self.plane = solver.plane
        self._solver = solver
        self._strength = strength
        self._known: OrderedDict[bytes, _State] = OrderedDict()

    def solve(self, prompts: Prompts, *, draft: bool, progress: Progress) -> Solved:
        """Return the object that prompts mean; see `napari_m2n2.segmenter.Segmenter.segment`."""
        began = time.perf_counter()
        clicks = [step for step in steps(prompts, by_hand=True) if has_foreground(step.prompts)]
        if not clicks:
            return self._solver.solve(prompts, draft=draft, progress=progress)
        known = [place for place, step in enumerate(clicks) if step.key in self._known]
        state, new = None, clicks
        if known:
            self._known.move_to_end(clicks[known[-1]].key)
            state, new = self._known[clicks[known[-1]].key], clicks[known[-1] + 1 :]
        found, map_seconds = None, 0.0
        for step in new:
            state, found = self._step(state, step, draft, progress)
            map_seconds += found.map_seconds
            if not draft:
                self._keep(step.key, state)
        assert state is not None
        if found is None:
            found = self._remembered(state, clicks[-1], progress)
        force(prompts, found.mask, found.score)
        return replace(
            found,
            thresholds=_by_point(prompts, clicks[-1].prompts, state.thresholds),
            map_seconds=map_seconds,
            score_seconds=time.perf_counter() - began - map_seconds,
        )

    def distance_maps(self, points: ArrayLike, progress: Progress) -> NDArray[np.float32]:
        """Return the distance map of each point (n, 2), (n, H, W) in [0, 1]."""
        return self._solver.distance_maps(points, progress)

    def _step(
        self, before: _State | None, step: Step, draft: bool, progress: Progress
    ) -> tuple[_State, Solved]:
        """Return what a click makes of what was there before it."""
        if before is None:
            found = self._solver.solve(step.prompts, draft=draft, progress=progress)
            return _state_of(found.mask, found.thresholds.tolist(), step.prompts.limits), found
        mask = _unpacked(before, self.plane.shape)
        row, column = step.prompts.points[-1].tolist()
        label = bool(step.prompts.labels[-1])
        clicks = len(step.prompts.points)
        most = most_pixels(mask, (row, column), label, self._strength, clicks)
        limits = np.array([*before.limits, np.nan if most is None else most])
        prompts = replace(step.prompts, limits=limits)
        found, believed = self._mended(mask, prompts, draft, progress)
        own = np.array([*before.thresholds, found.thresholds[-1]])
        heard = believed & ~np.isnan(found.thresholds)
        thresholds = np.where(heard, found.thresholds, own).tolist()
        return _state_of(found.mask, thresholds, limits), found

    def _mended(
        self, before: NDArray[np.bool_], prompts: Prompts, draft: bool, progress: Progress
    ) -> tuple[Solved, bool]:
        """Return a mask after the last of the prompts' clicks, and whether all had a say in it."""
        found = self._solver.solve(prompts, draft=True, progress=progress)
        row, column = prompts.points[-1].tolist()
        near = self._solver.distance_maps(prompts.points[-1:], progress)[0]
        edit, believed = edited(
            before,
            found.mask,
            near <= found.thresholds[-1],
            (row, column),
            bool(prompts.labels[-1]),
            float(prompts.limits[-1]),
        )
        mask, score = edit.copy(), found.score
        follow(score, mask)
        # where nothing was changed, nothing of what is fitted would be accepted
        if not (draft or np.array_equal(edit, before)):
            self._solver.fit(mask, score, prompts)
            mask = accepted(before, edit, mask)
            follow(score, mask)
        force(prompts, mask, score)
        return replace(found, mask=mask), believed

    def _remembered(self, state: _State, step: Step, progress: Progress) -> Solved:
        """Return what is known of a mask; its score is made again."""
        prompts = replace(step.prompts, limits=np.array(state.limits))
        found = self._solver.solve(prompts, draft=True, progress=progress)
        mask = _unpacked(state, self.plane.shape)
        follow(found.score, mask)
        return replace(found, mask=mask)

    def _keep(self, key: bytes, state: _State) -> None:
        """Remember a state, in place of those not used for longest."""
        self._known[key] = state
        most = max(_MOST_BYTES // max(state.bits.nbytes, 1), 2)
        while len(self._known) > most:
            self._known.popitem(last=False)


def _state_of(
    mask: NDArray[np.bool_], thresholds: Iterable[float], limits: Iterable[float]
) -> _State:
    """Return what is kept of a mask."""
    return _State(np.packbits(mask), tuple(thresholds), tuple(limits))


def _unpacked(state: _State, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return a mask (H, W) that was kept."""
    count = shape[0] * shape[1]
    return np.unpackbits(state.bits, count=count).reshape(shape).view(bool)


def _by_point(
    prompts: Prompts, clicked: Prompts, thresholds: Sequence[float]
) -> NDArray[np.float64]:
    """Return λ of each point as the user gave them, (n,); NaN for a superseded one."""
    pixels = [(row, column) for row, column in clicked.points.tolist()]
    of = dict(zip(pixels, thresholds, strict=True))
    found = np.array([of[row, column] for row, column in prompts.points.tolist()], np.float64)
    found[prompts.superseded] = np.nan
    return found
