"""Measuring on the user's own labels which backbone, method and preset suits the image."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from napari.layers import Image, Labels
from numpy.typing import NDArray
from psygnal import Signal

from napari_m2n2.annotation.jobs import Failed, Stopped
from napari_m2n2.annotation.newest import Runner
from napari_m2n2.annotation.planes import Plane, read_plane
from napari_m2n2.errors import Cancelled, InputError, UserError
from napari_m2n2.progress import Progress
from napari_m2n2.viewer.background import Background
from napari_m2n2.viewer.source import ImageSource, Picture
from napari_m2n2.viewer.view import plane_on_screen

if TYPE_CHECKING:
    from napari_m2n2.evaluation.choices import Choice
    from napari_m2n2.evaluation.own_labels import Measured
    from napari_m2n2.viewer.controller import Controller

logger = logging.getLogger(__name__)

NO_LABELS = (
    "There are no labels that fit the image; outline an object and commit it, or open some."
)
NO_CHOICE = "Nothing is chosen to be measured; tick a row of the list."


@dataclass(eq=False)
class _Measurement:
    """What is under way."""

    picture: Picture
    masks: tuple[NDArray[np.bool_], ...]
    waiting: list[Choice]
    clicks: int
    all: int
    told: str
    image: Any = None


class Measurer(Background):
    """Clicks objects of a labels layer on the plane on screen, with one choice after the other.

    Called off, it keeps what was found so far.

    Parameters
    ----------
    controller : Controller
    runner : Runner
    measure : callable, optional
        By default `napari_m2n2.evaluation.own_labels.measure_choice`.

    Attributes
    ----------
    state : State
        What is chosen in the window.
    found : signal of Measured
        What a choice has come to.
    """

    found: ClassVar[Signal] = Signal(object)

    def __init__(self, controller: Controller, runner: Runner, measure: Any = None) -> None:
        super().__init__(controller, runner)
        self.state = controller.state
        self._measure = measure
        self._stopped = False
        self._now: _Measurement | None = None
        self._results: list[Measured] = []

    @property
    def busy(self) -> bool:
        """Whether it is being measured."""
        return self._now is not None

    @property
    def best(self) -> Measured | None:
        """What of the last measurement is to be chosen; None if nothing was found."""
        from napari_m2n2.evaluation.own_labels import best

        return best(self._results)

    def layers(self) -> list[Labels]:
        """Return the labels layers that fit the image chosen, that of its objects first."""
        image = self.state.image
        if image is None:
            return []
        own = self._controller.labels_of(image)
        shapes = {tuple(image.data.shape[: image.ndim])} if not image.multiscale else set()
        if own is not None:
            shapes.add(tuple(own.data.shape))
        found = [
            layer
            for layer in self._controller.viewer.layers
            if isinstance(layer, Labels) and tuple(layer.data.shape) in shapes
        ]
        return sorted(found, key=lambda layer: layer is not own)

    def measure(self, labels: Labels | None, choices: Sequence[Choice], clicks: int) -> None:
        """Measure choices on the plane on screen; what is found is told choice by choice.

        Parameters
        ----------
        labels : Labels, optional
            One of `layers`.
        choices : sequence of Choice
        clicks : int
            On each object.
        """
        if self.busy:
            return
        try:
            self._now = self._prepare(labels, choices, clicks)
        except InputError as error:
            self.said.emit(str(error), True)
            return
        self._stopped = False
        self._results = []
        self.said.emit(self._now.told, False)
        self.changed.emit()
        self._next()

    def use(self, choice: Choice) -> None:
        """Outline with a choice from now on."""
        self.state.settings = replace(
            self.state.settings,
            backbone=choice.backbone,
            method=choice.method,
            preset=choice.preset,
        )

    def stop(self) -> None:
        """Call it off."""
        self._stopped = True
        super().stop()

    def close(self, _object: object = None) -> None:
        """Call it off and say nothing more."""
        super().close()
        self.found.disconnect()

    def _prepare(
        self, labels: Labels | None, choices: Sequence[Choice], clicks: int
    ) -> _Measurement:
        """Return what has to be known, or raise `InputError` with what is lacking."""
        from napari_m2n2.evaluation.own_labels import pick_objects

        image = self.state.image
        if image is None or labels is None:
            raise InputError(NO_LABELS)
        if not choices:
            raise InputError(NO_CHOICE)
        source = self._source(image)
        plane = plane_on_screen(source, self._controller.viewer.dims)
        picture = source.picture(plane)
        values = self._values(image, labels, plane)[picture.region.window]
        numbers, count = pick_objects(values)
        whole = replace(picture.region, rows=(0, values.shape[0]), columns=(0, values.shape[1]))
        masks = tuple(whole.reduce_mask(values == number) for number in numbers)
        masks = tuple(mask for mask in masks if mask.any())
        told = f"{len(masks)} of {count} objects on {plane.name or 'the plane'} are clicked."
        return _Measurement(picture, masks, list(choices), clicks, len(choices), told)

    def _source(self, image: Image) -> ImageSource:
        """Return how an image is looked at: as for its objects, or as it would be for them."""
        known = [pair for pair in self._controller.pairs if pair.image is image]
        if known:
            return known[-1].source
        return ImageSource(image, self._controller.viewer, self.state)

    def _values(self, image: Image, labels: Labels, plane: Plane) -> NDArray[Any]:
        """Return a plane of labels as they are committed."""
        data = labels.data
        if labels is self._controller.labels_of(image):
            data = self._controller.committed(image)
        if tuple(data.shape) != plane.shape:
            raise InputError(NO_LABELS)
        return np.array(read_plane(data, plane))

    def _next(self) -> None:
        """Begin with the next choice, or end."""
        now = self._now
        if now is None:
            return
        if not now.waiting or self._stopped:
            self._be_done(now)
            return
        choice = now.waiting.pop(0)
        self._work_on(partial(self._try_out, now, choice), self._done)

    def _try_out(self, now: _Measurement, choice: Choice, progress: Progress) -> Any:
        """Measure a choice, in the thread."""
        from napari_m2n2.evaluation.own_labels import Measured, measure_choice

        settings = self.state.settings
        try:
            progress(choice.name, 0.0)
            if now.image is None:
                now.image = now.picture.read()
            return (self._measure or measure_choice)(
                choice,
                now.image,
                now.masks,
                contrast=now.picture.contrast,
                clicks=now.clicks,
                device=settings.device,
                progress=progress,
            )
        except (Cancelled, UserError):
            raise
        except Exception as error:  # the other choices may do better
            logger.exception("unexpected error while measuring")
            reason = f"Something unexpected went wrong ({type(error).__name__}: {error})."
            return Measured(choice, problem=reason)

    def _report(self, phase: str, fraction: float) -> None:
        """Tell how far all of it is."""
        now = self._now
        if now is not None:
            done = now.all - len(now.waiting) - 1 + fraction
            self.progressed.emit(phase, done / now.all)

    def _done(self, outcome: Any) -> None:
        """Tell what a choice has come to, and go on."""
        now = self._now
        if now is None:
            return
        if isinstance(outcome, Failed):
            self._be_done(now, outcome.message)
        elif isinstance(outcome, Stopped):
            self._be_done(now)
        else:
            self._results.append(outcome)
            self.found.emit(outcome)
            self._next()

    def _be_done(self, now: _Measurement, trouble: str = "") -> None:
        """Tell what is best, or why it ended."""
        self._now = None
        found = self.best
        text = trouble or now.told.replace(" are clicked", " were clicked")
        if found is not None:
            text += (
                f" Best: {found.choice.name}, IoU {found.iou[-1]:.2f} after {now.clicks} clicks."
            )
        if self._stopped:
            text += " It was stopped."
        self.said.emit(text, bool(trouble))
        self.changed.emit()
