"""Objects of label images as COCO's JSON (https://cocodataset.org/#format-data)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.atomic import replacing
from napari_m2n2.errors import InputError
from napari_m2n2.files.edges import outlines, run_lengths, signed_area

SHAPES = ("auto", "polygons", "rle")
"""How outlines are written; auto: as polygons, those of objects with holes as run lengths."""

CATEGORY = "object"
"""Of objects that have no class."""


@dataclass(frozen=True, eq=False)
class CocoPlane:
    """One image of the file: the labels of a plane.

    Attributes
    ----------
    file_name : str
        As other programs shall find the image.
    labels : (H, W) integer array
    more : mapping
        Further entries of the image, such as the stack it is of.
    """

    file_name: str
    labels: NDArray[np.integer[Any]]
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Named:
    """What is known of a label.

    Attributes
    ----------
    name : str
    category : str
        Its class; "" for none.
    state : str
        "to do", "done" or "flagged"; "" where it is not known.
    """

    name: str = ""
    category: str = ""
    state: str = ""


def write_coco(
    path: Path,
    planes: Iterable[CocoPlane],
    names: Mapping[int, Named] | None = None,
    *,
    shapes: str = SHAPES[0],
    description: str = "",
) -> int:
    """Write the objects of one or more planes; all of them or nothing.

    Parameters
    ----------
    path : Path
    planes : iterable of CocoPlane
        Read one after the other.
    names : mapping of int to Named, optional
        What is known of the labels.
    shapes : str
        One of `SHAPES`. Polygons follow the edges of the pixels, so that filling them gives the
        mask again; COCO has none with holes, which run lengths (``counts`` down the columns) have.
    description : str

    Returns
    -------
    int
        How many annotations were written.

    Raises
    ------
    InputError
        If polygons are asked for and an object has a hole.
    FileError
        If the file cannot be written.
    """
    known = names or {}
    categories = _categories(known)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for plane in planes:
        rows, columns = plane.labels.shape
        image = {"id": len(images) + 1, "file_name": plane.file_name}
        images.append({**image, "width": columns, "height": rows, **plane.more})
        for label, mask, corner in _objects(plane.labels):
            said = known.get(label, Named())
            found = _annotation(mask, corner, (rows, columns), shapes, label)
            entry = {"id": len(annotations) + 1, "image_id": image["id"]}
            entry["category_id"] = categories[said.category or CATEGORY]
            extra = {"label": label, "name": said.name, "state": said.state}
            annotations.append(entry | found | {k: v for k, v in extra.items() if v != ""})
    content = {
        "info": {"description": description, "version": "1.0"},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": [
            {"id": number, "name": name, "supercategory": ""}
            for name, number in categories.items()
        ],
    }
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return len(annotations)


def _categories(names: Mapping[int, Named]) -> dict[str, int]:
    """Return the number of each class, from 1."""
    found = sorted({said.category or CATEGORY for said in names.values()} or {CATEGORY})
    if any(not said.category for said in names.values()) or not names:
        found = [CATEGORY, *(name for name in found if name != CATEGORY)]
    numbers = {name: place for place, name in enumerate(found, start=1)}
    return numbers if CATEGORY in numbers else {**numbers, CATEGORY: len(numbers) + 1}


def _objects(
    labels: NDArray[np.integer[Any]],
) -> Iterable[tuple[int, NDArray[np.bool_], tuple[int, int]]]:
    """Yield number, mask and upper left corner of each object, cut to its rectangle."""
    from skimage.measure import regionprops

    for region in regionprops(labels.astype(np.int64)):
        top, left = region.bbox[:2]
        yield int(region.label), np.asarray(region.image, bool), (int(top), int(left))


def _annotation(
    mask: NDArray[np.bool_],
    corner: tuple[int, int],
    shape: tuple[int, int],
    shapes: str,
    label: int,
) -> dict[str, Any]:
    """Return what is written of one object."""
    (top, left), (rows, columns) = corner, mask.shape
    rings = outlines(mask)
    holes = any(signed_area(ring) < 0 for ring in rings)
    if holes and shapes == "polygons":
        raise InputError(
            f"Label {label} has a hole, which COCO's polygons cannot have; write run lengths."
        )
    if shapes == "rle" or (holes and shapes == "auto"):
        whole = np.zeros(shape, bool)
        whole[top : top + rows, left : left + columns] = mask
        segmentation: Any = {"size": list(shape), "counts": run_lengths(whole)}
    else:
        segmentation = [_polygon(ring + corner) for ring in rings]
    return {
        "segmentation": segmentation,
        "area": int(np.count_nonzero(mask)),
        "bbox": [left, top, columns, rows],
        "iscrowd": 0,
    }


def _polygon(ring: NDArray[np.int64]) -> list[int]:
    """Return x, y, x, y, ..."""
    numbers: Sequence[int] = ring[:, ::-1].ravel().tolist()
    return list(numbers)
