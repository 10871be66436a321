"""What earlier prompts gave, kept so that a change of mind costs nothing.

Distance maps with their candidates, and the outlines that were fitted: taking a prompt back, or
doing it again, is then a look at what is there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b

import numpy as np
import torch
from numpy.typing import NDArray

from napari_m2n2.progress import Progress
from napari_m2n2.segmentation.close_calls import score_seeds
from napari_m2n2.segmentation.edit import Change
from napari_m2n2.segmentation.outline import fit_outline, follow
from napari_m2n2.segmentation.parameters import Parameters
from napari_m2n2.segmentation.plane import Canvas, PreparedPlane
from napari_m2n2.segmentation.refit import Pyramid, fit_change
from napari_m2n2.segmentation.seeds import Seed
from napari_m2n2.segmentation.selection import Candidates

_MOST_BYTES = 1 << 29
"""Memory for the maps of earlier prompts; the least recently used go first."""

_MOST_OUTLINE_BYTES = 1 << 26
"""Memory for fitted outlines, an eighth of a byte a pixel each."""


class KeptCandidates:
    """The candidates of the seeds of one plane.

    Parameters
    ----------
    parameters : Parameters
        How a map is scored.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._kept: OrderedDict[bytes, Candidates] = OrderedDict()

    def of(
        self, plane: PreparedPlane, seeds: Sequence[Seed], progress: Progress
    ) -> list[Candidates]:
        """Return the distance map of each seed, making those that are not kept yet."""
        keys = [seed.key for seed in seeds]
        new = {k: s for k, s in zip(keys, seeds, strict=True) if k not in self._kept}
        if new:
            with torch.inference_mode():
                scored = score_seeds(plane, list(new.values()), self._parameters, progress)
            self._kept.update(zip(new, scored, strict=True))
        found = []
        for key in keys:
            self._kept.move_to_end(key)
            found.append(self._kept[key])
        held = sum(candidates.nbytes for candidates in self._kept.values())
        while held > _MOST_BYTES and len(self._kept) > len(set(keys)):
            held -= self._kept.popitem(last=False)[1].nbytes
        return found


class KeptOutlines:
    """The outlines that were fitted on one plane, by what they were fitted to."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, NDArray[np.uint8]] = OrderedDict()
        self._held = 0
        self._images: Pyramid | None = None

    def fit(
        self,
        mask: NDArray[np.bool_],
        score: NDArray[np.float32],
        seeds: Sequence[Seed],
        fit: Callable[[], None],
    ) -> None:
        """Change mask and score in place as `fit` does, or did for this mask and these seeds.

        Parameters
        ----------
        mask : (H, W) bool array
        score : (H, W) float32 array
        seeds : sequence of Seed
        fit : callable
            Fits the outline and changes both.
        """
        given = blake2b(np.packbits(mask).tobytes(), digest_size=16)
        for seed in seeds:
            given.update(np.array([*seed.pixel, seed.label]).tobytes())
        key = given.digest()
        known = self._kept.get(key)
        if known is not None:
            self._kept.move_to_end(key)
            mask[:] = np.unpackbits(known, count=mask.size).reshape(mask.shape).view(bool)
            follow(score, mask)
            return
        fit()
        follow(score, mask)
        self._kept[key] = np.packbits(mask)
        self._held += self._kept[key].nbytes
        while self._held > _MOST_OUTLINE_BYTES and len(self._kept) > 1:
            self._held -= self._kept.popitem(last=False)[1].nbytes

    def fit_on(
        self,
        plane: Canvas,
        mask: NDArray[np.bool_],
        score: NDArray[np.float32],
        seeds: Sequence[Seed],
    ) -> None:
        """Move the outline to the edges of a plane where its parameters ask for it, in place."""
        colours = plane.colours
        if colours is None:
            return
        pixels, labels = [seed.pixel for seed in seeds], [seed.label for seed in seeds]
        band = plane.parameters.outline_band
        self.fit(
            mask,
            score,
            seeds,
            lambda: fit_outline(mask, score, colours, pixels, labels, band=band),
        )

    def mend_on(
        self, plane: Canvas, mask: NDArray[np.bool_], change: Change, seeds: Sequence[Seed]
    ) -> Change:
        """Move the outline near a change to the edges of a plane, if its parameters ask for it.

        Returns
        -------
        Change
            All that is other than it was before the change.
        """
        colours = plane.colours
        if colours is None:
            return change
        if self._images is None:
            self._images = Pyramid(colours)
        pixels, labels = [seed.pixel for seed in seeds], [seed.label for seed in seeds]
        band = plane.parameters.outline_band
        return fit_change(mask, change, self._images, pixels, labels, band=band)
