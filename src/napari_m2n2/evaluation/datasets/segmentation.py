"""The masks of COCO's JSON: polygons and run lengths.

A polygon is given in the coordinates of COCO, in which the centre of the first pixel lies at
(0.5, 0.5); a pixel belongs to it if its centre does. Run lengths go down the columns, the first
one being background.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import InputError

_FIRST_CHARACTER = 48
_BITS = 5


def decode_counts(text: str) -> list[int]:
    """Return the run lengths in COCO's compressed text.

    Each number is cut into pieces of five bits, the lowest first; a character holds a piece, and
    in a sixth bit whether there are more. The highest bit of the last piece is the sign. From the
    fourth number on, what is written is the difference to the number two places before.

    Raises
    ------
    InputError
        If the text is damaged.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - _FIRST_CHARACTER
        if not 0 <= bits < 64:
            raise InputError(
                f"The run lengths hold the character {character!r}; export them again."
            )
        value |= (bits & 0x1F) << shift
        shift += _BITS
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        value = shift = 0
    if shift:
        raise InputError("The run lengths end in the middle of a number; export them again.")
    return counts


def decode_runs(counts: Sequence[int], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the mask of run lengths.

    Parameters
    ----------
    counts : sequence of int
        Pixels of background, of object, of background, ..., column by column.
    shape : (int, int)
        Rows and columns.

    Raises
    ------
    InputError
        If they do not add up to the pixels of the image.
    """
    runs = np.asarray(counts, dtype=object)
    if not all(isinstance(n, int) and n >= 0 for n in runs) or sum(runs) != shape[0] * shape[1]:
        raise InputError(
            f"The run lengths do not add up to {shape[0]} x {shape[1]} pixels; export them again."
        )
    flags = np.arange(len(runs)) % 2 == 1
    return np.repeat(flags, runs.astype(np.int64)).reshape(shape, order="F")


def fill_polygons(polygons: Sequence[Any], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the pixels whose centre lies in any of some polygons.

    Parameters
    ----------
    polygons : sequence of sequence of float
        Each x, y, x, y, ..., at least three points.
    shape : (int, int)
        Rows and columns; what lies outside is cut off.

    Raises
    ------
    InputError
        If a polygon is none.
    """
    from skimage.draw import polygon

    mask = np.zeros(shape, bool)
    for corners in polygons:
        try:
            points = np.asarray(corners, float).reshape(-1, 2)
        except (TypeError, ValueError):
            points = np.empty((0, 2))
        if len(points) < 3 or not np.isfinite(points).all():
            raise InputError("A polygon needs three or more pairs of numbers; draw it again.")
        mask[polygon(points[:, 1] - 0.5, points[:, 0] - 0.5, shape)] = True
    return mask


def decode_segmentation(segmentation: Any, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the mask of the field `segmentation` of an annotation.

    Parameters
    ----------
    segmentation : list or dict
        Polygons, or `size` (rows, columns) and `counts`, a list or a compressed text.
    shape : (int, int)
        Rows and columns of the image.

    Raises
    ------
    InputError
        If it is none of these, or of another size than the image.
    """
    if isinstance(segmentation, Mapping):
        size, counts = segmentation.get("size"), segmentation.get("counts")
        if not isinstance(size, Sequence) or list(size) != list(shape):
            raise InputError(
                f"The run lengths are of an image of {size} pixels (rows, columns) but the image "
                f"has {list(shape)}; export them again."
            )
        if isinstance(counts, str):
            return decode_runs(decode_counts(counts), shape)
        if isinstance(counts, list):
            return decode_runs(counts, shape)
    elif isinstance(segmentation, list) and segmentation:
        return fill_polygons(segmentation, shape)
    raise InputError("The segmentation is neither polygons nor run lengths; export it again.")
