"""What the prompts of a plane give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.segmentation.solved import Solved


@dataclass(frozen=True, eq=False)
class Result:
    """What the prompts of a plane give.

    Attributes
    ----------
    mask : (H, W) bool array
        The object.
    score : (H, W) float32 array
        Signed soft score in [-1, 1]: positive in the object, 0 on its boundary.
    thresholds : (n,) float64 array
        λ of each point, in the order given, in units of its own distance map: what the user chose,
        or the best by score; NaN for a point whose pixel was given again later with the other
        label, and for one outside the crop around a small object.
    timings : mapping of str to float
        Seconds: "prepare" (the image, once), "maps" (new distance maps), "score" (thresholds and
        mask) and "total" (maps and score).
    weights : str
        Which weights the attention comes from: a repository of the Hugging Face hub with its
        commit, or a folder; "" for a backbone that has none.
    bounded : bool
        Whether the last point was on a mistake and could change but little: less than a tenth of
        the mask, so close to the outline, or of the disc that is wrong for certain, outweighed by
        other points. One further inside the mistake, or one more beside it, can change more.
    """

    mask: NDArray[np.bool_]
    score: NDArray[np.float32]
    thresholds: NDArray[np.float64]
    timings: Mapping[str, float]
    weights: str = ""
    bounded: bool = False

    @classmethod
    def of(cls, solved: Solved, prepare_seconds: float, weights: str) -> Result:
        """Return what a solver found, with what the image took."""
        seconds = {
            "prepare": prepare_seconds,
            "maps": solved.map_seconds,
            "score": solved.score_seconds,
            "total": solved.map_seconds + solved.score_seconds,
        }
        return Result(
            solved.mask,
            solved.score,
            solved.thresholds,
            MappingProxyType(seconds),
            weights,
            solved.bounded,
        )

    @property
    def uncertainty(self) -> NDArray[np.float32]:
        """1 - abs(score), (H, W) in [0, 1]: 1 on the boundary.

        A pixel above 1 - t changes sides when λ of the points around it changes by about a share
        t of itself.
        """
        return np.float32(1) - np.abs(self.score)
