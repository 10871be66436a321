"""One image with its layers of labels and prompts, and the object that is at work in them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from napari.components import Dims
from napari.layers import Image, Labels, Layer, Points, Shapes
from numpy.typing import NDArray

from napari_m2n2.annotation.history import History
from napari_m2n2.annotation.objects import AnnotatedObject, ObjectTable
from napari_m2n2.annotation.planes import Affine, Plane, on_plane, probe
from napari_m2n2.annotation.prompts import PlanePrompts
from napari_m2n2.annotation.shapes import prompts_on
from napari_m2n2.errors import InputError
from napari_m2n2.viewer.deeds import Deeds
from napari_m2n2.viewer.kept_prompts import nothing_kept
from napari_m2n2.viewer.layers import PROMPTS_OF, make_labels
from napari_m2n2.viewer.points_layer import make_prompts, read_thresholds
from napari_m2n2.viewer.shapes_layer import Drawings
from napari_m2n2.viewer.signs import read_signs
from napari_m2n2.viewer.source import ImageSource
from napari_m2n2.viewer.view import plane_on_screen
from napari_m2n2.viewer.work import Answer, Work
from napari_m2n2.viewer.writing import Writer


class Pair:
    """The layers of one image, and what is read from them.

    Parameters
    ----------
    source : ImageSource
    labels : Labels, optional
        A layer that is there already; by default a new one.

    Attributes
    ----------
    source : ImageSource
    image, prompts, shapes, labels
        The layers.
    drawings : Drawings
        What is drawn in the layer of shapes.
    writer : Writer
        What writes to the labels.
    table : ObjectTable
        The objects that are committed.
    history : History
        What can be undone.
    work : Work
        The object at work.
    deeds : Deeds
        What was done to pixels and objects.
    kept : KeptPrompts
        The prompts as they were when a step of history was made of them last.
    committed_last : Work, optional
        The object that was at work before a commit last.
    is_waiting : bool
        Whether the object at work is to be committed once its outline is ready.
    quiet : bool
        Whether the prompts change by our own doing.
    """

    def __init__(self, source: ImageSource, labels: Labels | None = None) -> None:
        image = source.image
        self.source = source
        self.image: Image = image
        self.shape, self.factors = source.shape, source.factors
        self.prompts: Points = make_prompts(image, f"{image.name}: prompts", source.prompt_factors)
        self.drawings = Drawings(image, f"{image.name}: shapes", source.prompt_factors)
        self.shapes: Shapes = self.drawings.layer
        for layer in (self.prompts, self.shapes):
            layer.metadata[PROMPTS_OF] = image.unique_id
        self.is_new = labels is None
        if labels is None:
            labels = make_labels(image, self.factors, self.shape, f"{image.name}: labels")
        self.labels: Labels = labels
        self.writer = Writer(self.labels)
        self.table = ObjectTable()
        self.history = History()
        self.deeds = Deeds(self.writer, self.table)
        self.work = Work(0, 0)
        self.committed_last: Work | None = None
        self.is_waiting = False
        self.quiet = False
        self.kept = nothing_kept(self)

    @property
    def label(self) -> int:
        """The value of the object at work."""
        return self.work.value

    @property
    def asked(self) -> dict[Plane, PlanePrompts]:
        """The prompts of the object at work that were last segmented, or are being segmented."""
        return self.work.asked

    @property
    def said(self) -> dict[Plane, tuple[str, bool]]:
        """What there was to say of a plane last, and whether it tells of a failure."""
        return self.work.said

    @property
    def answers(self) -> OrderedDict[Plane, Answer]:
        """The last answers."""
        return self.work.answers

    # where things are

    def shown(self, dims: Dims) -> Plane:
        """Return the plane of the image on screen, or raise `InputError` with the reason."""
        return plane_on_screen(self.source, dims)

    def shown_or_none(self, dims: Dims) -> Plane | None:
        """Return the plane of the image on screen, if there is one."""
        try:
            return self.shown(dims)
        except InputError:
            return None

    def prompts_on(self, plane: Plane) -> PlanePrompts:
        """Return the prompts that lie on a plane; an object to refine begins with its mask."""
        found = prompts_on(
            plane,
            self.pixels_of(self.prompts),
            self.prompts.data,
            read_signs(self.prompts),
            thresholds=read_thresholds(self.prompts),
            shapes=self.drawings.read(),
            shapes_to_pixels=self.pixels_of(self.shapes),
        )
        return replace(found, start=self._start(plane)) if found else found

    def points_on(self, plane: Plane) -> NDArray[np.int64]:
        """Return the indices of the points that lie on a plane, beside the image or in it."""
        data = np.asarray(self.prompts.data, dtype=np.float64).reshape(-1, self.image.ndim)
        return np.flatnonzero(on_plane(self.pixels_of(self.prompts)(data), plane))

    def shapes_on(self, plane: Plane) -> NDArray[np.int64]:
        """Return the indices of the shapes that lie on a plane, beside the image or in it."""
        move = self.pixels_of(self.shapes)
        corners = [np.asarray(data, dtype=np.float64) for data in self.shapes.data]
        return np.flatnonzero([on_plane(move(points), plane).all() for points in corners])

    @property
    def layers(self) -> tuple[Labels, Shapes, Points]:
        """The layers of this image, from the lowest to the highest."""
        return self.labels, self.shapes, self.prompts

    def pixels_of(self, layer: Layer) -> Affine:
        """Return the map from the coordinates of a layer to pixels of the labels."""
        return self.source.to_pixels().after(probe(layer.data_to_world, self.image.ndim))

    def layer_of(self, layer: Layer) -> Affine:
        """Return the map from pixels of the labels to the coordinates of a layer."""
        there = self.pixels_of(layer)
        back = np.linalg.inv(there.matrix)
        return Affine(back, -back @ there.offset)

    # the object at work

    @property
    def prompted(self) -> bool:
        """Whether there is any prompt."""
        return bool(len(self.prompts.data) or len(self.shapes.data))

    @property
    def record(self) -> AnnotatedObject | None:
        """The object at work as it is committed, if it is."""
        return self.table.get(self.work.id)

    def begin(self, work: Work) -> None:
        """Turn to another object; what is shown of the last one is taken back."""
        self.work.leave()
        work.ownership = self.writer.begin(work.value, work.ownership)
        self.work = work
        if work.value:
            self.labels.selected_label = work.value

    def clear(self, plane: Plane) -> None:
        """Take back what the prompts of a plane have changed."""
        self.answers.pop(plane, None)
        self.work.made.pop(plane, None)
        self.writer.clear(plane, self.work.starts.get(plane))

    def has_start(self, plane: Plane) -> bool:
        """Tell whether the object is on a plane before anything is prompted."""
        return self._start(plane) is not None

    def is_alone(self, value: int) -> bool:
        """Tell whether all pixels with a value are those of one object."""
        others = [known for known in self.table if known.value == value]
        return len(others) + (self.work.value == value and self.record is None) <= 1

    @contextmanager
    def silently(self) -> Iterator[None]:
        """While it lasts, the prompts change by our own doing."""
        self.quiet = True
        try:
            yield
        finally:
            self.quiet = False

    def _start(self, plane: Plane) -> NDArray[np.bool_] | None:
        """Return the mask that a plane of a committed object begins with, if it has any."""
        record, starts = self.record, self.work.starts
        if record is not None and plane not in starts:
            starts[plane] = self._take_over(record, plane)
        return starts.get(plane)

    def _take_over(self, record: AnnotatedObject, plane: Plane) -> NDArray[np.bool_] | None:
        """Let what is committed of a plane be changed; return what prompts there begin with."""
        known = record.records.get(plane)
        prompted = known is not None and known.prompts > 0
        only = None
        if not self.is_alone(record.value):
            mask = None if known is None else known.mask
            only = np.zeros(plane.size, bool) if mask is None else mask.unpack()
        found = self.writer.previews.adopt(plane, only, painted_too=not prompted)
        if known is None or not prompted:
            return found
        return None if known.start is None else known.start.unpack()
