"""One object: the image it is in, its prompts and its labels."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from napari.components import Dims
from napari.layers import Image, Labels, Points
from napari.utils.events import Event
from numpy.typing import NDArray

from napari_m2n2.annotation.jobs import Job, Settings
from napari_m2n2.annotation.ownership import Change, Ownership
from napari_m2n2.annotation.planes import (
    Affine,
    Plane,
    choose_level,
    is_tilted,
    level_sentence,
    on_plane,
    probe,
    read_plane,
    shown_plane,
    to_layer,
    to_level,
)
from napari_m2n2.annotation.prompts import PlanePrompts
from napari_m2n2.annotation.shapes import prompts_on
from napari_m2n2.errors import InputError
from napari_m2n2.viewer.layers import make_labels, make_prompts, read_signs, strokes


class Pair:
    """The layers of one object, and all that is read from and written to them.

    Parameters
    ----------
    image : Image
    dims : Dims
        Those of the viewer, to choose the level of a multi-scale image by what is on screen.
    label : int
        The object's number in the label image.

    Attributes
    ----------
    image, prompts, labels
        The layers.
    level : int
        The level of a multi-scale image that is segmented; 0 if there is only one.
    factors : (ndim,) float64 array
        How many pixels of the image one of that level covers along each axis.
    asked : dict of Plane to PlanePrompts
        The prompts that were last segmented, or are being segmented.
    said : dict of Plane to (str, bool)
        What there was to say of a plane last, and whether it tells of a failure.
    """

    def __init__(self, image: Image, dims: Dims, label: int) -> None:
        shapes = _level_shapes(image)
        axes = [axis - (dims.ndim - image.ndim) for axis in dims.displayed]
        self._displayed = axes if len(axes) == 2 and min(axes) >= 0 else [-2, -1]
        self.level = choose_level(shapes, self._displayed) if image.multiscale else 0
        self.shape = tuple(int(n) for n in shapes[self.level])
        self.factors = shapes[0] / shapes[self.level]
        self.image = image
        self.prompts: Points = make_prompts(image, f"{image.name}: prompts {label}")
        self.labels: Labels = make_labels(
            image, self.factors, self.shape, f"{image.name}: object {label}", label
        )
        self.asked: dict[Plane, PlanePrompts] = {}
        self.said: dict[Plane, tuple[str, bool]] = {}
        self._ownership = Ownership(self.shape, label)
        self._version = 0
        self._writing = False

    # where things are

    def shown(self, dims: Dims) -> Plane:
        """Return the plane of the image on screen, or raise `InputError` with the reason."""
        shapes = _level_shapes(self.image)
        if len(shapes) <= self.level or tuple(shapes[self.level]) != self.shape:
            raise InputError(
                "The image was given data of another shape; make new prompts and labels for it."
            )
        to_pixels = self._world_to_pixels()
        position = to_pixels(np.array([dims.point])[:, -self.image.ndim :])[0]
        plane = shown_plane(self.shape, dims.displayed, dims.ndim, position)
        if is_tilted(to_pixels, plane):
            raise InputError(
                "The image is rotated out of the view, so no slice of it is on screen; "
                "remove the rotation or roll the axes."
            )
        return plane

    def prompts_on(self, plane: Plane) -> PlanePrompts:
        """Return the prompts that lie on a plane."""
        to_world = probe(self.prompts.data_to_world, self.image.ndim)
        to_pixels = self._world_to_pixels().after(to_world)
        return prompts_on(plane, to_pixels, self.prompts.data, read_signs(self.prompts))

    def last_on(self, plane: Plane) -> int | None:
        """Return the index of the prompt of a plane that was placed last."""
        data = np.asarray(self.prompts.data, dtype=np.float64).reshape(-1, self.image.ndim)
        to_world = probe(self.prompts.data_to_world, self.image.ndim)
        lies = on_plane(self._world_to_pixels().after(to_world)(data), plane)
        return int(np.flatnonzero(lies)[-1]) if lies.any() else None

    def _world_to_pixels(self) -> Affine:
        """Return the map from the world to pixels of the level that is segmented."""
        return to_level(self.factors).after(probe(self.image.world_to_data, self.image.ndim))

    @property
    def level_note(self) -> str:
        """What to say of the level that is segmented; empty for an image of one level."""
        return level_sentence(_level_shapes(self.image), self._displayed, self.level)

    # what is asked

    def job(self, plane: Plane, prompts: PlanePrompts, settings: Settings, tag: Any) -> Job:
        """Return the job to segment a plane."""
        read, key = self._reader(plane)
        return Job(
            read=read,
            key=key,
            prompts=prompts,
            contrast=self._contrast(),
            settings=settings,
            tag=tag,
        )

    def _reader(self, plane: Plane) -> tuple[Callable[[], NDArray[Any]], Any]:
        """Return what reads the plane in the worker, and a key that names its pixels.

        A plane in memory is copied and named by its content, so that a change in place is seen;
        others may be slow to read, so they are named by where they come from.
        """
        data = self.image.data[self.level] if self.image.multiscale else self.image.data
        if isinstance(data, np.ndarray) and not isinstance(data, np.memmap):
            values = np.array(read_plane(data, plane), order="C")
            digest = hashlib.blake2b(values.tobytes(), digest_size=16).digest()
            return (lambda: values), (digest, values.shape, values.dtype.str)
        key = (self.image.unique_id, self._version, self.level, plane)
        return partial(read_plane, data, plane), key

    def _contrast(self) -> tuple[float, float] | None:
        """Return the contrast limits that the user sees; colours are taken as they are."""
        if self.image.rgb:
            return None
        low, high = (float(limit) for limit in self.image.contrast_limits)
        return (low, high) if low < high else None

    def renew(self, _event: Event | None = None) -> None:
        """Note that the image was given other data."""
        self._version += 1

    # what is written

    def write(self, plane: Plane, mask: NDArray[np.bool_]) -> Change:
        """Make the labels show a mask, in one step of undo; raise `InputError` if they cannot."""
        self.check_labels()
        current = read_plane(self.labels.data, plane)
        change = self._ownership.plan(plane, current, mask)
        if len(change.pixels):
            indices = tuple(to_layer(change.pixels, plane).T)
            with self._own_writing():
                self.labels.data_setitem(indices, change.values)
        self._ownership.wrote(plane, change)
        return change

    def clear(self, plane: Plane) -> None:
        """Take back what was written to a plane."""
        if plane in self._ownership.planes:
            self.write(plane, np.zeros(plane.size, bool))

    def check_labels(self) -> None:
        """Raise `InputError` if the labels can no longer be written to."""
        data = self.labels.data
        if not (
            isinstance(data, np.ndarray) and data.flags.writeable and data.shape == self.shape
        ):
            raise InputError(
                "The labels layer was given other data and no longer fits the image; "
                "make new prompts and labels."
            )

    def painted(self, event: Event) -> None:
        """Remember what the user painted or erased by hand; it is never overwritten."""
        if self._writing or tuple(self.labels.data.shape) != self.shape:
            return
        for indices, values in strokes(event.value, self.shape):
            self._ownership.painted.add(indices, values)

    @contextmanager
    def _own_writing(self):  # noqa: ANN202 - contextmanager
        """While it lasts, `paint` events are our own."""
        self._writing = True
        try:
            yield
        finally:
            self._writing = False


def _level_shapes(image: Image) -> NDArray[np.int64]:
    """Return the shape of each level without colours, finest first: (levels, ndim)."""
    shapes = np.array(image.level_shapes if image.multiscale else [image.data.shape])
    return shapes[:, : image.ndim]
