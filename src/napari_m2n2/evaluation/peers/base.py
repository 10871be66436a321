"""What every peer does alike: reading image and clicks, forcing clicked pixels, the time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_m2n2.attention.weights import Weights
from napari_m2n2.errors import InputError
from napari_m2n2.image import Contrast, to_rgb
from napari_m2n2.progress import Progress, ignore
from napari_m2n2.prompts import check_prompts


class Scorer(Protocol):
    """One image, ready for clicks."""

    def __call__(self, points: NDArray[np.int64], labels: NDArray[np.bool_]) -> NDArray[Any]:
        """Return the (H, W) float score of clicks on different pixels, positive in the object.

        `points` is (n, 2) in (row, column), in the order of the clicks; `labels` is (n,), at least
        one of them True.
        """


class Method(Protocol):
    """A way to segment, with its parameters."""

    def prepare(self, rgb: NDArray[np.float32]) -> Scorer:
        """Do all that depends on the image alone; `rgb` is (H, W, 3) in [0, 1]."""


@dataclass(frozen=True, eq=False)
class PeerResult:
    """What the clicks on a plane give.

    Attributes
    ----------
    mask : (H, W) bool array
        The object.
    timings : mapping of str to float
        Seconds: "prepare" (the image, once), "maps" (the method's answer to the clicks), "score"
        (the mask from it) and "total" (maps and score).
    weights : str
        Which weights were used; "" by a method that has none.
    """

    mask: NDArray[np.bool_]
    timings: Mapping[str, float]
    weights: str = ""


class Peer:
    """Segments one image after another from clicks, as `napari_m2n2.segmenter.Segmenter` does.

    Parameters
    ----------
    method : Method
        What turns clicks into a score.

    Attributes
    ----------
    weights : Weights or None
        The weights that are used, by a method that has any.

    Notes
    -----
    The same rules as in `Segmenter` hold: without a foreground click the mask is empty, of two
    clicks on one pixel the later counts, and a clicked pixel has the label of its click, so that
    a simulated user never has to click it again. A result depends on the image and the list of
    clicks alone, not on what was asked before.
    """

    def __init__(self, method: Method) -> None:
        self.method = method
        self.weights: Weights | None = getattr(method, "weights", None)
        self._scorer: Scorer | None = None
        self._shape = (0, 0)
        self._prepare_seconds = 0.0

    def set_image(
        self,
        image: Any,
        *,
        channels: int | Sequence[int] | None = None,
        contrast: Contrast = None,
        progress: Progress = ignore,
    ) -> None:
        """Take an image and do all that does not depend on clicks.

        Parameters
        ----------
        image : array-like, (H, W) or (H, W, C)
            One plane of any real type.
        channels, contrast
            See `napari_m2n2.image.to_rgb`.
        progress : callable, optional
            Called as ``progress("image", fraction)``; it may raise `Cancelled`, after which the
            image set before stays.

        Raises
        ------
        InputError
            If the image cannot be read as one plane.
        """
        began = time.perf_counter()
        rgb = to_rgb(image, channels=channels, contrast=contrast)
        progress("image", 0.0)
        scorer = self.method.prepare(rgb)
        progress("image", 1.0)
        self._scorer = scorer
        self._shape = (rgb.shape[0], rgb.shape[1])
        self._prepare_seconds = time.perf_counter() - began

    def segment(self, points: ArrayLike, labels: ArrayLike) -> PeerResult:
        """Return the object that the clicks mean.

        Parameters
        ----------
        points : (n, 2) array-like
            (row, column); pixel centres lie at whole numbers.
        labels : (n,) array-like
            True or 1 = foreground, False or 0 = background.

        Raises
        ------
        InputError
            If no image was set, a point lies outside of it, or the arrays do not fit.
        """
        if self._scorer is None:
            raise InputError("No image was set; call set_image first.")
        prompts = check_prompts(points, labels, self._shape)
        pixels, truth = _distinct(
            prompts.points[~prompts.superseded], prompts.labels[~prompts.superseded]
        )
        began = time.perf_counter()
        score = self._scorer(pixels, truth) if truth.any() else np.full(self._shape, -1.0)
        mapped = time.perf_counter()
        mask = np.asarray(score > 0)
        mask[pixels[:, 0], pixels[:, 1]] = truth
        ended = time.perf_counter()
        seconds = {
            "prepare": self._prepare_seconds,
            "maps": mapped - began,
            "score": ended - mapped,
            "total": ended - began,
        }
        return PeerResult(mask, MappingProxyType(seconds), str(self.weights or ""))


def _distinct(
    points: NDArray[np.int64], labels: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Leave out repeated clicks, and keep the order."""
    first = np.sort(np.unique(points, axis=0, return_index=True)[1])
    return points[first], labels[first]


def check_range(name: str, value: Any, low: float, high: float) -> None:
    """Say so if a parameter is no number from `low` to `high`."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        raise InputError(f"{name}={value!r} cannot be; give a number from {low:g} to {high:g}.")
