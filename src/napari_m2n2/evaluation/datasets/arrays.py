"""Files of datasets as arrays: images as they are stored, masks as numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import FileError, InputError
from napari_m2n2.files.images import check_readable
from napari_m2n2.files.planes import Source, take_plane

IMAGES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".bmp",
    ".tif",
    ".tiff",
    ".nii",
    ".nii.gz",
    ".zarr",
    ".ome.zarr",
)
"""Endings of the files that are taken for images; masks may not be JPEG."""

_PNG_COLOUR_TYPE, _PALETTE = 25, 3
"""Where a PNG file says what its pixels are, and that they are numbers of a table of colours."""


class Picture(NamedTuple):
    """An image as it is stored.

    Attributes
    ----------
    data : (H, W) or (H, W, C) array
    spacing : (float, float)
        Distance between rows and between columns; (1, 1) where the file does not say.
    """

    data: NDArray[Any]
    spacing: tuple[float, float]


def ending(path: Path) -> str:
    """Return the ending that names the format, in lower case."""
    name = path.name.lower()
    double = (known for known in (".nii.gz", ".ome.zarr") if name.endswith(known))
    return next(double, path.suffix.lower())


def stem(path: Path) -> str:
    """Return the name of a file without the ending that names the format."""
    return path.name[: -len(ending(path))] if ending(path) else path.name


def read_picture(path: Path, shape: tuple[int, ...] | None = None, plane: int = 0) -> Picture:
    """Read an image, or one plane of a stack.

    Parameters
    ----------
    path : Path
    shape : tuple of int, optional
        Shape of the labels that belong to it, without axes of length one before the last two.
        Without it, the image has to be a single plane.
    plane : int
        Which plane of a stack.

    Raises
    ------
    FileError
        If the file is missing, damaged or of an unknown format.
    InputError
        If its shape is not that of the labels.
    """
    source = _open(path)
    lengths = [n for a, n in enumerate(source.shape) if a != source.channel_axis]
    found = _without_ones(tuple(lengths))
    if shape is None and len(found) > 2:
        raise InputError(f"{path} is a stack ({_by(found)}); give one plane of it.")
    if shape is not None and found != shape:
        raise InputError(_sizes_differ(f"the mask has {_by(shape)}", path, found))
    taken = take_plane(source, path, index=plane if len(found) == 3 else None)
    rows, columns = (n for a, n in enumerate(taken.spacing) if a not in taken.fixed)
    return Picture(np.ascontiguousarray(taken.data), (float(rows), float(columns)))


def read_labels(path: Path) -> NDArray[np.int64]:
    """Read a label image: one number for each pixel.

    Parameters
    ----------
    path : Path
        PNG (a palette's numbers, not its colours), BMP, TIFF, NIfTI or OME-Zarr.

    Returns
    -------
    (H, W) or (D, H, W) int64 array

    Raises
    ------
    FileError
        If the file is missing, damaged or of an unknown format.
    InputError
        If its pixels are no labels.
    """
    if ending(path) in (".jpg", ".jpeg"):
        raise InputError(
            f"{path} is a JPEG file, which blurs labels; save the mask as PNG or TIFF."
        )
    source = _open(path, palette=True)
    values = _one_channel(source.read({}), source.channel_axis, path)
    if values.dtype.kind not in "biu" and not (
        values.dtype.kind == "f"
        and np.isfinite(values).all()
        and (values == np.round(values)).all()
    ):
        raise InputError(f"{path} holds values that are no whole numbers; give a label image.")
    labels = values.astype(np.int64).reshape(_without_ones(values.shape))
    if labels.ndim > 3:
        raise InputError(
            f"{path} has {labels.ndim} axes ({_by(labels.shape)}); give a plane or a stack."
        )
    return labels


def read_colours(path: Path) -> NDArray[np.uint8]:
    """Read a mask as colours, as the readers of RITM and SimpleClick do.

    Parameters
    ----------
    path : Path
        PNG, BMP or JPEG.

    Returns
    -------
    (H, W, 3) uint8 array
        Blue, green and red of each pixel.
    """
    import cv2

    check_readable(path)
    colours = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    if colours is None:
        raise FileError(f"{path} is no picture, or it is damaged or cut off; copy it again.")
    return np.asarray(colours, np.uint8)


def fullest_plane(counts: NDArray[np.integer[Any]]) -> int:
    """Return the plane with the most foreground, the first one of several.

    Parameters
    ----------
    counts : (D,) integer array
        Pixels of foreground in each plane.
    """
    return int(np.argmax(counts))


def sizes_differ(mask: Path, shape: tuple[int, ...], image: tuple[int, ...]) -> str:
    """Return the sentence that a mask and its image do not have the same size."""
    return _sizes_differ(f"the image has {_by(image)}", mask, shape)


def _open(path: Path, palette: bool = False) -> Source:
    """Look into a file of any format."""
    openers = _openers(palette)
    if ending(path) not in openers:
        raise FileError(
            f"{path} has an unknown format; give a PNG, JPEG, BMP, TIFF or NIfTI file, or a zarr."
        )
    if not _is_zarr(path):
        check_readable(path)
    source = openers[ending(path)](path)
    if 0 in source.shape:
        raise FileError(f"{path} holds no pixels (shape {source.shape}); choose another file.")
    return source


def _openers(palette: bool) -> Mapping[str, Callable[[Path], Source]]:
    """Return what opens the files of each ending; cv2, nibabel and tifffile are loaded here."""
    from napari_m2n2.files import nifti, ome_zarr, pictures, tiff

    return {
        ".png": _open_indexed_png if palette else pictures.open_picture,
        ".jpg": pictures.open_picture,
        ".jpeg": pictures.open_picture,
        ".bmp": _open_bmp,
        ".tif": tiff.open_tiff,
        ".tiff": tiff.open_tiff,
        ".nii": nifti.open_nifti,
        ".nii.gz": nifti.open_nifti,
        ".zarr": ome_zarr.open_zarr,
        ".ome.zarr": ome_zarr.open_zarr,
    }


def _is_zarr(path: Path) -> bool:
    """Tell whether a path is a zarr, which is a folder."""
    from napari_m2n2.files.ome_zarr import is_zarr

    return is_zarr(path)


def _open_bmp(path: Path) -> Source:
    """Read a BMP file; one whose channels are equal is grey."""
    colours = read_colours(path)[..., ::-1]
    grey = (colours == colours[..., :1]).all()
    return _source(colours[..., 0] if grey else colours)


def _open_indexed_png(path: Path) -> Source:
    """Read a PNG file, and of one with a palette the numbers instead of the colours."""
    from napari_m2n2.files import pictures

    with path.open("rb") as file:
        head = file.read(_PNG_COLOUR_TYPE + 1)
    if len(head) <= _PNG_COLOUR_TYPE or head[_PNG_COLOUR_TYPE] != _PALETTE:
        return pictures.open_picture(path)
    pictures.open_picture(path)  # says what is wrong with a damaged one
    import imageio.v3

    return _source(np.asarray(imageio.v3.imread(path, mode="P")))


def _source(data: NDArray[Any]) -> Source:
    """Return a picture that was read already."""
    return Source(
        shape=data.shape,
        axes="YXS"[: data.ndim],
        channel_axis=2 if data.ndim == 3 else None,
        stack_axes=(0, 1),
        spacing=(1.0,) * data.ndim,
        unit="",
        read=lambda fixed: data[tuple(fixed.get(a, slice(None)) for a in range(data.ndim))],
    )


def _one_channel(values: NDArray[Any], axis: int | None, path: Path) -> NDArray[Any]:
    """Return the labels of a file whose channels all say the same; alpha does not count."""
    if axis is None:
        return values
    channels = np.moveaxis(values, axis, 0)
    channels = channels[:3] if len(channels) == 4 else channels
    if not (channels == channels[0]).all():
        raise InputError(
            f"{path} is a picture with colours; give a label image with one number for each pixel."
        )
    return np.asarray(channels[0])


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape without axes of length one before the rows and columns."""
    return (*(n for n in shape[:-2] if n != 1), *shape[-2:])


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(str(n) for n in shape)


def _sizes_differ(other: str, path: Path, shape: tuple[int, ...]) -> str:
    return f"{path} has {_by(shape)} pixels but {other}; give a mask of the size of its image."
