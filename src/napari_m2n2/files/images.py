"""Reading one plane of an image and writing its labels, whatever the format."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.atomic import check_writable, replacing
from napari_m2n2.errors import FileError, InputError
from napari_m2n2.files import ngff, nifti, ome_zarr, ome_zarr_labels, pictures, tiff
from napari_m2n2.files.geometry import Geometry, plain_geometry
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
ENDINGS = tuple(_OPENERS)
"""Of the files that can be read; a zarr is a folder, whatever its name."""

_WRITABLE = (".tif", ".tiff", ".png", ".nii", ".nii.gz", ".zarr")


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
        TIFF (plain, ImageJ, OME), NIfTI, PNG, JPEG, OME-Zarr or plain zarr.
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
    source = open_source(path)
    return take_plane(source, path, axis=axis, index=index, channel_axis=channel_axis)


def open_source(path: Path) -> Source:
    """Look into an image file without reading more of it than has to be.

    Raises
    ------
    FileError
        If the file is missing, empty, damaged or of an unknown format.
    """
    if ome_zarr.is_zarr(path):
        opener: Callable[[Path], Source] = ome_zarr.open_zarr
    else:
        ending = _ending(path)
        if ending not in _OPENERS and not path.is_dir():
            raise FileError(
                f"{path} has an unknown format; give a TIFF, PNG, JPEG or NIfTI file "
                f"({', '.join(_OPENERS)}), or a zarr."
            )
        check_readable(path)
        opener = _OPENERS[ending]
    source = opener(path)
    if 0 in source.shape:
        raise FileError(f"{path} holds no pixels (shape {source.shape}); choose another file.")
    return source


def read_geometry(path: Path | str) -> Geometry:
    """Return where the pixels of a file lie, without reading them; channels do not count."""
    path = Path(path)
    return geometry_of(open_source(path), path)


def geometry_of(source: Source, path: Path) -> Geometry:
    """Return where the pixels of a file that was looked into lie."""
    kept = [axis for axis in range(len(source.shape)) if axis != source.channel_axis]
    return Geometry(
        path=path,
        shape=tuple(source.shape[axis] for axis in kept),
        axes="".join(source.axes[axis] for axis in kept),
        spacing=tuple(source.spacing[axis] for axis in kept),
        unit=source.unit,
        template=source.template,
    )


def check_channels(plane: Plane, channels: Sequence[int] | None) -> None:
    """Ask for a choice of channels; four channels of a microscope are not RGB and alpha."""
    if channels is not None or plane.channel_count in (1, 3):
        return
    if plane.channel_count != 4 or not plane.samples:
        raise InputError(
            f"{plane.path.name} has {plane.channel_count} channels; choose one to three of them "
            f"with --channels, from 0 to {plane.channel_count - 1}."
        )


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
    zarr = ome_zarr_labels.is_zarr_target(path)
    if _ending(path) not in _WRITABLE and not zarr:
        raise FileError(
            f"Labels cannot be written as {path.name}; "
            f"choose a name that ends in one of {', '.join(_WRITABLE)}."
        )
    if image is not None and os.path.realpath(path) == os.path.realpath(image):
        raise FileError(f"{path} is the image itself; choose another name for the labels.")
    if zarr:
        ome_zarr_labels.check_zarr_output(path)
    else:
        check_writable(path)


def check_fits(path: Path | str, geometry: Geometry) -> None:
    """Raise FileError if the format of `path` cannot hold the labels of the whole file."""
    if _ending(Path(path)) == ".png" and len(geometry.shape) > 2:
        raise FileError(
            f"A PNG file holds one plane but {geometry.path.name} is a stack; "
            "write the labels to a .tif or .nii.gz file."
        )


def write_labels(
    path: Path | str,
    labels: NDArray[Any],
    like: Geometry | None = None,
    *,
    names: Mapping[int, str] | None = None,
    zarr_version: str = ngff.VERSIONS[0],
) -> None:
    """Write labels in the geometry of the image they belong to; all of them or nothing.

    Parameters
    ----------
    path : path
        Ends in .tif, .tiff, .png, .nii, .nii.gz or .zarr, or is IMAGE.zarr/labels/NAME, a label
        image inside of an OME-Zarr image. What is there is replaced once the new one is complete.
    labels : integer or bool array
        Labels of the plane (H, W), or of the whole file. Not negative.
    like : Geometry or Plane, optional
        The image the labels belong to. If it is one plane of a stack, labels of the shape of the
        whole stack are written, zero in all other planes.
    names : mapping of int to str, optional
        Names of labels, for the formats that keep them (OME-Zarr).
    zarr_version : str
        Of OME-Zarr, "0.4" or "0.5".

    Raises
    ------
    FileError
        If the file cannot be written or its format cannot hold the labels.
    """
    path = Path(path)
    check_output(path, None if like is None else like.path)
    labels = labels.astype(np.uint8) if labels.dtype == np.bool_ else labels
    if like is None:
        like = plain_geometry(path, labels.shape)
    check_fits(path, like)
    labels = like.whole(labels)
    if ome_zarr_labels.is_zarr_target(path):
        said = [{"label-value": number, "name": name} for number, name in (names or {}).items()]
        ome_zarr_labels.write_ome_zarr(path, labels, like, version=zarr_version, properties=said)
        return
    with replacing(path) as temporary:
        match _ending(path):
            case ".png":
                pictures.write_png(temporary, labels)
            case ".tif" | ".tiff":
                tiff.write_tiff(temporary, labels, like.axes, tiff.template_for(like))
            case _:
                header = like.template if nifti.is_template(like.template) else None
                nifti.write_nifti(temporary, labels, like.spacing, like.unit, header)


def _ending(path: Path) -> str:
    """Return the ending that names the format, in lower case."""
    name = path.name.lower()
    return ".nii.gz" if name.endswith(".nii.gz") else path.suffix.lower()
