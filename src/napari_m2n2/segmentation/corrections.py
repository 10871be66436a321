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
from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b

import numba
import numpy as np
from numpy.typing import NDArray

from napari_m2n2.segmentation.seeds import Seed

_LEAST_DEPTH = 1.5
"""Pixels: a click beside the outline moves it by about its neighbours."""

_MOST_KNOWN = 10_000
"""Clicks whose limits are kept; the oldest go first."""

Window = tuple[slice, slice]

MaskOf = Callable[[Window], NDArray[np.bool_]]
"""Gives a window of a mask, so that what nobody looks at is not made."""

Solve = Callable[[Sequence[int], Sequence[int | None]], MaskOf]
"""The mask of some of the seeds, by their places in the sequence, with their limits."""

_REACHES = (32, 128)
"""Pixels around a click that are looked at first, since most mistakes are not deeper."""


class Corrections:
    """The limits of the clicks on one plane, in the order in which they were made.

    What was found is kept: a further click asks for one mask, the one that it was placed on, and
    what was there before, whether taken back, done again or flipped, for none.

    Parameters
    ----------
    strength : float
        κ; 0 sets no limit.
    shape : (int, int)
        Rows and columns of the plane.
    """

    def __init__(self, strength: float, shape: tuple[int, int]) -> None:
        self._strength = strength
        self._shape = shape
        self._known: OrderedDict[bytes, int | None] = OrderedDict()

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
        history = blake2b(digest_size=16)
        for place in before:
            history.update(seeds[place].key + bytes([seeds[place].label]))
        history.update(b"clicks")
        for place in clicks:
            seed = seeds[place]
            history.update(seed.key + bytes([seed.label]) + repr(seed.threshold).encode() + b";")
            known = history.digest()
            if before and known not in self._known:
                mask = solve(list(before), [found[earlier] for earlier in before])
                self._known[known] = most_pixels(
                    mask, self._shape, seed.pixel, seed.label, self._strength
                )
                if len(self._known) > _MOST_KNOWN:
                    self._known.popitem(last=False)
            found[place] = self._known.get(known)
            before.append(place)
        return found


def most_pixels(
    mask_of: MaskOf,
    shape: tuple[int, int],
    pixel: tuple[int, int],
    label: bool,
    strength: float,
) -> int | None:
    """Return how many pixels a click may take that was placed on a mask.

    Parameters
    ----------
    mask_of : callable
        Gives a window (rows, columns) of the mask that the user saw.
    shape : (int, int)
        Rows and columns of the plane.
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
    squared = -1
    for reach in (*_REACHES, max(shape)):
        rows, columns = (slice(max(k - reach, 0), k + reach + 1) for k in pixel)
        mask = mask_of((rows, columns))
        squared = _nearest(mask, label, pixel[0] - rows.start, pixel[1] - columns.start)
        if squared == 0:
            inside = int(np.count_nonzero(mask_of((slice(None), slice(None)))))
            return inside if label else shape[0] * shape[1] - inside
        if 0 < squared <= reach * reach:
            break
    return None if squared < 0 else round(strength * math.pi * max(squared, _LEAST_DEPTH**2))


@numba.njit(cache=True, nogil=True)
def _nearest(
    mask: NDArray[np.bool_], label: bool, row: int, column: int
) -> int:  # pragma: no cover - compiled
    """Return the squared distance to the nearest pixel of a label; -1 if there is none.

    Rows are looked at from the pixel on outwards, until no row can hold a nearer one.
    """
    height, width = mask.shape
    best = height * height + width * width
    found = False
    for away in range(height):
        if away * away >= best:
            break
        for line in (row - away, row + away):
            if line < 0 or line >= height:
                continue
            for k in range(width):
                squared = away * away + (k - column) ** 2
                if squared < best and mask[line, k] == label:
                    best, found = squared, True
    return best if found else -1
