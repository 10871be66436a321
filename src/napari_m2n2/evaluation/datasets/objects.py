"""From the numbers in a mask to the objects that are to be clicked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.errors import InputError
from napari_m2n2.evaluation.datasets.base import Target

UNKNOWN_IN_GRABCUT = 128
UNKNOWN_IN_OBJECT = 255
_LISTED = 8
"""So many labels are named in a sentence; an image may have thousands."""


@dataclass
class Gathered:
    """The objects of an image as they are found, with what is wrong with others.

    Attributes
    ----------
    targets : list of Target
    problems : list of (str, str)
        Object and sentence.
    """

    targets: list[Target] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)

    def add(
        self,
        name: str,
        truth: NDArray[np.bool_],
        valid: NDArray[np.bool_] | None = None,
        *,
        where: str,
    ) -> None:
        """Take an object, or say why it cannot be scored.

        Parameters
        ----------
        name : str
        truth, valid : (H, W) bool arrays
        where : str
            The mask it is from, for the sentence.
        """
        valid = np.ones(truth.shape, bool) if valid is None else valid
        truth = truth & valid
        area = int(np.count_nonzero(truth))
        if any(name == target.name for target in self.targets):
            self.refuse(name, f"{where} holds a second object {name}; give each its own name.")
        elif area == 0:
            self.refuse(name, f"{where} holds no object: every pixel is background or unknown.")
        elif area == 1:
            self.refuse(name, f"{where} holds an object of one pixel; leave it out or correct it.")
        else:
            self.targets.append(Target(name, truth, valid))

    def refuse(self, name: str, sentence: str) -> None:
        """Keep the sentence about an object that cannot be evaluated."""
        self.problems.append((name, sentence))


def add_grabcut(found: Gathered, name: str, colours: NDArray[np.uint8], where: str) -> None:
    """Take the object of a mask of GrabCut as RITM does: 128 is unknown, what is above is object.

    Parameters
    ----------
    colours : (H, W, 3) uint8 array
        Blue, green, red; only blue counts, as in RITM.
    """
    values = colours[..., 0]
    found.add(name, values > UNKNOWN_IN_GRABCUT, values != UNKNOWN_IN_GRABCUT, where=where)


def add_above_zero(found: Gathered, name: str, values: NDArray[Any], where: str) -> None:
    """Take everything that is not 0 in a mask (H, W), or in any channel of it (H, W, 3)."""
    inside = np.asarray(values > 0)
    if values.ndim == 3:
        inside = np.asarray(inside.any(axis=2))
    found.add(name, inside, where=where)


def add_object(found: Gathered, name: str, labels: NDArray[np.int64], where: str) -> None:
    """Take the object of a mask of 0 (background), 1 (object) and 255 (unknown).

    Raises
    ------
    InputError
        If there are other values, or 255 where 1 is meant.
    """
    values = np.unique(labels)
    others = values[~np.isin(values, (0, 1, UNKNOWN_IN_OBJECT))]
    if others.size:
        raise InputError(
            f"{where} holds {listed(others)} but a mask of kind object has 0, 1 and 255 only; "
            "choose kind instance or semantic."
        )
    if 1 not in values and UNKNOWN_IN_OBJECT in values:
        raise InputError(
            f"{where} has no pixel of value 1, and 255 means unknown in a mask of kind object; "
            "write objects as 1 or choose kind instance."
        )
    found.add(name, labels == 1, labels != UNKNOWN_IN_OBJECT, where=where)


def add_labels(
    found: Gathered,
    prefix: str,
    labels: NDArray[np.int64],
    where: str,
    *,
    most: int | None = None,
    only: Sequence[int] | None = None,
    ignore: int | None = None,
) -> None:
    """Take each label of a label image as one object.

    Parameters
    ----------
    prefix : str
        Put before the label in the object's name; alone the name where there is one label only.
    labels : (H, W) int64 array
        0 and below are background.
    most : int, optional
        At most so many objects, `spread` over the ranks of area.
    only : sequence of int, optional
        These labels, and no others.
    ignore : int, optional
        The label that means unknown.
    """
    valid = np.ones(labels.shape, bool) if ignore is None else labels != ignore
    ids, areas = np.unique(labels[(labels > 0) & valid], return_counts=True)
    if not ids.size:
        found.refuse(prefix, f"{where} holds no object: every pixel is background or unknown.")
        return
    single = len(ids) == 1
    wanted = ids if only is None else np.array(only)
    for missing in wanted[~np.isin(wanted, ids)]:
        sentence = f"{where} has no label {missing}; it has {listed(ids)}."
        found.refuse(_name(prefix, int(missing), False), sentence)
    kept = np.isin(ids, wanted)
    tiny = ids[kept & (areas == 1)]
    kept &= areas > 1
    # where there are enough others, a stray pixel is simply not among those that are chosen
    if tiny.size and (most is None or np.count_nonzero(kept) < most):
        found.refuse(
            _name(prefix, listed(tiny), single),
            f"{where} holds objects of one pixel (label {listed(tiny)}); "
            "leave them out or correct them.",
        )
    for number in spread(ids[kept], areas[kept], most):
        found.add(_name(prefix, number, single), labels == number, valid, where=where)


def spread(
    ids: NDArray[np.integer[Any]], areas: NDArray[np.integer[Any]], most: int | None
) -> list[int]:
    """Choose objects evenly over the ranks of area, the same ones every time.

    The ranks are cut into `most` parts of equal length, and the middle one of each part is taken:
    one object is the median one.

    Parameters
    ----------
    ids, areas : (n,) integer arrays
        Objects of equal area are ranked by their ids.
    most : int or None
        So many at most; None takes all.

    Returns
    -------
    list of int
        Rising.
    """
    order = np.lexsort((ids, areas))
    count = len(order) if most is None else min(most, len(order))
    middles = [(2 * part + 1) * len(order) // (2 * count) for part in range(count)]
    return sorted(int(ids[order[place]]) for place in middles)


def listed(values: Iterable[Any]) -> str:
    """Return values for a sentence, the first few of many."""
    texts = [str(value) for value in values]
    more = f" and {len(texts) - _LISTED} more" if len(texts) > _LISTED else ""
    return ", ".join(texts[:_LISTED]) + more


def _name(prefix: str, label: int | str, single: bool) -> str:
    """Return the name of an object."""
    if not prefix:
        return str(label)
    return prefix if single else f"{prefix} {label}"
