"""How much of the plane a further click may take by itself.

The first click says what the object is; a later one says that the outline is wrong in one place.
How wrong, it says too: the pixels between the click and the nearest one that was already as the
click asks are wrong for certain. A click that lies r pixels within the mistake therefore gets a
segment of at most κ π r² pixels, so that a click close to the outline moves the outline and cannot
flood an organ. What the click was placed on includes every λ that the user chose by hand. M2N2
(CVPR 2025) treats all prompts alike; measured in docs/results.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.segmentation.seeds import Seed

_LEAST_DEPTH = 1.5
"""Pixels: a click beside the outline moves it by about its neighbours."""

_Click = tuple[bytes, bool, float | None]
"""The map, label and chosen λ of a click."""

Solve = Callable[[Sequence[int], Sequence[int | None]], NDArray[np.bool_]]
"""The mask of some of the seeds, by their places in the sequence, with their limits."""


class Corrections:
    """The limits of the clicks on one plane, in the order in which they were made.

    What was found is kept: a further click asks for one mask, the one that it was placed on, and
    a click that is taken back for none.

    Parameters
    ----------
    strength : float
        κ; 0 sets no limit.
    """

    def __init__(self, strength: float) -> None:
        self._strength = strength
        self._always: list[bytes] = []
        self._known: list[tuple[_Click, int | None]] = []

    def limits(self, seeds: Sequence[Seed], solve: Solve) -> list[int | None]:
        """Return the most pixels of each seed's segment; None where there is no limit.

        Parameters
        ----------
        seeds : sequence of Seed
            Those with `click` in the order of the clicks; all others count as if they had been
            there first.
        solve : callable
            Gives the mask that a click was placed on.
        """
        found: list[int | None] = [None] * len(seeds)
        if not self._strength:
            return found
        clicks = [place for place, seed in enumerate(seeds) if seed.click]
        before = [place for place, seed in enumerate(seeds) if not seed.click]
        always = [seeds[place].key + bytes([seeds[place].label]) for place in before]
        if always != self._always:
            self._always, self._known = always, []
        for number, place in enumerate(clicks):
            seed = seeds[place]
            identity = (seed.key, seed.label, seed.threshold)
            if self._known[number : number + 1]:
                known, limit = self._known[number]
                if known == identity:
                    found[place] = limit
                    before.append(place)
                    continue
            del self._known[number:]
            if before:
                mask = solve(before, [found[earlier] for earlier in before])
                found[place] = most_pixels(mask, seed.pixel, seed.label, self._strength)
            self._known.append((identity, found[place]))
            before.append(place)
        return found


def most_pixels(
    mask: NDArray[np.bool_], pixel: tuple[int, int], label: bool, strength: float
) -> int | None:
    """Return how many pixels a click may take that was placed on a mask.

    Parameters
    ----------
    mask : (H, W) bool array
        What the user saw.
    pixel : (int, int)
        Row and column of the click.
    label : bool
        True = foreground.
    strength : float
        κ > 0.

    Returns
    -------
    int or None
        κ π r², r the distance in pixels to the nearest pixel that had the label. A click that
        agrees with the mask may take as much as has its label; where nothing had it, there is no
        limit, as for the first click.
    """
    right = mask == label
    if right[pixel]:
        return int(np.count_nonzero(right))
    rows, columns = np.nonzero(right)
    if not rows.size:
        return None
    squared = int(((rows - pixel[0]) ** 2 + (columns - pixel[1]) ** 2).min())
    return round(strength * math.pi * max(squared, _LEAST_DEPTH**2))
