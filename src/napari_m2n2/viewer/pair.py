"""One object: the image it is in, its prompts and its labels."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
from napari.components import Dims
from napari.layers import Image, Labels, Layer, Points, Shapes
from numpy.typing import NDArray

from napari_m2n2.annotation.jobs import Segmented
from napari_m2n2.annotation.planes import Affine, Plane, is_tilted, on_plane, probe, shown_plane
from napari_m2n2.annotation.prompts import PlanePrompts
from napari_m2n2.annotation.region import Region
from napari_m2n2.annotation.shapes import prompts_on
from napari_m2n2.errors import InputError
from napari_m2n2.viewer.layers import make_labels
from napari_m2n2.viewer.points_layer import make_prompts, read_thresholds
from napari_m2n2.viewer.shapes_layer import Drawings
from napari_m2n2.viewer.signs import read_signs
from napari_m2n2.viewer.source import ImageSource
from napari_m2n2.viewer.writing import Writer

KEPT_ANSWERS = 8
"""Of how many planes the last answer is kept, so that its overlay can be shown again."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What was found out for the prompts of a plane, and what was asked for it."""

    outcome: Segmented
    region: Region
    prompts: PlanePrompts
    map_of: int | None = None

    @property
    def thresholds(self) -> dict[int, float]:
        """λ of each point, as an index of its layer."""
        values = self.outcome.thresholds.tolist()
        return dict(zip(self.prompts.origin.tolist(), values, strict=False))


class Pair:
    """The layers of one object, and what is read from them.

    Parameters
    ----------
    source : ImageSource
    label : int
        The object's number in the label image.
    labels : Labels, optional
        A layer that has the object already, to refine it; by default a new one.

    Attributes
    ----------
    source : ImageSource
    image, prompts, shapes, labels
        The layers.
    label : int
        The object's number.
    drawings : Drawings
        What is drawn in the layer of shapes.
    writer : Writer
        What writes to the labels.
    asked : dict of Plane to PlanePrompts
        The prompts that were last segmented, or are being segmented.
    said : dict of Plane to (str, bool)
        What there was to say of a plane last, and whether it tells of a failure.
    answers : dict of Plane to Answer
        The last answers.
    """

    def __init__(self, source: ImageSource, label: int, labels: Labels | None = None) -> None:
        image = source.image
        self.source = source
        self.image: Image = image
        self.shape, self.factors = source.shape, source.factors
        self.prompts: Points = make_prompts(
            image, f"{image.name}: prompts {label}", source.prompt_factors
        )
        self.drawings = Drawings(image, f"{image.name}: shapes {label}", source.prompt_factors)
        self.shapes: Shapes = self.drawings.layer
        self.label = label
        self.refines = labels is not None
        if labels is None:
            name = f"{image.name}: object {label}"
            labels = make_labels(image, self.factors, self.shape, name, label)
        self.labels: Labels = labels
        self.writer = Writer(self.labels, label)
        self.asked: dict[Plane, PlanePrompts] = {}
        self.said: dict[Plane, tuple[str, bool]] = {}
        self.answers: OrderedDict[Plane, Answer] = OrderedDict()
        self._starts: dict[Plane, NDArray[np.bool_] | None] = {}

    # where things are

    def shown(self, dims: Dims) -> Plane:
        """Return the plane of the image on screen, or raise `InputError` with the reason."""
        if dims.ndisplay != 2:
            raise InputError("The view is in 3D; switch it to 2D to place prompts on a plane.")
        self.source.check_shape()
        to_pixels = self.source.to_pixels()
        position = to_pixels(np.array([dims.point])[:, -self.image.ndim :])[0]
        plane = shown_plane(self.shape, dims.displayed, dims.ndim, position)
        if is_tilted(to_pixels, plane):
            raise InputError(
                "The image is rotated out of the view, so no slice of it is on screen; "
                "remove the rotation or roll the axes."
            )
        self.source.check_plane(plane)
        return plane

    def prompts_on(self, plane: Plane) -> PlanePrompts:
        """Return the prompts that lie on a plane; an object to refine begins with its mask."""
        found = prompts_on(
            plane,
            self._to_pixels(self.prompts),
            self.prompts.data,
            read_signs(self.prompts),
            thresholds=read_thresholds(self.prompts),
            shapes=self.drawings.read(),
            shapes_to_pixels=self._to_pixels(self.shapes),
        )
        return replace(found, start=self._start(plane)) if found else found

    def points_on(self, plane: Plane) -> NDArray[np.int64]:
        """Return the indices of the points that lie on a plane, beside the image or in it."""
        data = np.asarray(self.prompts.data, dtype=np.float64).reshape(-1, self.image.ndim)
        return np.flatnonzero(on_plane(self._to_pixels(self.prompts)(data), plane))

    def shapes_on(self, plane: Plane) -> NDArray[np.int64]:
        """Return the indices of the shapes that lie on a plane, beside the image or in it."""
        move = self._to_pixels(self.shapes)
        corners = [np.asarray(data, dtype=np.float64) for data in self.shapes.data]
        return np.flatnonzero([on_plane(move(points), plane).all() for points in corners])

    @property
    def layers(self) -> tuple[Labels, Shapes, Points]:
        """The layers of this object, from the lowest to the highest."""
        return self.labels, self.shapes, self.prompts

    def _to_pixels(self, layer: Layer) -> Affine:
        """Return the map from the coordinates of a layer to pixels of the level segmented."""
        return self.source.to_pixels().after(probe(layer.data_to_world, self.image.ndim))

    # what is known and written

    def clear(self, plane: Plane) -> None:
        """Take back what the prompts of a plane have changed."""
        self.answers.pop(plane, None)
        self.writer.clear(plane, self._starts.get(plane))

    def keep(self, plane: Plane, answer: Answer) -> None:
        """Remember an answer, in place of the one not given for longest."""
        self.answers[plane] = answer
        self.answers.move_to_end(plane)
        while len(self.answers) > KEPT_ANSWERS:
            self.answers.popitem(last=False)

    def has_start(self, plane: Plane) -> bool:
        """Tell whether the object is on a plane before anything is prompted."""
        return self._start(plane) is not None

    def _start(self, plane: Plane) -> NDArray[np.bool_] | None:
        """Return the mask that a plane of an object to refine began with, if it has any."""
        if self.refines and plane not in self._starts:
            self._starts[plane] = self.writer.adopt(plane)
        return self._starts.get(plane)
