"""What all prompts together would give, in any part of a plane.

A further click changes a few hundred pixels, so that is how many are asked for, whatever the size
of the plane. The answers are those that a solver gives for the whole plane.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.prompts import Prompts
from napari_m2n2.segmentation.crop import Crop
from napari_m2n2.segmentation.nearest import combine, nearest_in
from napari_m2n2.segmentation.seeds import force
from napari_m2n2.segmentation.window import Window, common, within


class Proposal(Protocol):
    """What some prompts give together."""

    @property
    def thresholds(self) -> NDArray[np.float64]:
        """λ of each point, (n,)."""

    @property
    def map_seconds(self) -> float:
        """What new distance maps took."""

    def mask(self, window: Window) -> NDArray[np.bool_]:
        """Return the object, before its outline is fitted."""

    def distance(self, window: Window) -> NDArray[np.float32]:
        """Return the distance map of the last point."""


@dataclass(frozen=True, eq=False)
class PlaneProposal:
    """What prompts give on a plane of which the maps are known.

    Attributes
    ----------
    prompts : Prompts
    distances : sequence of (H, W) float32 arrays
        The map of each seed.
    chosen : sequence of float
        λ of each seed.
    labels : sequence of bool
        True = foreground.
    last : int
        Which seed the last point is.
    thresholds : (n,) float64 array
        λ of each point.
    map_seconds : float
    """

    prompts: Prompts
    distances: Sequence[NDArray[np.float32]]
    chosen: Sequence[float]
    labels: Sequence[bool]
    last: int
    thresholds: NDArray[np.float64]
    map_seconds: float

    def decide(self, window: Window) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """Return mask and score in a window."""
        maps = [distance[window] for distance in self.distances]
        shape = (window[0].stop - window[0].start, window[1].stop - window[1].start)
        mask, score = combine(maps, self.chosen, self.labels, shape)
        _force_in(self.prompts, window, mask, score)
        return mask, score

    def mask(self, window: Window) -> NDArray[np.bool_]:
        """Return the object, before its outline is fitted."""
        mask = nearest_in(window, self.distances, self.chosen, self.labels)
        _force_in(self.prompts, window, mask)
        return mask

    def distance(self, window: Window) -> NDArray[np.float32]:
        """Return the distance map of the last point."""
        return self.distances[self.last][window]


@dataclass(frozen=True, eq=False)
class LargeProposal:
    """What prompts give on a plane, as far as a reduced one knows.

    Attributes
    ----------
    small : PlaneProposal
        On the reduced plane.
    prompts : Prompts
        Of the plane itself.
    shape, reduced : (int, int)
        Rows and columns of the plane and of the reduced one.
    """

    small: PlaneProposal
    prompts: Prompts
    shape: tuple[int, int]
    reduced: tuple[int, int]

    @property
    def thresholds(self) -> NDArray[np.float64]:
        """λ of each point, (n,)."""
        return self.small.thresholds

    @property
    def map_seconds(self) -> float:
        """What new distance maps took."""
        return self.small.map_seconds

    def mask(self, window: Window) -> NDArray[np.bool_]:
        """Return the object, before its outline is fitted."""
        score = enlarged(lambda part: self.small.decide(part)[1], window, self.shape, self.reduced)
        mask: NDArray[np.bool_] = score > 0
        _force_in(self.prompts, window, mask)
        return mask

    def distance(self, window: Window) -> NDArray[np.float32]:
        """Return the distance map of the last point."""
        found = enlarged(self.small.distance, window, self.shape, self.reduced)
        row, column = self.prompts.points[-1].tolist()
        row, column = row - window[0].start, column - window[1].start
        if 0 <= row < found.shape[0] and 0 <= column < found.shape[1]:
            found[row, column] = 0
        return found


@dataclass(frozen=True, eq=False)
class CropProposal:
    """What prompts give in a crop of a plane; all outside of it is background.

    Attributes
    ----------
    inner : Proposal
        In the crop, in its own, enlarged pixels.
    crop : Crop
    prompts : Prompts
        Of the plane.
    thresholds : (n,) float64 array
        λ of each point, NaN for those outside of the crop.
    """

    inner: Proposal
    crop: Crop
    prompts: Prompts
    thresholds: NDArray[np.float64]

    @property
    def map_seconds(self) -> float:
        """What new distance maps took."""
        return self.inner.map_seconds

    def mask(self, window: Window) -> NDArray[np.bool_]:
        """Return the object, before its outline is fitted."""
        found = self._means(lambda part: self.inner.mask(part).astype(np.float32), window, 0)
        mask: NDArray[np.bool_] = found > 0.5
        _force_in(self.prompts, window, mask)
        return mask

    def distance(self, window: Window) -> NDArray[np.float32]:
        """Return the distance map of the last point, 1 outside of the crop."""
        return self._means(self.inner.distance, window, 1)

    def _means(
        self, values: Callable[[Window], NDArray[np.float32]], window: Window, outside: float
    ) -> NDArray[np.float32]:
        """Return the mean of what was enlarged from each pixel of a window."""
        rows, columns = window
        found = np.full(
            (rows.stop - rows.start, columns.stop - columns.start), outside, np.float32
        )
        part = common(window, self.crop.part)
        height, width = (side.stop - side.start for side in part)
        if height and width:
            factor = self.crop.factor
            inner = values(within(part, self.crop.part, factor))
            blocks = inner.reshape(height, factor, width, factor)
            found[within(part, window)] = blocks.mean(axis=(1, 3), dtype=np.float32)
        return found


@dataclass(frozen=True, eq=False)
class WholeProposal:
    """What was found for a whole plane.

    Attributes
    ----------
    found : (H, W) bool array
        The object.
    nearness : (H, W) float32 array
        The distance map of the last point.
    thresholds : (n,) float64 array
    map_seconds : float
    """

    found: NDArray[np.bool_]
    nearness: NDArray[np.float32]
    thresholds: NDArray[np.float64]
    map_seconds: float

    def mask(self, window: Window) -> NDArray[np.bool_]:
        """Return the object, before its outline is fitted."""
        return self.found[window]

    def distance(self, window: Window) -> NDArray[np.float32]:
        """Return the distance map of the last point."""
        return self.nearness[window]


def enlarged(
    values: Callable[[Window], NDArray[np.float32]],
    window: Window,
    shape: tuple[int, int],
    small: tuple[int, int],
) -> NDArray[np.float32]:
    """Return values of a reduced plane in a window of the plane, linear between pixel centres.

    Parameters
    ----------
    values : callable
        Returns those of a window of the reduced plane.
    window : (slice, slice)
        Of the plane.
    shape, small : (int, int)
        Rows and columns of the plane and of the reduced one.
    """
    sides, low, high, shares = [], [], [], []
    for side, length, short in zip(window, shape, small, strict=True):
        at = (np.arange(side.start, side.stop) + 0.5) * (short / length) - 0.5
        before = np.clip(np.floor(at), 0, short - 1).astype(np.int64)
        after = np.minimum(before + 1, short - 1)
        sides.append(slice(int(before[0]), int(after[-1]) + 1))
        low.append(before - before[0])
        high.append(after - before[0])
        shares.append(np.clip(at - before, 0, 1).astype(np.float32))
    part = values((sides[0], sides[1]))
    down, across = shares[0][:, None], shares[1]
    rows = part[low[0]] * (1 - down) + part[high[0]] * down
    found: NDArray[np.float32] = rows[:, low[1]] * (1 - across) + rows[:, high[1]] * across
    return found


def _force_in(
    prompts: Prompts,
    window: Window,
    mask: NDArray[np.bool_],
    score: NDArray[np.float32] | None = None,
) -> None:
    """Overwrite mask and score in a window at the pixels the user labelled."""
    corner = np.array([window[0].start, window[1].start])
    size = np.array([window[0].stop, window[1].stop]) - corner

    def moved(pixels: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        away = pixels - corner
        here = ((away >= 0) & (away < size)).all(axis=1)
        return away[here], here

    points, here = moved(prompts.points)
    if not len(points) and not prompts.strokes:
        return
    inside = replace(
        prompts,
        points=points,
        labels=prompts.labels[here],
        superseded=prompts.superseded[here],
        strokes=tuple(moved(stroke)[0] for stroke in prompts.strokes),
    )
    force(inside, mask, score)
