"""The image for the model from channels: an axis of one layer, or several layers.

Each channel is stretched by itself and adds its colour to the image, as napari shows layers that
are blended additively.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.reading import read_region
from napari_m2n2.annotation.region import Region
from napari_m2n2.errors import InputError
from napari_m2n2.image import Contrast, to_rgb

Colour: TypeAlias = tuple[float, float, float]
"""Red, green and blue, 0 to 1."""

WHITE: Colour = (1.0, 1.0, 1.0)
DEFAULT_COLOURS: tuple[tuple[Colour, ...], ...] = (
    (WHITE,),
    ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
)
"""Of one, two and three channels."""

AS_IT_IS = (0.0, 1.0)
"""The contrast of what `read_channels` gives, for a `Job`."""


@dataclass(frozen=True, eq=False)
class Channel:
    """One channel of the image.

    Attributes
    ----------
    data : array-like
        The array of a layer without colours.
    plane : Plane
        The plane of it that is on screen.
    contrast : (float, float) or "percentile", optional
        The values that become black and full colour, see `napari_m2n2.image.to_rgb`.
    colour : (float, float, float)
        What it adds where it is brightest; `WHITE` for a grey image.
    """

    data: Any
    plane: Plane
    contrast: Contrast = None
    colour: Colour = WHITE

    @property
    def key(self) -> Hashable:
        """What names this channel besides its data."""
        return self.plane, self.contrast, self.colour


def along_axis(
    data: Any, plane: Plane, axis: int, chosen: Sequence[int], *, contrast: Contrast = None
) -> tuple[Channel, ...]:
    """Return channels of a layer that has them along an axis.

    Parameters
    ----------
    data : array-like
        The layer's array.
    plane : Plane
        The plane on screen; where it lies along `axis` does not matter.
    axis : int
        The axis of channels; not one of those on screen.
    chosen : sequence of int
        One to three channels; two are red and green, three red, green and blue.
    contrast : (float, float) or "percentile", optional
        For each of them.
    """
    count = plane.shape[axis]
    if axis in plane.displayed:
        raise InputError(
            f"Axis {axis} is on screen and cannot be the axis of channels; choose another one."
        )
    if not 1 <= len(chosen) <= len(DEFAULT_COLOURS):
        raise InputError(f"{len(chosen)} channels were chosen; choose one, two or three.")
    for channel in chosen:
        if not 0 <= channel < count:
            raise InputError(
                f"Channel {channel} does not exist; axis {axis} has channels 0 to {count - 1}."
            )
    colours = DEFAULT_COLOURS[len(chosen) - 1]
    return tuple(
        Channel(data, with_index(plane, axis, channel), contrast, colour)
        for channel, colour in zip(chosen, colours, strict=True)
    )


def with_index(plane: Plane, axis: int, index: int) -> Plane:
    """Return the plane at another index along a hidden axis."""
    return replace(plane, hidden=tuple((a, index if a == axis else i) for a, i in plane.hidden))


def read_channels(
    channels: Sequence[Channel], region: Region | None = None
) -> NDArray[np.float32]:
    """Return a region of a plane as the colours that its channels add up to.

    Parameters
    ----------
    channels : sequence of Channel
        Of planes of the same size.
    region : Region, optional
        By default the whole plane.

    Returns
    -------
    (h, w, 3) float32 array
        In [0, 1]; give the model ``contrast=AS_IT_IS`` with it.
    """
    if not channels:
        raise InputError("No channel was chosen; choose at least one.")
    sizes = {channel.plane.size for channel in channels}
    if len(sizes) > 1:
        listed = " and ".join(f"{rows} × {columns}" for rows, columns in sorted(sizes))
        raise InputError(
            f"The channels have planes of {listed} pixels; choose layers of the same shape."
        )
    image: NDArray[np.float32] | None = None
    for channel in channels:
        grey = to_rgb(read_region(channel.data, channel.plane, region), contrast=channel.contrast)
        coloured = grey * np.asarray(channel.colour, np.float32)
        image = coloured if image is None else image + coloured
    return np.clip(np.asarray(image, dtype=np.float32), 0, 1)
