"""One object, clicked as a protocol says and scored after each click."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_m2n2.errors import InputError
from napari_m2n2.evaluation import metrics
from napari_m2n2.evaluation.clicks import Click, next_click
from napari_m2n2.progress import Progress, ignore


class Segments(Protocol):
    """What is clicked: it has an image and gives a mask, (H, W) of bool, for points in it."""

    def segment(self, points: ArrayLike, labels: ArrayLike) -> Any:
        """Return something with a ``mask``."""


@dataclass(frozen=True)
class Clicked:
    """How an object was clicked.

    Attributes
    ----------
    iou, dice, boundary_f, surface : tuple of float
        After 1, 2, ... clicks.
    clicks : tuple of Click
        Fewer than scores if the protocol found nothing more to click.
    seconds : tuple of float
        Of each click, without scoring it.
    rescore : float
        Seconds of the last prompts once more, when the maps of all points are known.
    """

    iou: tuple[float, ...]
    dice: tuple[float, ...]
    boundary_f: tuple[float, ...]
    surface: tuple[float, ...]
    clicks: tuple[Click, ...]
    seconds: tuple[float, ...]
    rescore: float


def click_object(
    predictor: Segments,
    truth: NDArray[np.bool_],
    valid: NDArray[np.bool_] | None = None,
    *,
    clicks: int = 20,
    protocol: str = "ritm",
    spacing: tuple[float, float] = (1.0, 1.0),
    progress: Progress = ignore,
) -> Clicked:
    """Click an object in the image that a predictor has.

    Parameters
    ----------
    predictor : Segments
        It has got the image already.
    truth : (H, W) bool array
        The object.
    valid : (H, W) bool array, optional
        False where the truth is not known; such pixels are neither clicked nor scored.
    clicks : int
        Number of scores wanted, at least 1. Nothing stops earlier; where protocol "ritm" has
        nothing left to click, the last scores are repeated.
    protocol : str
        One of `napari_m2n2.evaluation.clicks.PROTOCOLS`.
    spacing : (float, float)
        Size of a pixel along rows and columns, for the scores of the outline.
    progress : callable, optional
        Called as ``progress("clicks", fraction)``; may raise `Cancelled`.

    Raises
    ------
    InputError
        If the object has no known pixel, or the arrays differ in shape.
    """
    known = np.ones_like(truth) if valid is None else valid
    if truth.ndim != 2 or truth.shape != known.shape:
        raise InputError(
            f"The object has the shape {truth.shape} and the known pixels {known.shape}; "
            "give two planes of one shape."
        )
    if not (truth & known).any():
        raise InputError("The object has no pixel; leave it out.")
    mask = np.zeros_like(truth)
    given: list[Click] = []
    seconds: list[float] = []
    scores: list[tuple[float, float, float, float]] = []
    while len(scores) < clicks:
        progress("clicks", len(scores) / clicks)
        click = next_click(mask, truth, known, protocol=protocol, given=given)
        if click is None:
            scores += [scores[-1]] * (clicks - len(scores))
            break
        given.append(click)
        mask, spent = _segment(predictor, given, truth.shape)
        seconds.append(spent)
        scores.append(_score(mask, truth, known, spacing))
    _, rescore = _segment(predictor, given, truth.shape)
    iou, dice, boundary_f, surface = (tuple(column) for column in zip(*scores, strict=True))
    return Clicked(iou, dice, boundary_f, surface, tuple(given), tuple(seconds), rescore)


def _segment(
    predictor: Segments, given: Sequence[Click], shape: tuple[int, ...]
) -> tuple[NDArray[np.bool_], float]:
    """Return the mask of all clicks, and the seconds it took."""
    points = np.array([(click.row, click.column) for click in given], np.float64)
    labels = np.array([click.label for click in given], bool)
    began = time.perf_counter()
    mask = np.asarray(predictor.segment(points, labels).mask, bool)
    spent = time.perf_counter() - began
    if mask.shape != shape:
        raise InputError(
            f"The mask has the shape {mask.shape} and the object {shape}; "
            "image and masks have to be of one size."
        )
    return mask, spent


def _score(
    mask: NDArray[np.bool_],
    truth: NDArray[np.bool_],
    known: NDArray[np.bool_],
    spacing: tuple[float, float],
) -> tuple[float, float, float, float]:
    """Return IoU, Dice, boundary F and normalised surface distance."""
    return (
        metrics.iou(mask, truth, known),
        metrics.dice(mask, truth, known),
        metrics.boundary_f(mask, truth, known, spacing),
        metrics.surface_distance(mask, truth, known, spacing),
    )
