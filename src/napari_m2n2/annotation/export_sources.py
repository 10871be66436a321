"""What is to be exported: from a label file, from a session, or from the layers of a window."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.export import Annotated
from napari_m2n2.annotation.objects import AnnotatedObject, Mode
from napari_m2n2.annotation.resume import plane_view, resume
from napari_m2n2.errors import InputError, UserError

if TYPE_CHECKING:
    from napari_m2n2.files.geometry import Geometry
    from napari_m2n2.files.measurements import Pixels
    from napari_m2n2.files.planes import Source

_UNITS = {"micrometer": ("micron", 1.0), "millimeter": ("mm", 1.0), "nanometer": ("micron", 1e-3)}
_UNITS |= {"meter": ("mm", 1e3), "centimeter": ("mm", 10.0)}


@dataclass(frozen=True)
class Known:
    """What is known of the objects in some labels.

    Attributes
    ----------
    objects : tuple of AnnotatedObject
    classes : tuple of (int, str)
    mode : str
        "instance" or "semantic".
    """

    objects: tuple[AnnotatedObject, ...] = ()
    classes: tuple[tuple[int, str], ...] = ()
    mode: Mode = "instance"


@dataclass(frozen=True, eq=False)
class ImageLayer:
    """The image that labels of a window belong to.

    Attributes
    ----------
    name : str
    data : array-like
        Of the finest level, colours last.
    rgb : bool
        Whether the last axis has colours.
    path : Path, optional
        The file it comes from.
    scale : tuple of float
        Distance between pixels of the labels along each axis.
    units : tuple of str
        What it is measured in, as napari calls it.
    """

    name: str
    data: Any
    rgb: bool
    path: Path | None
    scale: tuple[float, ...]
    units: tuple[str, ...]


# ------------------------------------------------------------------ from files
def from_files(labels: Path, image: Path | None = None) -> Annotated:
    """Return the labels of a file, with the geometry of their image if it is given.

    Raises
    ------
    FileError
        If a file cannot be read.
    InputError
        If the labels are none, or not those of the image.
    """
    from napari_m2n2 import files

    values, geometry = files.read_label_image(labels)
    if image is None:
        return Annotated(values, geometry, labels.name)
    geometry = files.read_geometry(image)
    pixels = files.pixel_reader(image)
    return Annotated(geometry.whole(values), geometry, image.name, pixels=pixels)


def from_session(path: Path, image: Path | None = None) -> Annotated:
    """Return the labels of a session with what it knows of its objects.

    Parameters
    ----------
    path : Path
        The session file.
    image : Path, optional
        Where its image is now.

    Raises
    ------
    FileError
        If the session or its image cannot be read.
    InputError
        If it has no labels yet.
    """
    from napari_m2n2.files.geometry import plain_geometry

    resumed = resume(path, image=image)
    session, labels = resumed.session, resumed.labels
    if labels is None:
        raise InputError(f"{path} has no labels yet; outline an object first.")
    known = Known(session.objects, session.classes, session.mode)
    geometry, pixels, turned = plain_geometry(path, labels.shape), None, False
    if resumed.image is not None:
        geometry, pixels, turned = _of_image(resumed.image, labels.shape)
    name = session.image.layer if resumed.image is None else resumed.image.name
    return _annotated(labels, geometry, name or path.stem, known, pixels, turned=turned)


def _of_image(path: Path, shape: tuple[int, ...]) -> tuple[Geometry, Pixels | None, bool]:
    """Return the geometry of labels of an image, and what reads it if they lie pixel on pixel.

    The last value tells whether the labels have the axes of the file in reverse order.
    """
    from napari_m2n2 import files
    from napari_m2n2.files.geometry import plain_geometry

    geometry = files.read_geometry(path)
    if _ones_apart(geometry.shape, shape):
        return geometry, files.pixel_reader(path), False
    if geometry.shape[::-1] == shape:
        return geometry, files.pixel_reader(path), True
    if len(geometry.shape) == len(shape) and all(
        part <= whole for part, whole in zip(shape, geometry.shape, strict=True)
    ):
        return geometry.reduced(shape), None, False
    return plain_geometry(path, shape), None, False


# ------------------------------------------------------------------ from a window
def from_layers(labels: NDArray[Any], layer: ImageLayer, known: Known | None = None) -> Annotated:
    """Return labels of a window.

    The geometry is that of the image's file where the pixels of the layer are those of the file;
    a plugin may have turned its axes round. Otherwise it is that of the layer.

    Parameters
    ----------
    labels : integer array
        A copy that nobody writes to any more.
    layer : ImageLayer
    known : Known, optional
    """
    from napari_m2n2 import files

    name = layer.name if layer.path is None else layer.path.name
    found = known or Known()
    laid_out = _laid_out(labels.shape, layer)
    if layer.path is not None and laid_out is not None:
        geometry, turned = laid_out
        pixels = files.pixel_reader(layer.path)
        return _annotated(labels, geometry, name, found, pixels, turned=turned)
    geometry = _geometry_of_layer(labels.shape, layer)
    return _annotated(labels, geometry, name, found, _layer_reader(labels.shape, layer))


def _laid_out(shape: tuple[int, ...], layer: ImageLayer) -> tuple[Geometry, bool] | None:
    """Return the geometry of the file a layer was read from, and whether its axes were reversed.

    None if that cannot be told.
    """
    from napari_m2n2 import files

    if layer.path is None:
        return None
    try:
        source = files.open_source(layer.path)
        geometry = files.read_geometry(layer.path)
        if _ones_apart(geometry.shape, shape) and _same(source, layer.data, turned=False):
            return geometry, False
        reverse = not layer.rgb and source.channel_axis is None and geometry.shape == shape[::-1]
        return (geometry, True) if reverse and _same(source, layer.data, turned=True) else None
    except UserError:  # of a format that only the plugin knows, or no longer there
        return None


def _same(source: Source, data: Any, *, turned: bool) -> bool:
    """Tell whether a layer holds the pixels of a file, by two planes of the file.

    Axes of length 1 do not count; `turned` says that the layer has the others in reverse order.
    """
    theirs = [axis for axis, length in enumerate(source.shape) if length != 1]
    own = [axis for axis, length in enumerate(data.shape) if length != 1]
    order = theirs[::-1] if turned else theirs
    if [data.shape[axis] for axis in own] != [source.shape[axis] for axis in order]:
        return False
    inner = 3 if source.axes.endswith("S") else 2
    for part in (2, 4):  # the plane in the middle is the same in a stack that was turned over
        fixed = {axis: length // part for axis, length in enumerate(source.shape[:-inner])}
        index: list[Any] = [0] * len(data.shape)
        for axis, other in zip(own, order, strict=True):
            index[axis] = fixed.get(other, slice(None))
        plane, stored = np.squeeze(np.asarray(data[tuple(index)])), np.squeeze(source.read(fixed))
        plane = plane.T if turned else plane
        if plane.shape != stored.shape or not np.allclose(plane, stored, equal_nan=True):
            return False
    return True


def _geometry_of_layer(shape: tuple[int, ...], layer: ImageLayer) -> Geometry:
    """Return what the layer says of its pixels."""
    from napari_m2n2.files.geometry import plain_geometry

    plain = plain_geometry(Path(layer.name), shape)
    found = [_UNITS.get(unit) for unit in layer.units[-len(shape) :]]
    known = [entry for entry in found[-2:] if entry is not None]
    if len(known) < 2 or len({unit for unit, _ in known}) > 1:
        return replace(plain, spacing=tuple(abs(size) for size in layer.scale))
    unit = known[0][0]
    spacing = tuple(
        abs(size) * (entry[1] if entry is not None and entry[0] == unit else 1.0)
        for size, entry in zip(layer.scale, found, strict=True)
    )
    return replace(plain, spacing=spacing, unit=unit)


def _layer_reader(shape: tuple[int, ...], layer: ImageLayer) -> Pixels | None:
    """Return what reads a layer plane by plane; None where labels do not lie pixel on pixel."""
    own = tuple(int(n) for n in layer.data.shape)
    if (own[:-1] if layer.rgb else own) != shape:
        return None
    return lambda place: np.asarray(layer.data[place])


# ------------------------------------------------------------------ what is known
def _annotated(
    labels: NDArray[Any],
    geometry: Geometry,
    image: str,
    known: Known,
    pixels: Pixels | None,
    *,
    turned: bool = False,
) -> Annotated:
    """Put labels and what is known of their objects together.

    Labels are as they were drawn in; they are brought into the axes of the geometry here.
    """
    from napari_m2n2.files.coco import Named

    fitted = geometry.whole(labels.T if turned else labels)
    if known.mode == "instance":
        names = {o.value: Named(o.name, "", o.state) for o in known.objects}
        return Annotated(fitted, geometry, image, names, pixels=pixels)
    classes = dict(known.classes)
    names = {number: Named(name, name) for number, name in classes.items()}
    objects, owners = _one_by_one(labels, known.objects)
    objects = geometry.whole(objects.T if turned else objects)
    each = {number: Named("", classes.get(value, "")) for number, value in owners.items()}
    each |= {o.id: Named(o.name, classes.get(o.value, ""), o.state) for o in known.objects}
    return Annotated(fitted, geometry, image, names, objects, each, pixels)


def _one_by_one(
    labels: NDArray[Any], known: Iterable[AnnotatedObject]
) -> tuple[NDArray[np.int64], dict[int, int]]:
    """Return the number of the object that each pixel of a class is of.

    Pixels of a class that are no object's, such as those painted by hand, are one further object.

    Returns
    -------
    objects : integer array
    owners : dict of int to int
        Number of each further object -> its class.
    """
    objects = np.zeros(labels.shape, np.int64)
    highest = 0
    for one in known:
        highest = max(highest, one.id)
        for plane, record in one.records.items():
            if record.mask is not None and plane.shape == labels.shape:
                part = plane_view(objects, plane)[record.mask.window]
                value = plane_view(labels, plane)[record.mask.window]
                part[record.mask.part & (value == one.value)] = one.id
    left = (labels > 0) & (objects == 0)
    owners: dict[int, int] = {}
    for value in np.unique(labels[left]).tolist():
        highest += 1
        owners[highest] = value
        objects[left & (labels == value)] = highest
    return objects, owners


def _ones_apart(first: tuple[int, ...], second: tuple[int, ...]) -> bool:
    """Tell whether two shapes are the same but for axes of length 1."""
    return [n for n in first if n != 1] == [n for n in second if n != 1]
