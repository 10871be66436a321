"""What is to be done with the images of a table: planes, objects, and where labels go."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.jobs import Settings
from napari_m2n2.annotation.prompts import PlanePrompts
from napari_m2n2.bulk.jsontext import to_text
from napari_m2n2.bulk.reading import Look, StackPlane
from napari_m2n2.bulk.records import Failure
from napari_m2n2.bulk.segmenting import ObjectTask, PlaneTask, WholePlane
from napari_m2n2.bulk.table import Prompted
from napari_m2n2.errors import InputError, UserError
from napari_m2n2.files import Plane, PromptFile
from napari_m2n2.files.ome_zarr import is_zarr
from napari_m2n2.files.planes import AxisName
from napari_m2n2.files.stacks import Index, Stack, StackChoice, labels_beside, open_stack
from napari_m2n2.prompts import check_prompts

INSIDE = "m2n2"
"""The name of the label image that is made in an OME-Zarr image."""

_BYTES = 16
"""Length of a digest."""


@dataclass(frozen=True)
class Slot:
    """Where in the labels of an image a plane belongs.

    Attributes
    ----------
    index : tuple of int or slice
        One for each axis of the labels; slices for rows and columns.
    turned : bool
        Whether the plane's rows run along the later one of its axes.
    """

    index: tuple[int | slice, ...]
    turned: bool = False

    @property
    def place(self) -> tuple[int, ...]:
        """Where the plane lies along the axes of its stack."""
        return tuple(part for part in self.index if isinstance(part, int))

    def view(self, labels: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the plane of the labels of the image."""
        plane = labels[self.index]
        return plane.T if self.turned else plane


@dataclass(frozen=True, eq=False)
class ImagePlan:
    """An image, its planes with prompts, and where its labels go.

    Attributes
    ----------
    image : Path
    labels : Path
        What is written.
    shape : tuple of int
        Of the labels.
    planes : tuple of PlaneTask
    slots : tuple of Slot
        Where in the labels each of these planes belongs.
    failures : tuple of Failure
        What of it cannot be done.
    sentence : str
        Why nothing can be done with it, or "".
    """

    image: Path
    labels: Path
    shape: tuple[int, ...] = ()
    planes: tuple[PlaneTask, ...] = ()
    slots: tuple[Slot, ...] = ()
    failures: tuple[Failure, ...] = ()
    sentence: str = ""

    @property
    def key(self) -> str:
        """Names all that its labels depend on."""
        return digest([plane.key for plane in self.planes])


@dataclass(frozen=True)
class Places:
    """Where labels are written.

    Attributes
    ----------
    folder : Path, optional
        By default beside each image.
    ending : str, optional
        Of their names, such as ".ome.zarr"; by default that of the image.
    inside : bool
        Whether labels of an OME-Zarr image become a label image in it.
    """

    folder: Path | None = None
    ending: str | None = None
    inside: bool = False

    def of(self, image: Path) -> Path:
        """Return where the labels of an image are written."""
        if self.inside and is_zarr(image):
            return image / "labels" / INSIDE
        return labels_beside(image, self.folder, self.ending)


def plan_table(
    prompted: Sequence[Prompted],
    settings: Settings,
    look: Look,
    places: Places,
    *,
    axes: tuple[AxisName, ...] = (),
    channel_axis: AxisName | None = None,
) -> list[ImagePlan]:
    """Return what is to be done for a table.

    Parameters
    ----------
    prompted : sequence of Prompted
    settings : Settings
    look : Look
    places : Places
    axes, channel_axis
        See `napari_m2n2.files.stacks.StackChoice`; for all images.

    Returns
    -------
    list of ImagePlan
        An image that cannot be used has a sentence instead of planes.
    """
    plans = []
    for one in prompted:
        labels = places.of(one.image)
        choice = StackChoice(one.image, axes, channel_axis)
        try:
            plans.append(_plan(open_stack(choice), one, settings, look, labels))
        except UserError as error:
            plans.append(ImagePlan(one.image, labels, sentence=str(error)))
    return plans


def check_places(plans: Sequence[ImagePlan]) -> None:
    """Raise InputError where two images would write their labels to one place."""
    for place, count in Counter(plan.labels for plan in plans).items():
        if count > 1:
            raise InputError(
                f"The labels of {count} images would all be written to {place}; rename the "
                "images, or write labels beside them."
            )


def digest(value: Any) -> str:
    """Return what names a value: dataclasses, arrays, mappings, and whatever JSON has."""
    found = hashlib.blake2b(digest_size=_BYTES)
    found.update(to_text(_plain(value)).encode())
    return found.hexdigest()


def state_of(path: Path) -> list[int | str]:
    """Return what changes when a file does: its size and time; of a zarr those of its arrays."""
    files = [path]
    if path.is_dir():  # its own labels lie in it, and are no part of the image
        levels = [inner for inner in path.iterdir() if inner.name != "labels"]
        files = [*levels, *(file for inner in levels for file in inner.glob("*zarr*"))]
    states = [file.stat() for file in files]
    return [
        str(path.absolute()),
        sum(state.st_size for state in states),
        max((state.st_mtime_ns for state in states), default=0),
    ]


def _plan(
    stack: Stack, prompted: Prompted, settings: Settings, look: Look, labels: Path
) -> ImagePlan:
    """Return what is to be done with an image that is there."""
    wanted: dict[Index, list[tuple[int, PlanePrompts]]] = {}
    failures: list[Failure] = []
    for number, prompts in prompted.objects.items():
        for index in _planes_of(prompts, stack):
            plane = stack.outline(index)
            try:
                there = _prompts_on(plane, prompts)
            except InputError as error:
                failures.append(Failure(str(error), number, Slot(stack.slot(index)).place))
                continue
            if there:
                wanted.setdefault(index, []).append((number, there))
    if not wanted and not failures:
        raise InputError(
            f"No prompt lies on a plane of {prompted.image}; correct its coordinates."
        )
    state = state_of(prompted.image)
    planes = []
    for index, objects in wanted.items():
        picture = WholePlane(StackPlane(stack.choice, index, look))
        key = digest([state, stack.axes, picture, settings, objects])
        planes.append(
            PlaneTask(key, tuple(ObjectTask(n, picture, there, settings) for n, there in objects))
        )
    slots = tuple(Slot(stack.slot(index)) for index in wanted)
    return ImagePlan(prompted.image, labels, stack.shape, tuple(planes), slots, tuple(failures))


def _prompts_on(plane: Plane, prompts: PromptFile) -> PlanePrompts:
    """Return the prompts of an object that lie on a plane; refuse those beside it."""
    found = prompts.on_plane(plane)
    check_prompts(
        found.points,
        found.labels,
        plane.plane_shape,
        boxes=found.boxes,
        scribbles=found.scribbles,
    )
    return PlanePrompts(
        points=found.points, labels=found.labels, boxes=found.boxes, scribbles=found.scribbles
    )


def _planes_of(prompts: PromptFile, stack: Stack) -> list[Index]:
    """Return the planes that prompts may lie on; with two coordinates each counts for all."""
    parts = [prompts.points, prompts.boxes.reshape(-1, prompts.boxes.shape[-1])]
    parts += [path for path, _ in prompts.scribbles]
    rows = [part for part in parts if part.size]
    if not rows:
        return []
    count = rows[0].shape[1]
    if count == 2:
        return list(stack.indices)
    # coordinates may leave out the axis of channels, as labels do
    axes = stack.axes if count == len(stack.source.shape) else stack.label_axes
    if count not in (len(stack.source.shape), len(stack.shape)):
        raise InputError(
            f"{prompts.path.name} has points with {count} coordinates but "
            f"{stack.choice.path.name} has {len(stack.shape)} axes; give 2 coordinates, or one "
            "for each axis."
        )
    found = {
        tuple(int(n) for n in np.floor(row[list(axes)] + 0.5)) for part in rows for row in part
    }
    lengths = stack.lengths
    return sorted(
        index for index in found if all(0 <= i < n for i, n in zip(index, lengths, strict=True))
    )


def _plain(value: Any) -> Any:
    """Return a value as dicts and lists."""
    if is_dataclass(value) and not isinstance(value, type):
        named = {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        return {"type": type(value).__name__, **named}
    if isinstance(value, np.ndarray):
        return [str(value.dtype), list(value.shape), value.tolist()]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
