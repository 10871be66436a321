"""Finding which mask belongs to which image, in two folders whose files have the same names."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from napari_m2n2.errors import FileError
from napari_m2n2.evaluation.datasets.arrays import IMAGES, ending, stem
from napari_m2n2.evaluation.failure import Failure

OBJECT_SEPARATOR = "__"
"""Between the name of an image and that of an object, in the name of a mask."""


class Pair(NamedTuple):
    """An image and its masks.

    Attributes
    ----------
    name : str
        Name of the image's file without its ending.
    image : Path
    masks : tuple of (str, Path)
        Name of the object ("" where the file does not name one) and its mask.
    """

    name: str
    image: Path
    masks: tuple[tuple[str, Path], ...]


def existing(path: Path, expected: str) -> Path:
    """Return a path, or say in one sentence that it is missing and what is expected there.

    Parameters
    ----------
    path : Path
    expected : str
        What has to be there, as in "the images of GrabCut".
    """
    if not os.path.exists(path):  # Path.exists raises where a name is too long to be one
        raise FileError(f"{path} does not exist; {expected}.")
    return path


def first_existing(paths: Sequence[Path], expected: str) -> Path:
    """Return the first path that is there; the sentence names the first one if none is."""
    for path in paths:
        if os.path.exists(path):
            return path
    return existing(paths[0], expected)


def images_in(folder: Path, endings: Collection[str] = IMAGES) -> list[Path]:
    """Return the image files of a folder by name; hidden files do not count.

    Raises
    ------
    FileError
        If it is no folder, cannot be read or holds no image.
    """
    if not folder.is_dir():
        raise FileError(f"{folder} is not a folder; give the folder of the dataset.")
    try:
        files = sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise FileError(
            f"{folder} cannot be read ({error.strerror or error}); check its permissions."
        ) from error
    found = [p for p in files if ending(p) in endings and not p.name.startswith(".")]
    if not found:
        raise FileError(f"{folder} holds no file that ends in {', '.join(endings)}.")
    return found


def pair_up(
    dataset: str,
    images: Path,
    masks: Path,
    *,
    endings: Collection[str] = IMAGES,
    several: bool = False,
) -> tuple[list[Pair], list[Failure]]:
    """Pair the images of one folder with the masks of another by the names of the files.

    Parameters
    ----------
    dataset : str
        For the problems.
    images, masks : Path
        The folders.
    endings : collection of str
        Of the files that count, in both folders.
    several : bool
        Whether an image may have masks ``NAME__OBJECT``.

    Returns
    -------
    pairs : list of Pair
        In the order of the names of the images.
    problems : list of Failure
        Images without a mask, masks without an image, and names that are there twice.
    """
    by_name: dict[str, list[Path]] = defaultdict(list)
    for path in images_in(images, endings):
        by_name[stem(path)].append(path)
    masks_of: dict[str, list[tuple[str, Path]]] = defaultdict(list)
    problems: list[Failure] = []
    for path in images_in(masks, endings):
        name, label = _owner(stem(path), by_name, several)
        if name in by_name:
            masks_of[name].append((label, path))
        else:
            sentence = f"{path} has no image of the same name in {images}; add it or remove this."
            problems.append(Failure(dataset, stem(path), "", sentence))
    pairs = []
    for name, files in by_name.items():
        sentences = [*_twice(files), *_masks_twice(masks_of[name])]
        if not masks_of[name]:
            sentences.append(f"{files[0]} has no mask of the same name in {masks}; add one.")
        problems += [Failure(dataset, name, "", sentence) for sentence in sentences]
        if not sentences:
            pairs.append(Pair(name, files[0], tuple(masks_of[name])))
    return pairs, problems


def _owner(mask: str, images: Collection[str], several: bool) -> tuple[str, str]:
    """Return the image that a mask is named after, and the object if it names one."""
    if several and mask not in images:
        name, separator, label = mask.rpartition(OBJECT_SEPARATOR)
        if separator and name in images:
            return name, label
    return mask, ""


def _twice(files: Sequence[Path]) -> Iterator[str]:
    """Say that two files have the same name but for the ending."""
    if len(files) > 1:
        names = " and ".join(path.name for path in files)
        yield f"{files[0].parent} has {names}, which are the same name; remove all but one."


def _masks_twice(masks: Sequence[tuple[str, Path]]) -> Iterator[str]:
    """Say that two masks have the same name but for the ending."""
    files: dict[str, list[Path]] = defaultdict(list)
    for label, path in masks:
        files[label].append(path)
    for same in files.values():
        yield from _twice(same)
