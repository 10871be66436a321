"""SBD, the Semantic Boundaries Dataset (Hariharan et al., 2011): MATLAB files of labels."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import FileError
from napari_m2n2.evaluation.datasets.arrays import read_picture, sizes_differ
from napari_m2n2.evaluation.datasets.base import Case, Dataset, Loaded
from napari_m2n2.evaluation.datasets.objects import Gathered, add_labels
from napari_m2n2.evaluation.datasets.options import check_most, check_text
from napari_m2n2.evaluation.datasets.pairing import existing, first_existing
from napari_m2n2.evaluation.failure import Failure

_ROOTS = ("", "dataset", "benchmark_RELEASE/dataset")
_CONTENT = {"sbd": ("inst", "GTinst"), "sbd-classes": ("cls", "GTcls")}
"""Folder, and the variable of its files, by the name of the dataset."""


@dataclass(frozen=True)
class SbdCase:
    """An image of SBD and its instances, or its classes.

    Attributes
    ----------
    dataset, domain, image : str
        As in `napari_m2n2.evaluation.datasets.base.Case`.
    picture, labels : Path
        The image and the MATLAB file.
    variable : str
        The variable in it, "GTinst" or "GTcls".
    most : int, optional
        At most so many objects, evenly over the ranks of area.
    """

    dataset: str
    domain: str
    image: str
    picture: Path
    labels: Path
    variable: str
    most: int | None = None

    def load(self) -> Loaded:
        """Read the image and its objects.

        Raises
        ------
        FileError, InputError
            If either file cannot be used.
        """
        labels = _read_mat(self.labels, self.variable)
        picture = read_picture(self.picture)
        found = Gathered()
        if labels.shape != picture.data.shape[:2]:
            shape = picture.data.shape[:2]
            found.refuse("", sizes_differ(self.labels, labels.shape, shape))
        else:
            add_labels(found, "", labels, str(self.labels), most=self.most)
        return Loaded(picture.data, tuple(found.targets), picture.spacing, tuple(found.problems))


def open_sbd(
    name: str, path: Path, *, split: str = "val", per_image: int | None = None
) -> Dataset:
    """Open SBD.

    Parameters
    ----------
    name : str
        "sbd" for instances, "sbd-classes" for the class masks that M2N2's script takes for them.
    path : Path
        The folder that holds ``img``, ``inst`` or ``cls``, and ``val.txt``, or one above it.
    split : str
        Name of the list of images.
    per_image : int, optional
        At most so many objects of an image; all without it.

    Raises
    ------
    FileError
        If a folder or the list is missing.
    """
    check_text("split", split)
    most = check_most(per_image)
    folder, variable = _CONTENT[name]
    expected = f"{name} needs img, {folder} and {split}.txt in one folder"
    existing(path, f"give the folder of SBD that holds img, {folder} and {split}.txt")
    images = first_existing([path / root / "img" for root in _ROOTS], expected)
    mats = existing(images.parent / folder, expected)
    cases: list[Case] = []
    problems: list[Failure] = []
    seen: set[str] = set()
    for image in _read_names(existing(images.parent / f"{split}.txt", expected)):
        picture, labels = images / f"{image}.jpg", mats / f"{image}.mat"
        missing = next((file for file in (picture, labels) if not os.path.isfile(file)), None)
        if image in seen:
            sentence = f"{split}.txt names {image} twice; remove one of the lines."
        elif missing is not None:
            sentence = f"{missing} does not exist but {split}.txt names it; extract SBD again."
        else:
            cases.append(SbdCase(name, "natural", image, picture, labels, variable, most))
            sentence = ""
        seen.add(image)
        if sentence:
            problems.append(Failure(name, image, "", sentence))
    return Dataset(name, tuple(cases), tuple(problems))


def _read_names(path: Path) -> list[str]:
    """Return the lines of a list."""
    try:
        lines = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path} cannot be read as a list of names; extract SBD again.") from error
    if not lines:
        raise FileError(f"{path} is empty; extract SBD again.")
    return lines


def _read_mat(path: Path, variable: str) -> NDArray[np.int64]:
    """Return the labels in a MATLAB file."""
    from scipy.io import loadmat

    from napari_m2n2.files.images import check_readable

    check_readable(path)
    try:
        content: Any = loadmat(path, variable_names=[variable])[variable]
        labels = np.asarray(content["Segmentation"][0, 0]).astype(np.int64)
    except Exception as error:  # a damaged file makes the decoder raise almost anything
        raise FileError(
            f"{path} is no MATLAB file with {variable}.Segmentation, or it is damaged; "
            "extract SBD again."
        ) from error
    if labels.ndim != 2:
        raise FileError(f"{path} holds labels with {labels.ndim} axes; extract SBD again.")
    return labels
