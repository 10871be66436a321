"""What every dataset is to the evaluation: cases, each of them an image with its objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.evaluation.failure import Failure

DOMAINS = ("natural", "microscopy", "medical", "")
"""The kinds of images there are; the last one is for images of which nobody says what they are."""


@dataclass(frozen=True)
class Description:
    """What a user has to know before a dataset can be read.

    Attributes
    ----------
    name : str
        The name on the command line.
    title : str
        What it is, in a few words.
    layout : str
        Which files lie where, and what PATH has to name.
    where : str
        Where users get it. Nothing is ever downloaded.
    licence : str
        The terms of the images, as far as they are stated.
    options : mapping of str to str
        Name of each option of `napari_m2n2.evaluation.datasets.open_dataset` -> what it does.
    """

    name: str
    title: str
    layout: str
    where: str
    licence: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Target:
    """One object to be clicked.

    Attributes
    ----------
    name : str
        Unique in its image.
    truth : (H, W) bool array
        The object.
    valid : (H, W) bool array
        False where nobody knows: never scored and never clicked.
    """

    name: str
    truth: NDArray[np.bool_]
    valid: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Loaded:
    """An image and the objects in it.

    Attributes
    ----------
    image : (H, W) or (H, W, C) array
        The values as they are in the file.
    targets : tuple of Target
        In an order that is always the same.
    spacing : (float, float)
        Distance between rows and between columns; (1, 1) where the file does not say.
    problems : tuple of (str, str)
        Object and the sentence that says why it cannot be evaluated; the object is "" where
        the sentence is about all of a mask.
    """

    image: NDArray[Any]
    targets: tuple[Target, ...]
    spacing: tuple[float, float] = (1.0, 1.0)
    problems: tuple[tuple[str, str], ...] = ()


class Case(Protocol):
    """An image that can be loaded: paths and options only, so that a process can be handed it.

    Attributes
    ----------
    dataset, domain : str
        Where it is from; the domain is one of `DOMAINS`.
    image : str
        Unique in its dataset.
    """

    @property
    def dataset(self) -> str: ...  # noqa: D102

    @property
    def domain(self) -> str: ...  # noqa: D102

    @property
    def image(self) -> str: ...  # noqa: D102

    def load(self) -> Loaded:
        """Read the image and its objects.

        Raises
        ------
        FileError, InputError
            If the image, or the only mask it has, cannot be used at all.
        """
        ...


@dataclass(frozen=True)
class Dataset:
    """The cases of a dataset, and what of it cannot be evaluated.

    Attributes
    ----------
    name : str
        The name it was opened by.
    cases : tuple of Case
        In an order that is always the same.
    problems : tuple of Failure
        What has no case: images without a mask, masks without an image, names that are there
        twice.
    """

    name: str
    cases: tuple[Case, ...]
    problems: tuple[Failure, ...] = ()
