"""COCO's JSON: images with annotations, each of them one object."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_m2n2.errors import FileError, InputError
from napari_m2n2.evaluation.datasets.arrays import read_picture
from napari_m2n2.evaluation.datasets.base import DOMAINS, Case, Dataset, Loaded
from napari_m2n2.evaluation.datasets.objects import Gathered, spread
from napari_m2n2.evaluation.datasets.options import check_most, check_text
from napari_m2n2.evaluation.datasets.pairing import existing
from napari_m2n2.evaluation.datasets.segmentation import decode_segmentation
from napari_m2n2.evaluation.failure import Failure
from napari_m2n2.files.images import check_readable


@dataclass(frozen=True)
class CocoCase:
    """An image and its annotations.

    Attributes
    ----------
    dataset, domain, image : str
        As in `napari_m2n2.evaluation.datasets.base.Case`.
    picture : Path
    annotations : tuple of (str, Any)
        Name of the object, and what the JSON has for its segmentation.
    source : str
        The JSON file, for messages.
    most : int, optional
        At most so many objects, evenly over the ranks of area.
    """

    dataset: str
    domain: str
    image: str
    picture: Path
    annotations: tuple[tuple[str, Any], ...]
    source: str
    most: int | None = None

    def load(self) -> Loaded:
        """Read the image and decode its masks.

        Raises
        ------
        FileError, InputError
            If the image cannot be used.
        """
        picture = read_picture(self.picture)
        rows, columns = picture.data.shape[:2]
        found = Gathered()
        for name, segmentation in self.annotations:
            where = f"Annotation {name} of {self.source}"
            try:
                found.add(name, decode_segmentation(segmentation, (rows, columns)), where=where)
            except InputError as error:
                found.refuse(name, f"{where}: {error}")
        areas = np.array([np.count_nonzero(target.truth) for target in found.targets], int)
        chosen = spread(np.arange(len(areas)), areas, self.most)
        targets = tuple(found.targets[place] for place in chosen)
        return Loaded(picture.data, targets, picture.spacing, tuple(found.problems))


def open_coco(
    name: str,
    path: Path,
    *,
    images: str | Path | None = None,
    domain: str = "",
    per_image: int | None = None,
) -> Dataset:
    """Open a JSON file of annotations.

    Parameters
    ----------
    name : str
    path : Path
        The JSON file; the dataset is called after it.
    images : path, optional
        The folder of the images; by default ``images`` or the folder that is called as the split
        (``val2017`` for ``instances_val2017.json``), beside the JSON file or one folder above it.
    domain : str
        "natural", "microscopy", "medical" or "".
    per_image : int, optional
        At most so many objects of an image; all without it.

    Returns
    -------
    Dataset
        Images without annotations, and crowds (``iscrowd``), are left out.

    Raises
    ------
    FileError
        If the JSON file or the folder is missing, or it is no such file.
    """
    most = check_most(per_image)
    check_text("domain", domain, DOMAINS)
    existing(path, "give the JSON file with the annotations")
    content = _read_json(path)
    folder = _image_folder(path, images, content["images"])
    listing = _Listing(path, [], {})
    listing.add_images(content["images"])
    labels = {str(c.get("id")): str(c.get("name", "")) for c in content.get("categories", [])}
    of_image = listing.add_annotations(content["annotations"], labels)
    cases: list[Case] = []
    for key, image in listing.files.items():
        if not of_image[key]:
            continue
        if os.path.isfile(folder / image):
            parts = (path.stem, domain, image, folder / image, tuple(of_image[key]))
            cases.append(CocoCase(*parts, str(path), most))
        else:
            listing.refuse(
                image, "", f"{folder / image} does not exist but {path} names it; add it."
            )
    return Dataset(name, tuple(cases), tuple(listing.problems))


@dataclass
class _Listing:
    """What is found while a file is gone through.

    Attributes
    ----------
    path : Path
        The JSON file.
    problems : list of Failure
    files : dict of str to str
        Id of an image -> its file.
    """

    path: Path
    problems: list[Failure]
    files: dict[str, str]

    def refuse(self, image: str, label: str, sentence: str) -> None:
        """Keep a problem."""
        self.problems.append(Failure(self.path.stem, image, label, sentence))

    def add_images(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Take the images; the first one counts where two have the same id or file."""
        files: set[str] = set()
        for entry in entries:
            key, file = str(entry["id"]), str(entry["file_name"])
            if key in self.files or file in files:
                sentence = f"{self.path} has the image {file}, or its id {key}, twice; remove one."
                self.refuse(file, "", sentence)
            else:
                self.files[key] = file
            files.add(file)

    def add_annotations(
        self, entries: Sequence[Mapping[str, Any]], labels: Mapping[str, str]
    ) -> dict[str, list[tuple[str, Any]]]:
        """Return the name and the segmentation of each object, by the id of its image."""
        of_image: dict[str, list[tuple[str, Any]]] = defaultdict(list)
        seen: set[str] = set()
        for entry in entries:
            number, key = str(entry.get("id")), str(entry.get("image_id"))
            label = f"{labels.get(str(entry.get('category_id')), '')} {number}".strip()
            if entry.get("iscrowd"):
                continue
            if number in seen:
                sentence = f"{self.path} has two annotations {number}; give each its own id."
                self.refuse(self.files.get(key, key), label, sentence)
            elif key not in self.files:
                sentence = (
                    f"{self.path} has no image {key} for annotation {number}; add the image."
                )
                self.refuse(key, label, sentence)
            else:
                of_image[key].append((label, entry.get("segmentation")))
            seen.add(number)
        return of_image


def _read_json(path: Path) -> dict[str, Any]:
    """Return what the file holds, with a list of images and one of annotations."""
    check_readable(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FileError(f"{path} is no JSON file, or it is damaged; export it again.") from error
    lists = (
        [content.get(k) for k in ("images", "annotations")] if isinstance(content, dict) else []
    )
    categories = content.get("categories", []) if isinstance(content, dict) else None
    if not lists or not all(_are_entries(entries) for entries in (*lists, categories)):
        raise FileError(f"{path} has no lists of images and annotations, as COCO's JSON has.")
    if not all("id" in image and "file_name" in image for image in content["images"]):
        raise FileError(f"{path} has an image without id or file_name; export it again.")
    return dict(content)


def _are_entries(entries: Any) -> bool:
    """Whether this is a list of JSON objects."""
    return isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries)


def _image_folder(path: Path, images: str | Path | None, entries: list[Any]) -> Path:
    """Return where the images are: the first place that has one of them."""
    if images is not None:
        return existing(Path(images).absolute(), "give the folder of the images of the JSON file")
    names = ("images", path.stem.rpartition("_")[2], "")
    places = [above / name for above in (path.parent, path.parent.parent) for name in names]
    for place in places:
        if any(os.path.isfile(place / str(entry["file_name"])) for entry in entries):
            return place
    raise FileError(
        f"{places[0]} does not hold the images of {path.name}; "
        "name their folder with the option images."
    )
