"""One plane of an image file, and the way back from the plane to the whole file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import InputError
from napari_m2n2.files.geometry import Geometry

AxisName: TypeAlias = int | str
"""The number of an axis of the file's array, or its letter."""


@dataclass(frozen=True, eq=False)
class Source:
    """An image file that was looked into: what it holds and how to read a part of it.

    Attributes
    ----------
    shape : tuple of int
        Length of each axis of the file's array.
    axes : str
        One letter for each axis, such as "TZCYX"; Q where the file does not say.
    channel_axis : int or None
        The axis that holds channels or the samples of an RGB image.
    stack_axes : tuple of int
        All axes but the channels, in the order in which a plane is chosen along them.
    spacing : tuple of float
        Distance between pixels along each axis, in `unit`; 1 where it is not known.
    unit : str
        "mm", "micron", or "" where it is not known.
    read : callable
        Takes {axis: index} and returns the array of the remaining axes, in their order.
    template : Any
        What the writer of the same format needs to keep the geometry.
    """

    shape: tuple[int, ...]
    axes: str
    channel_axis: int | None
    stack_axes: tuple[int, ...]
    spacing: tuple[float, ...]
    unit: str
    read: Callable[[Mapping[int, int]], NDArray[Any]]
    template: Any = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Plane(Geometry):
    """One plane of an image file.

    Axes are counted without the channel axis, as the labels have none.

    Attributes
    ----------
    path, shape, axes, spacing, unit, template
        See `napari_m2n2.files.geometry.Geometry`.
    data : (H, W) or (H, W, C) array
        The values as they are in the file.
    channel_axis : int or None
        2 if there are channels.
    fixed : dict of int to int
        The index of this plane along each axis that does not lie in it.
    file_channel_axis : int or None
        Where the channel axis was in the file's array.
    samples : bool
        Whether the channels are the colours (and alpha) of an RGB image.
    """

    data: NDArray[Any]
    channel_axis: int | None
    fixed: Mapping[int, int]
    file_channel_axis: int | None = None
    samples: bool = False

    @property
    def plane_shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, columns = self.data.shape[:2]
        return int(rows), int(columns)

    @property
    def channel_count(self) -> int:
        """Number of channels; 1 for a grey image."""
        return 1 if self.channel_axis is None else int(self.data.shape[self.channel_axis])

    def whole(self, labels: NDArray[Any]) -> NDArray[Any]:
        """Return labels of the shape of the whole file, zero outside this plane.

        Parameters
        ----------
        labels : (H, W) array, or an array that has the shape of the whole file already
        """
        if labels.shape == self.shape:
            return labels
        if labels.shape != self.plane_shape:
            raise InputError(
                f"The labels have shape {labels.shape} but the plane has {self.plane_shape}; "
                "give one label for each pixel."
            )
        result = np.zeros(self.shape, labels.dtype)
        result[tuple(self.fixed.get(axis, slice(None)) for axis in range(len(self.shape)))] = (
            labels
        )
        return result


def take_plane(
    source: Source,
    path: Path,
    *,
    axis: AxisName | Sequence[AxisName] | None = None,
    index: int | Sequence[int] | None = None,
    channel_axis: AxisName | None = None,
) -> Plane:
    """Read one plane of a file.

    Parameters
    ----------
    source : Source
        The file.
    path : Path
        Its path, for messages.
    axis : int, str or a sequence of them, optional
        The axes along which `index` counts; by default those of the stack.
    index : int or sequence of int, optional
        Number of the plane along each of these axes, from 0.
    channel_axis : int or str, optional
        The axis that holds channels, where the file does not say it or says it wrongly.

    Returns
    -------
    Plane
    """
    axes = [] if axis is None else [axis] if isinstance(axis, int | str) else list(axis)
    indices = [] if index is None else [index] if isinstance(index, int) else list(index)
    named = [find_axis(source, path, name) for name in axes]
    channels = source.channel_axis
    if channel_axis is not None:
        channels = find_axis(source, path, channel_axis)
    elif channels in named:  # the user knows better than the file
        channels = None
    fixed = _choose(source, path, named, indices, channels)
    data = source.read(fixed)
    kept = [a for a in range(len(source.shape)) if a not in fixed]
    if channels is not None:
        data = np.moveaxis(data, kept.index(channels), -1)
    spatial = [a for a in range(len(source.shape)) if a != channels]
    return Plane(
        path=path,
        data=data,
        channel_axis=None if channels is None else 2,
        shape=tuple(source.shape[a] for a in spatial),
        axes="".join(source.axes[a] for a in spatial),
        fixed={spatial.index(a): i for a, i in fixed.items()},
        spacing=tuple(source.spacing[a] for a in spatial),
        unit=source.unit,
        file_channel_axis=channels,
        samples=channels is not None and source.axes[channels] == "S",
        template=source.template,
    )


def find_axis(source: Source, path: Path, name: AxisName) -> int:
    """Return the number of an axis given by number or letter."""
    count = len(source.shape)
    if isinstance(name, str) and name.lstrip("+-").isdigit():
        name = int(name)
    if isinstance(name, int):
        if -count <= name < count:
            return name % count
    elif source.axes.count(name.upper()) == 1:
        return source.axes.index(name.upper())
    raise InputError(
        f"{path.name} has no axis {name}; its axes are {describe(source)}, counted from 0."
    )


def _choose(
    source: Source, path: Path, named: list[int], indices: list[int], channels: int | None
) -> dict[int, int]:
    """Return the index of each axis that the plane does not contain."""
    # a channel axis that is none after all lies before the rows and columns
    free = [a for a in range(len(source.shape)) if a not in (channels, *source.stack_axes)]
    free += [a for a in source.stack_axes if a != channels]
    need = len(free) - 2
    if need < 0:
        raise InputError(
            f"{path.name} ({describe(source)}) has no two axes besides the channels; "
            "choose another channel axis."
        )
    if named:
        _check_named(source, path, named, indices, need, channels)
        fixed = dict(zip(named, indices, strict=True))
    else:
        fixed = _default_axes(source, path, free, indices, need)
    left = need - len(fixed)
    for a in [a for a in free if source.shape[a] == 1 and a not in fixed][:left]:
        fixed[a] = 0
    if len(fixed) < need:
        raise InputError(_ask_for_index(source, path, [a for a in free[:need] if a not in fixed]))
    for a, i in fixed.items():
        if not 0 <= i < source.shape[a]:
            raise InputError(
                f"{path.name} has no plane {i} along axis {_name(source, a)}; "
                f"choose --index from 0 to {source.shape[a] - 1}."
            )
    return fixed


def _check_named(
    source: Source,
    path: Path,
    named: list[int],
    indices: list[int],
    need: int,
    channels: int | None,
) -> None:
    """Say what is wrong with a choice of axes and indices."""
    if len(named) != len(indices):
        raise InputError(
            f"There are {len(named)} values of --axis but {len(indices)} of --index; give as many."
        )
    if len(set(named)) < len(named):
        raise InputError("The same axis was given twice; give each axis once.")
    if channels in named:
        raise InputError(
            f"Axis {_name(source, channels)} of {path.name} was given as --axis and as channel "
            "axis; leave one out."
        )
    if len(named) > need:
        raise InputError(
            f"{path.name} ({describe(source)}) has a plane along any two axes; "
            f"give at most {need} of --axis."
        )


def _default_axes(
    source: Source, path: Path, free: list[int], indices: list[int], need: int
) -> dict[int, int]:
    """Give indices without axes to the axes of the stack, in the order of the file."""
    if not indices:
        return {}
    stack = sorted(free[:need])
    if len(indices) != len(stack):
        stack = [a for a in stack if source.shape[a] > 1]
    if len(indices) != len(stack):
        if need == 0:
            raise InputError(f"{path.name} holds a single plane; leave --index out.")
        raise InputError(_ask_for_index(source, path, stack))
    return dict(zip(stack, indices, strict=True))


def _ask_for_index(source: Source, path: Path, stack: list[int]) -> str:
    """Return the sentence that asks which plane is meant."""
    ranges = " and ".join(
        f"0 to {source.shape[a] - 1} along axis {_name(source, a)}" for a in sorted(stack)
    )
    return f"{path.name} is a stack ({describe(source)}); choose one plane with --index, {ranges}."


def _name(source: Source, axis: int | None) -> str:
    """Return number and letter of an axis."""
    if axis is None or source.axes[axis] == "Q":
        return str(axis)
    return f"{axis} ({source.axes[axis]})"


def describe(source: Source) -> str:
    """Return the shape and the axes for a message, such as "10 x 64 x 64, ZYX"."""
    shape = " x ".join(str(length) for length in source.shape)
    return shape if "Q" in source.axes else f"{shape}, {source.axes}"
