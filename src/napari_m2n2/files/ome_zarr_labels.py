"""Writing labels as OME-Zarr, with a pyramid of their own."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.atomic import replacing
from napari_m2n2.errors import FileError, InputError
from napari_m2n2.files import ngff
from napari_m2n2.files.folders import replacing_folder
from napari_m2n2.files.geometry import Geometry
from napari_m2n2.files.ome_zarr import ENDING, ZarrTemplate, is_zarr

_LABELS = "labels"
"""The group in which an image of OME-Zarr keeps its label images."""

_KINDS = (np.uint8, np.uint16, np.uint32, np.uint64)
_CHUNK = 1024
_COARSEST = 256
"""Levels are added until no side of a plane is longer."""


def is_zarr_target(path: Path) -> bool:
    """Tell whether labels for a path are to be written as OME-Zarr."""
    return path.suffix.lower() == ENDING or _is_inside(path)


def _is_inside(path: Path) -> bool:
    """Tell whether a path is for a label image inside of an image."""
    parent = Path(os.path.realpath(path)).parent
    return parent.name == _LABELS and is_zarr(parent.parent)


def check_zarr_output(path: Path) -> None:
    """Raise FileError, in one sentence, if labels could not be written as this zarr."""
    if path.exists() and not is_zarr(path):
        if not path.is_dir():
            raise FileError(f"{path} is a file; choose another name for the zarr.")
        if any(path.iterdir()):
            raise FileError(f"{path} is a folder and no zarr; choose another name.")
    if is_zarr(path) and not _is_label_image(path):
        raise FileError(f"{path} is a zarr that holds no label image; choose another name.")
    if _is_inside(path):
        return
    parent = Path(os.path.realpath(path)).parent
    if not parent.is_dir():
        raise FileError(f"The folder {parent} does not exist; make it first.")
    if not os.access(parent, os.W_OK):
        raise FileError(f"The folder {parent} cannot be written to; choose another place.")


def write_ome_zarr(
    path: Path,
    labels: NDArray[np.integer[Any]],
    geometry: Geometry,
    *,
    version: str = ngff.VERSIONS[0],
    properties: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write labels as an OME-Zarr label image with its pyramid; all of it or nothing.

    A path ``IMAGE.ome.zarr/labels/NAME`` adds them to the label images of that image.

    Parameters
    ----------
    path : Path
        A label image that is there is replaced once the new one is complete.
    labels : integer array
        Not negative.
    geometry : Geometry
        Of `labels`.
    version : str
        "0.4" (zarr 2), which most programs read, or "0.5" (zarr 3).
    properties : sequence of mapping
        What is known of single labels, each with its ``label-value``.

    Raises
    ------
    FileError
        If it cannot be written.
    InputError
        If OME-Zarr has no such axes or version.
    """
    if version not in ngff.VERSIONS:
        raise InputError(
            f"OME-Zarr {version} cannot be written; choose {' or '.join(ngff.VERSIONS)}."
        )
    check_zarr_output(path)
    found = ngff.layout(geometry)
    highest = int(labels.max(initial=0))
    kind = next(kind for kind in _KINDS if highest <= np.iinfo(kind).max)
    values: NDArray[np.integer[Any]] = labels.astype(kind, copy=False)
    values = values.transpose(found.order)
    parent = Path(os.path.realpath(path)).parent
    inside = _is_inside(path)
    if inside:
        version = _version_of(parent.parent)
        parent.mkdir(exist_ok=True)
    with replacing_folder(path) as temporary:
        _fill(temporary, path.name, values, geometry, found, version, properties)
    if inside:
        _register(parent, path.name, version)


def _fill(
    folder: Path,
    name: str,
    values: NDArray[np.integer[Any]],
    geometry: Geometry,
    found: ngff.Layout,
    version: str,
    properties: Sequence[Mapping[str, Any]],
) -> None:
    """Write the arrays and the metadata of a label image."""
    import zarr

    start = (0.0,) * values.ndim
    template = geometry.template
    if isinstance(template, ZarrTemplate) and template.axes == geometry.axes:
        start = tuple(template.translation[axis] for axis in found.order)
    two = version == "0.4"
    group = zarr.open_group(str(folder), mode="a", zarr_format=2 if two else 3)
    levels: list[ngff.Level] = []
    while True:
        step = 2 ** len(levels)
        scale = (*found.scale[:-2], *(size * step for size in found.scale[-2:]))
        levels.append(ngff.Level(str(len(levels)), scale, start))
        options: dict[str, Any] = {"dimension_names": found.names}
        if two:  # what the older readers of other languages can decompress
            options = {"chunk_key_encoding": {"name": "v2", "separator": "/"}}
            options["compressors"] = {"id": "zlib", "level": 1}
        chunks = (
            *(1 for _ in values.shape[:-2]),
            *(max(1, min(_CHUNK, n)) for n in values.shape[-2:]),
        )
        array = group.create_array(
            levels[-1].path, shape=values.shape, dtype=values.dtype, chunks=chunks, **options
        )
        for place in np.ndindex(values.shape[:-2]):
            array[place] = values[place]
        if max(values.shape[-2:]) <= _COARSEST:
            break
        values = values[..., ::2, ::2]
    shown = name.removesuffix(ENDING).removesuffix(".ome")
    metadata = ngff.label_metadata(shown, found, levels, version=version, properties=properties)
    group.attrs.update(metadata)


def _is_label_image(path: Path) -> bool:
    """Tell whether a zarr is a label image, so that one may take its place."""
    try:
        return "image-label" in ngff.fields(_attributes(path))
    except (OSError, ValueError):
        return False


def _attributes(path: Path) -> dict[str, Any]:
    """Return the attributes of a group."""
    if (path / "zarr.json").is_file():
        content = json.loads((path / "zarr.json").read_text(encoding="utf-8"))
        return dict(content.get("attributes") or {})
    if not (path / ".zattrs").is_file():
        return {}
    return dict(json.loads((path / ".zattrs").read_text(encoding="utf-8")))


def _version_of(image: Path) -> str:
    """Return the version in which an image's labels have to be written: that of its zarr."""
    return "0.5" if (image / "zarr.json").is_file() else "0.4"


def _register(folder: Path, name: str, version: str) -> None:
    """Name a label image in the list that an image has of them."""
    listed = ngff.fields(_attributes(folder)).get("labels", []) if is_zarr(folder) else []
    names = [*listed, *([] if name in listed else [name])]
    if version == "0.4":
        _write_json(folder / ".zgroup", {"zarr_format": 2})
        _write_json(folder / ".zattrs", {**_attributes(folder), "labels": names})
        return
    attributes = _attributes(folder) if is_zarr(folder) else {}
    ome = {"version": version, **attributes.get("ome", {}), "labels": names}
    content = {"zarr_format": 3, "node_type": "group", "attributes": {**attributes, "ome": ome}}
    _write_json(folder / "zarr.json", content)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2), encoding="utf-8")
