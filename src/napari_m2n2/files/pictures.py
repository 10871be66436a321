"""PNG and JPEG: one plane, grey or RGB."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, cast

import cv2
import imageio.v3
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import FileError
from napari_m2n2.files.planes import Source

_PNG_DEPTH, _PNG_COLOUR = 24, 25
"""Where the first chunk of a PNG file keeps its bits per sample and its colour type."""


def open_picture(path: Path) -> Source:
    """Read a PNG or JPEG file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Source
        Axes "YX" or "YXS". A picture is not turned by its camera's note, as in napari.

    Raises
    ------
    FileError
        If the file is no picture, damaged or cut off.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large pictures
            data = _read_png(path) if path.suffix.lower() == ".png" else _read_jpeg(path)
    except Exception as error:  # the decoders raise almost anything, SyntaxError included
        raise FileError(
            f"{path} is no {path.suffix[1:].upper()} file, or it is damaged or cut off; "
            "copy it again."
        ) from error
    axes = "YXS"[: data.ndim]
    return Source(
        shape=data.shape,
        axes=axes,
        channel_axis=2 if data.ndim == 3 else None,
        stack_axes=(0, 1),
        spacing=(1.0,) * data.ndim,
        unit="",
        read=lambda fixed: data[tuple(fixed.get(axis, slice(None)) for axis in range(data.ndim))],
    )


def write_png(path: Path, labels: NDArray[np.integer[Any]]) -> None:
    """Write labels (H, W) as grey values, 8 bits if that is enough, else 16."""
    highest = int(labels.max(initial=0))
    if highest > np.iinfo(np.uint16).max:
        raise FileError(
            f"A PNG file holds labels up to 65535 but there is {highest}; write a TIFF file."
        )
    dtype = np.uint8 if highest <= np.iinfo(np.uint8).max else np.uint16
    imageio.v3.imwrite(path, labels.astype(dtype))


def _read_png(path: Path) -> NDArray[Any]:
    """Read a PNG file; grey with alpha becomes grey."""
    content = path.read_bytes()
    if (
        b"IEND" not in content[-64:]
    ):  # Pillow reads most of a file that was cut off, and is content
        raise ValueError("the file has no end")
    if content[_PNG_DEPTH] == 16 and content[_PNG_COLOUR] in (2, 6):
        # Pillow throws the lower 8 bits of 16-bit colours away
        bgr = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        if bgr is None:
            raise ValueError("OpenCV cannot read the file")
        order = [2, 1, 0] if bgr.shape[2] == 3 else [2, 1, 0, 3]
        return cast("NDArray[Any]", bgr[..., order])
    data = np.asarray(imageio.v3.imread(content, extension=".png"))
    return data[..., 0] if data.ndim == 3 and data.shape[2] == 2 else data


def _read_jpeg(path: Path) -> NDArray[Any]:
    """Read a JPEG file; CMYK becomes RGB."""
    # from memory: imageio leaves the file of a damaged picture open
    content = path.read_bytes()
    data = np.asarray(imageio.v3.imread(content, index=0, extension=".jpg"))
    if data.ndim == 3 and data.shape[2] == 4:
        return np.asarray(imageio.v3.imread(content, index=0, mode="RGB", extension=".jpg"))
    return data
