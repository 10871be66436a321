"""Zoom-in: attention is taken again on a crop around an object that spans few cells.

A nucleus in a plane of a thousand pixels is a cell or two of the attention grid wide, and its
outline can be no better than that. Where the object is that small, the crop of RITM and CDNet
(Chen et al., "Conditional diffusion for interactive segmentation", ICCV 2021) around it gets a
grid of its own. Only geometry decides: how many cells the object spans and how many more it would
span in the crop.

The crop of a click follows from the mask of the clicks before it, so clicks are gone through in
their order, and a crop is kept while it fits. What was found is kept, so that a further click
costs one look; the outcome depends on the prompts alone. Crops are chosen with λ of every point by
its score: a λ chosen by hand moves the outline within the crop, and never the crop.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_m2n2.progress import Progress, ignore
from napari_m2n2.prompts import Prompts, to_pixels
from napari_m2n2.segmentation.crop import (
    Crop,
    around,
    cut_out,
    prompts_in,
    reduced,
    still_fits,
    surroundings,
    touches,
)
from napari_m2n2.segmentation.edit import Change
from napari_m2n2.segmentation.inside import solve_inside
from napari_m2n2.segmentation.large import PlaneSolvers
from napari_m2n2.segmentation.parameters import Parameters
from napari_m2n2.segmentation.plane import PreparedPlane
from napari_m2n2.segmentation.proposals import CropProposal, Proposal
from napari_m2n2.segmentation.scale import clearness, scales_around
from napari_m2n2.segmentation.solved import Solved
from napari_m2n2.segmentation.steps import has_foreground, steps
from napari_m2n2.segmentation.window import both, common, within

Prepare = Callable[[NDArray[np.float32], Progress], PlaneSolvers]
"""Takes an image (H, W, 3) in [0, 1] and does all that does not depend on prompts."""

PHASE = "zoom-in"
"""What all work on crops reports as."""

_LEAST_GAIN = 1.5
"""A crop is worth its time if its cells are that many times smaller than the plane's."""

_STAYS = 1.25
"""An object that is zoomed into may grow by this factor before the whole plane is taken again."""

_LOOKS = 2
"""Most crops of a first click, each around what was found in the one before."""

_MOST_LOOKS = 6
"""Most crops of one click, as long as the rim of a crop cuts the object off."""

_WIDER = 2.0
"""Sides of a crop in sides of the rectangle of an object that the rim of another cut off."""

_MOST_BYTES = 1 << 27
"""Memory for crops; the least recently used go first."""

_MOST_STEPS = 10_000
"""Clicks whose crops are kept; the oldest go first."""


@dataclass(frozen=True)
class _Seen:
    """What the prompts so far gave.

    Attributes
    ----------
    crop : Crop or None
        Where it was found; None for the whole plane.
    tight : Crop
        The rectangle of the object and of all foreground points.
    """

    crop: Crop | None
    tight: Crop


class ZoomSolver:
    """Turns prompts into masks on one plane, or on a crop of it around a small object.

    Parameters
    ----------
    whole : PlaneSolver or LargeSolver
        Of the whole plane; its parameters hold for the choice of crops.
    prepare : callable
        Prepares a crop.

    Attributes
    ----------
    plane : PreparedPlane
        The whole plane.
    crop : Crop or None
        Where the last prompts were solved; None on the whole plane.
    """

    def __init__(self, whole: PlaneSolvers, prepare: Prepare) -> None:
        self.plane = whole.plane
        self.crop: Crop | None = None
        self._whole = whole
        self._prepare = prepare
        self._parameters: Parameters = whole.plane.parameters
        self._shape = whole.plane.shape
        rows, columns = whole.plane.grid
        self._cell = max(self._shape[0] / rows, self._shape[1] / columns)
        self._solvers: OrderedDict[Crop, PlaneSolvers] = OrderedDict()
        self._known: OrderedDict[bytes, _Seen | None] = OrderedDict()

    def solve(self, prompts: Prompts, *, draft: bool, progress: Progress) -> Solved:
        """Return the object that prompts mean; see `napari_m2n2.segmenter.Segmenter.segment`."""
        crop = self._find_crop(prompts, progress)
        solved = self._look(crop, prompts, draft, progress)
        self.crop = crop
        return solved

    def propose(self, prompts: Prompts, progress: Progress) -> Proposal:
        """Return what prompts give before an outline is fitted, wherever one asks."""
        self.crop = crop = self._find_crop(prompts, progress)
        if crop is None:
            return self._whole.propose(prompts, progress)
        zooming = _as_one(progress)
        inner = self._solver(crop, zooming).propose(prompts_in(prompts, crop), zooming)
        thresholds = np.full(len(prompts.points), np.nan)
        thresholds[crop.holds(prompts.points)] = inner.thresholds
        return CropProposal(inner, crop, prompts, thresholds)

    def mend(self, mask: NDArray[np.bool_], change: Change, prompts: Prompts) -> Change:
        """Move the outline near a change, where the last prompts were solved."""
        crop = self.crop
        if crop is None:
            return self._whole.mend(mask, change, prompts)
        square = np.ones((crop.factor, crop.factor), bool)
        here = common(change.window, crop.part)
        pixels = np.kron(change.pixels[within(here, change.window)], square)
        if not pixels.any():
            return change
        inside = np.kron(mask[crop.part], square)
        seen = Change(within(here, crop.part, crop.factor), pixels)
        self._solver(crop, ignore).mend(inside, seen, prompts_in(prompts, crop))
        window = both(change.window, crop.part)
        before = mask[window].copy()
        before[within(change.window, window)] ^= change.pixels
        mask[crop.part] = reduced(inside.astype(np.float32), crop) > 0.5
        return Change(window, mask[window] != before).tight()

    def distance_maps(self, points: ArrayLike, progress: Progress) -> NDArray[np.float32]:
        """Return the distance map of each point (n, 2), (n, H, W) in [0, 1].

        They are the ones of the crop that the last prompts were solved in, with 1 outside of it,
        if all points lie there.
        """
        pixels = to_pixels(points, self._shape)
        crop = self.crop
        if crop is None or not crop.holds(pixels).all():
            return self._whole.distance_maps(points, progress)
        labels = np.ones(len(pixels), bool)
        inside = prompts_in(
            Prompts(pixels, labels, ~labels, thresholds=labels * np.nan, limits=labels * np.nan),
            crop,
        )
        progress = _as_one(progress)
        found = self._solver(crop, progress).distance_maps(inside.points, progress)
        maps = np.ones((len(pixels), *self._shape), np.float32)
        for target, one in zip(maps, found, strict=True):
            target[crop.part] = reduced(one, crop)
        return maps

    def _find_crop(self, prompts: Prompts, progress: Progress) -> Crop | None:
        """Return where to look for what the prompts mean."""
        before: _Seen | None = None
        if self._cell < _LEAST_GAIN:
            return None
        for step in steps(prompts, by_hand=False):
            if step.last and before is not None and self._choose(before) is None:
                return None
            if step.key not in self._known:
                self._known[step.key] = self._step(before, step.prompts, progress)
                if len(self._known) > _MOST_STEPS:
                    self._known.popitem(last=False)
            before = self._known[step.key]
        return None if before is None else before.crop

    def _step(self, before: _Seen | None, prompts: Prompts, progress: Progress) -> _Seen | None:
        """Return what the prompts give, after what those before the last one gave."""
        if not has_foreground(prompts):
            return None
        crop = self._scale_of(prompts, progress) if before is None else self._choose(before)
        seen = self._see(crop, prompts, progress)
        for looks in range(_MOST_LOOKS):
            cut_off = self._cut_off(seen)
            if not cut_off and (looks >= _LOOKS or before is not None):
                break
            crop = self._choose(seen)
            if crop is None and before is None:
                if not cut_off:
                    break
                crop = self._finer(surroundings(seen.tight, self._shape, _WIDER))
            if crop == seen.crop:
                break
            seen = self._see(crop, prompts, progress)
        return seen

    def _cut_off(self, seen: _Seen) -> bool:
        """Tell whether the rim of its crop cuts an object off."""
        return seen.crop is not None and touches(seen.crop, seen.tight, self._shape)

    def _scale_of(self, prompts: Prompts, progress: Progress) -> Crop | None:
        """Return the crop in which it is clearest what a first click means."""
        wanted = prompts.points[prompts.labels]
        if len(wanted) != 1 or prompts.strokes or prompts.regions:
            return None
        row, column = wanted[0].tolist()
        crops = scales_around((row, column), self._shape, self._parameters.zoom_scales)
        if not crops:
            return None
        best: Crop | None = None
        found = self._whole.candidates(wanted, progress)[0]
        # a large plane is looked at reduced
        scale = math.sqrt(found.distance.size / math.prod(self._shape))
        clearest = clearness(found, factor=scale, whole=True)
        zooming = _as_one(progress)
        for crop in crops:
            pixel = prompts_in(prompts, crop).points[prompts.labels[crop.holds(prompts.points)]]
            found = self._solver(crop, zooming).candidates(pixel, zooming)[0]
            scale = math.sqrt(found.distance.size / (crop.height * crop.width))
            clear = clearness(found, factor=scale)
            if clear > clearest:
                best, clearest = crop, clear
        return best

    def _see(self, crop: Crop | None, prompts: Prompts, progress: Progress) -> _Seen:
        """Solve prompts roughly, of which some are foreground."""
        mask = self._look(crop, prompts, True, progress).mask
        return _Seen(crop, around(mask, prompts))

    def _choose(self, seen: _Seen) -> Crop | None:
        """Return the crop around an object, if it is small and a crop would show more of it."""
        most = self._parameters.zoom_cells * (1 if seen.crop is None else _STAYS)
        # the rectangle, not the area: a large object whose mask broke down has points far apart
        if math.sqrt(seen.tight.height * seen.tight.width) >= most * self._cell:
            return None
        margin, shape = self._parameters.zoom_margin, self._shape
        if seen.crop is not None and still_fits(seen.crop, seen.tight, shape, margin):
            return seen.crop
        return self._finer(surroundings(seen.tight, shape, margin))

    def _finer(self, crop: Crop) -> Crop | None:
        """Return a crop if it shows more than the whole plane does."""
        # no finer than pixels: what lies between them was never seen
        cell = max(math.sqrt(crop.height * crop.width) / self._parameters.zoom_grid, 1.0)
        return crop if self._cell >= _LEAST_GAIN * cell else None

    def _look(
        self, crop: Crop | None, prompts: Prompts, draft: bool, progress: Progress
    ) -> Solved:
        """Solve prompts on a crop, or on the whole plane."""
        if crop is None:
            return self._whole.solve(prompts, draft=draft, progress=progress)
        zooming = _as_one(progress)
        solver = self._solver(crop, zooming)
        return solve_inside(solver, crop, prompts, self._shape, draft, zooming)

    def _solver(self, crop: Crop, progress: Progress) -> PlaneSolvers:
        """Return the solver of a crop, making it if it is not kept."""
        solver = self._solvers.get(crop)
        if solver is None:
            solver = self._prepare(cut_out(self.plane.rgb, crop), progress)
            self._solvers[crop] = solver
        self._solvers.move_to_end(crop)
        held = sum(_bytes(kept.plane) for kept in self._solvers.values())
        while held > _MOST_BYTES and len(self._solvers) > 1:
            held -= _bytes(self._solvers.popitem(last=False)[1].plane)
        return solver


def _as_one(progress: Progress) -> Progress:
    """Return what reports all phases of a crop as one."""
    return lambda _, fraction: progress(PHASE, fraction)


def _bytes(plane: PreparedPlane) -> int:
    """Return about what a prepared plane holds: a matrix, images and the maps of some prompts."""
    cells, pixels = math.prod(plane.grid), math.prod(plane.shape)
    return 4 * cells * cells + 160 * pixels
