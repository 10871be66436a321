"""Handing labels on to other programs: as an image, as COCO's JSON, as a table of measurements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import FileError
from napari_m2n2.progress import Progress, ignore

if TYPE_CHECKING:
    from napari_m2n2.files.coco import CocoPlane, Named
    from napari_m2n2.files.geometry import Geometry
    from napari_m2n2.files.measurements import By, Pixels

FORMATS: Mapping[str, tuple[str, ...]] = {
    "tiff": (".tif", ".tiff"),
    "nifti": (".nii.gz", ".nii"),
    "ome-zarr": (".ome.zarr", ".zarr"),
    "png": (".png",),
    "coco": (".json",),
    "csv": (".csv",),
}
"""The formats with the endings of their names, the usual one first."""

TITLES: Mapping[str, str] = {
    "tiff": "TIFF label image",
    "nifti": "NIfTI label image",
    "ome-zarr": "OME-Zarr label image",
    "png": "PNG label image",
    "coco": "COCO objects (JSON)",
    "csv": "Table of measurements (CSV)",
}
"""What the formats are called in the window."""


@dataclass(frozen=True, eq=False)
class Annotated:
    """Labels, and what is known of them.

    Attributes
    ----------
    labels : integer array
        Of the shape of the geometry.
    geometry : Geometry
        Where the pixels lie.
    image : str
        The name of the image's file, or of its layer.
    names : mapping of int to Named
        What is known of each label.
    objects : integer array, optional
        In semantic mode, where objects of one class share a label, the number of each object.
    names_of_objects : mapping of int to Named
        What is known of these.
    pixels : callable, optional
        The image, for grey values.
    """

    labels: NDArray[np.integer[Any]]
    geometry: Geometry
    image: str
    names: Mapping[int, Named] = field(default_factory=dict)
    objects: NDArray[np.integer[Any]] | None = None
    names_of_objects: Mapping[int, Named] = field(default_factory=dict)
    pixels: Pixels | None = None


@dataclass(frozen=True)
class ExportOptions:
    """What there is to choose.

    Attributes
    ----------
    shapes : str
        How COCO has outlines, see `napari_m2n2.files.coco.SHAPES`.
    by : str
        "object" or "plane": what a row of the table measures.
    zarr_version : str
        Of OME-Zarr, "0.4" or "0.5".
    """

    shapes: str = "auto"
    by: By = "object"
    zarr_version: str = "0.4"


def format_of(path: Path) -> str:
    """Return the format that a name ends in.

    Raises
    ------
    FileError
        If it is none.
    """
    name = path.name.lower()
    for known, endings in FORMATS.items():
        if name.endswith(endings):
            return known
    if _is_in_a_zarr(path):
        return "ome-zarr"
    every = ", ".join(ending for endings in FORMATS.values() for ending in endings)
    raise FileError(f"{path} has no ending that names a format; choose one of {every}.")


def check_export(path: Path, geometry: Geometry) -> None:
    """Raise FileError, in one sentence, if labels could not be exported to a path."""
    from napari_m2n2 import files

    if format_of(path) in ("coco", "csv"):
        files.check_writable(path)
    else:
        files.check_output(path)
        files.check_fits(path, geometry)


def export(
    what: Annotated,
    path: Path,
    options: ExportOptions | None = None,
    progress: Progress = ignore,
) -> str:
    """Write labels in the format that the path ends in; all of them or nothing.

    Parameters
    ----------
    what : Annotated
    path : Path
        What is there is replaced once the new one is complete.
    options : ExportOptions, optional
    progress : callable
        May raise `Cancelled`; then nothing is written.

    Returns
    -------
    str
        What was written, in a few words.

    Raises
    ------
    FileError
        If it cannot be written, or the format cannot hold the labels.
    InputError
        If the labels do not suit the format or the image.
    """
    from napari_m2n2 import files

    options = options or ExportOptions()
    kind = format_of(path)
    progress(f"writing {path.name}", 0.0)
    if kind == "coco":
        return _export_coco(what, path, options, progress)
    if kind == "csv":
        return _export_table(what, path, options, progress)
    named = {number: said.name for number, said in what.names.items() if said.name}
    files.write_labels(
        path, what.labels, what.geometry, names=named, zarr_version=options.zarr_version
    )
    count = len(np.unique(what.labels)) - int((what.labels == 0).any())
    return f"{count} {'label' if count == 1 else 'labels'}"


def _export_coco(what: Annotated, path: Path, options: ExportOptions, progress: Progress) -> str:
    """Write objects as COCO's JSON."""
    from napari_m2n2.files.coco import write_coco

    labels, names = _single_objects(what)
    count = write_coco(
        path,
        _coco_planes(what, labels, progress),
        names,
        shapes=options.shapes,
        description=f"Objects of {what.image}, outlined with napari-m2n2",
    )
    return f"{count} {'annotation' if count == 1 else 'annotations'}"


def _export_table(what: Annotated, path: Path, options: ExportOptions, progress: Progress) -> str:
    """Write measurements."""
    from napari_m2n2.files.measurements import measure, write_measurements

    labels, names = _single_objects(what)
    found = (what.geometry, names)
    table = measure(labels, *found, by=options.by, pixels=what.pixels, progress=progress)
    write_measurements(path, table)
    return f"{len(table)} {'row' if len(table) == 1 else 'rows'}"


def _single_objects(what: Annotated) -> tuple[NDArray[np.integer[Any]], Mapping[int, Named]]:
    """Return the objects one by one, also where several share a label."""
    if what.objects is None:
        return what.geometry.whole(what.labels), what.names
    return what.geometry.whole(what.objects), what.names_of_objects


def _coco_planes(
    what: Annotated, labels: NDArray[np.integer[Any]], progress: Progress
) -> Iterator[CocoPlane]:
    """Yield the planes that hold objects; an image of one plane is there without any too."""
    from napari_m2n2.files.coco import CocoPlane

    places = list(np.ndindex(labels.shape[:-2]))
    stem, _, _ = what.image.partition(".")
    for number, place in enumerate(places):
        progress("outlining", number / len(places))
        if len(places) == 1:
            yield CocoPlane(what.image, labels[place])
        elif labels[place].any():
            axes = what.geometry.axes[: len(place)]
            names = [f"{a if a != 'Q' else ''}{k:04d}" for a, k in zip(axes, place, strict=True)]
            more = {"stack": what.image, "plane": list(place)}
            yield CocoPlane(f"{stem}_{'_'.join(names)}.png", labels[place], more)


def _is_in_a_zarr(path: Path) -> bool:
    from napari_m2n2.files.ome_zarr_labels import is_zarr_target

    return is_zarr_target(path)
