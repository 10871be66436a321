"""The objects of one image: what is known of each, and the numbers that they are given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import ClassVar, Literal, TypeAlias

import numpy as np
from numpy.typing import DTypeLike
from psygnal import Signal

from napari_m2n2.annotation.masks import union
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.provenance import Provenance
from napari_m2n2.annotation.records import PlaneRecord
from napari_m2n2.errors import InputError

ObjectState: TypeAlias = Literal["to do", "done", "flagged"]
STATES: tuple[ObjectState, ...] = ("to do", "done", "flagged")

Mode: TypeAlias = Literal["instance", "semantic"]
"""Whether an object is written with a number of its own or with that of its class."""


@dataclass(frozen=True)
class AnnotatedObject:
    """One object; changing it means to put another one in its place (`dataclasses.replace`).

    Attributes
    ----------
    id : int
        Its own number, from 1, given once and never again.
    value : int
        What its pixels hold: its id, or in semantic mode the number of its class.
    name : str
    state : str
        "to do", "done" or "flagged".
    records : mapping of Plane to PlaneRecord
        Prompts and mask of each plane.
    clicks : int
        Points and shapes that were placed for it, those taken back included.
    seconds : float
        How long it was worked on.
    parts : tuple of AnnotatedObject
        What was merged into it, itself as it was before included.
    """

    id: int
    value: int
    name: str = ""
    state: ObjectState = "done"
    records: Mapping[Plane, PlaneRecord] = field(default_factory=dict)
    clicks: int = 0
    seconds: float = 0.0
    parts: tuple[AnnotatedObject, ...] = ()

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise InputError(
                f"The state {self.state!r} is unknown; choose one of {', '.join(STATES)}."
            )
        object.__setattr__(self, "records", MappingProxyType(dict(self.records)))

    @property
    def planes(self) -> tuple[Plane, ...]:
        """The planes that it lies on or has prompts on."""
        return tuple(self.records)

    @property
    def areas(self) -> dict[Plane, int]:
        """Pixels of each plane."""
        return {plane: record.area for plane, record in self.records.items()}

    @property
    def area(self) -> int:
        """Pixels of all planes."""
        return sum(record.area for record in self.records.values())

    @property
    def prompts(self) -> int:
        """Points and shapes of all planes that count now."""
        return sum(record.prompts for record in self.records.values())

    @property
    def made(self) -> Provenance | None:
        """What made it, on the plane that came last."""
        made = [record.made for record in self.records.values() if record.made is not None]
        return made[-1] if made else None


@dataclass(frozen=True)
class TableContent:
    """All that an `ObjectTable` holds, to go back to it.

    Attributes
    ----------
    objects : tuple of AnnotatedObject
        By their ids.
    classes : tuple of (int, str)
        Number and name of each class.
    """

    objects: tuple[AnnotatedObject, ...] = ()
    classes: tuple[tuple[int, str], ...] = ()


class ObjectTable:
    """The committed objects of one image.

    Signals
    -------
    changed : tuple of int
        After anything changed: the ids of objects that were added, replaced or removed; none
        where it was a class.
    """

    changed: ClassVar[Signal] = Signal(tuple)

    def __init__(self) -> None:
        self._objects: dict[int, AnnotatedObject] = {}
        self._classes: dict[int, str] = {}
        self._used: set[int] = set()

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[AnnotatedObject]:
        return iter(tuple(self._objects.values()))

    def __contains__(self, number: object) -> bool:
        return number in self._objects

    def __getitem__(self, number: int) -> AnnotatedObject:
        """Return an object by its id; raise `InputError` if there is none."""
        if number not in self._objects:
            raise InputError(f"There is no object {number}; choose one of the table.")
        return self._objects[number]

    def get(self, number: int) -> AnnotatedObject | None:
        """Return an object by its id, None if there is none."""
        return self._objects.get(number)

    # numbers

    def reserve(self, numbers: Iterable[int]) -> None:
        """Never give these numbers, for instance because a labels layer holds them already."""
        self._used.update(int(number) for number in numbers if number > 0)

    @property
    def used(self) -> frozenset[int]:
        """All numbers that were ever given or reserved."""
        return frozenset(self._used)

    def next_id(self, dtype: DTypeLike = np.int64) -> int:
        """Return the number of the next object; it is used up when an object with it is added.

        It is above all that were ever given or reserved, and where the type of the labels ends
        before that, the lowest that is free.

        Raises
        ------
        InputError
            If the type of the labels holds no further number.
        """
        most = largest(dtype)
        above = max(self._used, default=0) + 1
        if above <= most:
            return above
        free = next((n for n in range(1, most + 1) if n not in self._used), None)
        if free is None:
            raise InputError(
                f"All {most} numbers that labels of type {np.dtype(dtype)} can hold are given; "
                "convert the labels to a larger type."
            )
        return free

    # objects

    def add(self, new: AnnotatedObject) -> None:
        """Add an object with a number that no other one has."""
        if new.id in self._objects:
            raise InputError(f"There is an object {new.id} already; give it another number.")
        if new.id < 1 or new.value < 1:
            raise InputError(
                f"An object cannot have the number {min(new.id, new.value)}; 0 is background, "
                "choose one from 1."
            )
        self._put({**self._objects, new.id: new})
        self.changed.emit((new.id,))

    def replace(self, new: AnnotatedObject) -> None:
        """Put an object in the place of the one with its id."""
        before = self[new.id]
        if new != before:
            self._objects[new.id] = new
            self.changed.emit((new.id,))

    def rename(self, number: int, name: str) -> None:
        """Give an object a name."""
        self.replace(replace(self[number], name=" ".join(name.split())))

    def set_state(self, number: int, state: ObjectState) -> None:
        """Say how far an object is."""
        self.replace(replace(self[number], state=state))

    def remove(self, number: int) -> AnnotatedObject:
        """Take an object out and return it; its number is not given again."""
        removed = self[number]
        del self._objects[number]
        self.changed.emit((number,))
        return removed

    def merge(self, numbers: Sequence[int]) -> AnnotatedObject:
        """Make one object of several, with the number of the first; return it.

        On a plane of one of them its prompts stay; where several lie, only their common mask is
        left, and `parts` tells what it came from.
        """
        parts = tuple(self[number] for number in dict.fromkeys(numbers))
        if len(parts) < 2:
            raise InputError("One object cannot be merged with itself; choose two or more.")
        merged = replace(
            parts[0],
            records=_merged_records(parts),
            clicks=sum(part.clicks for part in parts),
            seconds=sum(part.seconds for part in parts),
            parts=parts,
        )
        for part in parts[1:]:
            del self._objects[part.id]
        self._objects[merged.id] = merged
        self.changed.emit(tuple(part.id for part in parts))
        return merged

    # classes

    @property
    def classes(self) -> dict[int, str]:
        """Number and name of each class of semantic mode."""
        return dict(self._classes)

    def set_class(self, number: int, name: str) -> None:
        """Name a class, a new one or one that there is."""
        if number < 1:
            raise InputError(f"A class cannot have the number {number}; choose one from 1.")
        self._classes[number] = " ".join(name.split())
        self.changed.emit(())

    # all of it

    @property
    def content(self) -> TableContent:
        """All objects and classes, to be gone back to with `restore`."""
        return TableContent(tuple(self._objects.values()), tuple(self._classes.items()))

    def restore(self, content: TableContent) -> None:
        """Go back, or forward, to what there was; numbers that were given stay used up."""
        before = self._objects
        self._put({known.id: known for known in content.objects})
        self._classes = dict(content.classes)
        ids = dict.fromkeys([*before, *self._objects])
        other = tuple(n for n in ids if before.get(n) != self._objects.get(n))
        self.changed.emit(other)

    def _put(self, objects: dict[int, AnnotatedObject]) -> None:
        """Hold other objects, by their ids whatever the order in which they come and come back."""
        self._objects = dict(sorted(objects.items()))
        self._used.update(objects)


def largest(dtype: DTypeLike) -> int:
    """Return the largest number that labels of a type can hold."""
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return 1
    if kind.kind not in "ui":
        raise InputError(f"Labels cannot be of type {kind}; convert them to whole numbers.")
    return int(np.iinfo(kind).max)


def _merged_records(parts: Sequence[AnnotatedObject]) -> dict[Plane, PlaneRecord]:
    """Return the planes of an object that is made of several."""
    merged: dict[Plane, PlaneRecord] = {}
    for plane in dict.fromkeys(plane for part in parts for plane in part.records):
        there = [part.records[plane] for part in parts if plane in part.records]
        if len(there) == 1:
            merged[plane] = there[0]
            continue
        masks = [record.mask for record in there if record.mask is not None]
        made = there[0].made or Provenance()
        whole = union(masks) if masks else None
        merged[plane] = PlaneRecord(mask=whole, start=whole, made=replace(made, way="merged"))
    return merged
