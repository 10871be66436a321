"""The case that most datasets are made of: an image file and one or more mask files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import FileError, UserError
from napari_m2n2.evaluation.datasets import objects
from napari_m2n2.evaluation.datasets.arrays import (
    ending,
    fullest_plane,
    read_colours,
    read_labels,
    read_picture,
    sizes_differ,
)
from napari_m2n2.evaluation.datasets.base import Loaded
from napari_m2n2.evaluation.datasets.objects import Gathered

Kind: TypeAlias = Literal["grabcut", "above zero", "object", "labels"]
"""What the numbers of a mask mean, see `napari_m2n2.evaluation.datasets.objects`."""


@dataclass(frozen=True)
class MaskFile:
    """A mask, and which objects are in it.

    Attributes
    ----------
    path : Path
    kind : str
        "grabcut": above 128 is the object, 128 is unknown. "above zero": all that is not 0 is
        one object. "object": 1 is the object, 255 is unknown. "labels": each label is an object.
    name : str
        Of the object; where there are several, before their labels.
    most : int, optional
        At most so many labels, evenly over the ranks of area.
    only : tuple of int, optional
        These labels alone.
    ignore : int, optional
        The label that means unknown.
    """

    path: Path
    kind: Kind
    name: str = ""
    most: int | None = None
    only: tuple[int, ...] | None = None
    ignore: int | None = None

    def read(self) -> NDArray[Any]:
        """Return the numbers in the file: (H, W), (D, H, W), or (H, W, 3) of colours."""
        in_colour = self.kind in ("grabcut", "above zero")
        if in_colour and ending(self.path) in (".png", ".bmp", ".jpg", ".jpeg"):
            return read_colours(self.path)
        return read_labels(self.path)

    def foreground(self, values: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which of these numbers are object."""
        if self.kind == "object":
            return np.asarray(values == 1)
        inside = np.asarray(values > 0)
        return inside if self.ignore is None else inside & (values != self.ignore)

    def gather(self, found: Gathered, values: NDArray[Any]) -> None:
        """Add the objects of this mask.

        Parameters
        ----------
        found : Gathered
        values : (H, W) array, or (H, W, 3) of colours
        """
        where = str(self.path)
        match self.kind:
            case "grabcut":
                objects.add_grabcut(found, self.name, values, where)
            case "above zero":
                objects.add_above_zero(found, self.name, values, where)
            case "object":
                objects.add_object(found, self.name, values, where)
            case "labels":
                objects.add_labels(
                    found,
                    self.name,
                    values,
                    where,
                    most=self.most,
                    only=self.only,
                    ignore=self.ignore,
                )


@dataclass(frozen=True)
class PictureCase:
    """An image file with its masks; a stack gives its plane with the most foreground.

    Attributes
    ----------
    dataset, domain, image : str
        As in `napari_m2n2.evaluation.datasets.base.Case`.
    picture : Path
        The image file.
    masks : tuple of MaskFile
    """

    dataset: str
    domain: str
    image: str
    picture: Path
    masks: tuple[MaskFile, ...]

    def load(self) -> Loaded:
        """Read the image and its objects.

        Raises
        ------
        FileError, InputError
            If the image, or the only mask it has, cannot be used.
        """
        found = Gathered()
        read = self._read(found)
        if not read and len(self.masks) == 1:
            raise FileError(found.problems[0][1])
        stacks = [values for mask, values in read if _is_stack(mask, values)]
        if stacks:
            return self._load_plane(found, read, stacks[0].shape)
        picture = read_picture(self.picture)
        self._gather(found, read, picture.data.shape[:2])
        return Loaded(picture.data, tuple(found.targets), picture.spacing, tuple(found.problems))

    def _read(self, found: Gathered) -> Sequence[tuple[MaskFile, NDArray[Any]]]:
        """Return the masks that can be read."""
        read = []
        for mask in self.masks:
            try:
                read.append((mask, mask.read()))
            except UserError as error:
                found.refuse(mask.name, str(error))
        return read

    def _gather(
        self,
        found: Gathered,
        read: Sequence[tuple[MaskFile, NDArray[Any]]],
        shape: tuple[int, ...],
    ) -> None:
        """Add the objects of masks of the right size."""
        for mask, values in read:
            size = values.shape if _is_stack(mask, values) else values.shape[:2]
            if size != shape:
                found.refuse(mask.name, sizes_differ(mask.path, size, shape))
                continue
            try:
                mask.gather(found, values)
            except UserError as error:
                found.refuse(mask.name, str(error))

    def _load_plane(
        self,
        found: Gathered,
        read: Sequence[tuple[MaskFile, NDArray[Any]]],
        shape: tuple[int, ...],
    ) -> Loaded:
        """Read the plane of a stack on which its masks have the most foreground, all together."""
        same = [(mask, values) for mask, values in read if values.shape == shape]
        for mask, values in read:
            if values.shape != shape:
                found.refuse(mask.name, sizes_differ(mask.path, values.shape, shape))
        counts = sum(np.count_nonzero(m.foreground(v), axis=(1, 2)) for m, v in same)
        plane = fullest_plane(np.asarray(counts))
        picture = read_picture(self.picture, shape, plane)
        planes = [(mask, values[plane]) for mask, values in same]
        self._gather(found, planes, picture.data.shape[:2])
        return Loaded(picture.data, tuple(found.targets), picture.spacing, tuple(found.problems))


def _is_stack(mask: MaskFile, values: NDArray[Any]) -> bool:
    """Whether three axes are planes, and not the colours of a picture."""
    return values.ndim == 3 and values.dtype != np.uint8
