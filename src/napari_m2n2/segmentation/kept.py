"""Distance maps of earlier prompts, kept so that a change of mind costs no new map."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch

from napari_m2n2.progress import Progress
from napari_m2n2.segmentation.parameters import Parameters
from napari_m2n2.segmentation.plane import PreparedPlane
from napari_m2n2.segmentation.seeds import Seed
from napari_m2n2.segmentation.selection import Candidates, find_candidates

_MOST_BYTES = 1 << 29
"""Memory for the maps of earlier prompts; the least recently used go first."""


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
                maps = plane.distances([seed.pixel for seed in new.values()], progress)
            for (key, seed), distance in zip(new.items(), maps, strict=True):
                self._kept[key] = find_candidates(
                    distance, self._parameters, image_gradient=plane.edges, region=seed.region
                )
        found = []
        for key in keys:
            self._kept.move_to_end(key)
            found.append(self._kept[key])
        held = sum(candidates.nbytes for candidates in self._kept.values())
        while held > _MOST_BYTES and len(self._kept) > len(set(keys)):
            held -= self._kept.popitem(last=False)[1].nbytes
        return found
