"""Reading one plane of an image and writing its labels, whatever the format."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import FileError
from napari_m2n2.files import nifti, pictures, tiff
from napari_m2n2.files.atomic import check_writable, replacing
from napari_m2n2.files.planes import AxisName, Plane, Source, take_plane

_OPENERS: Mapping[str, Callable[[Path], Source]] = {
    ".tif": tiff.open_tiff,
    ".tiff": tiff.open_tiff,
    ".nii": nifti.open_nifti,
    ".nii.gz": nifti.open_nifti,
    ".png": pictures.open_picture,
    ".jpg": pictures.open_picture,
    ".jpeg": pictures.open_picture,
}
_WRITABLE = (".tif", ".tiff", ".png", ".nii", ".nii.gz")


def read_image(
    path: Path | str,
    *,
    axis: AxisName | Sequence[AxisName] | None = None,
    index: int | Sequence[int] | None = None,
    channel_axis: AxisName | None = None,
) -> Plane:
    """Read one plane of an image file.

    Parameters
    ----------
    path : path
        TIFF (plain, ImageJ, OME), NIfTI, PNG or JPEG.
    axis : int, str or a sequence of them, optional
        Axes of the image, by number or letter, along which `index` counts. By default all but rows
        and columns. The axes of a NIfTI file are time, slice, row, column (T, Z, Y, X).
    index : int or sequence of int, optional
        Number of the plane along each of these axes, from 0; needed for a stack.
    channel_axis : int or str, optional
        The axis that holds channels. By default the one that the file calls samples (S) or
        channels (C); where a TIFF file names no axes, a last axis of 3 or 4 in an 8-bit image.

    Returns
    -------
    Plane

    Raises
    ------
    FileError
        If the file is missing, empty, damaged or of an unknown format.
    InputError
        If it is a stack and the choice of a plane is missing or does not fit.
    """
    path = Path(path)
    ending = _ending(path)
    if ending not in _OPENERS:
        raise FileError(
            f"{path} has an unknown format; give a TIFF, PNG, JPEG or NIfTI file "
            f"({', '.join(_OPENERS)})."
        )
    check_readable(path)
    source = _OPENERS[ending](path)
    if 0 in source.shape:
        raise FileError(f"{path} holds no pixels (shape {source.shape}); choose another file.")
    return take_plane(source, path, axis=axis, index=index, channel_axis=channel_axis)


def check_readable(path: Path) -> None:
    """Raise FileError, in one sentence, if there is no file with content to read."""
    if path.is_dir():
        raise FileError(f"{path} is a folder; give a file.")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except FileNotFoundError:
        raise FileError(f"{path} does not exist; check the name and the folder.") from None
    except OSError as error:
        raise FileError(
            f"{path} cannot be read ({error.strerror or error}); check its permissions."
        ) from error
    if empty:
        raise FileError(f"{path} is empty; copy or export it again.")


def check_output(path: Path | str, image: Path | str | None = None) -> None:
    """Raise FileError if labels could not be written to `path`; nothing is left behind.

    Parameters
    ----------
    path : path
        Where labels shall be written.
    image : path, optional
        The image that was read, which must not be overwritten.
    """
    path = Path(path)
    if _ending(path) not in _WRITABLE:
        raise FileError(
            f"Labels cannot be written as {path.name}; "
            f"choose a name that ends in one of {', '.join(_WRITABLE)}."
        )
    if image is not None and os.path.realpath(path) == os.path.realpath(image):
        raise FileError(f"{path} is the image itself; choose another name for the labels.")
    check_writable(path)


def check_fits(path: Path | str, plane: Plane) -> None:
    """Raise FileError if the format of `path` cannot hold the labels of the whole file."""
    if _ending(Path(path)) == ".png" and len(plane.shape) > 2:
        raise FileError(
            f"A PNG file holds one plane but {plane.path.name} is a stack; "
            "write the labels to a .tif or .nii.gz file."
        )


def write_labels(path: Path | str, labels: NDArray[Any], like: Plane | None = None) -> None:
    """Write labels in the geometry of the image they belong to; all of them or nothing.

    Parameters
    ----------
    path : path
        Ends in .tif, .tiff, .png, .nii or .nii.gz. An existing file is replaced once the new one
        is complete.
    labels : integer or bool array
        Labels of the plane (H, W), or of the whole file. Not negative.
    like : Plane, optional
        The plane the labels belong to. If it is one of a stack, labels of the shape of the whole
        stack are written, zero in all other planes.

    Raises
    ------
    FileError
        If the file cannot be written or its format cannot hold the labels.
    """
    path = Path(path)
    check_output(path, None if like is None else like.path)
    labels = labels.astype(np.uint8) if labels.dtype == np.bool_ else labels
    if like is not None:
        check_fits(path, like)
        labels = like.whole(labels)
    axes = "QQQQQYX"[-labels.ndim :] if like is None else like.axes
    spacing = (1.0,) * labels.ndim if like is None else like.spacing
    template = None if like is None else like.template
    with replacing(path) as temporary:
        match _ending(path):
            case ".png":
                pictures.write_png(temporary, labels)
            case ".tif" | ".tiff":
                known = template if isinstance(template, tiff.TiffTemplate) else None
                tiff.write_tiff(temporary, labels, axes, known)
            case _:
                header = None if isinstance(template, tiff.TiffTemplate) else template
                unit = "" if like is None else like.unit
                nifti.write_nifti(temporary, labels, spacing, unit, header)


def _ending(path: Path) -> str:
    """Return the ending that names the format, in lower case."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()
