"""What a worker process does with an image: load it, prepare it, and click its objects."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from napari_m2n2.errors import FileError, InputError, MissingError, NoMemoryError, UserError
from napari_m2n2.evaluation import machine
from napari_m2n2.evaluation.datasets.base import Case, Loaded, Target
from napari_m2n2.evaluation.failure import Failure
from napari_m2n2.evaluation.predictors import Predictor
from napari_m2n2.evaluation.runs import Record, Settings
from napari_m2n2.evaluation.simulation import click_object

Create: TypeAlias = Callable[[Settings], Predictor]
"""Makes what is clicked; a function of a module."""


@dataclass(frozen=True, eq=False)
class Task:
    """An image to evaluate.

    Attributes
    ----------
    case : Case
    settings : Settings
    create : callable
    done : frozenset of str
        Names of its objects that need not be clicked again.
    """

    case: Case
    settings: Settings
    create: Create
    done: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Opened:
    """The image was loaded and has these objects."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class Computed:
    """What the image was evaluated with; see `napari_m2n2.evaluation.runs.Run`."""

    versions: Mapping[str, Any]
    machine: Mapping[str, Any]
    details: Mapping[str, Any]


@dataclass(frozen=True)
class Unusable:
    """The settings cannot be used with any image."""

    error: UserError


Finding: TypeAlias = Opened | Computed | Unusable | Record | Failure

_NOT_THE_IMAGE = (MissingError, FileError, NoMemoryError)
"""Raised by a predictor for want of weights or memory: no other image would do better."""

_PLAIN = (bool, int, float, str, tuple)

_kept = threading.local()
"""The predictor of each thread, since loading its weights can take longer than an image."""


def evaluate_case(task: Task) -> Iterator[Finding]:
    """Yield what is found of an image, each object as soon as it is done.

    Whatever cannot be used is a `Failure`, and the rest goes on. The same task yields the same
    findings in the same order.
    """
    case = task.case
    try:
        loaded = case.load()
    except UserError as error:
        yield _failure(case, "", error)
        return
    yield Opened(tuple(target.name for target in loaded.targets))
    for name, sentence in loaded.problems:
        yield Failure(case.dataset, case.image, name, sentence)
    targets = [target for target in loaded.targets if target.name not in task.done]
    if not targets:
        return
    try:
        predictor = _predictor(task)
    except UserError as error:
        yield Unusable(error)
        return
    try:
        began = time.perf_counter()
        predictor.set_image(loaded.image)
        prepare = time.perf_counter() - began
        computed = Computed(
            machine.versions(), machine.machine(task.settings.device), _details(predictor)
        )
    except _NOT_THE_IMAGE as error:
        yield Unusable(error)
        return
    except UserError as error:
        yield from (_failure(case, target.name, error) for target in targets)
        return
    yield computed
    for target in targets:
        try:
            yield _record(task, loaded, target, predictor, prepare)
        except Exception as error:  # noqa: BLE001 - the other objects go on, whatever it is
            yield _failure(case, target.name, error)


def _record(
    task: Task, loaded: Loaded, target: Target, predictor: Predictor, prepare: float
) -> Record:
    """Click an object."""
    if loaded.image.shape[:2] != target.truth.shape:
        raise InputError(
            f"The image has {_size(loaded.image.shape)} pixels and the object's mask "
            f"{_size(target.truth.shape)}; give a mask of the image's size."
        )
    clicked = click_object(
        predictor,
        target.truth,
        target.valid,
        clicks=task.settings.clicks,
        protocol=task.settings.protocol,
        spacing=loaded.spacing,
    )
    return Record(
        dataset=task.case.dataset,
        domain=task.case.domain,
        image=task.case.image,
        object=target.name,
        iou=clicked.iou,
        dice=clicked.dice,
        boundary_f=clicked.boundary_f,
        surface=clicked.surface,
        clicks=clicked.clicks,
        seconds={
            "prepare": prepare,
            "clicks": list(clicked.seconds),
            "rescore": clicked.rescore,
        },
    )


def _size(shape: tuple[int, ...]) -> str:
    """Return rows and columns as users read them."""
    return " × ".join(str(length) for length in shape[:2])


def _failure(case: Case, name: str, error: Exception) -> Failure:
    """Return the sentence for an object, or for a whole image, that cannot be evaluated."""
    if isinstance(error, UserError):
        sentence = str(error)
    else:
        sentence = unexpected(f"{type(error).__name__}: {' '.join(str(error).split())}")
    return Failure(case.dataset, case.image, name, sentence)


def unexpected(reason: str) -> str:
    """Return the sentence for what nobody has foreseen."""
    return f"It could not be evaluated ({reason}); the same command tries it again."


def _predictor(task: Task) -> Predictor:
    """Return the predictor of this thread, made anew for other settings."""
    wanted = (task.create, task.settings)
    if getattr(_kept, "made_of", None) != wanted:
        _kept.made_of = _kept.predictor = None
        _kept.predictor = task.create(task.settings)
        _kept.made_of = wanted
    predictor: Predictor = _kept.predictor
    return predictor


def _details(predictor: Predictor) -> dict[str, Any]:
    """Return what the settings came to, as far as the predictor tells."""
    found: dict[str, Any] = {}
    for owner in (getattr(predictor, name, None) for name in ("parameters", "method")):
        if dataclasses.is_dataclass(owner):
            named = {field.name: getattr(owner, field.name) for field in dataclasses.fields(owner)}
            # a peer may keep its network in a field
            found["parameters"] = {
                name: value for name, value in named.items() if isinstance(value, _PLAIN)
            }
    weights = getattr(predictor, "weights", None)
    if weights is not None:
        found["weights"] = str(weights)
    return found
