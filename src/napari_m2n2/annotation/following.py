"""The regions that followed the view, remembered so that coming back encodes nothing again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.prompts import NO_PROMPTS, PlanePrompts
from napari_m2n2.annotation.region import Region, follow_view, reduced, whole_plane

_REMEMBERED = 4
"""Regions of each plane; about as many stay encoded."""


@dataclass(frozen=True, eq=False)
class _Asked:
    """What was last asked of a plane."""

    prompts: PlanePrompts
    regions: tuple[Region, ...]


class Following:
    """Chooses the region of a plane by what is on screen."""

    def __init__(self) -> None:
        self._asked: dict[Plane, _Asked] = {}

    def region(
        self,
        plane: Plane,
        corners: NDArray[np.float64],
        prompts: PlanePrompts,
        most_pixels: float,
    ) -> Region:
        """Return the region to segment.

        It reaches to the prompts where that costs no resolution, so that a look at a detail
        leaves out none of the object. While the prompts are the same it stays, so that looking
        around changes nothing.

        Parameters
        ----------
        plane : Plane
        corners : (n, 2) float64 array
            Of the view, in pixels of the plane.
        prompts : PlanePrompts
            Of the plane.
        most_pixels : float
            Above it the region is reduced.
        """
        known = self._asked.get(plane, _Asked(NO_PROMPTS, ()))
        fitting = [r for r in known.regions if reduced(r, most_pixels) == r]
        if fitting and prompts and prompts == known.prompts:
            return fitting[0]
        wanted = _with_prompts(corners, extent_of(prompts), plane.size, most_pixels)
        for before in fitting:
            if follow_view(wanted, plane.size, most_pixels, before) == before:
                found = before
                break
        else:
            new = follow_view(wanted, plane.size, most_pixels)
            found = whole_plane(plane.size, most_pixels) if new is None else new
        others = [region for region in known.regions if region != found]
        self._asked[plane] = _Asked(prompts, (found, *others[: _REMEMBERED - 1]))
        return found

    def last(self, plane: Plane) -> Region | None:
        """Return the region of a plane that was chosen last, if there is one."""
        asked = self._asked.get(plane)
        return asked.regions[0] if asked is not None and asked.regions else None

    def release(self) -> None:
        """Let the regions go with the view again, whatever the prompts."""
        self._asked = {
            plane: _Asked(NO_PROMPTS, asked.regions) for plane, asked in self._asked.items()
        }


def extent_of(prompts: PlanePrompts) -> NDArray[np.float64]:
    """Return points (n, 2) of the plane between which all prompts lie."""
    paths = [path for path, _ in prompts.scribbles]
    parts = [prompts.points, prompts.boxes.reshape(-1, 2), *paths, *prompts.lassos]
    return np.concatenate(parts)


def _with_prompts(
    corners: NDArray[np.float64],
    points: NDArray[np.float64],
    size: tuple[int, int],
    most_pixels: float,
) -> NDArray[np.float64]:
    """Return the corners of the view, and the prompts unless they cost resolution."""
    if not len(points):
        return corners
    alone = follow_view(corners, size, most_pixels)
    together = np.concatenate([corners, points])
    both = follow_view(together, size, most_pixels)
    fits = both is not None and both.factor <= (1 if alone is None else alone.factor)
    return together if fits else corners
