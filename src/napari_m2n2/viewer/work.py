"""The object at work: what was asked and found out for it, and how long it took."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_m2n2.annotation.jobs import Segmented
from napari_m2n2.annotation.ownership import Ownership
from napari_m2n2.annotation.planes import Plane
from napari_m2n2.annotation.prompts import PlanePrompts
from napari_m2n2.annotation.provenance import Provenance
from napari_m2n2.annotation.region import Region

KEPT_ANSWERS = 8
"""Of how many planes the last answer is kept, so that its overlay can be shown again."""

_PAUSE = 60.0
"""Seconds between two prompts of which no more counts as work."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What was found out for the prompts of a plane, and what was asked for it."""

    outcome: Segmented
    region: Region
    prompts: PlanePrompts
    map_of: int | None = None

    @property
    def thresholds(self) -> dict[int, float]:
        """λ of each point, as an index of its layer."""
        values = self.outcome.thresholds.tolist()
        return dict(zip(self.prompts.origin.tolist(), values, strict=False))


@dataclass(frozen=True)
class Made:
    """How the mask of a plane was made."""

    region: Region
    provenance: Provenance


@dataclass(eq=False)
class Work:
    """One object at work.

    Attributes
    ----------
    id : int
        0 if there is no number for it; `problem` says why.
    value : int
        What its pixels hold.
    problem : str
    ownership : Ownership, optional
        Which committed pixels it may change; None before it is begun.
    asked : dict of Plane to PlanePrompts
        The prompts that were last segmented, or are being segmented.
    said : dict of Plane to (str, bool)
        What there was to say of a plane last, and whether it tells of a failure.
    answers : dict of Plane to Answer
        The last answers.
    made : dict of Plane to Made
        How the mask of each plane was made.
    starts : dict of Plane to (H, W) bool array or None
        The masks that planes began with, as far as they are known.
    planes : dict of Plane to None
        Where it has or had prompts.
    clicks : int
        Points and shapes that were placed for it.
    seconds : float
        How long it was worked on.
    """

    id: int
    value: int
    problem: str = ""
    ownership: Ownership | None = None
    asked: dict[Plane, PlanePrompts] = field(default_factory=dict)
    said: dict[Plane, tuple[str, bool]] = field(default_factory=dict)
    answers: OrderedDict[Plane, Answer] = field(default_factory=OrderedDict)
    made: dict[Plane, Made] = field(default_factory=dict)
    starts: dict[Plane, NDArray[np.bool_] | None] = field(default_factory=dict)
    planes: dict[Plane, None] = field(default_factory=dict)
    clicks: int = 0
    seconds: float = 0.0
    _touched: float | None = None

    def touch(self) -> None:
        """Take note that there is work on it now; pauses count little."""
        now = time.monotonic()
        if self._touched is not None:
            self.seconds += min(now - self._touched, _PAUSE)
        self._touched = now

    def leave(self) -> None:
        """Stop the clock."""
        if self._touched is not None:
            self.touch()
            self._touched = None

    def keep(self, plane: Plane, answer: Answer, provenance: Provenance) -> None:
        """Remember an answer, in place of the one not given for longest."""
        self.made[plane] = Made(answer.region, provenance)
        self.answers[plane] = answer
        self.answers.move_to_end(plane)
        while len(self.answers) > KEPT_ANSWERS:
            self.answers.popitem(last=False)
