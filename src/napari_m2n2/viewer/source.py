"""The image of an object as the model shall see it: its level, channels, contrast and region."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from napari.components import ViewerModel
from napari.layers import Image
from numpy.typing import NDArray

from napari_m2n2.annotation.channels import (
    AS_IT_IS,
    DEFAULT_COLOURS,
    Channel,
    along_axis,
    read_channels,
)
from napari_m2n2.annotation.following import Following
from napari_m2n2.annotation.planes import (
    Affine,
    Plane,
    choose_level,
    level_sentence,
    probe,
    to_level,
    to_plane,
)
from napari_m2n2.annotation.prompts import NO_PROMPTS, PlanePrompts
from napari_m2n2.annotation.region import Region, around, whole_plane
from napari_m2n2.errors import InputError
from napari_m2n2.image import Contrast
from napari_m2n2.viewer.channel_layers import channels_of_layers, contrast_of, level_shapes
from napari_m2n2.viewer.content import content
from napari_m2n2.viewer.state import State
from napari_m2n2.viewer.view import view_corners

LEAST_SIDE = 8
"""A drawn region with a shorter side holds no object."""

MOST_LABEL_PIXELS = 8192 * 8192
"""A level of which one plane has more takes labels that napari cannot show."""


@dataclass(frozen=True, eq=False)
class Picture:
    """What a `napari_m2n2.annotation.jobs.Job` has to know of the image."""

    read: Callable[[], NDArray[Any]]
    key: Hashable
    contrast: Contrast
    region: Region

    @property
    def identity(self) -> Hashable:
        """Two pictures with the same one look the same to the model."""
        return self.key, self.contrast, self.region


class ImageSource:
    """An image layer and how it is looked at.

    Parameters
    ----------
    image : Image
    viewer : napari viewer
    state : State

    Attributes
    ----------
    image : Image
    layers : tuple of Image
        All layers whose pixels the model sees, `image` first.
    level : int
        The level of a multi-scale image that is segmented; 0 if there is only one.
    channel_axis : int, optional
        The axis of channels. An object has one mask for all of them.
    displayed : (int, int)
        The axes that were on screen when it was begun.
    shape : tuple of int
        Of the labels: that of the level, with 1 along the axis of channels.
    factors : (ndim,) float64 array
        How many pixels of the image one of the labels covers along each axis.
    prompt_factors : (ndim,) float64 array
        The same for layers of prompts. Along the axis of channels they are so thin that napari
        shows them with every channel.

    Raises
    ------
    InputError
        If the axis of channels cannot be one of this image.
    """

    def __init__(self, image: Image, viewer: ViewerModel, state: State) -> None:
        self.image = image
        self._viewer = viewer
        self._state = state
        self._following = Following()
        self.channel_axis = _checked_axis(image, state.channel_axis)
        self.choose()
        dims = viewer.dims
        axes = [axis - (dims.ndim - image.ndim) for axis in dims.displayed]
        fits = len(axes) == 2 and min(axes) >= 0
        self.displayed = (axes[0], axes[1]) if fits else (image.ndim - 2, image.ndim - 1)
        shapes = level_shapes(image)
        self.level = self._choose_level(shapes)
        self._level_shape = _numbers(shapes[self.level])
        shape = shapes[self.level].copy()
        if self.channel_axis is not None:
            shape[self.channel_axis] = 1
        self.shape = _numbers(shape)
        self.factors: NDArray[np.float64] = shapes[0] / shape
        self.prompt_factors = np.ones(image.ndim)
        if self.channel_axis is not None:
            self.prompt_factors[self.channel_axis] = 2 * self._level_shape[self.channel_axis]
        self._seen: dict[Plane, Hashable] = {}

    def _choose_level(self, shapes: NDArray[np.int64]) -> int:
        """Return the level to segment, by what of it is to be outlined."""
        if len(shapes) == 1:
            return 0
        corners = self._corners()
        if not len(corners):
            return choose_level(shapes, self.displayed)
        to_finest = probe(self.image.world_to_data, self.image.ndim)
        axes = list(self.displayed)
        sides = shapes[:, axes].astype(float)
        seen = np.clip(to_finest(corners)[:, axes], 0, sides[0])
        rows, columns = np.maximum(np.ptp(seen, axis=0), 1).tolist()
        can_be_shown = np.flatnonzero(sides.prod(axis=1) <= MOST_LABEL_PIXELS)
        finest = int(can_be_shown[0]) if len(can_be_shown) else len(shapes) - 1
        return max(choose_level(shapes, self.displayed, (rows, columns)), finest)

    # where things are

    def check_shape(self) -> None:
        """Raise `InputError` if the layer was given data of another shape."""
        shapes = level_shapes(self.image)
        if len(shapes) <= self.level or _numbers(shapes[self.level]) != self._level_shape:
            raise InputError(
                "The image was given data of another shape; begin a new object in it."
            )

    def check_plane(self, plane: Plane) -> None:
        """Raise `InputError` if a plane shows the axis of channels."""
        if self.channel_axis in plane.displayed:
            raise InputError(
                f"Axis {self.channel_axis} has the channels and is on screen; "
                "roll the axes until another one is."
            )

    def to_pixels(self) -> Affine:
        """Return the map from the world to pixels of the labels."""
        return to_level(self.factors).after(probe(self.image.world_to_data, self.image.ndim))

    # how it is looked at

    def choose(self) -> None:
        """Take over the channels that were chosen last; the axis stays that of the labels."""
        self._channels = self._state.channels
        others = [layer for layer in self._state.more_images if layer is not self.image]
        self.layers = (self.image, *([] if self.channel_axis is not None else others))

    def picture(self, plane: Plane, prompts: PlanePrompts = NO_PROMPTS) -> Picture:
        """Return what the model shall see of a plane.

        Parameters
        ----------
        plane : Plane
            Of the labels.
        prompts : PlanePrompts
            Of the plane; see `napari_m2n2.annotation.following.Following.region`.

        Raises
        ------
        InputError
            If the channels or the region that were chosen do not fit the plane.
        """
        self._seen.pop(plane, None)
        picture = self._picture(plane, prompts)
        self._seen[plane] = picture.identity
        return picture

    def sees_other(self, plane: Plane, prompts: PlanePrompts) -> bool:
        """Tell whether a picture of a plane would be another one than that asked for last."""
        try:
            return self._picture(plane, prompts).identity != self._seen.get(plane)
        except InputError:
            return True

    def region_of(self, plane: Plane) -> Region | None:
        """Return what of a plane is outlined; None where that is not known yet."""
        if self._state.region == "view":
            return self._following.last(plane)
        try:
            return self._region(plane, NO_PROMPTS)
        except InputError:
            return None

    def _picture(self, plane: Plane, prompts: PlanePrompts) -> Picture:
        region = self._region(plane, prompts)
        channels = self.channels_of(plane)
        found = content([(c.data, self.level, c.plane) for c in channels], region)
        if len(channels) == 1 and self.channel_axis is None:
            return Picture(found.reader(), found.key, channels[0].contrast, region)
        arrived = tuple(
            replace(channel, data=data, plane=where)
            for channel, data, where in zip(channels, found.arrays, found.planes, strict=True)
        )
        key = found.key, tuple((c.contrast, c.colour) for c in channels)
        return Picture(partial(read_channels, arrived, found.region), key, AS_IT_IS, region)

    def channels_of(self, plane: Plane) -> tuple[Channel, ...]:
        """Return the channels of a plane of the labels, with layers in place of their data."""
        plane = replace(plane, shape=self._level_shape)
        if self.channel_axis is not None:
            chosen = self._along(self.channel_axis)
            look = contrast_of(self.image, self._state.contrast)
            return along_axis(self.image, plane, self.channel_axis, chosen, contrast=look)
        return channels_of_layers(self.layers, self.level, plane, self._state.contrast)

    def _along(self, axis: int) -> tuple[int, ...]:
        """Return the channels of an axis that the model sees: those chosen, or the first ones."""
        return self._channels or tuple(range(min(self._level_shape[axis], len(DEFAULT_COLOURS))))

    def _region(self, plane: Plane, prompts: PlanePrompts) -> Region:
        """Return what of a plane is segmented, and how far it is reduced."""
        most = self._state.most_pixels
        world = self._corners()
        if self._state.region != "view":
            self._following.release()
        if not len(world):
            return whole_plane(plane.size, most)
        corners = to_plane(self.to_pixels()(world), plane)
        if self._state.region == "view":
            return self._following.region(plane, corners, prompts, most)
        region = around(corners, plane.size, most)
        if region is None or min(region.extent) < min(LEAST_SIDE, *plane.size):
            raise InputError(
                "The region that was drawn is too small or lies beside this plane; "
                "draw it anew, or outline the whole plane."
            )
        return region

    def _corners(self) -> NDArray[np.float64]:
        """Return points (n, ndim) of the world between which it is outlined; none: everywhere."""
        ndim = self.image.ndim
        if self._state.region == "plane":
            return np.zeros((0, ndim))
        if self._state.region == "view":
            return view_corners(self._viewer, self.image)[:, -ndim:]
        drawn = np.array(self._state.drawn, dtype=np.float64)
        if not len(drawn):
            return np.zeros((0, ndim))
        if drawn.shape[1] < ndim:
            raise InputError("The region was drawn in an image of fewer axes; draw it anew.")
        return drawn[:, -ndim:]

    # what there is to say

    @property
    def note(self) -> str:
        """Tell the level and the channels that are segmented, where there is a choice."""
        level = level_sentence(level_shapes(self.image), self.displayed, self.level)
        return " ".join(text for text in (level, self._channel_sentence()) if text)

    def sentence(self, plane: Plane, *, answered: bool = False) -> str:
        """Tell what of a plane will be outlined.

        Parameters
        ----------
        plane : Plane
        answered : bool
            Whether it has been, so that only what is to change is told.
        """
        notes = []
        region = None if answered else self.region_of(plane)
        if region is not None:
            notes.append(region.sentence(plane.size))
        elif not answered and self._state.region == "view":
            notes.append("With the next prompt, what is in view is outlined.")
        if self._state.region == "drawn" and not self._state.drawn:
            notes.append("No rectangle is drawn yet, so that the whole plane is outlined.")
        if self._state.channel_axis != self.channel_axis:
            notes.append("The axis of channels counts for the next object.")
        return " ".join(note for note in notes if note)

    def _channel_sentence(self) -> str:
        names = [layer.name for layer in self.layers]
        if self.channel_axis is not None:
            names = [f"{channel}" for channel in self._along(self.channel_axis)]
            return f"The model sees channels {', '.join(names)} of axis {self.channel_axis}."
        return f"The model sees {' + '.join(names)}." if len(names) > 1 else ""


def _checked_axis(image: Image, axis: int | None) -> int | None:
    """Return an axis of channels if it can be one."""
    if axis is None:
        return None
    if image.ndim < 3 or not 0 <= axis < image.ndim:
        raise InputError(
            f"“{image.name}” has no axis {axis} beside the two of a plane; "
            "choose another axis of channels, or none."
        )
    return axis


def _numbers(shape: NDArray[np.int64]) -> tuple[int, ...]:
    return tuple(int(length) for length in shape)
