"""What a worker process does with a plane: read it, prepare it, and segment its objects."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.channels import AS_IT_IS
from napari_m2n2.annotation.compute import Computer
from napari_m2n2.annotation.jobs import Failed, Job, Outcome, Segmented, Settings
from napari_m2n2.annotation.masks import Mask
from napari_m2n2.annotation.prompts import PlanePrompts
from napari_m2n2.annotation.region import Region
from napari_m2n2.bulk.engine import Engine, create, open_kept
from napari_m2n2.bulk.reading import StackPlane
from napari_m2n2.image import Contrast
from napari_m2n2.progress import ignore


class Picture(Protocol):
    """A plane, or a part of it, as an object was or is to be looked at; it can be pickled.

    Equal ones, of the same hash, give equal pixels.
    """

    def __hash__(self) -> int:
        """Return a number that equal pictures share."""

    @property
    def contrast(self) -> Contrast:
        """The values of what is read that become black and white."""

    @property
    def region(self) -> Region | None:
        """What of the plane is segmented; None is all of it."""

    def read(self) -> NDArray[Any]:
        """Read it."""


@dataclass(frozen=True)
class WholePlane:
    """A plane of a file, all of it."""

    plane: StackPlane
    contrast: Contrast = AS_IT_IS
    region: Region | None = None

    def read(self) -> NDArray[Any]:
        """Read it as (H, W, 3) in [0, 1]."""
        return self.plane.rgb()


@dataclass(frozen=True, eq=False)
class ObjectTask:
    """One object on one plane.

    Attributes
    ----------
    number : int
        What its pixels get.
    picture : Picture
    prompts : PlanePrompts
    settings : Settings
        How it is segmented.
    name : str
    size : (int, int), optional
        Rows and columns of the plane, where the picture has a region.
    """

    number: int
    picture: Picture
    prompts: PlanePrompts
    settings: Settings
    name: str = ""
    size: tuple[int, int] | None = None

    @property
    def job(self) -> Job:
        """What is to be computed."""
        picture = self.picture
        return Job(
            read=picture.read,
            key=picture,
            prompts=self.prompts,
            contrast=picture.contrast,
            settings=self.settings,
            region=picture.region,
        )


@dataclass(frozen=True, eq=False)
class PlaneTask:
    """The objects of a plane.

    Attributes
    ----------
    key : str
        Names all that the masks depend on.
    objects : tuple of ObjectTask
        What comes first keeps pixels that a later one wants too.
    """

    key: str
    objects: tuple[ObjectTask, ...]


@dataclass(frozen=True)
class ObjectFound:
    """The mask of an object on a plane.

    Attributes
    ----------
    number : int
    mask : Mask
    prompts : int
        Points, boxes, lines and other shapes that it was made from.
    seconds : float
        Preparing the plane included, where that was not done before.
    sentence : str
        Why there is no mask; it is empty then.
    """

    number: int
    mask: Mask
    prompts: int = 0
    seconds: float = 0.0
    sentence: str = ""


@dataclass(frozen=True)
class PlaneFound:
    """What was found on a plane.

    Attributes
    ----------
    key : str
        That of its task.
    objects : tuple of ObjectFound
    weights : str
        Those of the backbone; "" if it has none.
    grid : (int, int)
        Cells down and across.
    device : str
    """

    key: str
    objects: tuple[ObjectFound, ...]
    weights: str = ""
    grid: tuple[int, int] = (0, 0)
    device: str = ""


@dataclass(frozen=True)
class NotKept:
    """The store cannot be used any more; attention is computed all the same."""

    sentence: str


_kept = threading.local()
"""What each thread has prepared, since loading weights can take longer than a plane."""


def segment_plane(task: PlaneTask) -> Iterator[PlaneFound | NotKept]:
    """Yield what is found on a plane, once; what cannot be segmented has a sentence."""
    if not hasattr(_kept, "computer"):
        _kept.computer = Computer(create, kept=1)
    found, made = [], None
    for one in task.objects:
        outcome = _kept.computer(one.job, ignore, ignore)
        if isinstance(outcome, Segmented):
            made = outcome
        found.append(_found(one, outcome))
    if made is None:
        yield PlaneFound(task.key, tuple(found))
    else:
        yield PlaneFound(task.key, tuple(found), made.weights, made.grid, made.device)
    for store in {one.settings.store for one in task.objects if isinstance(one.settings, Engine)}:
        if store and open_kept(store).problem:
            yield NotKept(open_kept(store).problem)


def _found(task: ObjectTask, outcome: Outcome) -> ObjectFound:
    """Return what an object came to."""
    prompts = task.prompts
    count = len(prompts.points) + len(prompts.boxes) + len(prompts.scribbles)
    count += len(prompts.lassos) + len(prompts.excluded) + (prompts.start is not None)
    if isinstance(outcome, Segmented):
        mask = outcome.mask
        if task.picture.region is not None and task.size is not None:
            mask = np.zeros(task.size, bool)
            mask[task.picture.region.window] = outcome.mask
        seconds = round(outcome.seconds["total"], 4)
        return ObjectFound(task.number, Mask.pack(mask), count, seconds)
    sentence = outcome.message if isinstance(outcome, Failed) else "It was called off."
    return ObjectFound(task.number, Mask((0, 0)), count, sentence=sentence)
