"""The clicks one after another: what a later click means depends on those before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np

from napari_m2n2.prompts import Prompts


@dataclass(frozen=True, eq=False)
class Step:
    """The prompts up to one click.

    Attributes
    ----------
    key : bytes
        The same key means the same prompts.
    prompts : Prompts
        Each pixel is clicked once in them.
    last : bool
        Whether there are no further clicks.
    """

    key: bytes
    prompts: Prompts
    last: bool


def steps(prompts: Prompts, *, by_hand: bool) -> Iterator[Step]:
    """Go through the clicks in their order.

    All but points count as if they had been there first; of points at one pixel the first gives
    the place in the order and the last the label, as everywhere.

    Parameters
    ----------
    prompts : Prompts
    by_hand : bool
        Whether λ that were chosen by hand count.
    """
    labels: dict[tuple[int, int], bool] = {}
    places: dict[tuple[int, int], int] = {}
    chosen: dict[tuple[int, int], float] = {}
    for place, (row, column) in enumerate(prompts.points.tolist()):
        labels[row, column] = bool(prompts.labels[place])
        places.setdefault((row, column), place)
        if not prompts.superseded[place] and not np.isnan(prompts.thresholds[place]):
            chosen[row, column] = float(prompts.thresholds[place])
    points = np.array(list(labels), np.int64).reshape(-1, 2)
    clicked = np.array(list(labels.values()), bool)
    thresholds = np.array([chosen.get(pixel, np.nan) if by_hand else np.nan for pixel in labels])
    limits = prompts.limits[list(places.values())]
    history = blake2b(digest_size=16)
    for stroke, label in zip(prompts.strokes, prompts.stroke_labels.tolist(), strict=True):
        history.update(b"s%d %d" % (label, len(stroke)) + stroke.tobytes())
    for region in prompts.regions:
        history.update(b"r" + np.packbits(region).tobytes())
    rest = bool(prompts.strokes or prompts.regions)
    for count in range(0 if rest else 1, len(points) + 1):
        if count:
            history.update(points[count - 1].tobytes() + bytes([bool(clicked[count - 1])]))
            history.update(thresholds[count - 1].tobytes() + limits[count - 1].tobytes())
        so_far = replace(
            prompts,
            points=points[:count],
            labels=clicked[:count],
            superseded=np.zeros(count, bool),
            thresholds=thresholds[:count],
            limits=limits[:count],
        )
        yield Step(history.digest(), so_far, count == len(points))


def has_foreground(prompts: Prompts) -> bool:
    """Tell whether anything was said to be foreground."""
    return bool(prompts.labels.any() or prompts.stroke_labels.any() or prompts.regions)
