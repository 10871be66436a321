"""NIfTI: one plane at a time, and labels in the geometry of the image they belong to.

The voxel indices of NIfTI are x, y, z and time. Here the axes are turned round, (T, Z, Y, X), as
in TIFF files and in napari: slices first, then rows and columns. Nothing is rotated or flipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel.imageglobals import LoggingOutputSuppressor
from numpy.typing import NDArray

from napari_m2n2.errors import FileError
from napari_m2n2.files.planes import Source

_AXES = "VUCTZYX"
_UNITS = {"mm": "mm", "micron": "micron"}


def open_nifti(path: Path) -> Source:
    """Look into a NIfTI file without reading its voxels.

    Parameters
    ----------
    path : Path
        A file that ends in .nii or .nii.gz.

    Returns
    -------
    Source
        Axes in the order time, slice, row, column.

    Raises
    ------
    FileError
        If the file is no NIfTI file, damaged or cut off.
    """
    with _reading(path):
        image = _load(path)
        shape = tuple(int(length) for length in image.shape[::-1])
        colour = image.get_data_dtype().fields is not None
        spacing = tuple(float(size) for size in image.header.get_zooms()[::-1])
        unit = _UNITS.get(image.header.get_xyzt_units()[0], "")
        _check_length(path, image)
    if len(shape) < 2 or 0 in shape:
        raise FileError(f"{path} holds no image (shape {shape}); choose another file.")
    axes = _AXES[-len(shape) :]
    if colour:  # RGB is one voxel type of NIfTI, and an axis of three channels here
        shape, axes, spacing = (*shape, 3), axes.replace("C", "Q") + "S", (*spacing, 1.0)
    channel_axis = next((axes.index(letter) for letter in "SC" if letter in axes), None)
    return Source(
        shape=shape,
        axes=axes,
        channel_axis=channel_axis,
        stack_axes=tuple(a for a in range(len(shape)) if a != channel_axis),
        spacing=tuple(size if np.isfinite(size) and size > 0 else 1.0 for size in spacing),
        unit=unit,
        read=lambda fixed: _read(path, fixed, colour),
        template=image,
    )


def write_nifti(
    path: Path,
    labels: NDArray[np.integer[Any]],
    spacing: tuple[float, ...],
    unit: str,
    template: Any | None,
) -> None:
    """Write labels of the shape of a whole file.

    Parameters
    ----------
    path : Path
        A file that ends in .nii or .nii.gz.
    labels : integer array
        Axes in the order time, slice, row, column.
    spacing : tuple of float
        Distance between pixels along each of these axes, used where there is no template.
    unit : str
        "mm", "micron" or "".
    template : nibabel image, optional
        The image whose affine, codes and units the labels keep.
    """
    dtype = np.min_scalar_type(int(labels.max(initial=0)))
    values = labels.astype(dtype if dtype.itemsize <= 2 else np.int32, copy=False).T
    if template is None:
        image = nibabel.Nifti1Image(values, np.diag([*_three(spacing[::-1]), 1.0]))
        image.header.set_zooms(spacing[::-1])
        image.header.set_xyzt_units(unit or None)
    else:
        header = template.header.copy()
        header.set_data_dtype(values.dtype)
        header.set_slope_inter(1, 0)
        header["cal_min"] = header["cal_max"] = 0  # the window of the image would hide the labels
        image = type(template)(values, template.affine, header)
    nibabel.save(image, path)


def is_template(template: Any) -> bool:
    """Tell whether something is a NIfTI image, whose geometry labels can keep."""
    return isinstance(template, nibabel.Nifti1Pair)


def _three(spacing: tuple[float, ...]) -> list[float]:
    """Return the first three distances, ones where there are fewer."""
    return [*spacing[:3], *[1.0] * (3 - len(spacing[:3]))]


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn whatever is wrong with a NIfTI file into one sentence."""
    try:
        with LoggingOutputSuppressor():
            yield
    except Exception as error:  # a damaged file makes the decoder raise almost anything
        raise FileError(
            f"{path} is no NIfTI file, or it is damaged or cut off; copy it again."
        ) from error


def _check_length(path: Path, image: Any) -> None:
    """Raise ValueError if an uncompressed file ends before its voxels do.

    A compressed one tells only when the part that is missing is read.
    """
    voxels = int(np.prod(image.shape, dtype=np.int64)) * image.get_data_dtype().itemsize
    if path.suffix.lower() == ".nii" and path.stat().st_size < image.dataobj.offset + voxels:
        raise ValueError("the file ends before the image does")


def _load(path: Path) -> Any:
    """Return the image without its voxels."""
    return nibabel.load(path)


def _read(path: Path, fixed: Mapping[int, int], colour: bool) -> NDArray[Any]:
    """Read what remains when some axes are fixed."""
    with _reading(path):
        image = _load(path)
        count = len(image.shape)
        part = np.asarray(
            image.dataobj[tuple(fixed.get(axis, slice(None)) for axis in reversed(range(count)))]
        ).T
    if colour:
        names = [name for name in ("R", "G", "B") if name in (part.dtype.names or ())]
        part = np.stack([part[name] for name in names], axis=-1)
        if count in fixed:  # the user took the colours for a stack
            part = part[..., fixed[count]]
    return np.array(part, dtype=part.dtype.newbyteorder("="))
