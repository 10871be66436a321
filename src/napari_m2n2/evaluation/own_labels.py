"""Which backbone, method and preset suits somebody's own labels: one plane, a few objects, clicks.

The clicks are those of `napari_m2n2.evaluation.clicks`, so that what is found here for a plane is
what an evaluation finds for it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import InputError, UserError
from napari_m2n2.evaluation import predictors
from napari_m2n2.evaluation.choices import Choice
from napari_m2n2.evaluation.runs import Settings
from napari_m2n2.evaluation.simulation import Clicked, click_object
from napari_m2n2.image import Contrast
from napari_m2n2.progress import Progress, ignore

CLICKS = 5
OBJECTS = 5

_LEAST_PIXELS = 16
"""Smaller objects are left out: their overlap says more about a pixel than about a method."""


@dataclass(frozen=True)
class Measured:
    """What a choice came to.

    Attributes
    ----------
    choice : Choice
    iou : tuple of float
        Mean over the objects after 1, 2, ... clicks; empty if it could not be measured.
    objects : int
        How many objects were clicked.
    prepare : float
        Seconds before the first click.
    click : float
        Seconds of a click, median.
    problem : str
        The sentence that says why it could not be measured; empty if it was.
    """

    choice: Choice
    iou: tuple[float, ...] = ()
    objects: int = 0
    prepare: float = 0.0
    click: float = 0.0
    problem: str = ""


def pick_objects(labels: NDArray[np.integer], most: int = OBJECTS) -> tuple[tuple[int, ...], int]:
    """Return the numbers of the objects to click, and how many there are to choose from.

    Parameters
    ----------
    labels : (H, W) array of int
        0 is background.
    most : int
        How many; of more, some of each size are taken, from the largest to the smallest.

    Returns
    -------
    (tuple of int, int)

    Raises
    ------
    InputError
        If no object is large enough.
    """
    numbers, areas = np.unique(labels[labels > 0], return_counts=True)
    order = np.argsort(-areas, kind="stable")
    fit = [int(numbers[place]) for place in order if areas[place] >= _LEAST_PIXELS]
    if not fit:
        raise InputError(
            f"There is no object of {_LEAST_PIXELS} pixels or more on this plane; "
            "go to a slice with labels, or outline an object and commit it."
        )
    places = np.unique(np.linspace(0, len(fit) - 1, min(most, len(fit))).round().astype(int))
    return tuple(fit[place] for place in places), len(fit)


def measure_choice(
    choice: Choice,
    image: Any,
    masks: Sequence[NDArray[np.bool_]],
    *,
    contrast: Contrast = None,
    clicks: int = CLICKS,
    device: str = "auto",
    grid: int | None = None,
    create: Callable[[Settings], Any] = predictors.create,
    progress: Progress = ignore,
) -> Measured:
    """Click objects of a plane with one choice.

    Parameters
    ----------
    choice : Choice
    image : array-like, (H, W) or (H, W, C)
    masks : sequence of (H, W) bool arrays
        The objects, each with a pixel at least.
    contrast : (float, float) or "percentile", optional
        See `napari_m2n2.image.to_rgb`.
    clicks : int
        On each object, at least 1.
    device, grid
        As for `napari_m2n2.segmenter.Segmenter`.
    create : callable
        Makes a `Segmenter` of settings.
    progress : callable
        Told of all of it as one phase named after the choice; may raise `Cancelled`.

    Returns
    -------
    Measured
        With the problem if it cannot be used, so that others can.
    """
    settings = Settings(
        backbone=choice.backbone,
        method=choice.method,
        preset=choice.preset,
        grid=grid,
        clicks=clicks,
        device=device,
    )
    report = _Parts(progress, choice.name, len(masks) + 1)
    try:
        began = time.perf_counter()
        predictor = create(settings)
        predictor.set_image(image, contrast=contrast, progress=report.part(0))
        prepare = time.perf_counter() - began
        found: list[Clicked] = []
        for place, mask in enumerate(masks, start=1):
            found.append(click_object(predictor, mask, clicks=clicks, progress=report.part(place)))
    except UserError as error:
        return Measured(choice, problem=str(error))
    iou = np.mean([clicked.iou for clicked in found], axis=0)
    seconds = [spent for clicked in found for spent in clicked.seconds]
    progress(choice.name, 1.0)
    return Measured(
        choice,
        iou=tuple(float(value) for value in iou),
        objects=len(found),
        prepare=prepare,
        click=statistics.median(seconds),
    )


def measure(
    choices: Sequence[Choice], image: Any, labels: NDArray[np.integer], **options: Any
) -> Iterator[Measured]:
    """Yield what each choice comes to on a plane and its labels, as soon as it is known.

    Parameters
    ----------
    choices : sequence of Choice
    image : array-like, (H, W) or (H, W, C)
    labels : (H, W) array of int
        0 is background.
    **options
        See `measure_choice`.
    """
    numbers, _ = pick_objects(labels)
    masks = [labels == number for number in numbers]
    for choice in choices:
        yield measure_choice(choice, image, masks, **options)


def best(measured: Sequence[Measured], within: float = 0.02) -> Measured | None:
    """Return the one to choose: of those nearly as good as the best, the fastest.

    Parameters
    ----------
    measured : sequence of Measured
    within : float
        How much less of the mean over all clicks is nearly as good.
    """
    fit = [one for one in measured if one.iou]
    if not fit:
        return None
    top = max(statistics.fmean(one.iou) for one in fit)
    near = [one for one in fit if statistics.fmean(one.iou) >= top - within]
    return min(near, key=lambda one: one.click)


class _Parts:
    """One phase of equal parts, whatever the phases within them are called."""

    def __init__(self, progress: Progress, name: str, count: int) -> None:
        self._progress, self._name, self._count = progress, name, count

    def part(self, place: int) -> Progress:
        """Return what a part reports to."""

        def report(_phase: str, fraction: float) -> None:
            # phases within a part follow one another, each from 0 to 1: only clicks are alone
            share = fraction if place else 0.0
            self._progress(self._name, (place + share) / self._count)

        return report
