"""Steps of history that concern more than one plane."""

from __future__ import annotations

from dataclasses import dataclass

from napari_m2n2.annotation.history import Step
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.viewer.deeds import Entries


@dataclass(frozen=True, eq=False)
class PlanesStep(Step):
    """A step, and all planes that it concerns."""

    planes: tuple[Plane, ...] = ()


def planes_of(*entries: Entries) -> tuple[Plane, ...]:
    """Return the planes on which objects differ."""
    before, after = ({n: e.records if e else {} for n, e in known.items()} for known in entries)
    return tuple(
        dict.fromkeys(
            plane
            for number in before
            for plane in [*before[number], *after[number]]
            if before[number].get(plane) != after[number].get(plane)
        )
    )
