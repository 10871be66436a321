"""Any plane a user may have on screen, turned into the RGB image that the methods work on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import InputError

Contrast: TypeAlias = tuple[float, float] | Literal["percentile"] | None

PERCENTILES = (0.5, 99.5)
"""Grey values that become black and white when the contrast is taken from the image itself."""


def to_rgb(
    image: Any,
    *,
    channel_axis: int | None = None,
    channels: int | Sequence[int] | None = None,
    contrast: Contrast = None,
) -> NDArray[np.float32]:
    """Turn one plane into an RGB image.

    Parameters
    ----------
    image : array-like, (H, W) or (H, W, C)
        One plane of any real type; dask, zarr, read-only and big-endian arrays are fine. Not a
        number becomes the smallest finite value, infinities the largest and the smallest one.
    channel_axis : int, optional
        The axis that holds the channels. Without it, a third axis is the last one.
    channels : int or sequence of int, optional
        One, two or three channels to look at, in the order red, green, blue; one gives grey.
        Needed when there are two, or more than four, channels; three are taken as RGB, of four the
        last is taken as alpha and left out.
    contrast : (float, float) or "percentile", optional
        The values that become black and white. "percentile" takes the 0.5th and 99.5th percentile
        of each chosen channel. Without it, bool and uint8 images are taken as they are (0 to 255)
        and all others by their percentiles over all channels at once.

    Returns
    -------
    (H, W, 3) float32 array
        Values in [0, 1]; a grey image has three equal channels.

    Raises
    ------
    InputError
        If the image cannot be read as one plane or the choice of channels does not fit.
    """
    plane = _plane(image, channel_axis)
    plane = _choose_channels(plane, channels)
    rgb = _stretch(plane, contrast)
    if rgb.shape[2] == 1:
        return np.repeat(rgb, 3, axis=2)
    if rgb.shape[2] == 2:  # red and green, no blue
        return np.concatenate([rgb, np.zeros_like(rgb[..., :1])], axis=2)
    return rgb


def _plane(image: Any, channel_axis: int | None) -> NDArray[Any]:
    """Return the plane as (H, W, C), or say why it is none."""
    plane = np.asarray(image)
    if plane.dtype.kind not in "buif":
        raise InputError(
            f"The image has values of type {plane.dtype}; convert it to integers or real numbers."
        )
    if channel_axis is not None:
        if plane.ndim != 3 or not -3 <= channel_axis < 3:
            raise InputError(
                f"channel_axis={channel_axis} does not fit an image of shape {plane.shape}; "
                "give one plane with one axis of channels."
            )
        plane = np.moveaxis(plane, channel_axis, -1)
    if plane.ndim == 2:
        plane = plane[..., np.newaxis]
    if plane.ndim != 3:
        raise InputError(
            f"The image has shape {plane.shape}; give one plane, (rows, columns) or "
            "(rows, columns, channels)."
        )
    if 0 in plane.shape:
        raise InputError(f"The image is empty (shape {plane.shape}); choose another one.")
    return plane


def _choose_channels(plane: NDArray[Any], channels: int | Sequence[int] | None) -> NDArray[Any]:
    """Return one to three channels of a plane (H, W, C)."""
    count = plane.shape[2]
    if channels is None:
        if count not in (1, 3, 4):
            raise InputError(
                f"The image has {count} channels; choose one to three of them (channels=...), "
                "or one plane if the last axis is no channel axis."
            )
        return plane[..., : min(count, 3)]
    chosen = [channels] if isinstance(channels, int | np.integer) else list(channels)
    if not 1 <= len(chosen) <= 3:
        raise InputError(f"{len(chosen)} channels were chosen; choose one, two or three.")
    for channel in chosen:
        if not -count <= channel < count:
            raise InputError(
                f"Channel {channel} does not exist; the image has channels 0 to {count - 1}."
            )
    return plane[..., chosen]


def _stretch(plane: NDArray[Any], contrast: Contrast) -> NDArray[np.float32]:
    """Map the chosen black and white values to 0 and 1, and everything to that range."""
    if contrast is None and plane.dtype in (np.bool_, np.uint8):
        white = 1 if plane.dtype == np.bool_ else 255
        exact: NDArray[np.float32] = np.divide(plane, white, dtype=np.float32)
        return exact
    values = _finite(plane)
    low: Any
    high: Any
    if contrast is None:
        low, high = np.percentile(values, PERCENTILES)
    elif isinstance(contrast, str):
        if contrast != "percentile":
            raise InputError(
                f"contrast={contrast!r} is unknown; give (low, high) or 'percentile'."
            )
        low, high = np.percentile(values, PERCENTILES, axis=(0, 1))
    else:
        low, high = _limits(contrast)
    # a flat image, or one whose percentiles coincide, keeps what little contrast it has
    flat = np.asarray(high <= low)
    if contrast is None or isinstance(contrast, str):
        low = np.where(flat, values.min(axis=(0, 1) if flat.ndim else None), low)
        high = np.where(flat, values.max(axis=(0, 1) if flat.ndim else None), high)
    width = np.where(high > low, high - low, 1.0)
    rgb: NDArray[np.float32] = np.clip((values - low) / width, 0, 1).astype(np.float32)
    return rgb


def _finite(plane: NDArray[Any]) -> NDArray[np.float64]:
    """Return the plane in float64 with what is not finite replaced by the nearest finite value."""
    values = plane.astype(np.float64)
    finite = np.isfinite(values)
    if finite.all():
        return values
    if not finite.any():
        return np.zeros_like(values)
    low, high = values[finite].min(), values[finite].max()
    return np.nan_to_num(values, nan=low, posinf=high, neginf=low)


def _limits(contrast: tuple[float, float]) -> tuple[float, float]:
    """Check contrast limits given by the user."""
    try:
        low, high = (float(value) for value in contrast)
    except (TypeError, ValueError):
        raise InputError(
            f"contrast={contrast!r} is no pair of numbers; give (low, high) or 'percentile'."
        ) from None
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise InputError(
            f"The contrast limits ({low:g}, {high:g}) are not in order; "
            "give a low value and a higher one."
        )
    return low, high
