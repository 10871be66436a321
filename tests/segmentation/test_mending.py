from __future__ import annotations

import numpy as np

from napari_m2n2 import Segmenter
from napari_m2n2.evaluation.metrics import iou
from napari_m2n2.segmentation.edit import Change, accepted
from napari_m2n2.segmentation.editing import EditingSolver
from napari_m2n2.segmentation.mending import Mending
from napari_m2n2.segmentation.outline import follow
from napari_m2n2.segmentation.proposals import WholeProposal
from napari_m2n2.segmentation.seeds import make_seeds

SHAPE = (80, 100)
CLICKS = [((40, 32), 1), ((40, 68), 1), ((10, 10), 0), ((40, 60), 0), ((25, 32), 1)]


def segmenter():
    rows, columns = np.ogrid[: SHAPE[0], : SHAPE[1]]
    left = np.hypot(rows - 40, columns - 32) <= 20
    right = np.hypot(rows - 40, columns - 68) <= 18
    noise = np.random.default_rng(0).integers(0, 12, SHAPE)
    made = Segmenter(grid=20, device="cpu", zoom="off")
    made.set_image((np.where(left, 200, np.where(right, 150, 50)) + noise).astype(np.uint8))
    return made


class Plain:
    """A solver that is asked for the whole plane and fits the whole outline each time."""

    def __init__(self, inner):
        self.plane = inner.plane
        self.solve, self.distance_maps = inner.solve, inner.distance_maps
        self._outlines = inner._outlines
        self.fits = 0

    def propose(self, prompts, progress):
        found = self.solve(prompts, draft=True, progress=progress)
        near = self.distance_maps(prompts.points[-1:], progress)[0]
        return WholeProposal(found.mask, near, found.thresholds, found.map_seconds)

    def mend(self, mask, change, prompts):
        self.fits += 1
        changed = np.zeros(mask.shape, bool)
        changed[change.window] = change.pixels
        before, fitted = mask ^ changed, mask.copy()
        score = np.zeros(mask.shape, np.float32)
        follow(score, mask)
        seeds = make_seeds(prompts, self.plane.shape, self.plane.grid)
        self._outlines.fit_on(self.plane, fitted, score, seeds)
        moved = accepted(fitted, before, changed)
        np.bitwise_xor(before, moved, out=mask)
        return Change((slice(0, mask.shape[0]), slice(0, mask.shape[1])), moved).tight()


def test_a_window_gives_nearly_what_the_whole_plane_gives():
    mending, fitting = segmenter(), segmenter()
    inner = Plain(fitting._solver._solver)
    assert isinstance(inner, Mending)
    fitting._solver = EditingSolver(inner, 6.0)
    for count in range(1, len(CLICKS) + 1):
        points, labels = zip(*CLICKS[:count], strict=True)
        one, other = mending.segment(points, labels), fitting.segment(points, labels)
        assert iou(one.mask, other.mask) > 0.9
        for (row, column), label in CLICKS[:count]:
            assert other.mask[row, column] == label
    assert 1 <= inner.fits < len(CLICKS)
